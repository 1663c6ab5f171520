//! Sets and their elements.

use std::net::IpAddr;

use ipnet::IpNet;

use super::attribute::Attributes;
use crate::firewall::{Content, Family, MOST_FLOWS, Set};

/// NFTA_SET_ and NFTA_SET_ELEM_LIST_ numbers.
const TABLE: u16 = 1;
const NAME: u16 = 2;
const FLAGS: u16 = 3;
const KEY_TYPE: u16 = 4;
const KEY_LENGTH: u16 = 5;
const DESCRIPTION: u16 = 9;
const ID: u16 = 10;
const TIMEOUT: u16 = 11;

const INTERVAL: u32 = 0x4;
const HAS_TIMEOUT: u32 = 0x10;
const DYNAMIC: u32 = 0x20;

/// nft's own numbers for types, by which it shows elements; a concatenation has 6 bits for each part.
const IPV4: u32 = 7;
const IPV6: u32 = 8;
const PORT: u32 = 13;

pub(super) fn body(table: &str, set: &Set, id: u32) -> Attributes {
    let mut body = Attributes::default();
    body.text(TABLE, table).text(NAME, set.name).number(ID, id);
    match &set.content {
        Content::Ports(_) => {
            body.number(FLAGS, INTERVAL).number(KEY_TYPE, PORT).number(KEY_LENGTH, 2);
        }
        Content::Networks(family, _) => {
            let (kind, length) = address(*family);
            body.number(FLAGS, INTERVAL).number(KEY_TYPE, kind).number(KEY_LENGTH, length);
        }
        Content::Flows { family, timeout } => {
            let (kind, length) = address(*family);
            body.number(FLAGS, HAS_TIMEOUT | DYNAMIC);
            // Each part fills whole registers of four bytes.
            body.number(KEY_TYPE, kind << 12 | PORT << 6 | PORT).number(KEY_LENGTH, length + 8);
            body.nest(DESCRIPTION, |description| {
                description.number(1, MOST_FLOWS);
            });
            body.long(TIMEOUT, *timeout);
        }
    }
    body
}

fn address(family: Family) -> (u32, u32) {
    match family {
        Family::V4 => (IPV4, 4),
        Family::V6 => (IPV6, 16),
    }
}

/// Where an interval begins, and the first value behind it, unless it reaches to the end.
type Interval = (Vec<u8>, Option<Vec<u8>>);

/// How many intervals go into one message: an attribute holds 64 KiB.
const PART: usize = 500;

pub(super) fn elements(table: &str, set: &Set, id: u32) -> Vec<Attributes> {
    const ELEMENTS: u16 = 3;
    const SET_ID: u16 = 4;
    let intervals: Vec<Interval> = match &set.content {
        Content::Ports(ranges) => {
            let bytes = |port: u16| port.to_be_bytes().to_vec();
            ranges.iter().map(|range| (bytes(range.first), range.last.checked_add(1).map(bytes))).collect()
        }
        Content::Networks(_, networks) => networks.iter().map(network).collect(),
        Content::Flows { .. } => Vec::new(),
    };
    let parts = intervals.chunks(PART).map(|part| {
        let mut body = Attributes::default();
        body.text(TABLE, table).text(NAME, set.name).number(SET_ID, id);
        body.nest(ELEMENTS, |list| part.iter().for_each(|interval| element(list, interval)));
        body
    });
    parts.collect()
}

fn element(list: &mut Attributes, (first, behind): &Interval) {
    /// NFTA_SET_ELEM_ numbers.
    const KEY: u16 = 1;
    const FLAGS: u16 = 3;
    const END: u32 = 1;
    list.nest(1, |element| {
        element.nest(KEY, |key| {
            key.bytes(1, first);
        });
    });
    if let Some(behind) = behind {
        list.nest(1, |element| {
            element.nest(KEY, |key| {
                key.bytes(1, behind);
            });
            element.number(FLAGS, END);
        });
    }
}

fn network(network: &IpNet) -> Interval {
    (octets(network.network()), next(octets(network.broadcast())))
}

pub(super) fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// The number one higher; none behind the highest.
fn next(mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    for byte in bytes.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            return Some(bytes);
        }
    }
    None
}
