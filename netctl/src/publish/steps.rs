//! The change itself: steps that are each made at once or not at all, the journal written before the first, and what
//! was done taken back if a later one fails.

use std::io;
use std::net::IpAddr;

use ipnet::IpNet;
use sha2::{Digest as _, Sha256};

use super::accept::{accepts, in_force, own_accepts};
use super::astray::{Astray, astray};
use super::error::{INSIDE, PublishError, cannot};
use super::journal::{Journal, Phase, Record};
use super::machine::Machine;
use super::request::{Publication, Request};
use super::resolve::resolve;
use super::road::{Findings, taken};
use super::rules::{container_table, host_table, table_name};
use crate::docker::{Container, Containers, Networks};
use crate::firewall::{Change, Firewall, FirewallError, Place, Table};
use crate::ports::Ports;

/// What publishing came to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Published {
    /// What is published now.
    pub publication: Publication,
    /// What was done for it.
    pub outcome: Outcome,
    /// What has to be said of it.
    pub findings: Findings,
}

/// What was done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It was so before.
    Unchanged,
    /// It is so now.
    Changed,
}

/// Publishes what is asked for, in place of what the container had published.
///
/// # Errors
/// Then all is as it was, unless it is [`PublishError::NotTakenBack`].
pub async fn publish(
    docker: &(impl Containers + Networks),
    machine: &impl Machine,
    journal: &impl Journal,
    request: &Request,
) -> Result<Published, PublishError> {
    let (mut publication, namespace) = resolve(docker, machine, journal, request).await?;
    let host = machine.firewall().map_err(cannot("open the host's rules"))?;
    let findings = Findings::look(&host, machine, request.via, &mut publication)?;
    taken(journal, &publication, &[])?;
    let before = journal.read(&publication.name)?;
    let record = Record { phase: Phase::Changing, publication, namespace };
    let published = |outcome| Published { publication: record.publication.clone(), outcome, findings };
    let done = Record { phase: Phase::Published, ..record.clone() };
    if before.as_ref() == Some(&done) && stands(&host, machine, &record)? {
        return Ok(published(Outcome::Unchanged));
    }
    journal.write(&record)?;
    let steps = [Step::Container, Step::Host];
    let made = steps
        .iter()
        .enumerate()
        .try_for_each(|(index, step)| step.apply(&host, machine, &record).map_err(|error| (index, error)));
    let made = made.and_then(|()| journal.write(&done).map_err(|error| (steps.len(), error)));
    match made {
        Ok(()) => Ok(published(Outcome::Changed)),
        Err((count, failed)) => {
            Err(take_back(&host, machine, journal, &record, before, &steps[..count], failed))
        }
    }
}

/// Takes back what is published for a container, by its name; the daemon is not asked.
///
/// # Errors
/// [`PublishError::Nothing`], or what kept a step from being done; the others were done nevertheless.
pub fn unpublish(machine: &impl Machine, journal: &impl Journal, name: &str) -> Result<(), PublishError> {
    let host = machine.firewall().map_err(cannot("open the host's rules"))?;
    let Some(record) = journal.read(name)? else { return unpublish_unknown(&host, name) };
    journal.write(&Record { phase: Phase::Changing, ..record.clone() })?;
    let taken = [Step::Host, Step::Container].map(|step| step.undo(&host, machine, &record, None));
    taken.into_iter().collect::<Result<(), _>>()?;
    journal.remove(name)
}

/// Puts back the rules of a record where some are missing and the container's namespace is still the same; the daemon is
/// not asked. Whether there was something to put back.
pub(super) fn restore<M: Machine>(
    machine: &M,
    journal: &impl Journal,
    name: &str,
) -> Result<bool, PublishError> {
    let host = machine.firewall().map_err(cannot("open the host's rules"))?;
    let Some(record) = journal.read(name)?.filter(|record| is_damaged(&host, machine, record)) else {
        return Ok(false);
    };
    [Step::Container, Step::Host].into_iter().try_for_each(|step| step.apply(&host, machine, &record))?;
    Ok(true)
}

