//! Networks: Docker's own verbs, and the modes in which a switch's container is connected.
//!
//! `run` makes a list of steps of what was asked for (one file a mode: `host`, `container`, `none`, `bridge`), looks
//! through all of them, does one after the other and takes back those done when one fails; `remove` takes back all that
//! `run` made, by the labels on the container. `way` says from where a switch can be called, `neighbour` is the place
//! outside that such a call comes from, for `probe` and for `crate::why`. Speaks to Docker, the kernel and /proc through
//! narrow traits, and to the switch through its documented environment.

pub(crate) mod aside;
pub(crate) mod bridge;
mod call;
pub(crate) mod change;
pub(crate) mod container;
mod error;
#[cfg(test)]
pub(crate) mod fake;
mod host;
mod inspect;
pub(crate) mod labels;
mod listeners;
pub(crate) mod mend;
pub(crate) mod mount;
pub(crate) mod neighbour;
pub(crate) mod none;
mod order;
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
mod verbs;
mod way;
mod wiring;
mod world;

pub use call::{CallError, call};
pub use error::{CheckError, Conflict, RunError, StepError};
pub use inspect::{Inside, inspect};
pub use labels::LabelError;
pub use mend::Lack;
pub use neighbour::Neighbour;
pub use order::{Address, MeaningError, Mode, ModeError, Order};
pub(crate) use order::{CONTAINER_NAMES, is_container_name};
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
pub use wiring::{Counters, Interface, Pair, Route, Vacant, Wiring};
pub use world::{World, Worldly};
