//! Bridges: all that bridge-utils' brctl does, in its words.
//!
//! Knows nothing of netlink: the kernel stands behind [`Kernel`].

mod change;
mod error;
mod kernel;
mod model;
mod name;
mod show;
#[cfg(test)]
mod tests;
mod time;
mod view;

pub use change::{add_bridge, add_interface, delete_bridge, delete_interface, set_bridge, set_port};
pub use error::BridgeError;
pub use kernel::{BridgeValue, Kernel, KernelError, PortValue};
pub use model::{Bridge, BridgeId, Entry, Link, Mac, Port, PortState, Stp};
pub use name::{InterfaceName, NameError};
pub use show::{BridgeRow, Bridges, Macs, SpanningTree, bridges, macs, spanning_tree};
pub use time::{Centiseconds, TimeError};
