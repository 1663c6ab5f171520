//! Container mode: the switch shares the namespace of a container that runs: its interfaces, its addresses and its ports.
//! Both reach each other over lo. The files and processes stay apart.

use crate::docker::Containers as _;
use crate::network::error::{CheckError, RunError};
use crate::network::labels;
use crate::network::order::{HOST, Order};
use crate::network::plan::{self, Plan};
use crate::network::sockets::Place;
use crate::network::step::Step;
use crate::network::world::Worldly;

/// The options that belong to it.
const OPTIONS: [&str; 2] = ["-p", "--advertise"];

/// What can be looked through before the container that is to be joined is there.
pub(crate) async fn foresee(world: &impl Worldly, order: &Order) -> Result<(), RunError> {
    plan::only(order, &OPTIONS)?;
    plan::at_hand(world, order).await?;
    plan::claims(order).map(drop)
}

pub(super) async fn plan(world: &impl Worldly, order: &Order, name: &str) -> Result<Plan, RunError> {
    plan::only(order, &OPTIONS)?;
    let other = world.docker().container(name).await?;
    let other = other.ok_or_else(|| RunError::NoSuchContainer(name.to_owned()))?;
    let pid = other.pid.ok_or_else(|| CheckError::NothingToShare(other.name.clone()))?;
    if other.network_mode == HOST {
        return Err(CheckError::SharesHost(other.name).into());
    }
    let variables = order.variables(&[], order.advertise.as_slice())?;
    let network = format!("container:{}", other.id);
    let (container, settings) = plan::container(order, variables, &network, &labels::run_id())?;
    let steps = vec![
        Step::Free { place: Place::Process(pid), claims: settings.claims.clone() },
        Step::Container(Box::new(container)),
        plan::start(order),
        plan::ready(order, &settings),
    ];
    let notes = vec![format!(
        "the namespace is {0}'s: when {0} restarts, restart {1} after it (docker restart {1})",
        other.name, order.name
    )];
    Ok(Plan { steps, notes })
}
