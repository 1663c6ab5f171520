//! What the kernel tells of tables, chains and rules.

use super::attribute::{Received, text};
use super::batch::number;
use super::expression::{CT_STATE, CT_STATUS};
use super::iptables::{COMMENT, CONNTRACK, asked_states};
use super::rule::{DESTINATION_NAT, UNTRACKED};
use crate::firewall::{Place, Point, SeenChain, SeenRule, SeenTable, Verdict};

/// NFT_MSG_ numbers.
pub(super) const GET_TABLE: u16 = 1;
pub(super) const GET_CHAIN: u16 = 4;
pub(super) const GET_RULE: u16 = 7;

/// A message's NFPROTO_ number and its attributes.
pub(super) struct Answer {
    pub(super) family: u8,
    pub(super) attributes: Vec<u8>,
}

fn place(family: u8) -> Option<Place> {
    [Place::Inet, Place::Ip, Place::Ip6].into_iter().find(|place| number(*place) == family)
}

pub(super) fn table(answer: &Answer) -> Option<SeenTable> {
    let attributes = Received(&answer.attributes);
    // As `batch::userdata` writes it.
    let comment = attributes.find(6).and_then(|data| match data {
        [0, length, rest @ ..] => rest.get(..usize::from(*length)).map(text),
        _ => None,
    });
    Some(SeenTable { place: place(answer.family)?, name: attributes.text(1)?, comment })
}

pub(super) fn chain(answer: &Answer) -> Option<SeenChain> {
    const DROP: u32 = 0;
    let attributes = Received(&answer.attributes);
    let point = attributes.nest(4).and_then(|hook| hook.number(1)).and_then(|hook| {
        [Point::Prerouting, Point::Input, Point::Forward, Point::Output, Point::Postrouting]
            .into_iter()
            .find(|point| *point as u32 == hook)
    });
    Some(SeenChain {
        place: place(answer.family)?,
        table: attributes.text(1)?,
        name: attributes.text(3)?,
        point,
        drops: attributes.number(5) == Some(DROP),
    })
}

pub(super) fn rule(answer: &Answer, wanted: Place, table: &str) -> Option<SeenRule> {
    let attributes = Received(&answer.attributes);
    if place(answer.family) != Some(wanted) || attributes.text(1)? != table {
        return None;
    }
    let mut rule =
        SeenRule { chain: attributes.text(2)?, handle: attributes.long(3)?, ..SeenRule::default() };
    let mut loaded = None;
    for (_, element) in attributes.nest(4)?.iter() {
        let element = Received(element);
        let (name, data) = (element.text(1)?, element.nest(2).unwrap_or(Received(&[])));
        expression(&mut rule, &name, data, &mut loaded);
    }
    Some(rule)
}

fn expression(rule: &mut SeenRule, name: &str, data: Received<'_>, loaded: &mut Option<u32>) {
    match name {
        "counter" => (rule.bytes, rule.packets) = (data.long(1), data.long(2)),
        "log" | "notrack" => {}
        "reject" => rule.verdict = Some(Verdict::Reject),
        "immediate" => {
            if let Some(verdict) = data.nest(2).and_then(|operand| operand.nest(2)) {
                rule.verdict = verdict_of(verdict);
            }
        }
        "match" => match data.text(1).as_deref() {
            Some(COMMENT) => rule.comment = data.text(3),
            Some(CONNTRACK) => {
                let (untracked, translated) = asked_states(data.find(3).unwrap_or_default());
                rule.untracked |= untracked;
                rule.translated |= translated;
                rule.asks = true;
            }
            _ => rule.asks = true,
        },
        _ => {
            // `ct state untracked` loads the state, and masks it or compares it with that bit.
            let operand = match name {
                "bitwise" => data.nest(4),
                "cmp" => data.nest(3),
                _ => None,
            };
            let operand =
                operand.and_then(|operand| operand.find(1)?.try_into().ok()).map(u32::from_ne_bytes);
            let any = |bit| operand.is_some_and(|bits| bits & bit != 0);
            rule.untracked |= *loaded == Some(CT_STATE) && any(UNTRACKED);
            rule.translated |= *loaded == Some(CT_STATUS) && any(DESTINATION_NAT);
            *loaded = match name {
                "ct" => data.number(2),
                "bitwise" | "cmp" => *loaded,
                _ => None,
            };
            rule.asks = true;
        }
    }
}

fn verdict_of(verdict: Received<'_>) -> Option<Verdict> {
    let code = i32::from_be_bytes(verdict.find(1)?.try_into().ok()?);
    let chain = || verdict.text(2).unwrap_or_default();
    match code {
        0 => Some(Verdict::Drop),
        1 => Some(Verdict::Accept),
        -3 | -4 => Some(Verdict::Jump(chain())),
        -5 => Some(Verdict::Return),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::attribute::Attributes;
    use super::super::expression as kernel;
    use super::super::iptables;
    use super::*;
    use crate::firewall::{DockerRule, Way};

    /// What is read of a rule that was written so.
    fn read(expressions: impl FnOnce(&mut Attributes)) -> SeenRule {
        let mut attributes = Attributes::default();
        attributes.text(1, "mine").text(2, "forwarded").long(3, 7).nest(4, expressions);
        let answer = Answer { family: number(Place::Inet), attributes: attributes.finish() };
        assert_eq!(rule(&answer, Place::Inet, "another"), None);
        rule(&answer, Place::Inet, "mine").expect("it is a rule of this table")
    }

    const DROP: i32 = 0;
    const ACCEPT: i32 = 1;

    #[test]
    fn what_a_rule_does_with_whom() {
        let plain = SeenRule { chain: "forwarded".to_owned(), handle: 7, ..SeenRule::default() };
        let all = read(|list| {
            kernel::counter(list);
            kernel::verdict(list, DROP, None);
        });
        assert_eq!(
            all,
            SeenRule { packets: Some(0), bytes: Some(0), verdict: Some(Verdict::Drop), ..plain.clone() }
        );
        let some = read(|list| {
            kernel::plain(list, "limit");
            kernel::verdict(list, DROP, None);
        });
        assert_eq!(some, SeenRule { asks: true, verdict: Some(Verdict::Drop), ..plain.clone() });
        let untracked = read(|list| {
            kernel::ct(list, CT_STATE);
            kernel::any_bit(list, UNTRACKED);
            kernel::verdict(list, ACCEPT, None);
        });
        let accepts = SeenRule { asks: true, verdict: Some(Verdict::Accept), ..plain.clone() };
        assert_eq!(untracked, SeenRule { untracked: true, ..accepts.clone() });
        // The same bit of something else.
        let marked = read(|list| {
            kernel::meta(list, 3);
            kernel::any_bit(list, UNTRACKED);
            kernel::verdict(list, ACCEPT, None);
        });
        assert_eq!(marked, accepts);
        let jump = read(|list| kernel::verdict(list, -4, Some("further")));
        assert_eq!(jump, SeenRule { verdict: Some(Verdict::Jump("further".to_owned())), ..plain });
    }

    #[test]
    fn what_iptables_would_have_written() {
        let rule = DockerRule {
            container: [172, 29, 0, 2].into(),
            bridge: "br-voice".to_owned(),
            way: Way::Out,
            comment: "netctl-switch".to_owned(),
        };
        let seen = read(|list| iptables::expressions(&rule, list));
        assert_eq!(seen.comment.as_deref(), Some("netctl-switch"));
        assert!(seen.untracked && seen.translated && seen.asks);
    }
}
