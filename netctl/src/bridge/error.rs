//! How a bridge verb fails. The wording is brctl's where brctl has one, for scripts that look for it.

use super::kernel::KernelError;
use crate::error::{Exit, Explain};

/// Why a verb was not done.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says it")]
pub enum BridgeError {
    #[error("bridge {0} does not exist!")]
    NoBridge(String),
    #[error("interface {0} does not exist!")]
    NoInterface(String),
    #[error("device {0} is not a bridge!")]
    NotABridge(String),
    #[error("bridge {0} doesn't exist; can't delete it")]
    NothingToDelete(String),
    #[error("bridge {0} is still up; can't delete it")]
    StillUp(String),
    #[error("device {0} already exists; can't create bridge with the same name")]
    Exists(String),
    #[error("device {port} is already a member of a bridge; can't add it to bridge {bridge}.")]
    BridgeMember { port: String, bridge: String, master: String },
    #[error("device {port} is already enslaved to {master}; can't add it to bridge {bridge}.")]
    Enslaved { port: String, bridge: String, master: String },
    #[error("device {0} is a bridge device itself; can't add a bridge device to a bridge device.")]
    BridgeInBridge(String),
    #[error("device {port} is not a port of {bridge}")]
    NotAPort { port: String, bridge: String },
    #[error("{what} failed")]
    Refused {
        /// For instance "set forward delay".
        what: &'static str,
        /// What the values may be, where the kernel has bounds.
        bounds: Option<&'static str>,
        source: KernelError,
    },
    #[error("{what}")]
    Cannot {
        /// For instance "can't add v0 to bridge br0".
        what: String,
        source: KernelError,
    },
    #[error("can't read the bridges")]
    Unreadable(#[source] KernelError),
}

/// What a missing capability is mended with.
const CAPABILITY: &str = "CAP_NET_ADMIN is missing in the user namespace that owns this network namespace; run \
    it as root (sudo netctl ...), or in a container with --cap-add NET_ADMIN";

impl BridgeError {
    fn kernel(&self) -> Option<&KernelError> {
        match self {
            Self::Refused { source, .. } | Self::Cannot { source, .. } | Self::Unreadable(source) => {
                Some(source)
            }
            _ => None,
        }
    }
}

impl Explain for BridgeError {
    fn next_step(&self) -> Option<String> {
        if self.kernel().is_some_and(KernelError::denied) {
            return Some(CAPABILITY.to_owned());
        }
        match self {
            Self::NoBridge(_) | Self::NothingToDelete(_) | Self::NotABridge(_) => {
                Some("netctl bridge show lists the bridges of this network namespace".to_owned())
            }
            Self::NoInterface(_) => Some("ip link lists the interfaces of this network namespace".to_owned()),
            Self::StillUp(bridge) => Some(format!("ip link set {bridge} down")),
            Self::Exists(_) => {
                Some("choose another name, or use what is there: netctl bridge show".to_owned())
            }
            Self::BridgeMember { port, master, .. } => Some(format!("netctl bridge delif {master} {port}")),
            Self::Enslaved { port, .. } => Some(format!("ip link set {port} nomaster")),
            Self::BridgeInBridge(_) => Some("join two bridges by a veth pair, one end in each".to_owned()),
            Self::NotAPort { bridge, .. } => Some(format!("netctl bridge show {bridge} lists its ports")),
            Self::Refused { bounds, .. } => bounds.map(|bounds| format!("give {bounds}")),
            Self::Cannot { .. } => Some("the kernel's reason may be in: dmesg | tail".to_owned()),
            Self::Unreadable(_) => Some("netctl doctor says whether this kernel has bridges".to_owned()),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::NoBridge(_) | Self::NoInterface(_) | Self::NothingToDelete(_) => Exit::Missing,
            _ if self.kernel().is_some_and(KernelError::denied) => Exit::Denied,
            _ => Exit::Failed,
        }
    }
}
