//! What the kernel told of marked packets: where each was marked, and where it was dropped.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use super::hop::Hop;
use crate::firewall::{End, Family, Step};

/// The way of marked packets through one namespace.
#[derive(Debug, Default)]
pub struct Trail {
    /// Where each packet was marked last; numbers are used again.
    marked: HashMap<u32, Hop>,
    /// For each far address at a station, by which interface its packets came in.
    came: BTreeMap<(Hop, IpAddr), Option<u32>>,
    /// The switch's own addresses, as its packets have them: one that calls itself is nobody's peer.
    near: BTreeSet<IpAddr>,
    drops: Vec<(Hop, Step)>,
}

/// How many ends are kept; the first ones say enough.
const ENDS: usize = 1000;

impl Trail {
    /// Goes on with what came since.
    pub fn add(&mut self, steps: Vec<Step>) {
        for step in steps {
            // Others pass through that chain, too, and no rule of it asks for them.
            if step.fresh
                && step.end == End::Matched
                && step.table.starts_with("netctl-why/")
                && let Some(hop) = Hop::ALL.into_iter().find(|hop| hop.word() == step.chain && hop.marks())
            {
                self.marked.insert(step.packet, hop);
                if let Some((from, to)) = step.addresses {
                    let (far, near) = if hop.is_back() { (to, from) } else { (from, to) };
                    self.near.insert(near);
                    self.came.entry((hop, far)).or_insert(step.interface);
                }
            }
            if matches!(step.end, End::Rule(_) | End::Policy)
                && self.drops.len() < ENDS
                && let Some(hop) = self.origin(&step)
            {
                self.drops.push((hop, step));
            }
        }
    }

    /// Where a packet was marked. The far address tells; its number may be another one above a bridge, and that of a
    /// packet before it.
    fn origin(&self, step: &Step) -> Option<Hop> {
        let by_far = step.addresses.and_then(|(from, to)| {
            let its = |(hop, far): &&(Hop, IpAddr)| {
                !self.near.contains(far) && *far == if hop.is_back() { to } else { from }
            };
            self.came.keys().find(its).map(|(hop, _)| *hop)
        });
        by_far.or_else(|| self.marked.get(&step.packet).copied())
    }

    /// The rule or policy that dropped most, of those packets of a family that go this way.
    pub fn dropped(&self, back: bool, family: Family) -> Option<&Step> {
        let of = |step: &Step| step.addresses.is_none_or(|(from, _)| Family::of(from) == family);
        let own = || {
            self.drops.iter().filter(|(hop, step)| hop.is_back() == back && of(step)).map(|(_, step)| step)
        };
        let same = |a: &Step, b: &Step| (&a.table, &a.chain, a.end) == (&b.table, &b.chain, b.end);
        own().max_by_key(|step| own().filter(|other| same(step, other)).count())
    }

    /// By which interface packets of this peer that were marked at this station came in.
    pub fn interface(&self, hop: Hop, far: IpAddr) -> Option<u32> {
        *self.came.get(&(hop, far))?
    }

    /// The far addresses of such packets.
    pub fn far(&self, hop: Hop) -> impl Iterator<Item = IpAddr> {
        self.came.keys().filter(move |(its, _)| *its == hop).map(|(_, far)| *far)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(packet: u32, table: &str, chain: &str, end: End) -> Step {
        let addresses = Some(([192, 0, 2, 9].into(), [192, 0, 2, 1].into()));
        let (table, chain) = (table.to_owned(), chain.to_owned());
        Step { fresh: true, packet, family: "inet", table, chain, end, interface: Some(3), addresses }
    }

    #[test]
    fn a_number_that_is_used_again() {
        let mut trail = Trail::default();
        let mark = |packet, chain| step(packet, "netctl-why/switch", chain, End::Matched);
        let answer = (IpAddr::from([192, 0, 2, 1]), [192, 0, 2, 9].into());
        trail.add(vec![
            Step { addresses: Some(answer), ..step(9, "netctl-why/switch", "arrived", End::None) },
            mark(1, "arrived"),
            step(1, "fw", "in", End::Rule(4)),
            // The word on where it came from was lost.
            Step { fresh: false, addresses: Some((answer.1, answer.1)), ..mark(1, "returned") },
            // It calls itself: its own address is the far one, too.
            Step { addresses: Some((answer.0, [203, 0, 113, 1].into())), ..mark(5, "arrived") },
            Step { addresses: Some(answer), ..mark(1, "returned") },
            // The number of a packet that came, on one that goes.
            Step { addresses: Some(answer), ..step(5, "fw", "back", End::Policy) },
            Step { addresses: None, ..step(2, "fw", "other", End::Rule(5)) },
        ]);
        assert_eq!(trail.dropped(false, Family::V4).unwrap().end, End::Rule(4));
        assert_eq!(trail.dropped(true, Family::V4).unwrap().chain, "back");
        assert_eq!(trail.dropped(true, Family::V6), None);
        let far = IpAddr::from([192, 0, 2, 9]);
        assert_eq!(trail.interface(Hop::Arrived, far), Some(3));
        // Above a bridge it has another number.
        trail.add(vec![step(3, "fw", "above", End::Rule(6)), step(3, "fw", "above", End::Rule(6))]);
        assert_eq!(trail.dropped(false, Family::V4).unwrap().chain, "above");
        assert_eq!(trail.far(Hop::Arrived).collect::<Vec<_>>(), [far.min(answer.0), far.max(answer.0)]);
    }
}
