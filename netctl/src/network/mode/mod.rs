//! The modes in which a switch's container is connected, one file each: from what was asked for and what there is to the
//! steps between. Which mode it is, is decided here and nowhere else.

pub(crate) mod bridge;
pub(crate) mod container;
mod host;
pub(crate) mod none;

use super::error::{CheckError, RunError};
use super::order::{Mode, Order, is_container_name};
use super::plan::{self, Plan};
use super::world::{self, Worldly};
use crate::docker::Containers as _;

pub(crate) async fn plan(world: &impl Worldly, order: &Order) -> Result<Plan, RunError> {
    if !is_container_name(&order.name) {
        return Err(CheckError::Name(order.name.clone()).into());
    }
    world::beside(world).await?;
    if world.docker().container(&order.name).await?.is_some() {
        return Err(CheckError::NameTaken(order.name.clone()).into());
    }
    plan::at_hand(world, order).await?;
    match &order.mode {
        Mode::Host => host::plan(world, order).await,
        Mode::Container(name) => container::plan(world, order, name).await,
        Mode::None => none::plan(world, order).await,
        Mode::Bridge => bridge::plan_own(world, order).await,
        Mode::Network(name) => bridge::plan_named(world, order, name).await,
    }
}
