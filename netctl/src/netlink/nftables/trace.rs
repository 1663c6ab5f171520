//! The kernel's messages about single packets (`nft monitor trace`): which rule of which table did what.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::net::IpAddr;

use super::attribute::Received;
use super::open_within;
use super::read::Answer;
use super::socket::Socket;
use crate::firewall::{End, FirewallError, Step};

/// NFNLGRP_NFTRACE and NFT_MSG_TRACE.
const GROUP: u32 = 9;
const TRACE: u16 = 17;

/// NFTA_TRACE_ numbers.
const TABLE: u16 = 1;
const CHAIN: u16 = 2;
const HANDLE: u16 = 3;
const TYPE: u16 = 4;
const VERDICT: u16 = 5;
const ID: u16 = 6;
const NETWORK_HEADER: u16 = 8;
const INTERFACE: u16 = 10;
const POLICY: u16 = 16;

/// What the kernel tells of marked packets in one network namespace.
pub struct Traces {
    socket: Socket,
    packets: Packets,
}

/// What the first message of a packet said of it; later ones have only its number.
#[derive(Default)]
struct Packets(HashMap<u32, Packet>);

#[derive(Clone, Copy, Default)]
struct Packet {
    interface: Option<u32>,
    addresses: Option<(IpAddr, IpAddr)>,
}

/// How many packets are remembered; some a second are marked, for some seconds.
const PACKETS: usize = 4096;

impl Traces {
    /// Listens in the namespace of this thread, or in another one: `/proc/PID/ns/net`, opened.
    ///
    /// # Errors
    /// [`FirewallError::Socket`] where the kernel gives no such socket.
    pub fn open(namespace: Option<&File>) -> Result<Self, FirewallError> {
        let open = || {
            let socket = namespace.map_or_else(Socket::open, open_within)?;
            socket.join(GROUP)?;
            Ok::<_, io::Error>(socket)
        };
        Ok(Self { socket: open().map_err(FirewallError::Socket)?, packets: Packets::default() })
    }

    /// What has come until now.
    pub fn steps(&mut self) -> Vec<Step> {
        let answers = self.socket.heard(TRACE);
        answers.iter().filter_map(|answer| self.packets.step(answer)).collect()
    }
}

impl Packets {
    fn step(&mut self, answer: &Answer) -> Option<Step> {
        let told = Received(&answer.attributes);
        let id = told.number(ID)?;
        if self.0.len() >= PACKETS {
            self.0.clear();
        }
        let packet = self.0.entry(id).or_default();
        packet.interface = told.number(INTERFACE).or(packet.interface);
        packet.addresses = told.find(NETWORK_HEADER).and_then(addresses).or(packet.addresses);
        Some(Step {
            fresh: told.find(NETWORK_HEADER).is_some(),
            packet: id,
            family: family(answer.family),
            table: told.text(TABLE)?,
            chain: told.text(CHAIN)?,
            end: end(told),
            interface: packet.interface,
            addresses: packet.addresses,
        })
    }
}

fn end(told: Received<'_>) -> End {
    const DROP: u32 = 0;
    const BY_POLICY: u32 = 1;
    const BY_RULE: u32 = 3;
    let verdict = told.nest(VERDICT).and_then(|verdict| verdict.number(1));
    match told.number(TYPE) {
        Some(BY_RULE) if verdict == Some(DROP) => told.long(HANDLE).map_or(End::None, End::Rule),
        Some(BY_RULE) => End::Matched,
        Some(BY_POLICY) if told.number(POLICY) == Some(DROP) => End::Policy,
        _ => End::None,
    }
}

/// Source and destination: RFC 791 and RFC 8200, section 3 in both.
fn addresses(header: &[u8]) -> Option<(IpAddr, IpAddr)> {
    match header.first()? >> 4 {
        4 => {
            let four = |at: usize| Some(IpAddr::from(<[u8; 4]>::try_from(header.get(at..at + 4)?).ok()?));
            Some((four(12)?, four(16)?))
        }
        6 => {
            let sixteen =
                |at: usize| Some(IpAddr::from(<[u8; 16]>::try_from(header.get(at..at + 16)?).ok()?));
            Some((sixteen(8)?, sixteen(24)?))
        }
        _ => None,
    }
}

/// nft's word for an NFPROTO_ number.
fn family(number: u8) -> &'static str {
    match number {
        1 => "inet",
        2 => "ip",
        3 => "arp",
        5 => "netdev",
        7 => "bridge",
        10 => "ip6",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::super::attribute::Attributes;
    use super::*;

    fn told(fill: impl FnOnce(&mut Attributes)) -> Attributes {
        let mut attributes = Attributes::default();
        attributes.text(TABLE, "filter").text(CHAIN, "FORWARD").number(ID, 7);
        fill(&mut attributes);
        attributes
    }

    fn dropped(list: &mut Attributes) {
        list.nest(VERDICT, |verdict| {
            verdict.number(1, 0);
        });
    }

    #[test]
    fn who_dropped_and_where_it_came_in() {
        let mut packets = Packets::default();
        let mut header = [0; 20];
        header[0] = 0x45;
        header[12..16].copy_from_slice(&[192, 0, 2, 1]);
        header[16..20].copy_from_slice(&[192, 0, 2, 2]);
        let first = told(|list| {
            list.number(TYPE, 3).long(HANDLE, 4).number(INTERFACE, 9).bytes(NETWORK_HEADER, &header);
            list.nest(VERDICT, |verdict| {
                verdict.number(1, 1);
            });
        });
        let by_rule = told(|list| {
            list.number(TYPE, 3).long(HANDLE, 12);
            dropped(list);
        });
        let by_policy = told(|list| {
            list.number(TYPE, 1).number(POLICY, 0);
        });
        let steps: Vec<Step> = [first, by_rule, by_policy]
            .into_iter()
            .map(|told| packets.step(&Answer { family: 2, attributes: told.finish() }).unwrap())
            .collect();
        assert_eq!(
            steps.iter().map(|step| step.end).collect::<Vec<_>>(),
            [End::Matched, End::Rule(12), End::Policy]
        );
        for step in &steps {
            assert_eq!((step.family, step.interface), ("ip", Some(9)));
            assert_eq!(step.addresses, Some(([192, 0, 2, 1].into(), [192, 0, 2, 2].into())));
        }
    }
}
