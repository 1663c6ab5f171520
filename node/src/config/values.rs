//! What a key's text means: listeners, port ranges, counts, secrets, patterns. Parsed once, here.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU16;
use std::str::FromStr;

use regex::Regex;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// Gives a type with `FromStr` and `Display` its form in a file, in the environment and in the reference.
macro_rules! text_form {
    ($type:ty, $form:literal) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "format": $form })
            }
        }
    };
}
pub(crate) use text_form;

/// The transport of a listener.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Transport {
    /// SIP over UDP (RFC 3261 §18).
    Udp,
    /// SIP over TCP.
    Tcp,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        })
    }
}

/// Where SIP is listened for: `udp:ADDRESS:PORT`; the address `*` is every address, IPv4 and IPv6.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Listen {
    /// UDP or TCP.
    pub transport: Transport,
    /// None is every address of both families.
    pub address: Option<IpAddr>,
    /// 0 lets the kernel choose.
    pub port: u16,
}

text_form!(Listen, "listener");

impl Listen {
    /// The sockets to bind. Of `*`, both families; a host without IPv6 can do without the second.
    pub fn sockets(&self) -> Vec<SocketAddr> {
        match self.address {
            Some(address) => vec![SocketAddr::new(address, self.port)],
            None => [IpAddr::from(Ipv4Addr::UNSPECIFIED), IpAddr::from(Ipv6Addr::UNSPECIFIED)]
                .map(|address| SocketAddr::new(address, self.port))
                .to_vec(),
        }
    }

    /// Whether both would bind the same port of the same address. An unchosen port clashes with nothing.
    pub fn clashes(&self, other: &Self) -> bool {
        let covers = |a: Option<IpAddr>, b: Option<IpAddr>| match (a, b) {
            (None, _) => true,
            (Some(a), Some(b)) => a == b || (a.is_unspecified() && a.is_ipv4() == b.is_ipv4()),
            (Some(_), None) => false,
        };
        self.transport == other.transport
            && self.port == other.port
            && self.port != 0
            && (covers(self.address, other.address) || covers(other.address, self.address))
    }
}

/// A text that names no listener.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error(
    "\"{0}\" is no listener: write udp:ADDRESS:PORT or tcp:ADDRESS:PORT, [..] around IPv6, * for every address"
)]
pub struct ListenError(String);

impl FromStr for Listen {
    type Err = ListenError;

    fn from_str(text: &str) -> Result<Self, ListenError> {
        let parse = || {
            let (transport, rest) = text.trim().split_once(':')?;
            let transport = match transport {
                "udp" => Transport::Udp,
                "tcp" => Transport::Tcp,
                _ => return None,
            };
            if let Some(port) = rest.strip_prefix("*:") {
                return Some(Self { transport, address: None, port: port.parse().ok()? });
            }
            let address: SocketAddr = rest.parse().ok()?;
            Some(Self { transport, address: Some(address.ip()), port: address.port() })
        };
        parse().ok_or_else(|| ListenError(text.to_owned()))
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            Some(address) => write!(f, "{}:{}", self.transport, SocketAddr::new(address, self.port)),
            None => write!(f, "{}:*:{}", self.transport, self.port),
        }
    }
}

/// The ports media may use, both ends included. RTP takes an even one, its RTCP the odd one after it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PortRange {
    first: NonZeroU16,
    last: NonZeroU16,
}

text_form!(PortRange, "port range");

impl PortRange {
    /// FreeSWITCH's range.
    pub const DEFAULT: Self = Self {
        first: NonZeroU16::new(16384).expect("not zero"),
        last: NonZeroU16::new(32767).expect("not zero"),
    };

    /// The first port.
    pub fn first(self) -> u16 {
        self.first.get()
    }

    /// The last port.
    pub fn last(self) -> u16 {
        self.last.get()
    }

    /// Pairs of an even port and the odd one after it: streams that can be open at once on one address.
    pub fn pairs(self) -> u32 {
        let first_even = u32::from(self.first()).next_multiple_of(2);
        (u32::from(self.last()) + 1).saturating_sub(first_even) / 2
    }

    /// Whether `port` is one of them.
    pub fn contains(self, port: u16) -> bool {
        (self.first()..=self.last()).contains(&port)
    }
}

/// Why a text is no usable range.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum PortRangeError {
    /// Not two port numbers with a dash.
    #[error("\"{0}\" is no port range: write FIRST-LAST, both from 1 to 65535, for instance \"16384-32767\"")]
    Form(String),
    /// The wrong way round.
    #[error("port range \"{0}\" ends before it begins")]
    Backwards(String),
    /// No even port with the odd one after it.
    #[error("port range \"{0}\" holds no even port followed by an odd one, so not one stream fits")]
    NoPair(String),
}

impl FromStr for PortRange {
    type Err = PortRangeError;

