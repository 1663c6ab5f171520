//! What `run` was asked for, parsed: the mode, the ports, the container's own settings.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

use super::ports::{Ports, Protocol};
use super::settings::{self, Settings};
use crate::bridge::InterfaceName;
use crate::docker::{Restart, Ulimit};

/// A switch that is to run.
#[derive(Clone, Debug)]
pub struct Order {
    /// The container's name.
    pub name: String,
    /// The network it is on.
    pub mode: Mode,
    /// Ports of the switch.
    pub ports: Vec<Ports>,
    /// The host's addresses that are listened at or published, once a family.
    pub host_ips: Vec<IpAddr>,
    /// What SIP and SDP tell.
    pub advertise: Option<IpAddr>,
    /// Who may reach a published port.
    pub from: Vec<IpNet>,
    /// The bridge a furnished namespace is joined to.
    pub bridge: Option<InterfaceName>,
    /// The container's own addresses.
    pub addresses: Vec<Address>,
    /// Its ways out, once a family.
    pub gateways: Vec<IpAddr>,
    /// NAME=VALUE.
    pub environment: Vec<String>,
    /// Mounts.
    pub volumes: Vec<String>,
    /// When it is started again.
    pub restart: Restart,
    /// Limits of its processes.
    pub ulimits: Vec<Ulimit>,
    /// CPUs it may use.
    pub cpus: Option<String>,
    /// Options of the log driver.
    pub log_options: HashMap<String, String>,
    /// Labels of the container, besides netctl's own.
    pub labels: BTreeMap<String, String>,
    /// The image.
    pub image: String,
    /// Arguments of the image's entry point.
    pub arguments: Vec<String>,
}

/// What a container's name is made of.
pub(crate) const CONTAINER_NAMES: &str =
    "take two or more letters, digits, '_', '.' and '-', the first a letter or a digit";

/// Docker's rule.
pub(crate) fn is_container_name(name: &str) -> bool {
    let mut letters = name.chars();
    name.len() > 1
        && letters.next().is_some_and(|c| c.is_ascii_alphanumeric())
        && letters.all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

/// Docker's words for the host's own stack and for an empty namespace: of `--net`, and of a container's network mode.
pub(super) const HOST: &str = "host";
pub(super) const NONE: &str = "none";

/// How a container is connected, in the words of `docker run --net`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Mode {
    /// The host's own stack.
    Host,
    /// Another container's namespace.
    Container(String),
    /// An empty namespace, furnished by netctl.
    None,
    /// netctl's own network.
    Bridge,
    /// A network that is there.
    Network(String),
}

/// Why a text is no mode.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("give host, none, bridge, container:NAME or a network's name")]
pub struct ModeError;

impl FromStr for Mode {
    type Err = ModeError;

    fn from_str(text: &str) -> Result<Self, ModeError> {
        match (text, text.strip_prefix("container:")) {
            ("" | "container:", _) => Err(ModeError),
            (_, Some(name)) => Ok(Self::Container(name.to_owned())),
            (HOST, _) => Ok(Self::Host),
            (NONE, _) => Ok(Self::None),
            ("bridge", _) => Ok(Self::Bridge),
            (name, _) => Ok(Self::Network(name.to_owned())),
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => f.write_str(HOST),
            Self::Container(name) => write!(f, "container:{name}"),
            Self::None => f.write_str(NONE),
            Self::Bridge => f.write_str("bridge"),
            Self::Network(name) => f.write_str(name),
        }
    }
}

/// An address, and how much of it is the subnet's where that was said.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// Bits of the subnet.
    pub prefix: Option<u8>,
}

impl FromStr for Address {
    type Err = ipnet::AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(ip) => Ok(Self { ip, prefix: None }),
            Err(_) => {
                text.parse::<IpNet>().map(|net| Self { ip: net.addr(), prefix: Some(net.prefix_len()) })
            }
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prefix {
            Some(prefix) => write!(f, "{}/{prefix}", self.ip),
            None => write!(f, "{}", self.ip),
        }
    }
}

/// Why `-p` does not say what the switch shall listen on.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "each message says it")]
pub enum MeaningError {
    #[error("-p {0} and -p {1} cannot both be the media range")]
    TwoRanges(Ports, Ports),
    #[error("-p {0} means nothing to a switch: TCP carries SIP, on one port")]
    TcpRange(Ports),
}