/// Whether rules are missing that could be put back by the record alone.
pub(super) fn is_damaged<M: Machine>(host: &M::Firewall, machine: &M, record: &Record) -> bool {
    record.phase == Phase::Published
        && machine.namespace(record.namespace.pid) == Some(record.namespace)
        && matches!(stands(host, machine, record), Ok(false))
}

/// Without a record, its directory being lost or another one, the host's rules are known by their name all the same.
/// Those in the container's namespace go with it.
fn unpublish_unknown(host: &impl Firewall, name: &str) -> Result<(), PublishError> {
    let look = || {
        let table = table_name(name);
        let there = host.tables()?.iter().any(|seen| seen.place == Place::Inet && seen.name == table);
        Ok(there || !own_accepts(host, name)?.is_empty())
    };
    if !look().map_err(cannot("read the rules"))? {
        return Err(PublishError::Nothing(name.to_owned()));
    }
    removal(host, name).and_then(|changes| host.apply(&changes)).map_err(cannot(OUTSIDE))
}

/// Whether just what is asked for is published for this container, with all of its rules.
pub(super) fn stands_as<M: Machine>(
    machine: &M,
    record: &Record,
    request: &Request,
    container: Option<&Container>,
) -> Result<bool, PublishError> {
    let publication = &record.publication;
    let hosts: Vec<_> = publication.hosts().collect();
    let as_asked = record.phase == Phase::Published
        && publication.ports == Ports::joined(&request.ports)
        && publication.from == IpNet::aggregate(&request.from)
        && publication.follows == request.host_ips.is_empty()
        && (publication.follows
            || request.host_ips.len() == hosts.len()
                && request.host_ips.iter().all(|host| hosts.contains(host)));
    // A process of the same number may be another one, and so may its namespace.
    let the_same = container.is_some_and(|container| {
        let has = |ip: IpAddr| {
            container
                .endpoints
                .values()
                .any(|it| it.ipv4.map(IpAddr::V4) == Some(ip) || it.ipv6.map(IpAddr::V6) == Some(ip))
        };
        container.id == publication.container
            && publication.paths.iter().all(|path| has(path.container))
            && container.pid.and_then(|pid| machine.namespace(pid)) == Some(record.namespace)
    });
    let elsewhere = astray(machine, publication).iter().any(Astray::is_mended);
    if !as_asked || !the_same || elsewhere {
        return Ok(false);
    }
    let host = machine.firewall().map_err(cannot("open the host's rules"))?;
    stands(&host, machine, record)
}

/// Whether the kernel has all of a record still.
pub(super) fn stands<M: Machine>(
    host: &M::Firewall,
    machine: &M,
    record: &Record,
) -> Result<bool, PublishError> {
    let look = || {
        let publication = &record.publication;
        if !in_force(host, publication)? || !has(host, &host_table_of(publication))? {
            return Ok(false);
        }
        match machine.firewall_within(&record.namespace)? {
            Some(inside) => has(&inside, &container_table_of(publication)),
            None => Ok(false),
        }
    };
    look().map_err(cannot("read the rules"))
}

/// One part of the change, done in one transaction.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The rules in the container's namespace.
    Container,
    /// The host's rules, those in DOCKER-USER included.
    Host,
}

impl Step {
    fn apply<M: Machine>(self, host: &M::Firewall, machine: &M, record: &Record) -> Result<(), PublishError> {
        let publication = &record.publication;
        match self {
            Self::Container => {
                let add = Change::Add(container_table_of(publication));
                let inside = machine.firewall_within(&record.namespace).map_err(cannot(INSIDE))?;
                let gone = || FirewallError::Socket(io::Error::other("the container has ended"));
                let inside = inside.ok_or_else(gone).map_err(cannot(INSIDE))?;
                let change = || {
                    let mut changes = former_table(&inside, &publication.name)?;
                    changes.push(add);
                    inside.apply(&changes)
                };
                change().map_err(cannot(INSIDE))
            }
            Self::Host => {
                let change = || {
                    let mut changes = removal(host, &publication.name)?;
                    changes.push(Change::Add(host_table_of(publication)));
                    changes.extend(accepts(host, publication)?);
                    host.apply(&changes)
                };
                change().map_err(cannot(OUTSIDE))
            }
        }
    }

