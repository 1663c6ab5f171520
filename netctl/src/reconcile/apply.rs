//! `up`: brings about what is declared, or leaves all as it was.

use std::future::Future;
use std::pin::pin;

use super::compare::{Action, Comparison, Item, Unfinished, compare, root};
use super::declaration::PROJECT;
use super::error::UpError;
use super::file::File;
use super::validate::{goes, validate};
use crate::docker::{Container, Containers as _, DockerError};
use crate::network::step::Step;
use crate::network::{RunError, Worldly, aside, change, mend, mode, remove_switch};

/// What was done.
#[derive(Debug)]
pub struct Done {
    /// By switch, what there was to do; all of it is done.
    pub items: Vec<Item>,
    /// Switches of which a change was unfinished, and is ended or taken back.
    pub finished: Vec<String>,
    /// What has to be said and is no failure.
    pub notes: Vec<String>,
}

/// Brings it about. `say` is told of each thing before it is begun.
///
/// # Errors
/// What failed, and after it everything that could not be taken back. Then all is as it was before, but for what an
/// earlier one that was killed had left: that is set right in any case.
pub async fn up(
    world: &impl Worldly,
    file: &File,
    interrupted: impl Future<Output = ()>,
    say: &mut impl FnMut(&str),
) -> Result<Done, Vec<UpError>> {
    let found = compare(world, file).await?;
    validate(world, file, &found).await?;
    for change in &found.unfinished {
        say(&format!("{}: set right what was begun and not ended", change.name));
        set_right(world, change).await?;
    }
    let comparison = if found.unfinished.is_empty() { found.clone() } else { compare(world, file).await? };
    let notes = validate(world, file, &comparison).await?;
    let mut interrupted = pin!(interrupted);
    let mut done: Vec<Vec<Step>> = Vec::new();
    for deed in deeds(file, &comparison) {
        say(&deed.to_string());
        let failures = match deed.steps(world).await {
            Ok(steps) => match change::apply(world, &steps, interrupted.as_mut()).await {
                Ok(()) => {
                    done.push(steps);
                    continue;
                }
                Err(failures) => failures,
            },
            Err(error) => vec![error],
        };
        say("take back what was done");
        let mut errors = deed.blame(file, failures);
        for steps in done.iter().rev() {
            errors.extend(change::roll_back(world, steps).await.into_iter().map(UpError::from));
        }
        return Err(errors);
    }
    // From here on there is no way back: all that is declared runs.
    let mut errors = Vec::new();
    for item in comparison.items.iter().rev().filter(|item| goes(item)) {
        let name = aside::name_of(&item.name);
        for source in remove_switch(world, &name).await.err().unwrap_or_default() {
            errors.push(UpError::Leftover { name: name.clone(), source: Box::new(source) });
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let finished = found.unfinished.into_iter().map(|change| change.name).collect();
    Ok(Done { items: comparison.items, finished, notes })
}

/// What was brought about without touching what runs.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// What was done.
    pub(super) done: Vec<String>,
    /// What was not.
    pub(super) failures: Vec<UpError>,
    /// What there is otherwise than declared, or no more declared.
    pub(super) differ: Vec<String>,
}

/// Makes what is declared and not there, and mends what is: each by itself, past every failure. Nothing is made anew.
pub(super) async fn keep(world: &impl Worldly, file: &File) -> Result<Kept, Vec<UpError>> {
    let found = compare(world, file).await?;
    let mut kept = Kept::default();
    for change in &found.unfinished {
        set_right(world, change).await?;
        kept.done.push(format!("{}: set right what was begun and not ended", change.name));
    }
    let comparison = if found.unfinished.is_empty() { found } else { compare(world, file).await? };
    for item in &comparison.items {
        let (deed, done) = match item.action {
            Action::Create => (Deed::Make(item, file), "made: it is declared, and was not there"),
            Action::Mend(_) => (Deed::Mend(item), "started, furnished or published: it is declared so"),
            Action::Recreate(_) | Action::Remove => {
                kept.differ.push(item.name.clone());
                continue;
            }
            Action::Nothing => continue,
        };
        let did = match deed.steps(world).await {
            Ok(steps) => change::apply(world, &steps, std::future::pending()).await,
            Err(error) => Err(vec![error]),
        };
        match did {
            Ok(()) => kept.done.push(format!("{}: {done}", item.name)),
            Err(failures) => kept.failures.extend(deed.blame(file, failures)),
        }
    }
    Ok(kept)
}

/// Ends a change that was killed, or takes it back.
pub(super) async fn set_right(world: &impl Worldly, change: &Unfinished) -> Result<(), Vec<UpError>> {
    let all = |failures: Vec<RunError>| failures.into_iter().map(UpError::from).collect::<Vec<_>>();
    if change.is_whole {
        return remove_switch(world, &change.before.name).await.map(drop).map_err(all);
    }
    let project = change.before.labels.get(PROJECT);
    // One that somebody else gave that name meanwhile stays, and Docker says that the name is taken.
    if let Some(after) = change.after.as_ref().filter(|it| it.labels.get(PROJECT) == project) {
        let one = |error: DockerError| vec![UpError::from(error)];
        // Those that share its namespace were made after it; what is declared of them is made again.
        let modes = [&after.id, &after.name].map(|owner| format!("container:{owner}"));
        let containers = world.docker().containers().await.map_err(one)?;
        let guests = containers.iter().filter(|it| modes.contains(&it.network_mode));
        for guest in guests.filter(|it| it.labels.get(PROJECT) == project) {
            remove_switch(world, &guest.name).await.map_err(all)?;
        }
        if world.docker().container(&after.id).await.map_err(one)?.is_some() {
            remove_switch(world, &after.name).await.map_err(all)?;
        }
    }
    let back = world.docker().rename(&change.before.id, &change.name).await;
    back.map_err(|error| vec![error.into()])
}

/// Something that is done as a whole, and whose steps are known when its turn comes.
enum Deed<'a> {
    Aside(&'a Item, &'a Container),
    Make(&'a Item, &'a File),
    Mend(&'a Item),
}

/// First what is not declared any more goes; then, by namespace, those who share it make room, then its owner, then they
/// are made the other way round.
fn deeds<'a>(file: &'a File, comparison: &'a Comparison) -> Vec<Deed<'a>> {
    let aside = |item: &'a Item| item.container.as_ref().map(|container| Deed::Aside(item, container));
    let (removed, kept): (Vec<&Item>, Vec<&Item>) =
        comparison.items.iter().partition(|item| item.action == Action::Remove);
    let mut deeds: Vec<Deed> = removed.iter().copied().filter_map(aside).collect();
    let root_of = |item: &&Item| root(file, &item.name).map(|(root, _)| root.clone()).unwrap_or_default();
    for group in kept.chunk_by(|a, b| root_of(a) == root_of(b)) {
        deeds.extend(group.iter().copied().rev().filter(|item| goes(item)).filter_map(aside));
        deeds.extend(group.iter().copied().filter_map(|item| match item.action {
            Action::Create | Action::Recreate(_) => Some(Deed::Make(item, file)),
            Action::Mend(_) => Some(Deed::Mend(item)),
            Action::Nothing | Action::Remove => None,
        }));
    }
    deeds
}

impl Deed<'_> {
    async fn steps(&self, world: &impl Worldly) -> Result<Vec<Step>, RunError> {
        match self {
            Self::Aside(_, container) => Ok(vec![Step::Aside(Box::new((*container).clone()))]),
            Self::Make(item, file) => {
                let plan = mode::plan(world, &file.switches[&item.name].labelled(&file.project)).await?;
                change::validate(world, &plan.steps).await?;
                Ok(plan.steps)
            }
            // Seen anew: what was made since may have given it what it lacked.
            Self::Mend(item) => match world.docker().container(&item.name).await? {
                Some(container) => {
                    let lacks = mend::lacks(world, &container).await?;
                    mend::steps(world, &container, &lacks).await
                }
                None => Err(RunError::NoSuchContainer(item.name.clone())),
            },
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Aside(item, _) | Self::Make(item, _) | Self::Mend(item) => &item.name,
        }
    }

    /// The failures, with the place that declares it.
    fn blame(&self, file: &File, failures: Vec<RunError>) -> Vec<UpError> {
        let name = self.name().to_owned();
        let error = |source| match (source, file.switches.get(&name)) {
            (RunError::Interrupted, _) => UpError::Interrupted,
            (source, Some(declared)) => UpError::Switch {
                place: declared.place.clone(),
                name: name.clone(),
                source: Box::new(source),
            },
            (source, None) => source.into(),
        };
        failures.into_iter().map(error).collect()
    }
}

impl std::fmt::Display for Deed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.name();
        match self {
            Self::Aside(..) => write!(f, "{name}: stop it; calls in progress have its stop time-out to end"),
            Self::Make(..) => write!(f, "{name}: make it"),
            Self::Mend(_) => write!(f, "{name}: give it what it lacks"),
        }
    }
}
