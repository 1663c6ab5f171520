//! What the rules of a publication have counted: each as nft (or iptables) writes it, where it stands and how often it was
//! met.

use serde::Serialize;

use super::accept::own_rules;
use super::error::{INSIDE, PublishError, cannot};
use super::journal::{Phase, Record};
use super::list::State;
use super::machine::Machine;
use super::request::Publication;
use super::rules::docker_rules;
use super::steps::{container_table_of, host_table_of, stands};
use crate::firewall::{DockerRule, Firewall, FirewallError, Place, SeenRule, Table, Way};

/// A publication with its counters.
#[derive(Clone, Debug, Serialize)]
pub struct Counted {
    /// What is published.
    pub publication: Publication,
    /// How it stands.
    pub state: State,
    /// Those of its rules that are there and count.
    pub rules: Vec<CountedRule>,
}

/// One rule.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct CountedRule {
    /// In the host's namespace or the container's.
    pub place: &'static str,
    /// Its chain.
    pub chain: String,
    /// Packets that met it.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What it asks and does.
    pub rule: String,
}

/// Reads the counters of a record's rules.
///
/// # Errors
/// If the rules cannot be read.
pub fn counted<M: Machine>(machine: &M, record: &Record) -> Result<Counted, PublishError> {
    let host = machine.firewall().map_err(cannot("open the host's rules"))?;
    let publication = &record.publication;
    let read = cannot("read the host's rules");
    let mut rules = of_table(&host, "host", &host_table_of(publication)).map_err(read)?;
    rules.extend(accepts(&host, publication).map_err(cannot("read the host's rules"))?);
    if let Some(inside) = machine.firewall_within(&record.namespace).map_err(cannot(INSIDE))? {
        let table = container_table_of(publication);
        rules.extend(of_table(&inside, "container", &table).map_err(cannot("read the container's rules"))?);
    }
    let state = match record.phase {
        Phase::Changing => State::Unfinished,
        Phase::Published if stands(&host, machine, record)? => State::Published,
        Phase::Published => State::Damaged,
    };
    Ok(Counted { publication: publication.clone(), state, rules })
}

/// The kernel tells rules in their order, which says which is which; of a chain that has lost some nothing can be said.
fn of_table(
    firewall: &impl Firewall,
    place: &'static str,
    table: &Table,
) -> Result<Vec<CountedRule>, FirewallError> {
    let seen = firewall.rules(Place::Inet, &table.name)?;
    let mut counted = Vec::new();
    for chain in &table.chains {
        let its: Vec<_> = seen.iter().filter(|rule| rule.chain == chain.name).collect();
        if its.len() == chain.rules.len() {
            let pairs = chain.rules.iter().zip(its);
            counted.extend(pairs.filter_map(|(rule, seen)| one(place, seen, &rule.to_string())));
        }
    }
    Ok(counted)
}

/// Those among Docker's rules.
fn accepts(host: &impl Firewall, publication: &Publication) -> Result<Vec<CountedRule>, FirewallError> {
    let made = docker_rules(publication);
    let seen = own_rules(host, &publication.name)?;
    if seen.len() != made.len() {
        return Ok(Vec::new());
    }
    Ok(made.iter().zip(&seen).filter_map(|(rule, (_, seen))| one("host", seen, &text(rule))).collect())
}

/// As iptables shows it.
fn text(rule: &DockerRule) -> String {
    let DockerRule { container, bridge, way, .. } = rule;
    match way {
        Way::Out => format!("-d {container} -o {bridge} -m conntrack --ctstate DNAT,UNTRACKED -j ACCEPT"),
        Way::In => format!("-s {container} -i {bridge} -m conntrack --ctstate DNAT,UNTRACKED -j ACCEPT"),
    }
}

fn one(place: &'static str, seen: &SeenRule, rule: &str) -> Option<CountedRule> {
    let (packets, bytes) = (seen.packets?, seen.bytes?);
    // Where the counter stands in it is of no matter here.
    let rule = rule.replace(" counter", "");
    Some(CountedRule { place, chain: seen.chain.clone(), packets, bytes, rule })
}
