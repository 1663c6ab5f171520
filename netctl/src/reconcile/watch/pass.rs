//! One look at everything: what is there against what is wanted, and the steps between.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use tokio::time::Instant;

use super::dockers::Dockers;
use super::glance::Glance;
use crate::docker::{Container, Containers as _, DockerError};
use crate::error::report;
use crate::network::aside::is_aside;
use crate::network::mend::{self, Lack};
use crate::network::{self, Publisher as _, RunError, StepError, Worldly, labels};
use crate::publish::{self, Astray, PublishError};
use crate::reconcile::apply::{self, Kept};
use crate::reconcile::declaration::PROJECT;
use crate::reconcile::{File, UpError};

/// What is remembered from look to look.
pub(super) struct Memory {
    /// Files that are still to be brought about: at the start, and whenever the daemon has come back.
    files: Vec<PathBuf>,
    /// What was last said of whom, so that it is said once.
    said: BTreeMap<String, String>,
    /// The interfaces of furnished containers that run: name and alias.
    pub(super) interfaces: Vec<(String, String)>,
    /// What was otherwise than it should be when the last look began.
    pub(super) glance: Glance,
    dockers: Dockers,
}

impl Memory {
    pub(super) fn new(files: &[PathBuf]) -> Self {
        Self {
            files: files.to_vec(),
            said: BTreeMap::new(),
            interfaces: Vec::new(),
            glance: Glance::default(),
            dockers: Dockers::default(),
        }
    }

    /// Says a thing about somebody, unless it was the last thing said about him.
    fn say(&mut self, name: &str, text: &str, log: &mut impl FnMut(&str)) {
        if self.said.get(name).is_none_or(|last| last != text) {
            log(&format!("{name}: {text}"));
            self.said.insert(name.to_owned(), text.to_owned());
        }
    }
}

/// Looks and mends. Whether all is as wanted then.
///
/// # Errors
/// Where the daemon does not answer.
pub(super) async fn pass(
    world: &impl Worldly,
    memory: &mut Memory,
    log: &mut impl FnMut(&str),
) -> Result<bool, DockerError> {
    // Before anything is looked at by itself: what changes from here on is otherwise, and calls for another pass.
    memory.glance = Glance::take(world, &memory.interfaces, log).await;
    let mut whole = true;
    for path in std::mem::take(&mut memory.files) {
        if !keep(world, &path, memory, log).await {
            memory.files.push(path);
            whole = false;
        }
    }
    let mut containers = world.docker().containers().await?;
    // Owners of a namespace before those who share it.
    containers.sort_by_key(|it| it.network_mode.starts_with("container:"));
    let published = world.publisher().all().await.unwrap_or_default();
    memory.interfaces.clear();
    for container in containers.iter().filter(|it| !is_aside(it)) {
        let record = published.iter().find(|it| it.name == container.name);
        let done = match container.pid {
            Some(_) => running(world, container, record, memory).await,
            None => stopped(world, container, record, &containers).await,
        };
        whole &= tell(&container.name, done, memory, log);
    }
    for record in &published {
        let gone = !containers.iter().any(|it| it.id == record.container || it.name == record.name);
        if gone {
            let done = unpublish(world, &record.name, "its container is gone").await;
            whole &= tell(&record.name, done, memory, log);
        }
    }
    whole &= memory.dockers.look(memory.glance.dockers, Instant::now(), log);
    Ok(whole)
}

/// What was done for a container and why, or why it was not.
type Outcome = Result<Option<String>, RunError>;

fn tell(name: &str, done: Outcome, memory: &mut Memory, log: &mut impl FnMut(&str)) -> bool {
    match done {
        Ok(None) => {
            if memory.said.remove(name).is_some() {
                log(&format!("{name}: all is well again"));
            }
            true
        }
        Ok(Some(text)) => {
            log(&format!("{name}: {text}"));
            memory.said.remove(name);
            true
        }
        Err(error) => {
            let text = report(&error);
            memory.say(name, text.trim_end().trim_start_matches("netctl: "), log);
            false
        }
    }
}

