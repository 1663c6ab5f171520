//! What is declared against what there is: one action a switch, in the order in which they can be done. Asks, and changes
//! nothing.

use std::collections::BTreeMap;

use super::declaration::{Change, DIGEST, Declaration, PROJECT};
use super::error::UpError;
use super::file::File;
use crate::docker::{Container, Containers as _};
use crate::network::mend::{self, Lack};
use crate::network::{Mode, Order, Worldly, aside, labels, world};

/// What there is to do for one switch.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its name.
    pub name: String,
    /// What is to be done.
    pub action: Action,
    /// Its container, where there is one.
    pub container: Option<Container>,
}

/// What is to be done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Action {
    /// There is none.
    Create,
    /// There is one that was made otherwise.
    Recreate(Vec<Reason>),
    /// There is the right one, and it lacks something.
    Mend(Vec<Lack>),
    /// It is as declared.
    Nothing,
    /// It is not declared any more.
    Remove,
}

/// Why a container is to be made anew.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reason {
    /// A key is another one.
    Changed(Change),
    /// The image of that name is another one.
    Image {
        /// The id of the one it was made from.
        from: String,
        /// The id of the one there is.
        to: String,
    },
    /// The namespace that it shares is not there any more, or will not be.
    Owner(String),
}

/// A change that was begun and has not ended: a container that was put aside.
#[derive(Clone, Debug)]
pub struct Unfinished {
    /// The switch.
    pub name: String,
    /// What had been put aside for it.
    pub before: Container,
    /// What took its place, as far as that came.
    pub after: Option<Container>,
    /// Whether that is whole, so that the one before is only to be removed; else that one comes back.
    pub is_whole: bool,
}

/// All that is to be done.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// First of all.
    pub unfinished: Vec<Unfinished>,
    /// By switch: owners of a namespace before those who share it.
    pub items: Vec<Item>,
}

impl Comparison {
    /// How many there are to change.
    pub fn differing(&self) -> usize {
        self.items.iter().filter(|item| item.action != Action::Nothing).count()
            + self.unfinished.iter().filter(|it| it.is_whole).count()
    }
}

/// Compares.
///
/// # Errors
/// Where the daemon or the kernel does not tell, a name is somebody else's, or namespaces are shared in a circle.
pub async fn compare(world: &impl Worldly, file: &File) -> Result<Comparison, Vec<UpError>> {
    let one = |error| vec![error];
    world::beside(world).await.map_err(|error| one(error.into()))?;
    let mut containers = world.docker().containers().await.map_err(|error| one(error.into()))?;
    let unfinished = unfinished(world, file, &containers).await.map_err(one)?;
    for change in &unfinished {
        // As it will be when that is set right.
        containers.retain(|it| it.id != change.before.id);
        if !change.is_whole {
            containers.retain(|it| it.name != change.name);
            containers.push(Container { name: change.name.clone(), ..change.before.clone() });
        }
    }
    let (mut items, mut errors) = (Vec::new(), Vec::new());
    for name in in_order(file).map_err(one)? {
        match item(world, file, &file.switches[name], &containers, &items).await {
            Ok(item) => items.push(item),
            Err(error) => errors.push(error),
        }
    }
    let its = containers.iter().filter(|it| it.labels.get(PROJECT) == Some(&file.project));
    let undeclared = its.filter(|it| !file.switches.contains_key(&it.name));
    items.extend(undeclared.map(|container| Item {
        name: container.name.clone(),
        action: Action::Remove,
        container: Some(container.clone()),
    }));
    if errors.is_empty() { Ok(Comparison { unfinished, items }) } else { Err(errors) }
}

async fn unfinished(
    world: &impl Worldly,
    file: &File,
    containers: &[Container],
) -> Result<Vec<Unfinished>, UpError> {
    let mut unfinished = Vec::new();
    for before in containers.iter().filter(|it| it.labels.get(PROJECT) == Some(&file.project)) {
        let Some(name) = aside::name_before(before) else { continue };
        let after = containers.iter().find(|it| it.name == name);
        let is_whole = match (after, file.switches.get(name)) {
            (Some(after), Some(declared)) if is_so(after, declared, file) => {
                mend::lacks(world, after).await?.is_empty()
            }
            _ => false,
        };
        let (name, after) = (name.to_owned(), after.cloned());
        unfinished.push(Unfinished { name, before: before.clone(), after, is_whole });
    }
    Ok(unfinished)
}

