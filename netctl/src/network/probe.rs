//! `probe`: one real call to a switch, from where it can be placed here, and what that does not show.

use std::fmt::{self, Display, Formatter};

use serde_json::{Value, json};
use switch_probe::{ProbeOptions, Report};

use super::call::{CallError, call};
use super::conflicts;
use super::error::{CheckError, RunError};
use super::neighbour;
use super::sockets::{Place, Sockets as _};
use super::way::{HERE, Origin, Way, ways};
use super::world::{self, Worldly};
use crate::docker::{Container, Containers as _};

/// What a call showed, or why there was none.
#[derive(Debug)]
pub struct Heard {
    /// The call, where there was one.
    pub report: Option<Report>,
    /// Where it came from.
    from: &'static str,
    /// What it does not show.
    untested: Vec<String>,
    /// What shows that, run elsewhere.
    elsewhere: String,
}

/// Calls a switch by its container's name.
///
/// # Errors
/// Where the container is not there, does not run, or the call did not come about. A call that did is never an error.
pub async fn probe(world: &impl Worldly, name: &str) -> Result<Heard, RunError> {
    world::beside(world).await?;
    let container = world.docker().container(name).await?;
    let container = container.ok_or_else(|| RunError::NoSuchContainer(name.to_owned()))?;
    // By IPv4 where it is published by both.
    let mut way = ways(world, &container).await?.swap_remove(0);
    unshadowed(world, &container, &way)?;
    let report = match way.from {
        Some(origin) => {
            let called = from(world, origin, &mut way).await;
            let target = way.target.clone();
            Some(called.map_err(|source| RunError::NoCall {
                name: container.name.clone(),
                target,
                from: way.words,
                source,
            })?)
        }
        None => None,
    };
    Ok(Heard {
        report,
        from: way.words,
        untested: way.untested,
        elsewhere: format!("switch-node probe '{}'", way.target),
    })
}

/// A process of the host that has the published port would answer, and a call to it would prove nothing.
fn unshadowed(world: &impl Worldly, container: &Container, way: &Way) -> Result<(), RunError> {
    let Some(claim) = way.published else { return Ok(()) };
    let bound = world.proc().bound(Place::Here).map_err(CheckError::Sockets)?;
    match conflicts::held(&claim, &bound) {
        Some(conflict) => {
            Err(RunError::Shadowed { name: container.name.clone(), claim, holder: conflict.holder })
        }
        None => Ok(()),
    }
}

/// The call, from a neighbour that is there as long as it lasts.
async fn from(world: &impl Worldly, origin: Origin, way: &mut Way) -> Result<Report, CallError> {
    let options = ProbeOptions::default;
    let host = match origin {
        Origin::Here => return call(&way.target, Place::Here, options()).await,
        Origin::Inside(pid) => return call(&way.target, Place::Process(pid), options()).await,
        Origin::Outside(host) => host,
    };
    match neighbour::make(world.kernel(), world.proc(), &[host]).await {
        Ok(neighbour) => {
            let called = call(&way.target, neighbour.place(), options()).await;
            neighbour::part(world.kernel(), neighbour).await?;
            called
        }
        Err(error) => {
            way.words = HERE;
            let why =
                std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
            way.untested.insert(
                0,
                format!("the way from outside: no namespace could be made to call from ({error}{why})"),
            );
            call(&way.target, Place::Here, options()).await
        }
    }
}

impl Display for Heard {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(report) = &self.report {
            writeln!(f, "{}", report.table())?;
            writeln!(f, "from         {}", self.from)?;
        }
        for what in &self.untested {
            writeln!(f, "not tested: {what}")?;
        }
        writeln!(f, "to test that, run elsewhere: {}", self.elsewhere)
    }
}

impl Heard {
    /// One object.
    pub fn json(&self) -> Value {
        json!({
            "report": self.report,
            "from": self.report.as_ref().map(|_| self.from),
            "not_tested": self.untested,
            "elsewhere": self.elsewhere,
        })
    }
}