impl Order {
    /// What the switch's environment gets: what `-p`, `--host-ip` and `--advertise` mean, and then what was given with
    /// `-e`, which wins.
    ///
    /// A UDP range is the media range; single ports are SIP's, but for the one that HTTP is told to have.
    ///
    /// # Errors
    /// Where the ports have no such meaning.
    pub fn variables(&self, listen_at: &[IpAddr], advertise: &[IpAddr]) -> Result<Vec<String>, MeaningError> {
        let given = settings::environment(&self.environment);
        let mut variables = BTreeMap::new();
        let (mut media, mut sip) = (None::<Ports>, Vec::new());
        for ports in &self.ports {
            match (ports.first == ports.last, ports.protocol) {
                (true, Protocol::Tcp) if Some(ports.first) == http(&given) => {}
                (true, protocol) => {
                    let places: Vec<String> = match listen_at {
                        [] => vec!["*".to_owned()],
                        addresses => addresses.iter().map(bracketed).collect(),
                    };
                    sip.extend(places.iter().map(|place| format!("{protocol}:{place}:{}", ports.first)));
                }
                (false, Protocol::Tcp) => return Err(MeaningError::TcpRange(*ports)),
                (false, Protocol::Udp) => {
                    if let Some(other) = media.replace(*ports) {
                        return Err(MeaningError::TwoRanges(other, *ports));
                    }
                }
            }
        }
        if sip.is_empty() && !listen_at.is_empty() {
            let places = listen_at.iter().map(bracketed);
            sip.extend(places.flat_map(|place| [format!("udp:{place}:5060"), format!("tcp:{place}:5060")]));
        }
        variables.extend(media.map(|ports| (settings::MEDIA, format!("{}-{}", ports.first, ports.last))));
        if !sip.is_empty() {
            variables.insert(settings::SIP, sip.join(","));
        }
        variables.extend(told(advertise).map(|text| (settings::ADVERTISE, text)));
        variables.retain(|name, _| !given.contains_key(*name));
        let ours = variables.into_iter().map(|(name, value)| format!("{name}={value}"));
        Ok(ours.chain(self.environment.iter().cloned()).collect())
    }
}

/// One address for everybody, or each family its own.
fn told(advertise: &[IpAddr]) -> Option<String> {
    let own = |address: &IpAddr| match address {
        IpAddr::V4(address) => format!("0.0.0.0/0={address}"),
        IpAddr::V6(address) => format!("::/0={address}"),
    };
    match advertise {
        [] => None,
        [one] => Some(one.to_string()),
        several => Some(several.iter().map(own).collect::<Vec<_>>().join(",")),
    }
}

fn http(given: &BTreeMap<String, String>) -> Option<u16> {
    let http: std::net::SocketAddr = given.get(settings::HTTP)?.parse().ok()?;
    Some(http.port())
}

fn bracketed(address: &IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

/// What the switch makes of these variables.
pub(super) fn settings(variables: &[String]) -> Result<Settings, settings::SettingsError> {
    Settings::read(&settings::environment(variables))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(ports: &[&str], environment: &[&str]) -> Order {
        Order {
            ports: ports.iter().map(|text| text.parse().unwrap()).collect(),
            environment: environment.iter().map(|text| (*text).to_owned()).collect(),
            ..crate::network::fake::order("host")
        }
    }

    #[test]
    fn ports_become_variables_and_the_users_own_win() {
        let typed = ["16384-32767/udp", "5060/udp", "5060/tcp"];
        assert_eq!(
            order(&typed, &["A=b"]).variables(&[], &[]).unwrap(),
            ["SWITCH__RTP__PORTS=16384-32767", "SWITCH__SIP__LISTEN=udp:*:5060,tcp:*:5060", "A=b"]
        );
        let own = "SWITCH__SIP__LISTEN=udp:127.0.0.1:5070";
        assert_eq!(
            order(&typed, &[own]).variables(&[], &["192.0.2.1".parse().unwrap()]).unwrap(),
            ["SWITCH__RTP__PORTS=16384-32767", "SWITCH__SIP__ADVERTISE=192.0.2.1", own]
        );
        let at = ["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()];
        assert_eq!(
            order(&["5060/udp"], &[]).variables(&at, &[]).unwrap(),
            ["SWITCH__SIP__LISTEN=udp:192.0.2.1:5060,udp:[2001:db8::1]:5060"]
        );
        let told = order(&[], &[]).variables(&[], &at).unwrap();
        assert_eq!(told, ["SWITCH__SIP__ADVERTISE=0.0.0.0/0=192.0.2.1,::/0=2001:db8::1"]);
        let http = "SWITCH__HTTP__LISTEN=0.0.0.0:9000";
        assert_eq!(order(&["9000/tcp"], &[http]).variables(&[], &[]).unwrap(), [http]);
        assert!(order(&["1-2/udp", "3-4/udp"], &[]).variables(&[], &[]).is_err());
        assert!(order(&["1-2/tcp"], &[]).variables(&[], &[]).is_err());
    }

    #[test]
    fn modes_as_docker_names_them() {
        for text in ["host", "none", "bridge", "container:other", "voice"] {
            assert_eq!(text.parse::<Mode>().unwrap().to_string(), text);
        }
        assert_eq!("container:".parse::<Mode>(), Err(ModeError));
        assert_eq!("voice".parse::<Mode>(), Ok(Mode::Network("voice".to_owned())));
    }
}
