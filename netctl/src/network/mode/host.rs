//! Host mode: the switch shares the host's stack, without an address of its own and without translation. Nothing is to be
//! furnished; what can go wrong is that somebody has a port already, so that is looked at first.

use crate::network::conflicts;
use crate::network::error::RunError;
use crate::network::labels;
use crate::network::order::{HOST, Order};
use crate::network::plan::{self, Plan};
use crate::network::sockets::Place;
use crate::network::step::Step;
use crate::network::world::Worldly;

pub(super) async fn plan(world: &impl Worldly, order: &Order) -> Result<Plan, RunError> {
    plan::only(order, &["-p", "--host-ip", "--advertise"])?;
    // Each peer is told the address that faces it, unless one was chosen.
    let advertise = order.advertise.or(match order.host_ips.as_slice() {
        [one] => Some(*one),
        _ => None,
    });
    let variables = order.variables(&order.host_ips, advertise.as_slice())?;
    let (container, settings) = plan::container(order, variables, HOST, &labels::run_id())?;
    conflicts::unpublished(world, &settings.claims).await?;
    let steps = vec![
        Step::Free { place: Place::Here, claims: settings.claims.clone() },
        Step::Container(Box::new(container)),
        plan::start(order),
        plan::ready(order, &settings),
    ];
    Ok(Plan { steps, notes: Vec::new() })
}
