//! All that is to be done is looked through before any of it is: each switch by itself as `run` does it, in a world where
//! what it replaces is gone, and all of them against each other.

use std::net::IpAddr;

use super::as_if::without;
use super::compare::{Action, Comparison, Item, root};
use super::declaration::Declaration;
use super::error::UpError;
use super::file::File;
use crate::docker::{Container, Containers as _};
use crate::network::mode::{self, bridge, container};
use crate::network::{CheckError, Mode, Order, RunError, Worldly, change, mend, plan};

/// Looks through everything; returns what has to be said and is no failure.
///
/// # Errors
/// All that stands in the way.
pub async fn validate(
    world: &impl Worldly,
    file: &File,
    comparison: &Comparison,
) -> Result<Vec<String>, Vec<UpError>> {
    let make_room =
        comparison.items.iter().filter(|item| goes(item)).filter_map(|item| item.container.as_ref());
    // What is set right first goes, too: the one before where the one after is whole, else that one.
    let set_right = comparison.unfinished.iter().filter_map(|change| match change.is_whole {
        true => Some(&change.before),
        false => change.after.as_ref(),
    });
    let gone: Vec<Container> = make_room.chain(set_right).cloned().collect();
    let mut errors = clashes(file);
    errors.extend(too_many(file));
    let mut notes = Vec::new();
    for item in &comparison.items {
        let Some(declared) = file.switches.get(&item.name) else { continue };
        match switch(world, file, declared, item, &gone).await {
            Ok(its) => notes.extend(its.into_iter().map(|note| format!("{}: {note}", item.name))),
            Err(source) => errors.push(UpError::Switch {
                place: declared.place.clone(),
                name: item.name.clone(),
                source: Box::new(source),
            }),
        }
    }
    let containers = world.docker().containers().await.map_err(|error| vec![error.into()])?;
    errors.extend(gone.iter().filter_map(|owner| sharer(owner, &gone, &containers)));
    if errors.is_empty() { Ok(notes) } else { Err(errors) }
}

/// Whether its container will make room.
pub(super) fn goes(item: &Item) -> bool {
    matches!(item.action, Action::Recreate(_) | Action::Remove)
}

async fn switch(
    world: &impl Worldly,
    file: &File,
    declared: &Declaration,
    item: &Item,
    gone: &[Container],
) -> Result<Vec<String>, RunError> {
    let order = &declared.order;
    match (&item.action, owner(file, order)) {
        (Action::Create | Action::Recreate(_), Some(owner)) => {
            if owner.order.mode == Mode::Host {
                return Err(CheckError::SharesHost(owner.order.name.clone()).into());
            }
            // Its namespace may be one that is still to be made, so the rest is looked at when that is there.
            container::foresee(&without(world, gone), order).await?;
            Ok(Vec::new())
        }
        (Action::Create | Action::Recreate(_), None) => {
            let as_if = without(world, gone);
            let plan = mode::plan(&as_if, order).await?;
            change::validate(&as_if, &plan.steps).await?;
            Ok(plan.notes)
        }
        (Action::Mend(lacks), _) => {
            if let Some(container) = &item.container {
                mend::steps(world, container, lacks).await?;
            }
            Ok(Vec::new())
        }
        (Action::Nothing | Action::Remove, _) => Ok(Vec::new()),
    }
}

fn owner<'a>(file: &'a File, order: &Order) -> Option<&'a Declaration> {
    match &order.mode {
        Mode::Container(owner) => file.switches.get(owner),
        _ => None,
    }
}

/// Somebody who stays in a namespace that goes.
fn sharer(owner: &Container, gone: &[Container], containers: &[Container]) -> Option<UpError> {
    let modes = [&owner.id, &owner.name].map(|owner| format!("container:{owner}"));
    let stays = |it: &&Container| it.pid.is_some() && !gone.iter().any(|gone| gone.id == it.id);
    let by = containers.iter().filter(stays).find(|it| modes.contains(&it.network_mode))?;
    Some(UpError::Shared { name: owner.name.clone(), by: by.name.clone() })
}

