//! The accepts among Docker's rules: what its chains do not know they drop.
//!
//! They stand in DOCKER-USER, which Docker leaves to its users, before the rule that ends it: what the user drops
//! there stays dropped. Docker 20.10 has no such chain for IPv6, and drops in FORWARD all the same; there they stand
//! first. So they do where FORWARD does not lead to DOCKER-USER, because somebody has flushed it and left its policy to
//! drop.

use super::request::Publication;
use super::rules::{docker_rules, table_name};
use crate::firewall::{Change, Family, Firewall, FirewallError, Place, SeenChain, SeenRule, Verdict};

/// iptables' table.
pub(super) const TABLE: &str = "filter";
pub(super) const DOCKER_USER: &str = "DOCKER-USER";
pub(super) const FORWARD: &str = "FORWARD";

/// The chain where accepts belong; none if Docker has no rules for these addresses.
pub(super) fn chain_for(chains: &[SeenChain], place: Place) -> Option<&'static str> {
    let has =
        |name| chains.iter().any(|chain| chain.place == place && chain.table == TABLE && chain.name == name);
    if has(DOCKER_USER) { Some(DOCKER_USER) } else { has("DOCKER").then_some(FORWARD) }
}

/// Whether a chain is the one in which Docker drops.
pub(super) fn is_dockers(chain: &SeenChain, chains: &[SeenChain]) -> bool {
    chain.table == TABLE && chain.name == FORWARD && chain_for(chains, chain.place).is_some()
}

/// The same as things are: DOCKER-USER only where packets come to it.
fn chain_now(chains: &[SeenChain], rules: &[SeenRule], place: Place) -> Option<&'static str> {
    let chain = chain_for(chains, place)?;
    let is_forward = |it: &&SeenChain| it.place == place && it.table == TABLE && it.name == FORWARD;
    let cut_off = chains.iter().any(|chain| is_forward(&chain)) && !leads(rules, FORWARD, DOCKER_USER);
    Some(if cut_off { FORWARD } else { chain })
}

/// Whether packets come from a chain to another one, by jumps.
pub(super) fn leads(rules: &[SeenRule], from: &str, to: &str) -> bool {
    let mut reached = vec![from];
    let mut next = 0;
    while let Some(chain) = reached.get(next).copied() {
        next += 1;
        let its = rules.iter().filter(|rule| rule.chain == chain);
        for rule in its {
            if let Some(Verdict::Jump(further)) = &rule.verdict
                && !reached.contains(&further.as_str())
            {
                reached.push(further);
            }
        }
    }
    reached.contains(&to)
}

/// The accepts of a publication.
pub(super) fn accepts(host: &impl Firewall, publication: &Publication) -> Result<Vec<Change>, FirewallError> {
    let chains = host.chains()?;
    let mut changes = Vec::new();
    for rule in docker_rules(publication) {
        let place = place(Family::of(rule.container));
        let rules = host.rules(place, TABLE)?;
        let Some(chain) = chain_now(&chains, &rules, place) else { continue };
        let rules: Vec<_> = rules.into_iter().filter(|rule| rule.chain == chain).collect();
        let before = if chain == DOCKER_USER {
            rules.last().filter(|rule| !rule.asks && rule.verdict == Some(Verdict::Return))
        } else {
            // What is first may be an accept of the former rules, which goes in the same transaction.
            let comment = Some(table_name(&publication.name));
            rules.iter().find(|rule| rule.comment != comment)
        };
        changes.push(Change::Accept { rule, chain, before: before.map(|rule| rule.handle) });
    }
    Ok(changes)
}

/// Whether all of a publication's accepts are where they belong, and no other ones.
pub(super) fn in_force(host: &impl Firewall, publication: &Publication) -> Result<bool, FirewallError> {
    let mut wanted: Vec<(Place, String)> = accepts(host, publication)?
        .into_iter()
        .filter_map(|change| match change {
            Change::Accept { rule, chain, .. } => Some((place(Family::of(rule.container)), chain.to_owned())),
            _ => None,
        })
        .collect();
    let own = own_rules(host, &publication.name)?;
    // Both in the order of families.
    let mut found: Vec<(Place, String)> = own.into_iter().map(|(place, rule)| (place, rule.chain)).collect();
    let by_place = |it: &(Place, String)| (it.0 == Place::Ip6, it.1.clone());
    wanted.sort_by_key(by_place);
    found.sort_by_key(by_place);
    Ok(wanted == found)
}

/// What takes a container's accepts away.
pub(super) fn own_accepts(host: &impl Firewall, name: &str) -> Result<Vec<Change>, FirewallError> {
    let own = own_rules(host, name)?.into_iter();
    Ok(own.map(|(place, rule)| Change::Withdraw { place, chain: rule.chain, handle: rule.handle }).collect())
}

/// A container's accepts that are there, by their comment.
pub(super) fn own_rules(host: &impl Firewall, name: &str) -> Result<Vec<(Place, SeenRule)>, FirewallError> {
    let comment = table_name(name);
    let mut found = Vec::new();
    for place in [Place::Ip, Place::Ip6] {
        let rules = host.rules(place, TABLE)?.into_iter();
        let own = rules.filter(|rule| rule.comment.as_ref() == Some(&comment));
        found.extend(own.map(|rule| (place, rule)));
    }
    Ok(found)
}

/// Where iptables keeps the rules for such addresses.
pub(super) fn place(family: Family) -> Place {
    match family {
        Family::V4 => Place::Ip,
        Family::V6 => Place::Ip6,
    }
}
