//! Looks a step through before anything is done.

use super::conflicts;
use super::error::CheckError;
use super::sockets::{Capability, Sockets as _};
use super::step::Step;
use super::world::Worldly;

/// What furnishing another namespace needs.
const LACKING: [Capability; 2] = [Capability::NetAdmin, Capability::SysAdmin];

/// Whether it can be done, as far as that is seen before.
pub(super) async fn step(world: &impl Worldly, step: &Step) -> Result<(), CheckError> {
    match step {
        Step::Free { place, claims } => conflicts::free(world, *place, claims).await,
        Step::Pair { .. } => match LACKING.into_iter().find(|it| world.proc().lacks(*it)) {
            Some(capability) => Err(CheckError::Lacks(capability)),
            None => Ok(()),
        },
        // The name, the image and the network were looked at when the steps were made.
        _ => Ok(()),
    }
}
