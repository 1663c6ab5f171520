//! A transaction: what the kernel does wholly or not at all.

use std::fmt;

use super::attribute::Attributes;
use super::{iptables, rule, set};
use crate::firewall::{Chain, Change, Hook, Kind, Place, Table};

/// Messages between NFNL_MSG_BATCH_BEGIN and NFNL_MSG_BATCH_END.
pub(super) struct Batch {
    pub(super) messages: Vec<Message>,
}

/// One message, and what it does in words.
pub(super) struct Message {
    /// The NFT_MSG_ number.
    pub(super) kind: u16,
    /// NLM_F_ flags besides REQUEST and ACK.
    pub(super) flags: u16,
    /// NFPROTO_ number.
    pub(super) family: u8,
    pub(super) body: Vec<u8>,
    pub(super) what: String,
}

const NEW_TABLE: u16 = 0;
const DELETE_TABLE: u16 = 2;
const NEW_CHAIN: u16 = 3;
const NEW_RULE: u16 = 6;
const DELETE_RULE: u16 = 8;
const NEW_SET: u16 = 9;
const NEW_ELEMENTS: u16 = 12;

const CREATE: u16 = 0x400;
const APPEND: u16 = 0x800;
const EXCLUSIVE: u16 = 0x200;

/// NFTA_RULE_ numbers.
const RULE_TABLE: u16 = 1;
const RULE_CHAIN: u16 = 2;
const RULE_HANDLE: u16 = 3;
const RULE_EXPRESSIONS: u16 = 4;
const RULE_POSITION: u16 = 6;

impl Batch {
    pub(super) fn of(changes: &[Change]) -> Self {
        let mut batch = Self { messages: Vec::new() };
        changes.iter().for_each(|change| batch.change(change));
        batch
    }

    fn change(&mut self, change: &Change) {
        match change {
            Change::Add(table) => self.add(table),
            Change::Remove(name) => {
                // Made first if it is missing: taking away what is not there is an error before Linux 6.3.
                let body = || table_body(name, None);
                self.push(NEW_TABLE, CREATE, Place::Inet, body(), format_args!("make the table {name}"));
                self.push(DELETE_TABLE, 0, Place::Inet, body(), format_args!("take away the table {name}"));
            }
            Change::Accept { rule, chain, before } => {
                let mut body = Attributes::default();
                body.text(RULE_TABLE, iptables::TABLE).text(RULE_CHAIN, chain);
                body.nest(RULE_EXPRESSIONS, |list| iptables::expressions(rule, list));
                // With a position and without APPEND it stands before that rule.
                let flags = match before {
                    Some(handle) => {
                        body.long(RULE_POSITION, *handle);
                        CREATE
                    }
                    None => CREATE | APPEND,
                };
                let what = format_args!("put an accept into {chain}");
                self.push(NEW_RULE, flags, iptables::place(rule), body, what);
            }
            Change::Withdraw { place, chain, handle } => {
                let mut body = Attributes::default();
                body.text(RULE_TABLE, iptables::TABLE).text(RULE_CHAIN, chain).long(RULE_HANDLE, *handle);
                let what = format_args!("take an accept out of {chain}");
                self.push(DELETE_RULE, 0, *place, body, what);
            }
        }
    }

    fn add(&mut self, table: &Table) {
        let body = table_body(&table.name, Some(&table.comment));
        let flags = CREATE | EXCLUSIVE;
        self.push(NEW_TABLE, flags, Place::Inet, body, format_args!("make the table {}", table.name));
        for (id, set) in (1..).zip(&table.sets) {
            let what = format_args!("make the set {}", set.name);
            self.push(NEW_SET, CREATE, Place::Inet, set::body(&table.name, set, id), what);
            for part in set::elements(&table.name, set, id) {
                let what = format_args!("fill the set {}", set.name);
                self.push(NEW_ELEMENTS, CREATE, Place::Inet, part, what);
            }
        }
        for chain in &table.chains {
            let what = format_args!("make the chain {}", chain.name);
            self.push(NEW_CHAIN, CREATE, Place::Inet, chain_body(&table.name, chain), what);
        }
        for chain in &table.chains {
            for (index, rule) in chain.rules.iter().enumerate() {
                let mut body = Attributes::default();
                body.text(RULE_TABLE, &table.name).text(RULE_CHAIN, chain.name);
                body.nest(RULE_EXPRESSIONS, |list| rule::expressions(rule, list));
                let what = format_args!("add rule {} of the chain {}: {rule}", index + 1, chain.name);
                self.push(NEW_RULE, CREATE | APPEND, Place::Inet, body, what);
            }
        }
    }

    fn push(&mut self, kind: u16, flags: u16, place: Place, body: Attributes, what: fmt::Arguments<'_>) {
        let (family, body) = (number(place), body.finish());
        self.messages.push(Message { kind, flags, family, body, what: what.to_string() });
    }
}

fn table_body(name: &str, comment: Option<&str>) -> Attributes {
    /// NFTA_TABLE_ numbers.
    const NAME: u16 = 1;
    const USERDATA: u16 = 6;
    let mut body = Attributes::default();
    body.text(NAME, name);
    if let Some(comment) = comment {
        body.bytes(USERDATA, &userdata(comment));
    }
    body
}

/// How nft keeps comments: kind 0, length, text with its final zero.
fn userdata(comment: &str) -> Vec<u8> {
    let comment = comment.as_bytes();
    let length = u8::try_from(comment.len() + 1).expect("a comment has at most 120 bytes");
    [&[0, length], comment, &[0]].concat()
}

fn chain_body(table: &str, chain: &Chain) -> Attributes {
    /// NFTA_CHAIN_ numbers.
    const TABLE: u16 = 1;
    const NAME: u16 = 3;
    const HOOK: u16 = 4;
    const POLICY: u16 = 5;
    const TYPE: u16 = 7;
    const ACCEPT: u32 = 1;
    let mut body = Attributes::default();
    body.text(TABLE, table).text(NAME, chain.name);
    if let Some(Hook { kind, point, priority }) = chain.hook {
        body.nest(HOOK, |hook| {
            hook.number(1, point as u32).bytes(2, &priority.to_be_bytes());
        });
        body.number(POLICY, ACCEPT);
        body.text(
            TYPE,
            match kind {
                Kind::Filter => "filter",
                Kind::Nat => "nat",
                Kind::Route => "route",
            },
        );
    }
    body
}

/// The NFPROTO_ number.
pub(super) fn number(place: Place) -> u8 {
    match place {
        Place::Inet => 1,
        Place::Ip => 2,
        Place::Ip6 => 10,
    }
}