fn is_so(container: &Container, declared: &Declaration, file: &File) -> bool {
    container.labels.get(PROJECT) == Some(&file.project)
        && container.labels.get(DIGEST) == Some(&declared.digest())
}

async fn item(
    world: &impl Worldly,
    file: &File,
    declared: &Declaration,
    containers: &[Container],
    before: &[Item],
) -> Result<Item, UpError> {
    let (order, place) = (&declared.order, &declared.place);
    let name = order.name.clone();
    let Some(container) = containers.iter().find(|it| it.name == name) else {
        return Ok(Item { name, action: Action::Create, container: None });
    };
    if container.labels.get(PROJECT) != Some(&file.project) {
        return Err(UpError::Foreign { place: place.clone(), name, whose: whose(container) });
    }
    let mut reasons: Vec<Reason> = match is_so(container, declared, file) {
        true => Vec::new(),
        false => declared.changes(&container.labels).into_iter().map(Reason::Changed).collect(),
    };
    let failed =
        |source| UpError::Switch { place: place.clone(), name: name.clone(), source: Box::new(source) };
    let image = world.docker().image_id(&order.image).await.map_err(|error| failed(error.into()))?;
    // One made from an image that is not there any more goes on.
    if let Some(to) = image.filter(|id| *id != container.image && reasons.is_empty()) {
        reasons.push(Reason::Image { from: container.image.clone(), to });
    }
    if let Mode::Container(owner) = &order.mode
        && !keeps(owner, container, containers, before)
    {
        reasons.push(Reason::Owner(owner.clone()));
    }
    let action = match reasons.is_empty() {
        false => Action::Recreate(reasons),
        true => {
            let mut lacks = mend::lacks(world, container).await.map_err(failed)?;
            if lacks.is_empty() && owner_starts(order, before) {
                lacks.push(Lack::Namespace);
            }
            if lacks.is_empty() { Action::Nothing } else { Action::Mend(lacks) }
        }
    };
    Ok(Item { name, action, container: Some(container.clone()) })
}

fn whose(container: &Container) -> String {
    match (container.labels.get(PROJECT), container.labels.contains_key(labels::RUN)) {
        (Some(project), _) => format!("declared by {project}"),
        (None, true) => "made by netctl run".to_owned(),
        (None, false) => "made by somebody else".to_owned(),
    }
}

/// Whether the owner of a shared namespace is, and stays, the one that was joined.
fn keeps(owner: &str, container: &Container, containers: &[Container], before: &[Item]) -> bool {
    let is_owner = |it: &&Container| it.name == owner || it.id == owner;
    let Some(there) = containers.iter().find(is_owner) else { return false };
    let acted = before.iter().find(|item| item.name == there.name).map(|item| &item.action);
    let stays = match acted {
        None | Some(Action::Nothing) => there.pid.is_some(),
        Some(Action::Mend(_)) => true,
        Some(_) => false,
    };
    stays && [&there.id, &there.name].map(|it| format!("container:{it}")).contains(&container.network_mode)
}

/// Whether the namespace that is shared will be another one, for its owner is started.
fn owner_starts(order: &Order, before: &[Item]) -> bool {
    let Mode::Container(owner) = &order.mode else { return false };
    let acted = before.iter().find(|item| item.name == *owner).map(|item| &item.action);
    matches!(acted, Some(Action::Mend(lacks)) if lacks.contains(&Lack::Running))
}

/// The names, whoever shares a namespace right behind its owner.
pub(super) fn in_order(file: &File) -> Result<Vec<&String>, UpError> {
    let mut placed: BTreeMap<(&String, usize, &String), ()> = BTreeMap::new();
    for (name, declared) in &file.switches {
        let (root, depth) = root(file, name).map_err(|owner| UpError::Circle {
            place: declared.place.clone(),
            name: name.clone(),
            owner: owner.clone(),
        })?;
        placed.insert((root, depth, name), ());
    }
    Ok(placed.into_keys().map(|(_, _, name)| name).collect())
}

/// Whose namespace a switch is in in the end, as far as the file goes, and over how many others.
pub(super) fn root<'a>(file: &'a File, name: &'a String) -> Result<(&'a String, usize), &'a String> {
    let (mut at, mut depth) = (name, 0);
    while let Some((owner, _)) = match &file.switches[at].order.mode {
        Mode::Container(owner) => file.switches.get_key_value(owner),
        _ => None,
    } {
        (at, depth) = (owner, depth + 1);
        if depth > file.switches.len() {
            return Err(at);
        }
    }
    Ok((at, depth))
}
