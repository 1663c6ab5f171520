//! The kernel's settings: files below /proc/sys, of which those of the network are the reader's namespace's.

use std::fs;

use crate::netlink;
use crate::network::Place;

/// A setting by its path, for instance `net/ipv4/ip_forward`; none if there is no such.
pub fn setting(place: Place, path: &str) -> Option<String> {
    let path = format!("/proc/sys/{path}");
    let read = || fs::read_to_string(&path).ok();
    let text = match place {
        Place::Here => read()?,
        Place::Process(pid) => netlink::inside(pid, read).ok()??,
    };
    Some(text.trim().to_owned())
}