    fn from_str(text: &str) -> Result<Self, PortRangeError> {
        let form = || PortRangeError::Form(text.to_owned());
        let (first, last) = text.trim().split_once('-').ok_or_else(form)?;
        let port = |port: &str| port.trim().parse::<NonZeroU16>().map_err(|_| form());
        let range = Self { first: port(first)?, last: port(last)? };
        if range.first > range.last {
            return Err(PortRangeError::Backwards(text.to_owned()));
        }
        if range.pairs() == 0 {
            return Err(PortRangeError::NoPair(text.to_owned()));
        }
        Ok(range)
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

/// How many media workers run: a number, or `auto` for one a core.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Workers {
    /// One a core this process may run on.
    Auto,
    /// This many, 1 to [`Workers::MOST`].
    Count(u16),
}

impl Workers {
    /// More than any machine has use for.
    pub const MOST: u16 = 256;

    /// The number to start.
    pub fn count(self) -> usize {
        match self {
            Self::Auto => std::thread::available_parallelism().map_or(1, usize::from),
            Self::Count(count) => usize::from(count),
        }
    }
}

/// A count of workers that cannot be.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("\"{0}\" is no count of workers: write \"auto\" or a number from 1 to {most}", most = Workers::MOST)]
pub struct WorkersError(String);

impl FromStr for Workers {
    type Err = WorkersError;

    fn from_str(text: &str) -> Result<Self, WorkersError> {
        match text.trim() {
            "auto" => Ok(Self::Auto),
            number => match number.parse() {
                Ok(count @ 1..=Self::MOST) => Ok(Self::Count(count)),
                _ => Err(WorkersError(text.to_owned())),
            },
        }
    }
}

impl Serialize for Workers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Count(count) => serializer.serialize_u16(*count),
        }
    }
}

impl<'de> Deserialize<'de> for Workers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrNumber;
        impl Visitor<'_> for TextOrNumber {
            type Value = Workers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"auto\" or a number")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Workers, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Workers, E> {
                self.visit_str(&number.to_string())
            }
        }
        deserializer.deserialize_any(TextOrNumber)
    }
}

impl JsonSchema for Workers {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Workers".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "integer"], "format": "\"auto\" or number" })
    }
}

/// A regular expression, compiled.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

text_form!(Pattern, "regular expression");

impl Pattern {
    /// The compiled expression.
    pub fn regex(&self) -> &Regex {
        &self.0
    }
}

impl FromStr for Pattern {
    type Err = regex::Error;

    fn from_str(text: &str) -> Result<Self, regex::Error> {
        // 256 KiB compiled: far beyond any dial plan, far below what hurts.
        regex::RegexBuilder::new(text).size_limit(256 * 1024).build().map(Self)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners() {
        for text in ["udp:127.0.0.1:5080", "tcp:[::1]:5060", "udp:*:5060", "udp:0.0.0.0:0"] {
            assert_eq!(text.parse::<Listen>().unwrap().to_string(), text);
        }
        for text in ["127.0.0.1:5060", "tls:127.0.0.1:5061", "udp:5060", "udp:::1:5060", "udp:*:70000", ""] {
            assert!(text.parse::<Listen>().is_err(), "{text}");
        }
        assert_eq!("udp:*:5060".parse::<Listen>().unwrap().sockets().len(), 2);
    }

    #[test]
    fn listeners_clash_where_one_covers_the_other() {
        let clash = |a: &str, b: &str| {
            let (a, b): (Listen, Listen) = (a.parse().unwrap(), b.parse().unwrap());
            assert_eq!(a.clashes(&b), b.clashes(&a));
            a.clashes(&b)
        };
        assert!(clash("udp:127.0.0.1:5060", "udp:127.0.0.1:5060"));
        assert!(clash("udp:*:5060", "udp:127.0.0.1:5060"));
        assert!(clash("udp:0.0.0.0:5060", "udp:127.0.0.1:5060"));
        assert!(!clash("udp:0.0.0.0:5060", "udp:[::1]:5060"));
        assert!(!clash("udp:127.0.0.1:5060", "tcp:127.0.0.1:5060"));
        assert!(!clash("udp:127.0.0.1:5060", "udp:127.0.0.1:5061"));
        assert!(!clash("udp:127.0.0.1:0", "udp:127.0.0.1:0"));
    }

    #[test]
    fn port_ranges() {
        let pairs = |text: &str| text.parse::<PortRange>().unwrap().pairs();
        assert_eq!(pairs("16384-32767"), 8192);
        assert_eq!(PortRange::DEFAULT.pairs(), 8192);
        assert_eq!(pairs("10000-10001"), 1);
        assert_eq!(pairs("10001-10004"), 1);
        assert_eq!(pairs("1-65535"), 32767);
        let error = |text: &str| text.parse::<PortRange>().unwrap_err();
        assert_eq!(error("2-1"), PortRangeError::Backwards("2-1".into()));
        assert_eq!(error("10001-10002"), PortRangeError::NoPair("10001-10002".into()));
        assert_eq!(error("4000-4000"), PortRangeError::NoPair("4000-4000".into()));
        for text in ["", "1", "0-10", "1-65536", "a-b", "-"] {
            assert_eq!(error(text), PortRangeError::Form(text.into()));
        }
    }

    #[test]
    fn a_pattern_that_would_eat_the_memory_is_refused() {
        assert!("(a{1000}){1000}".parse::<Pattern>().is_err());
        assert!("^2(\\d{3})$".parse::<Pattern>().is_ok());
    }
}
