//! Who writes our descriptions: one session id, a version that rises when something changed (RFC 3264 §8).

use std::net::IpAddr;

use super::{Description, Line, net_address};

/// Writes the `o=` line of every description of one leg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    id: u64,
    version: u64,
    last: Option<String>,
}

impl Author {
    /// `id` is random or a time; it also begins the version. 63 bits are kept: some peers read it as signed.
    pub fn new(id: u64) -> Self {
        let id = id >> 1;
        Self { id, version: id, last: None }
    }

    /// Puts the `o=` line into a description that is about to be sent: the version rises if anything but it
    /// differs from the last one.
    pub fn sign(&mut self, description: &mut Description, address: IpAddr) {
        description.lines.retain(|line| line.kind != 'o');
        let text = description.to_string();
        if self.last.as_ref().is_some_and(|last| *last != text) {
            self.version = self.version.wrapping_add(1);
        }
        self.last = Some(text);
        let origin = format!("- {} {} {}", self.id, self.version, net_address(address));
        description.lines.insert(1.min(description.lines.len()), Line::new('o', origin));
    }
}
