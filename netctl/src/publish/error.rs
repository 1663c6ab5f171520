//! How publishing fails.

use std::net::IpAddr;
use std::path::PathBuf;

use super::foreign::Obstacle;
use super::request::MOST_RANGES;
use crate::docker::DockerError;
use crate::error::{Exit, Explain};
use crate::firewall::{Family, FirewallError};

/// Why a verb was not done.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says it")]
pub enum PublishError {
    #[error(transparent)]
    Docker(#[from] DockerError),
    #[error("the Docker daemon is on another machine, or in another network namespace: {0}")]
    Elsewhere(String),
    #[error("the Docker daemon runs rootless: its containers are behind a network of its own")]
    Rootless,
    #[error("container {0} does not run")]
    Stopped(String),
    #[error("container {0} shares the host's network: all its ports are the host's already")]
    HostNetwork(String),
    #[error("container {name} shares the network of {owner}")]
    Shared { name: String, owner: String },
    #[error("container {0} is in no bridge network")]
    NoBridge(String),
    #[error("the name {0} is too long for the name of a table")]
    Name(String),
    #[error("no port is given")]
    NoPorts,
    #[error("{0} is not an address of this host")]
    NotOwn(IpAddr),
    #[error("the ports are in {0} pieces, and at most {MOST_RANGES} can be published")]
    Scattered(usize),
    #[error("{0} is the host's own loopback address, which nobody else reaches and no answer leaves by")]
    Loopback(IpAddr),
    #[error("{0} is not an address of this host any more; what is published there waits until it is back")]
    Lost(IpAddr),
    #[error("container {name} has no {} address, so {address} cannot be published", family(.address))]
    NoSuchFamily { name: String, address: IpAddr },
    #[error("this host has no default route, so there is no address to choose")]
    NoAddress,
    #[error("only one address of a family can be stateless, and {0} would be the second")]
    SecondAddress(IpAddr),
    #[error("port {ports} of {address} is published for container {other}")]
    Taken { ports: String, address: IpAddr, other: String },
    #[error("{0}")]
    Blocked(Obstacle),
    #[error(
        "Docker uses the old iptables (iptables-legacy), and its chain DOCKER-USER cannot be reached over nftables"
    )]
    Legacy,
    #[error("nothing is published for {0}")]
    Nothing(String),
    #[error("cannot {what}")]
    Firewall {
        /// For instance "change the host's rules".
        what: &'static str,
        #[source]
        source: FirewallError,
    },
    #[error("cannot {what} {}", .path.display())]
    Journal {
        /// For instance "write".
        what: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("it failed ({failed}), and taking it back failed, too")]
    NotTakenBack {
        failed: Box<PublishError>,
        #[source]
        source: Box<PublishError>,
    },
}

impl PublishError {
    /// Whether it may be that the container has ended meanwhile.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self, Self::Stopped(_) | Self::Elsewhere(_) | Self::Firewall { what: INSIDE, .. })
    }
}

/// What is not done with a record that is damaged.
pub(super) const UNDERSTAND: &str = "understand";

/// What is to be done where the container's own rules are.
pub(super) const INSIDE: &str = "change the rules in the container's namespace";

/// The error of the rules, with what was to be done.
pub(super) fn cannot(what: &'static str) -> impl FnOnce(FirewallError) -> PublishError {
    move |source| PublishError::Firewall { what, source }
}

fn family(address: &IpAddr) -> &'static str {
    Family::of(*address).word()
}

impl Explain for PublishError {
    fn next_step(&self) -> Option<String> {
        let step = match self {
            Self::Docker(error) => return error.next_step(),
            Self::Elsewhere(_) => "run netctl on the daemon's own machine, as root, with --host unix://PATH",
            Self::Rootless => {
                "start the container under a daemon that runs as root, or with --network host there, or let \
                 rootlesskit pass the ports on: docker run -p"
            }
            Self::Stopped(name) => return Some(format!("docker start {name}")),
            Self::HostNetwork(_) => {
                "nothing is left to do; limit who reaches them with the host's own firewall"
            }
            Self::Shared { owner, .. } => return Some(format!("netctl port publish {owner} ...")),
            Self::NoBridge(name) => {
                return Some(format!("docker network connect NETWORK {name}, a network of driver bridge"));
            }
            Self::Name(_) => "docker rename it to something of at most 200 bytes",
            Self::NoPorts => "name some: 16384-32767/udp 5060/udp 5060/tcp",
            Self::Scattered(_) => "give ranges that hold more of them: 16384-32767/udp",
            Self::Loopback(_) => {
                "leave --host-ip out, or give an address that others reach: ip addr lists them"
            }
            Self::NotOwn(_) => "ip addr lists this host's addresses",
            Self::Lost(address) => {
                let length = if address.is_ipv4() { 24 } else { 64 };
                return Some(format!(
                    "give it back (ip addr add {address}/{length} dev INTERFACE), or publish at another one (--host-ip)"
                ));
            }
            Self::NoSuchFamily { .. } => {
                "leave it out of --host-ip, or give the container's network such addresses (docker network create --ipv6)"
            }
            Self::NoAddress => "say which: --host-ip ADDRESS",
            Self::SecondAddress(_) => {
                "leave it out, or let further addresses go through connection tracking: --via auto"
            }
            Self::Taken { other, .. } => {
                return Some(format!("netctl port unpublish {other}, or choose other ports"));
            }
            Self::Blocked(obstacle) => return Some(obstacle.mend()),
            Self::Legacy => {
                "update-alternatives --set iptables /usr/sbin/iptables-nft, and start Docker again"
            }
            Self::Nothing(_) => "netctl port ls shows what is",
            Self::Firewall { source, .. } if source.denied() => {
                "CAP_NET_ADMIN is missing in the user namespace that owns this network namespace; run it as root"
            }
            Self::Firewall { .. } => {
                "the kernel needs nftables with nft_socket, nft_ct, nft_nat and nft_masq (Linux 5.10 or newer): modprobe them"
            }
            Self::Journal { what: UNDERSTAND, path, .. } => {
                let name = path.file_stem().map_or_else(|| "NAME".into(), |name| name.to_string_lossy());
                return Some(format!(
                    "rm {}, then netctl port publish {name} again, or netctl rm {name}",
                    path.display()
                ));
            }
            Self::Journal { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => {
                "run it as root (sudo netctl ...), as publishing needs it anyway"
            }
            Self::Journal { .. } => "say where the state may be kept: --state-dir DIRECTORY",
            Self::NotTakenBack { .. } => "netctl port unpublish NAME takes back what is left",
        };
        Some(step.to_owned())
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Docker(error) => error.exit(),
            Self::Nothing(_) => Exit::Missing,
            Self::Firewall { source, .. } if source.denied() => Exit::Denied,
            Self::Journal { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => {
                Exit::Denied
            }
            Self::NotTakenBack { failed, .. } => failed.exit(),
            _ => Exit::Failed,
        }
    }
}
