//! Rules as iptables-nft writes them, with the extensions of iptables in them, so that `iptables -S` reads them back.

use super::attribute::Attributes;
use super::expression::{self as kernel, Compare, expression};
use super::rule::address;
use super::set::octets;
use crate::firewall::{DockerRule, Family, Place, Side, Way};

/// The table that has DOCKER-USER.
pub(super) const TABLE: &str = "filter";

pub(super) fn place(rule: &DockerRule) -> Place {
    match Family::of(rule.container) {
        Family::V4 => Place::Ip,
        Family::V6 => Place::Ip6,
    }
}

pub(super) fn expressions(rule: &DockerRule, list: &mut Attributes) {
    const ACCEPT: i32 = 1;
    let (interface, side) = match rule.way {
        Way::In => (kernel::IIFNAME, Side::Source),
        Way::Out => (kernel::OIFNAME, Side::Destination),
    };
    // In iptables' order: interface, address, extensions, counter, target.
    kernel::meta(list, interface);
    let mut name = rule.bridge.clone().into_bytes();
    name.push(0);
    kernel::compare(list, Compare::Equal, &name);
    kernel::load(list, address(Family::of(rule.container), side), kernel::VALUE);
    kernel::compare(list, Compare::Equal, &octets(rule.container));
    extension(list, CONNTRACK, 3, &conntrack_state());
    extension(list, COMMENT, 0, &comment(&rule.comment));
    kernel::counter(list);
    kernel::verdict(list, ACCEPT, None);
}

fn extension(list: &mut Attributes, name: &str, revision: u32, info: &[u8]) {
    expression(list, "match", |data| {
        data.text(1, name).number(2, revision).bytes(3, info);
    });
}

/// The extension that asks connection tracking.
pub(super) const CONNTRACK: &str = "conntrack";

/// struct xt_conntrack_mtinfo3 of linux/netfilter/xt_conntrack.h, padded to eights. Its flags stand behind eight
/// addresses, two times of expiry, the protocol and four ports.
const SIZE: usize = 168;
const MATCH_FLAGS: usize = 8 * 16 + 2 * 4 + 5 * 2;
const STATE_MASK: usize = MATCH_FLAGS + 2 * 2;
/// XT_CONNTRACK_ numbers.
const STATE: u16 = 1 << 0;
const DNAT: u16 = 1 << 7;
const UNTRACKED: u16 = 1 << 8;

/// `--ctstate DNAT,UNTRACKED`.
fn conntrack_state() -> Vec<u8> {
    let mut info = vec![0; SIZE];
    info[MATCH_FLAGS..][..2].copy_from_slice(&STATE.to_ne_bytes());
    info[STATE_MASK..][..2].copy_from_slice(&(DNAT | UNTRACKED).to_ne_bytes());
    info
}

/// Whether it asks for what is untracked, and for what was sent elsewhere.
pub(super) fn asked_states(info: &[u8]) -> (bool, bool) {
    let mask = info.get(STATE_MASK..STATE_MASK + 2).and_then(|bytes| bytes.try_into().ok());
    let mask = mask.map_or(0, u16::from_ne_bytes);
    (mask & UNTRACKED != 0, mask & DNAT != 0)
}

/// The extension that does nothing but say something.
pub(super) const COMMENT: &str = "comment";

/// struct xt_comment_info: 256 bytes, the last of them zero.
fn comment(text: &str) -> Vec<u8> {
    const SIZE: usize = 256;
    let mut info = text.as_bytes().to_vec();
    info.truncate(SIZE - 1);
    info.resize(SIZE, 0);
    info
}
