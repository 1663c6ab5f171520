//! What is asked for, and what it comes to: who publishes, and by which addresses.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::firewall::{Family, PortRange, Transport};

/// What is asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Request {
    /// The container's name or id.
    pub container: String,
    /// Which ports; at least one.
    pub ports: Vec<Ports>,
    /// The host's addresses; none for the one that faces the default route.
    pub host: Vec<IpAddr>,
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

/// A range of ports of one protocol: `16384-32767/udp`. The port inside is the port outside.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Ports {
    /// Of which protocol.
    pub transport: Transport,
    /// Which.
    pub range: PortRange,
}

impl FromStr for Ports {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (range, transport) = match text.rsplit_once('/') {
            Some((range, "udp")) => (range, Transport::Udp),
            Some((range, "tcp")) => (range, Transport::Tcp),
            Some((_, other)) => return Err(format!("'{other}' is neither udp nor tcp")),
            None => return Err(format!("write {text}/udp or {text}/tcp")),
        };
        if range.contains(':') {
            return Err("the port inside is the port outside; write it once".to_owned());
        }
        Ok(Self { transport, range: range.parse().map_err(str::to_owned)? })
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.range, if self.transport == Transport::Udp { "udp" } else { "tcp" })
    }
}

impl TryFrom<String> for Ports {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl Serialize for Ports {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Ports {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
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
    /// Its addresses, one of a family.
    pub paths: Vec<Path>,
}

impl Publication {
    /// The ports of one protocol.
    pub fn ranges(&self, transport: Transport) -> Vec<PortRange> {
        self.ports.iter().filter(|ports| ports.transport == transport).map(|ports| ports.range).collect()
    }

    /// The same ports, sorted and joined.
    pub fn joined(ports: &[Ports]) -> Vec<Ports> {
        let of = |transport| {
            let ranges = ports.iter().filter(|ports| ports.transport == transport).map(|ports| ports.range);
            PortRange::join(ranges.collect()).into_iter().map(move |range| Ports { transport, range })
        };
        of(Transport::Udp).chain(of(Transport::Tcp)).collect()
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
    fn ports_are_read() {
        for text in ["16384-32767/udp", "5060/udp", "5060/tcp", "1-65535/udp"] {
            assert_eq!(text.parse::<Ports>().unwrap().to_string(), text);
        }
        for (text, why) in [
            ("5060", "write 5060/udp or 5060/tcp"),
            ("5060/sctp", "neither udp nor tcp"),
            ("0/udp", "1 to 65535"),
            ("65536/udp", "1 to 65535"),
            ("20-10/udp", "above the last"),
            ("5060:5060/udp", "write it once"),
            ("/udp", "1 to 65535"),
        ] {
            let said = text.parse::<Ports>().unwrap_err();
            assert!(said.contains(why), "{text}: {said}");
        }
    }

    #[test]
    fn ports_are_joined() {
        let ports = ["30-40/udp", "5060/tcp", "10-20/udp", "21-29/udp", "35-36/udp"]
            .map(|text| text.parse().unwrap());
        let joined: Vec<String> = Publication::joined(&ports).iter().map(ToString::to_string).collect();
        assert_eq!(joined, ["10-40/udp", "5060/tcp"]);
    }
}