/// Furnishes and publishes what runs.
async fn running(
    world: &impl Worldly,
    container: &Container,
    record: Option<&publish::Publication>,
    memory: &mut Memory,
) -> Outcome {
    let label = |name| container.labels.get(name).cloned();
    let is_ours = container.labels.contains_key(labels::RUN);
    if let (Some(name), Some(alias), true) = (label(labels::INTERFACE), label(labels::RUN), is_ours) {
        memory.interfaces.push((name, alias));
    }
    let mut lacks = match is_ours || container.labels.contains_key(labels::PUBLISH) {
        true => mend::lacks(world, container).await?,
        false => Vec::new(),
    };
    // Such a label alone makes nobody netctl's.
    lacks.retain(|lack| is_ours || *lack == Lack::Publication);
    for step in mend::steps(world, container, &lacks).await?.iter().filter(|step| step.changes()) {
        let done = network::apply::step(world, step).await;
        done.map_err(|source| RunError::Remove { step: step.to_string(), source })?;
    }
    let mut words = Vec::new();
    for lack in &lacks {
        words.push(match lack {
            Lack::Running => "started".to_owned(),
            Lack::Namespace => "restarted: the owner of its network was".to_owned(),
            Lack::Interface => "furnished: its namespace was empty".to_owned(),
            Lack::Publication => followed(container, &changed(world, container, record).await?)
                .unwrap_or_else(|| "published: its rules were missing or another container's".to_owned()),
        });
    }
    if !words.is_empty() {
        return Ok(Some(words.join("; ")));
    }
    if let Some(record) = record.filter(|_| !container.labels.contains_key(labels::PUBLISH))
        && let Some(done) = by_hand(world, container, record).await?
    {
        return Ok(Some(done));
    }
    let lost = memory.glance.astray(&container.name).into_iter().find_map(|astray| match astray {
        Astray::Lost(address) => Some(address),
        Astray::Moved { .. } | Astray::Gained(_) => None,
    });
    match lost {
        // Its rules stand, so that they serve as soon as it is back.
        Some(address) if record.is_some() => {
            let source = StepError::from(PublishError::Lost(address));
            Err(RunError::Unseen { name: container.name.clone(), source })
        }
        _ => Ok(None),
    }
}

/// Where it is published at another address than the record of before has it, by what has been published by now: when the
/// look began, the host may have had neither of them.
async fn changed(
    world: &impl Worldly,
    container: &Container,
    before: Option<&publish::Publication>,
) -> Result<Vec<Astray>, RunError> {
    let Some(before) = before.filter(|before| before.follows) else { return Ok(Vec::new()) };
    let now = world.publisher().published(&container.name).await;
    let now =
        now.map_err(|source| RunError::Unseen { name: container.name.clone(), source: source.into() })?;
    let its = |path: &publish::Path| {
        let former = before.paths.iter().filter(|former| former.family() == path.family());
        Astray::between(former.flat_map(publish::Path::hosts), path.hosts().next()?)
    };
    Ok(now.iter().flat_map(|now| &now.paths).filter_map(its).collect())
}

/// That it is at other addresses, and what does not go with them: nobody can change a running process's environment.
fn followed(container: &Container, astray: &[Astray]) -> Option<String> {
    let advertises = container.environment.iter().find_map(|it| it.strip_prefix(labels::ADVERTISE));
    let names = |address: IpAddr| {
        // One address, or NETWORK=ADDRESS separated by commas.
        let told = |part: &str| part.rsplit('=').next().unwrap_or_default().trim().parse() == Ok(address);
        advertises.map(|value| value.split(',').any(told))
    };
    let (mut texts, mut next) = (Vec::new(), Vec::new());
    for astray in astray {
        match astray {
            Astray::Moved { from, to } => {
                texts.push(format!("published at {to} instead of {from}: it faces the default route now"));
                if names(*from) == Some(true) {
                    next.push(format!("its {}{from} still goes into SIP and SDP", labels::ADVERTISE));
                }
            }
            Astray::Gained(address) => {
                texts.push(format!("published at {address}, too: it faces a default route now"));
                if let (Some(value), Some(false)) = (advertises, names(*address)) {
                    next.push(format!("its {}{value} does not name it in SIP and SDP", labels::ADVERTISE));
                }
            }
            Astray::Lost(_) => {}
        }
    }
    if texts.is_empty() {
        return None;
    }
    let mut text = texts.join("; ");
    if !next.is_empty() {
        let next = next.join(", ");
        text.push_str(&format!("\n  next: {next} until the container is another one: {}", again(container)));
    }
    Some(text)
}