    /// Puts back what was there before, or nothing.
    fn undo<M: Machine>(
        self,
        host: &M::Firewall,
        machine: &M,
        record: &Record,
        before: Option<&Record>,
    ) -> Result<(), PublishError> {
        if let Some(before) = before {
            return self.apply(host, machine, before);
        }
        let name = &record.publication.name;
        match self {
            Self::Container => match machine.firewall_within(&record.namespace).map_err(cannot(INSIDE))? {
                Some(inside) => inside.apply(&[Change::Remove(table_name(name))]).map_err(cannot(INSIDE)),
                None => Ok(()),
            },
            Self::Host => {
                removal(host, name).and_then(|changes| host.apply(&changes)).map_err(cannot(OUTSIDE))
            }
        }
    }
}

const OUTSIDE: &str = "change the host's rules";

/// Back to what was before; the failure is what is to be told.
fn take_back<M: Machine>(
    host: &M::Firewall,
    machine: &M,
    journal: &impl Journal,
    record: &Record,
    before: Option<Record>,
    done: &[Step],
    failed: PublishError,
) -> PublishError {
    // What a change that never ended left is not worth having back.
    let before = before.filter(|before| before.phase == Phase::Published);
    let steps: &[Step] = if before.is_some() { done } else { &[Step::Container, Step::Host] };
    let mut trouble = None;
    for step in steps.iter().rev() {
        trouble = step.undo(host, machine, record, before.as_ref()).err().or(trouble);
    }
    let journalled = match (&before, &trouble) {
        (_, Some(_)) => Ok(()),
        (Some(before), None) => journal.write(before),
        (None, None) => journal.remove(&record.publication.name),
    };
    match trouble.or(journalled.err()) {
        Some(source) => PublishError::NotTakenBack { failed: Box::new(failed), source: Box::new(source) },
        None => failed,
    }
}

/// What takes away all that a container may have in the host's namespace.
fn removal(host: &impl Firewall, name: &str) -> Result<Vec<Change>, FirewallError> {
    let mut changes = own_accepts(host, name)?;
    changes.extend(former_table(host, name)?);
    Ok(changes)
}

/// What takes a container's table away, where there is one. Only there: whatever is taken away the kernel waits for when
/// the socket is closed (some 10 ms, nft_rcv_nl_event in net/netfilter/nf_tables_api.c), and first making what is not
/// there counts as that.
fn former_table(firewall: &impl Firewall, name: &str) -> Result<Vec<Change>, FirewallError> {
    let table = table_name(name);
    let there = firewall.tables()?.iter().any(|seen| seen.place == Place::Inet && seen.name == table);
    Ok(if there { vec![Change::Remove(table)] } else { Vec::new() })
}

/// Whether a table is there as it was made. Its comment says of what text; the number of rules, that none is gone.
fn has(firewall: &impl Firewall, table: &Table) -> Result<bool, FirewallError> {
    let same = |seen: &crate::firewall::SeenTable| {
        seen.place == Place::Inet && seen.name == table.name && seen.comment.as_ref() == Some(&table.comment)
    };
    Ok(firewall.tables()?.iter().any(same)
        && firewall.rules(Place::Inet, &table.name)?.len() == table.rules())
}

pub(super) fn host_table_of(publication: &Publication) -> Table {
    marked(host_table(publication, String::new()))
}

pub(super) fn container_table_of(publication: &Publication) -> Table {
    marked(container_table(publication, String::new()))
}

fn marked(mut table: Table) -> Table {
    let digest = Sha256::digest(table.to_string().as_bytes());
    let digits: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    table.comment = format!("netctl {digits}");
    table
}
