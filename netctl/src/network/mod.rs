//! Networks: Docker's own verbs, and the modes in which a switch's container is connected.
//!
//! From the ground up, each floor knowing only those below it:
//!
//! - The words: `ports`, `settings`, `pair`, `order` (what is asked for), `labels` (what a container says of how it was
//!   made), `step` (what changes are made of), `listeners`, and `error`, which tells of a `call`, too.
//! - The world, each part of it behind a narrow trait: `wiring`, `sockets`, `publisher`, all of them in `world`.
//! - What looks and acts there: `aside`, `conflicts` (whose a port is already), `mount`, `ready`, `way` (from where a switch can
//!   be called), `neighbour` (the place outside that such a call comes from, for `probe` and for `crate::why`).
//! - From what is asked for to steps: `plan` is what the modes share, `mode` has one file each, `mend` finds what a container
//!   lacks.
//! - One step: `validate` looks it through, `apply` does it, `undo` takes it back.
//! - All steps, or none: `change`; and on top what can be typed: `run`, `remove` (by the labels on the container), `inspect`,
//!   `probe`; `verbs` are Docker's own.
//!
//! Speaks to the switch through its documented environment.

pub(crate) mod apply;
pub(crate) mod aside;
mod call;
pub(crate) mod change;
mod conflicts;
mod error;
#[cfg(test)]
pub(crate) mod fake;
mod inspect;
pub(crate) mod labels;
mod listeners;
pub(crate) mod mend;
pub(crate) mod mode;
pub(crate) mod mount;
pub(crate) mod neighbour;
mod order;
pub(crate) mod pair;
pub(crate) mod plan;
mod ports;
mod probe;
mod publisher;
mod ready;
mod remove;
mod run;
mod settings;
mod sockets;
pub(crate) mod step;
#[cfg(test)]
mod tests;
mod undo;
mod validate;
mod verbs;
mod way;
mod wiring;
pub(crate) mod world;

pub use call::{CallError, call};
pub use error::{CheckError, Conflict, RunError, StepError};
pub use inspect::{Inside, inspect};
pub use labels::LabelError;
pub use mend::Lack;
pub use neighbour::Neighbour;
pub use order::{Address, MeaningError, Mode, ModeError, Order};
pub(crate) use order::{CONTAINER_NAMES, is_container_name};
pub use pair::Pair;
pub use ports::{Claim, Ports, PortsError, Protocol, Purpose};
pub use probe::{Heard, probe};
pub use publisher::Publisher;
pub(crate) use remove::sweep;
pub use remove::{Removed, remove as remove_switch};
pub use run::{Ran, run};
pub use settings::{Settings, SettingsError};
pub use sockets::{Capability, Holder, Place, Socket, Sockets};
pub use verbs::{CreateNetwork, Created, Details, List, NetworkError, create, list, remove, show};
pub use way::{Origin, Way, claims_of, ways};
pub use wiring::{Counters, Interface, Route, Vacant, Wiring};
pub use world::{World, Worldly};
