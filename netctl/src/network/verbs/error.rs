//! How a network verb fails.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::docker::DockerError;
use crate::error::{Exit, Explain};

/// Why a verb was not done.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says it")]
pub enum NetworkError {
    #[error(transparent)]
    Docker(#[from] DockerError),
    #[error("no such network: {0}")]
    NoSuchNetwork(String),
    #[error("there is a network {0} already")]
    Exists(String),
    #[error("the network {0} is Docker's own and stays")]
    BuiltIn(String),
    #[error("the network {network} is in use by {}", containers.join(", "))]
    InUse { network: String, containers: Vec<String> },
    #[error("the gateway {0} is in none of the subnets given")]
    GatewayOutside(IpAddr),
    #[error("the range {0} is in none of the subnets given")]
    RangeOutside(IpNet),
    #[error("the subnet {subnet} has two {what}s")]
    Twice { subnet: IpNet, what: &'static str },
    #[error("the subnet {0} is IPv6, and --ipv6 is not given")]
    NoIpv6(IpNet),
    #[error("the subnet {subnet} overlaps with {other} of the network {network}")]
    Overlap { subnet: IpNet, other: IpNet, network: String },
}

impl Explain for NetworkError {
    fn next_step(&self) -> Option<String> {
        match self {
            Self::Docker(error) => error.next_step(),
            Self::NoSuchNetwork(_) => Some("netctl network ls shows what there is".to_owned()),
            Self::Exists(name) => {
                Some(format!("choose another name, or look at what is there: netctl network inspect {name}"))
            }
            Self::BuiltIn(_) => Some("only networks that somebody made can be removed".to_owned()),
            Self::InUse { containers, .. } => {
                Some(format!("take the containers away first: netctl rm {}", containers.join(" ")))
            }
            Self::GatewayOutside(_) | Self::RangeOutside(_) => {
                Some("give the subnet that holds it, too: --subnet".to_owned())
            }
            Self::NoIpv6(_) => Some("add --ipv6".to_owned()),
            Self::Overlap { .. } => {
                Some("choose another subnet; netctl network ls shows those in use".to_owned())
            }
            Self::Twice { .. } => Some("leave one of them out".to_owned()),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Docker(error) => error.exit(),
            Self::NoSuchNetwork(_) => Exit::Missing,
            Self::GatewayOutside(_) | Self::RangeOutside(_) | Self::Twice { .. } | Self::NoIpv6(_) => {
                Exit::Usage
            }
            Self::Exists(_) | Self::BuiltIn(_) | Self::InUse { .. } | Self::Overlap { .. } => Exit::Failed,
        }
    }
}