/// Each is looked through as if it were the next one on netctl's own network; together they may be more than it has
/// addresses for.
fn too_many(file: &File) -> Option<UpError> {
    let is_own = |one: &&Declaration| one.order.mode == Mode::Bridge && one.order.addresses.is_empty();
    let first_without = file.switches.values().filter(is_own).nth(bridge::ROOM)?;
    Some(UpError::Switch {
        place: first_without.place.clone(),
        name: first_without.order.name.clone(),
        source: Box::new(CheckError::Full(bridge::OWN.to_owned()).into()),
    })
}

/// What two switches of one file cannot both have.
fn clashes(file: &File) -> Vec<UpError> {
    let mut clashes = Vec::new();
    let all: Vec<(&String, &Declaration)> = file.switches.iter().collect();
    for (number, (name, one)) in all.iter().enumerate() {
        for (other, two) in &all[..number] {
            let what = common_port(file, (name, one), (other, two))
                .or_else(|| common_address(&one.order, &two.order))
                .or_else(|| common_publication(&one.order, &two.order))
                .or_else(|| listened_and_published(&one.order, &two.order))
                .or_else(|| listened_and_published(&two.order, &one.order));
            clashes.extend(what.map(|what| UpError::Clash {
                place: one.place.clone(),
                name: (*name).clone(),
                other: (*other).clone(),
                what,
            }));
        }
    }
    clashes
}

/// A port in one namespace.
fn common_port(file: &File, one: (&String, &Declaration), two: (&String, &Declaration)) -> Option<String> {
    let place = |name| match root(file, name) {
        Ok((root, _)) => match &file.switches[root].order.mode {
            Mode::Host => Some("host".to_owned()),
            Mode::Container(foreign) => Some(format!("container:{foreign}")),
            _ => Some(root.clone()),
        },
        Err(_) => None,
    };
    if place(one.0)? != place(two.0)? {
        return None;
    }
    let (ours, theirs) = (plan::claims(&one.1.order).ok()?, plan::claims(&two.1.order).ok()?);
    let both = ours.iter().find(|claim| theirs.iter().any(|other| claim.meets(other.ports, other.address)));
    both.map(ToString::to_string)
}

/// An address of their own.
fn common_address(one: &Order, two: &Order) -> Option<String> {
    let theirs = |ip: IpAddr| two.addresses.iter().any(|address| address.ip == ip);
    let both = one.addresses.iter().find(|address| theirs(address.ip))?;
    // A pinned address is another one on another network.
    let same = one.mode == two.mode && one.bridge == two.bridge;
    same.then(|| format!("the address {}", both.ip))
}

/// A published port of the host. Which address one has by default is not known here; two that have it have the same.
fn common_publication(one: &Order, two: &Order) -> Option<String> {
    let published = |order: &Order| matches!(order.mode, Mode::Bridge | Mode::Network(_));
    let same = match (one.host_ips.is_empty(), two.host_ips.is_empty()) {
        (true, true) => true,
        (false, false) => one.host_ips.iter().any(|ip| two.host_ips.contains(ip)),
        _ => false,
    };
    let both = one.ports.iter().find(|ports| two.ports.iter().any(|other| ports.meet(*other)))?;
    (published(one) && published(two) && same).then(|| format!("the published port {both}"))
}

/// A port that one takes of the host itself, and that is published for the other.
fn listened_and_published(one: &Order, two: &Order) -> Option<String> {
    if one.mode != Mode::Host || !matches!(two.mode, Mode::Bridge | Mode::Network(_)) {
        return None;
    }
    let claims = plan::claims(one).ok()?;
    let at = |address: Option<IpAddr>| {
        // Which address is published by default is not known here, nor need it be where one listens at every address.
        address.is_none_or(|address| address.is_unspecified() || two.host_ips.contains(&address))
    };
    let both = claims
        .iter()
        .filter(|claim| at(claim.address))
        .find_map(|claim| two.ports.iter().find(|ports| ports.meet(claim.ports)).map(|ports| (claim, ports)));
    both.map(|(claim, ports)| format!("{claim}, which is the published port {ports}"))
}
