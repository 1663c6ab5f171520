//! The socket: requests, transactions and their answers.

use std::cell::Cell;
use std::io;

use netlink_sys::SocketAddr;
use netlink_sys::protocols::NETLINK_NETFILTER;

use super::attribute::{Attributes, Received};
use super::batch::Batch;
use super::read::Answer;
use crate::firewall::FirewallError;

pub(super) struct Socket {
    socket: netlink_sys::Socket,
    /// The number of the last message.
    sequence: Cell<u32>,
}

/// Bytes of struct nlmsghdr, and of struct nfgenmsg behind it.
const HEADER: usize = 16;
const GENERAL: usize = 4;

/// NLM_F_ flags.
const REQUEST: u16 = 0x1;
const ACKNOWLEDGE: u16 = 0x4;
const DUMP: u16 = 0x300;
/// In an answer: what was dumped changed meanwhile.
const DUMP_INTERRUPTED: u16 = 0x10;
/// In an error: words follow.
const EXTENDED: u16 = 0x200;

const ERROR: u16 = 2;
const DONE: u16 = 3;
const BATCH_BEGIN: u16 = 0x10;
const BATCH_END: u16 = 0x11;
/// NFNL_SUBSYS_NFTABLES.
const NFTABLES: u16 = 10;

/// How often a dump is begun again when the rules change meanwhile.
const DUMPS: usize = 5;

impl Socket {
    pub(super) fn open() -> io::Result<Self> {
        let mut socket = netlink_sys::Socket::new(NETLINK_NETFILTER)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        socket.set_ext_ack(true)?;
        // Without the request that an answer is about, it is short.
        socket.set_cap_ack(true)?;
        Ok(Self { socket, sequence: Cell::new(0) })
    }

    /// Has the kernel make the changes, or look whether it could: without its end a batch is taken back.
    pub(super) fn transaction(&self, batch: &Batch, make: bool) -> Result<(), FirewallError> {
        if batch.messages.is_empty() {
            // Nobody would answer.
            return Ok(());
        }
        let mut bytes = Vec::new();
        let begin = self.message(&mut bytes, BATCH_BEGIN, REQUEST, 0, NFTABLES, &[]);
        let mut last = begin;
        for (index, message) in batch.messages.iter().enumerate() {
            let acknowledge = if index + 1 == batch.messages.len() { ACKNOWLEDGE } else { 0 };
            let (kind, flags) = (NFTABLES << 8 | message.kind, REQUEST | message.flags | acknowledge);
            last = self.message(&mut bytes, kind, flags, message.family, 0, &message.body);
        }
        if make {
            self.message(&mut bytes, BATCH_END, REQUEST, 0, NFTABLES, &[]);
        }
        self.socket.send(&bytes, 0).map_err(FirewallError::Socket)?;
        loop {
            let (answers, _) = self.socket.recv_from_full().map_err(FirewallError::Socket)?;
            for (header, body) in messages(&answers) {
                if header.kind != ERROR || header.sequence < begin || header.sequence > last {
                    continue;
                }
                let number = i32::from_ne_bytes(
                    body.get(..4)
                        .and_then(|bytes| bytes.try_into().ok())
                        .ok_or(FirewallError::Protocol("a short error"))?,
                );
                if number != 0 {
                    // Errors come together, the first first.
                    let index = (header.sequence - begin) as usize;
                    let what = index.checked_sub(1).and_then(|index| batch.messages.get(index));
                    return Err(FirewallError::Refused {
                        what: what
                            .map_or_else(|| "make the changes".to_owned(), |message| message.what.clone()),
                        hint: hint(&header, body),
                        source: io::Error::from_raw_os_error(-number),
                    });
                }
                if header.sequence == last {
                    return Ok(());
                }
            }
        }
    }

    /// Has the kernel send what a group of it gets; from then on nothing waits here.
    pub(super) fn join(&self, group: u32) -> io::Result<()> {
        self.socket.set_non_blocking(true)?;
        self.socket.add_membership(group)
    }