/// How a container is made anew.
fn again(container: &Container) -> String {
    match container.labels.get(PROJECT) {
        Some(_) => "netctl down and netctl up".to_owned(),
        None if container.labels.contains_key(labels::RUN) => {
            format!("netctl rm {} and netctl run as before", container.name)
        }
        None => "change it and make the container anew".to_owned(),
    }
}

/// What `port publish` published: again, when the container was started anew.
async fn by_hand(world: &impl Worldly, container: &Container, record: &publish::Publication) -> Outcome {
    let wanted = record.request();
    let step = || format!("publish the ports of {}", record.name);
    let failed = |source: publish::PublishError| RunError::Remove { step: step(), source: source.into() };
    if world.publisher().stands(&wanted).await.map_err(failed)? {
        return Ok(None);
    }
    world.publisher().publish(&wanted).await.map_err(failed)?;
    Ok(Some(followed(container, &changed(world, container, Some(record)).await?).unwrap_or_else(|| {
        "published as by netctl port publish: it was started anew, or rules were missing".to_owned()
    })))
}

/// The address of what is stopped can become another one's; then no rule may lead there.
async fn stopped(
    world: &impl Worldly,
    container: &Container,
    record: Option<&publish::Publication>,
    containers: &[Container],
) -> Outcome {
    let Some(record) = record else { return Ok(None) };
    if container.labels.contains_key(labels::PUBLISH) {
        return unpublish(world, &record.name, "it has ended; it is published again when it runs").await;
    }
    let its: Vec<IpAddr> = record.paths.iter().map(|path| path.container).collect();
    let holder = containers.iter().filter(|it| it.id != container.id && it.pid.is_some()).find(|it| {
        it.endpoints.values().any(|endpoint| {
            let addresses = [endpoint.ipv4.map(IpAddr::V4), endpoint.ipv6.map(IpAddr::V6)];
            addresses.into_iter().flatten().any(|ip| its.contains(&ip))
        })
    });
    match holder {
        Some(holder) => {
            unpublish(world, &record.name, &format!("its address is the container {}'s now", holder.name))
                .await
        }
        None => Ok(None),
    }
}

async fn unpublish(world: &impl Worldly, name: &str, why: &str) -> Outcome {
    let failed = |source: publish::PublishError| RunError::Remove {
        step: format!("unpublish the ports of {name}"),
        source: source.into(),
    };
    world.publisher().unpublish(name).await.map_err(failed)?;
    Ok(Some(format!("unpublished: {why}")))
}

/// Makes what a file declares and is not there, and gives what is there what it lacks. Whether all of it is done.
async fn keep(world: &impl Worldly, path: &Path, memory: &mut Memory, log: &mut impl FnMut(&str)) -> bool {
    let name = path.display().to_string();
    let kept: Result<Kept, Vec<UpError>> = match File::read(path) {
        Ok(file) => apply::keep(world, &file).await,
        Err(error) => Err(vec![error.into()]),
    };
    match kept {
        Ok(kept) => {
            kept.done.iter().for_each(|text| log(text));
            kept.failures.iter().for_each(|error| memory.say(&name, report(error).trim_end(), log));
            if !kept.differ.is_empty() {
                let names = kept.differ.join(", ");
                let text = format!("not as it declares: {names}; netctl up -f {name} brings it about");
                memory.say(&name, &text, log);
            }
            kept.failures.is_empty()
        }
        Err(errors) => {
            errors.iter().for_each(|error| memory.say(&name, report(error).trim_end(), log));
            false
        }
    }
}
