//! What is asked for, and what it comes to: who publishes, and by which addresses.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::firewall::{Family, PortRange};
use crate::ports::{Ports, Protocol};

/// In how many pieces ports may be: a change of the rules is one message, and the kernel takes no larger ones than a
/// socket's buffer.
pub(super) const MOST_RANGES: usize = 256;

/// What is asked for, by the flags of a verb, by labels or by a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Request {
    /// The container's name or id.
    pub container: String,
    /// The same outside and inside; at least one.
    pub ports: Vec<Ports>,
    /// The host's addresses; none for the ones that face the default routes.
    pub host_ips: Vec<IpAddr>,
    /// Who may reach them; none for everybody.
    pub from: Vec<IpNet>,
    /// By which road.
    pub via: Via,
}

/// By which road packets go.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    /// Stateless where that works, else by connection tracking
    #[default]
    Auto,
    /// UDP without connection tracking, or not at all; TCP always goes through it
    Stateless,
    /// Everything through connection tracking, as Docker does
    Conntrack,
}

/// What a request comes to: all that the rules say.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Publication {
    /// The container's name.
    pub name: String,
    /// The container's id.
    pub container: String,
    /// The bridge it is behind.
    pub bridge: String,
    /// Which ports; of each protocol sorted, and none twice.
    pub ports: Vec<Ports>,
    /// Who may reach them; none for everybody.
    pub from: Vec<IpNet>,
    /// Whether it follows the address that faces the default route; else its addresses were asked for.
    #[serde(default)]
    pub follows: bool,
    /// Its addresses, one of a family. One of what follows waits while its family has had no default route.
    pub paths: Vec<Path>,
}

impl Publication {
    /// The ports of one protocol.
    pub fn ranges(&self, protocol: Protocol) -> Vec<PortRange> {
        let its = self.ports.iter().filter(|ports| ports.protocol == protocol);
        its.map(|ports| PortRange { first: ports.first, last: ports.last }).collect()
    }

    /// All of the host's addresses.
    pub fn hosts(&self) -> impl Iterator<Item = IpAddr> {
        self.paths.iter().flat_map(Path::hosts)
    }

    /// The paths that packets can take; the others wait.
    pub fn served(&self) -> impl Iterator<Item = &Path> {
        self.paths.iter().filter(|path| path.hosts().next().is_some())
    }

    /// What would come to the same.
    pub fn request(&self) -> Request {
        let by_tracking_alone = self.served().all(|path| path.stateless.is_none());
        Request {
            container: self.name.clone(),
            ports: self.ports.clone(),
            host_ips: if self.follows { Vec::new() } else { self.hosts().collect() },
            from: self.from.clone(),
            via: if by_tracking_alone { Via::Conntrack } else { Via::Auto },
        }
    }
}

/// One family's way to the container.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Path {
    /// The container's address.
    pub container: IpAddr,
    /// The network it is in.
    pub network: IpNet,
    /// The host's address whose UDP is passed on without connection tracking. There can be one only, for answers
    /// carry one source.
    pub stateless: Option<IpAddr>,
    /// The host's addresses whose UDP goes through connection tracking.
    pub tracked: Vec<IpAddr>,
    /// The networks of this host's containers.
    pub peers: Vec<IpNet>,
}

impl Path {
    /// Whose addresses they are.
    pub fn family(&self) -> Family {
        Family::of(self.container)
    }

    /// All of the host's addresses.
    pub fn hosts(&self) -> impl Iterator<Item = IpAddr> {
        self.stateless.into_iter().chain(self.tracked.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_published_again_takes_the_same_road() {
        let host: IpAddr = [192, 0, 2, 1].into();
        let path = |stateless, tracked| Path {
            container: [172, 29, 0, 2].into(),
            network: "172.29.0.0/24".parse().unwrap(),
            stateless,
            tracked,
            peers: Vec::new(),
        };
        let waits = Path {
            container: "fd00:29::2".parse().unwrap(),
            network: "fd00:29::/64".parse().unwrap(),
            ..path(None, Vec::new())
        };
        let publication = |path, follows| Publication {
            name: "switch".to_owned(),
            container: "c0ffee".to_owned(),
            bridge: "br-voice".to_owned(),
            ports: vec!["5060/udp".parse().unwrap()],
            from: Vec::new(),
            follows,
            paths: vec![path, waits.clone()],
        };
        for (path, follows, via, host_ips) in [
            (path(Some(host), Vec::new()), false, Via::Auto, vec![host]),
            (path(None, vec![host]), false, Via::Conntrack, vec![host]),
            (path(Some(host), Vec::new()), true, Via::Auto, Vec::new()),
        ] {
            let request = publication(path, follows).request();
            assert_eq!((request.via, request.host_ips), (via, host_ips));
        }
    }
}