    /// What a group got of one kind, as far as it has come.
    pub(super) fn heard(&self, kind: u16) -> Vec<Answer> {
        let mut found = Vec::new();
        // More than there was room for is lost, which the kernel says once.
        const NO_ROOM: i32 = 105;
        loop {
            let datagram = match self.socket.recv_from_full() {
                Ok((datagram, _)) => datagram,
                Err(error) if error.raw_os_error() == Some(NO_ROOM) => continue,
                Err(_) => return found,
            };
            for (header, body) in messages(&datagram) {
                if header.kind == NFTABLES << 8 | kind
                    && let Some((general, attributes)) = body.split_at_checked(GENERAL)
                {
                    found.push(Answer { family: general[0], attributes: attributes.to_vec() });
                }
            }
        }
    }

    /// Everything of a kind, of one table if one is named.
    pub(super) fn dump(
        &self,
        kind: u16,
        family: u8,
        table: Option<&str>,
    ) -> Result<Vec<Answer>, FirewallError> {
        for _ in 0..DUMPS {
            if let Some(answers) = self.dump_once(kind, family, table)? {
                return Ok(answers);
            }
        }
        Err(FirewallError::Changed)
    }

    fn dump_once(
        &self,
        kind: u16,
        family: u8,
        table: Option<&str>,
    ) -> Result<Option<Vec<Answer>>, FirewallError> {
        let mut attributes = Attributes::default();
        if let Some(table) = table {
            attributes.text(1, table);
        }
        let mut bytes = Vec::new();
        let kind = NFTABLES << 8 | kind;
        let sequence = self.message(&mut bytes, kind, REQUEST | DUMP, family, 0, &attributes.finish());
        self.socket.send(&bytes, 0).map_err(FirewallError::Socket)?;
        let (mut found, mut whole) = (Vec::new(), true);
        loop {
            let (answers, _) = self.socket.recv_from_full().map_err(FirewallError::Socket)?;
            for (header, body) in messages(&answers) {
                if header.sequence != sequence {
                    continue;
                }
                whole &= header.flags & DUMP_INTERRUPTED == 0;
                match header.kind {
                    DONE => return Ok(whole.then_some(found)),
                    ERROR => {
                        let number = body.get(..4).and_then(|bytes| bytes.try_into().ok());
                        let number = number.map_or(0, i32::from_ne_bytes);
                        return Err(FirewallError::Refused {
                            what: "tell its rules".to_owned(),
                            hint: hint(&header, body),
                            source: io::Error::from_raw_os_error(-number),
                        });
                    }
                    _ => {
                        let (general, attributes) = body
                            .split_at_checked(GENERAL)
                            .ok_or(FirewallError::Protocol("a short answer"))?;
                        found.push(Answer { family: general[0], attributes: attributes.to_vec() });
                    }
                }
            }
        }
    }

    /// Appends a message and returns its number.
    fn message(
        &self,
        bytes: &mut Vec<u8>,
        kind: u16,
        flags: u16,
        family: u8,
        resource: u16,
        body: &[u8],
    ) -> u32 {
        let sequence = self.sequence.get() + 1;
        self.sequence.set(sequence);
        let length = u32::try_from(HEADER + GENERAL + body.len()).expect("attributes are padded and short");
        bytes.extend(length.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend(sequence.to_ne_bytes());
        bytes.extend(0_u32.to_ne_bytes());
        bytes.extend([family, 0]);
        bytes.extend(resource.to_be_bytes());
        bytes.extend(body);
        sequence
    }
}

struct Header {
    kind: u16,
    flags: u16,
    sequence: u32,
}

/// The messages of a datagram.
fn messages(mut bytes: &[u8]) -> impl Iterator<Item = (Header, &[u8])> {
    std::iter::from_fn(move || {
        let header = bytes.get(..HEADER)?;
        let long = |at: usize| Some(u32::from_ne_bytes(header.get(at..at + 4)?.try_into().ok()?));
        let short = |at: usize| Some(u16::from_ne_bytes(header.get(at..at + 2)?.try_into().ok()?));
        let length = usize::try_from(long(0)?).ok()?;
        let found = Header { kind: short(4)?, flags: short(6)?, sequence: long(8)? };
        let body = bytes.get(HEADER..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((found, body))
    })
}

/// The kernel's words on an error: NLMSGERR_ATTR_MSG, behind the error and the header it answers.
fn hint(header: &Header, body: &[u8]) -> Option<String> {
    const WORDS: u16 = 1;
    if header.flags & EXTENDED == 0 {
        return None;
    }
    Received(body.get(4 + HEADER..)?).text(WORDS)
}
