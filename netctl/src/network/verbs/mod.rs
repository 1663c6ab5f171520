//! Docker's networks: list, inspect, make, remove.
//!
//! Speaks to Docker through [`crate::docker::Networks`] only.

mod create;
mod error;
mod list;
mod remove;
mod show;
#[cfg(test)]
mod tests;

pub use create::{CreateNetwork, Created, create};
pub use error::NetworkError;
pub use list::{List, list};
pub use remove::remove;
pub use show::{Details, show};
