//! `run`: the steps of a mode, done or taken back, and what listens then.

use std::fmt::{self, Display, Formatter};
use std::future::Future;

use serde_json::{Value, json};

use super::change;
use super::error::RunError;
use super::listeners::Listeners;
use super::mode;
use super::order::Order;
use super::sockets::{Place, Sockets as _};
use super::world::Worldly;
use crate::docker::Containers as _;

/// A switch that runs.
#[derive(Debug)]
pub struct Ran {
    id: String,
    name: String,
    mode: String,
    notes: Vec<String>,
    listeners: Listeners,
}

/// Runs a switch; where anything fails, or `interrupted` comes first, nothing is left of it.
///
/// # Errors
/// What failed, and after it everything that could not be taken back.
pub async fn run(
    world: &impl Worldly,
    order: &Order,
    interrupted: impl Future<Output = ()>,
) -> Result<Ran, Vec<RunError>> {
    let one = |error| vec![error];
    let plan = mode::plan(world, order).await.map_err(one)?;
    change::validate(world, &plan.steps).await.map_err(|error| one(error.into()))?;
    change::apply(world, &plan.steps, interrupted).await?;
    let container = world.docker().container(&order.name).await.map_err(|error| one(error.into()))?;
    let container = container.ok_or_else(|| one(RunError::NoSuchContainer(order.name.clone())))?;
    Ok(Ran {
        listeners: container.pid.map(|pid| listeners(world, pid)).unwrap_or_default(),
        id: container.id,
        name: order.name.clone(),
        mode: order.mode.to_string(),
        notes: plan.notes,
    })
}

/// What a container's processes listen on, wherever that is.
pub(super) fn listeners(world: &impl Worldly, pid: u32) -> Listeners {
    let kin = world.proc().kin(pid);
    let bound = world.proc().bound(Place::Process(pid)).unwrap_or_default();
    let its =
        bound.into_iter().filter(|socket| socket.holder.as_ref().is_some_and(|it| kin.contains(&it.pid)));
    Listeners(its.collect())
}

impl Display for Ran {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { id, name, mode, notes, listeners } = self;
        writeln!(f, "{name} runs ({}), --net {mode}", id.get(..12).unwrap_or(id))?;
        for note in notes {
            writeln!(f, "note: {note}")?;
        }
        write!(f, "\n{listeners}")
    }
}

impl Ran {
    /// One object.
    pub fn json(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "mode": self.mode,
            "notes": self.notes,
            "listeners": self.listeners.json(),
        })
    }
}
