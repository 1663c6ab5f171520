//! A link, a bridge, a port and a forwarding entry, as the kernel tells of them.
//!
//! The words are those of IEEE 802.1D and of Linux's `IFLA_BR_*` and `IFLA_BRPORT_*` attributes.

use std::fmt;

use super::time::Centiseconds;

/// One interface, with what it is to a bridge.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Link {
    /// The kernel's number for it.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Whether it is administratively up (IFF_UP).
    pub up: bool,
    /// The index of the interface it is enslaved to, whatever kind that is.
    pub master: Option<u32>,
    /// Set where the interface is a bridge.
    pub bridge: Option<Bridge>,
    /// Set where the interface is a bridge's port.
    pub port: Option<Port>,
}

/// Which spanning tree protocol a bridge runs.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Stp {
    /// None.
    #[default]
    Off,
    /// The kernel's own, or one in user space: both are "yes" to brctl.
    On,
}

/// A bridge's state.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Bridge {
    /// Its own identifier.
    pub id: BridgeId,
    /// The identifier of the spanning tree's root.
    pub root: BridgeId,
    /// The number of the port that leads to the root; 0 where the bridge is the root itself.
    pub root_port: u16,
    /// The path's cost to the root.
    pub root_path_cost: u32,
    /// Which protocol runs.
    pub stp: Stp,
    /// After what silence a received configuration no longer holds.
    pub max_age: Centiseconds,
    /// How often the root speaks.
    pub hello_time: Centiseconds,
    /// How long a port listens, and then learns, before it forwards.
    pub forward_delay: Centiseconds,
    /// After what silence a learned address is forgotten.
    pub ageing_time: Centiseconds,
    /// Until the next hello.
    pub hello_timer: Centiseconds,
    /// Until the notification of a topology change is repeated.
    pub tcn_timer: Centiseconds,
    /// How long a topology change is still announced.
    pub topology_change_timer: Centiseconds,
    /// Until forgotten addresses are next swept out.
    pub gc_timer: Centiseconds,
    /// The topology is changing.
    pub topology_change: bool,
    /// This bridge noticed the change.
    pub topology_change_detected: bool,
}

/// A port's state.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Port {
    /// Its number within the bridge, from 1.
    pub number: u16,
    /// Priority and number, as they stand in a configuration message.
    pub id: u16,
    /// What it does with frames.
    pub state: PortState,
    /// What the way over it costs.
    pub path_cost: u32,
    /// The root, as the port's segment knows it.
    pub designated_root: BridgeId,
    /// The bridge that serves the segment.
    pub designated_bridge: BridgeId,
    /// That bridge's port.
    pub designated_port: u16,
    /// That bridge's cost to the root.
    pub designated_cost: u16,
    /// How old the received configuration is.
    pub message_age_timer: Centiseconds,
    /// Until the port takes its next state.
    pub forward_delay_timer: Centiseconds,
    /// Until the port may send its next configuration.
    pub hold_timer: Centiseconds,
    /// A configuration waits for the hold timer.
    pub config_pending: bool,
    /// The next configuration acknowledges a topology change.
    pub topology_change_ack: bool,
    /// Frames may leave by the port they came in.
    pub hairpin: bool,
}

/// What a port does with frames (IEEE 802.1D-1998, 8.4); the words are brctl's.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum PortState {
    /// Nothing.
    #[default]
    Disabled,
    /// Takes part in the protocol only.
    Listening,
    /// Learns addresses, too.
    Learning,
    /// Forwards.
    Forwarding,
    /// Kept out by the protocol.
    Blocking,
    /// A number that Linux gave no name when this was written.
    Other(u8),
}

/// One entry of a bridge's forwarding table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Entry {
    /// The address.
    pub address: Mac,
    /// The interface it is behind: a port, or the bridge itself.
    pub index: u32,
    /// The address is one of the bridge's own.
    pub local: bool,
    /// The entry was set by hand and never grows old; local ones don't either.
    pub fixed: bool,
    /// Another program looks after the entry (NTF_EXT_LEARNED), so it is not forgotten either.
    pub external: bool,
    /// For how long nothing came from the address.
    pub age: Centiseconds,
}

/// A bridge's identifier.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct BridgeId {
    /// The lower wins the election.
    pub priority: u16,
    /// Decides among equals.
    pub address: Mac,
}

/// A hardware address.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Mac(pub [u8; 6]);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Display for BridgeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}.", self.priority)?;
        self.address.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Display for PortState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disabled => f.pad("disabled"),
            Self::Listening => f.pad("listening"),
            Self::Learning => f.pad("learning"),
            Self::Forwarding => f.pad("forwarding"),
            Self::Blocking => f.pad("blocking"),
            Self::Other(number) => f.pad(&number.to_string()),
        }
    }
}
