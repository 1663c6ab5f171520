//! The kernel's expressions: what loads into a register, compares it, and acts. One function each.

use super::attribute::Attributes;

/// A register; 1 to 4 have sixteen bytes, 8 to 23 are their quarters.
pub(super) type Register = u32;
/// Where single values go.
pub(super) const VALUE: Register = 1;
const VERDICT: Register = 0;

/// NFT_META_ keys.
pub(super) const IIFNAME: u32 = 6;
pub(super) const OIFNAME: u32 = 7;
const NFTRACE: u32 = 12;
pub(super) const NFPROTO: u32 = 15;
pub(super) const L4PROTO: u32 = 16;
/// NFT_CT_ keys.
pub(super) const CT_STATE: u32 = 0;
pub(super) const CT_STATUS: u32 = 2;

/// Part of a packet.
#[derive(Clone, Copy)]
pub(super) struct Field {
    pub(super) base: Base,
    /// Bytes from the base.
    pub(super) offset: u32,
    /// Bytes.
    pub(super) length: u32,
}

/// Where a field's offset counts from: NFT_PAYLOAD_ numbers.
#[derive(Clone, Copy)]
pub(super) enum Base {
    Network = 1,
    Transport = 2,
}

/// NFT_CMP_ numbers.
#[derive(Clone, Copy)]
pub(super) enum Compare {
    Equal = 0,
    Different = 1,
    AtMost = 3,
}

pub(super) fn expression(list: &mut Attributes, name: &str, fill: impl FnOnce(&mut Attributes)) {
    list.nest(1, |element| {
        element.text(1, name).nest(2, fill);
    });
}

pub(super) fn meta(list: &mut Attributes, key: u32) {
    expression(list, "meta", |data| {
        data.number(1, VALUE).number(2, key);
    });
}

pub(super) fn ct(list: &mut Attributes, key: u32) {
    expression(list, "ct", |data| {
        data.number(1, VALUE).number(2, key);
    });
}

/// Ends the rule where there is no socket.
pub(super) fn socket_wildcard(list: &mut Attributes) {
    const WILDCARD: u32 = 2;
    expression(list, "socket", |data| {
        data.number(1, WILDCARD).number(2, VALUE);
    });
}

pub(super) fn compare(list: &mut Attributes, how: Compare, value: &[u8]) {
    expression(list, "cmp", |data| {
        data.number(1, VALUE).number(2, how as u32).nest(3, |operand| {
            operand.bytes(1, value);
        });
    });
}

/// Keeps the bits of the mask.
pub(super) fn mask(list: &mut Attributes, mask: &[u8]) {
    expression(list, "bitwise", |data| {
        let length = u32::try_from(mask.len()).expect("a register has sixteen bytes");
        data.number(1, VALUE).number(2, VALUE).number(3, length);
        data.nest(4, |operand| {
            operand.bytes(1, mask);
        });
        data.nest(5, |operand| {
            operand.bytes(1, &vec![0; mask.len()]);
        });
    });
}

/// Asks whether any of the bits is set in a value of the machine's own byte order.
pub(super) fn any_bit(list: &mut Attributes, bits: u32) {
    mask(list, &bits.to_ne_bytes());
    compare(list, Compare::Different, &[0; 4]);
}

pub(super) fn load(list: &mut Attributes, field: Field, register: Register) {
    expression(list, "payload", |data| {
        data.number(1, register).number(2, field.base as u32);
        data.number(3, field.offset).number(4, field.length);
    });
}

/// What has to be mended when a field of the network header is written.
pub(super) enum Checksums {
    /// The IPv4 header's own, and that of UDP or TCP.
    Inet,
    /// That of UDP or TCP alone: IPv6 has none.
    Transport,
}

pub(super) fn write(list: &mut Attributes, field: Field, checksums: &Checksums) {
    /// Where IPv4 has its checksum.
    const OFFSET: u32 = 10;
    const PSEUDO_HEADER: u32 = 1;
    let (kind, offset) = match checksums {
        Checksums::Inet => (1, OFFSET),
        Checksums::Transport => (0, 0),
    };
    expression(list, "payload", |data| {
        data.number(5, VALUE).number(2, field.base as u32).number(3, field.offset).number(4, field.length);
        data.number(6, kind).number(7, offset).number(8, PSEUDO_HEADER);
    });
}

pub(super) fn immediate(list: &mut Attributes, value: &[u8]) {
    expression(list, "immediate", |data| {
        data.number(1, VALUE).nest(2, |operand| {
            operand.bytes(1, value);
        });
    });
}

/// A verdict's number (NF_ACCEPT, NFT_GOTO, NFT_RETURN), and the chain that is gone to.
pub(super) fn verdict(list: &mut Attributes, code: i32, chain: Option<&str>) {
    expression(list, "immediate", |data| {
        data.number(1, VERDICT).nest(2, |operand| {
            operand.nest(2, |verdict| {
                verdict.bytes(1, &code.to_be_bytes());
                if let Some(chain) = chain {
                    verdict.text(2, chain);
                }
            });
        });
    });
}

/// Asks whether a set has what the register holds.
pub(super) fn lookup(list: &mut Attributes, set: &str) {
    expression(list, "lookup", |data| {
        data.text(1, set).number(2, VALUE);
    });
}

/// Puts into a set what the register holds.
pub(super) fn update(list: &mut Attributes, set: &str) {
    const UPDATE: u32 = 1;
    expression(list, "dynset", |data| {
        data.text(1, set).number(3, UPDATE).number(4, VALUE);
    });
}

pub(super) fn counter(list: &mut Attributes) {
    expression(list, "counter", |data| {
        data.long(1, 0).long(2, 0);
    });
}

/// Lets so many packets a second go on in the rule, one at a time: together they would tell more than a socket holds.
pub(super) fn limit(list: &mut Attributes, rate: u64) {
    const SECOND: u64 = 1;
    expression(list, "limit", |data| {
        data.long(1, rate).long(2, SECOND).number(3, 1).number(4, 0);
    });
}

/// Marks the packet, so that the kernel tells its way.
pub(super) fn trace(list: &mut Attributes) {
    immediate(list, &[1]);
    expression(list, "meta", |data| {
        data.number(2, NFTRACE).number(3, VALUE);
    });
}

pub(super) fn plain(list: &mut Attributes, name: &str) {
    expression(list, name, |_| {});
}

/// Destination NAT to the address in the register; the family is an NFPROTO_ number.
pub(super) fn dnat(list: &mut Attributes, family: u8) {
    const DNAT: u32 = 1;
    expression(list, "nat", |data| {
        data.number(1, DNAT).number(2, family.into()).number(3, VALUE);
    });
}
