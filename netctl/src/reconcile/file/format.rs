//! The keys of a file, and the order that they come to.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;

use crate::bridge::InterfaceName;
use crate::docker::{Restart, Ulimit};
use crate::network::{Address, Mode, Order, Ports, mount};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    pub(super) version: Spanned<u64>,
    pub(super) project: Option<String>,
    pub(super) switches: BTreeMap<String, Spanned<RawSwitch>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSwitch {
    image: String,
    network: Text<Mode>,
    #[serde(default)]
    ports: Vec<Text<Ports>>,
    #[serde(default)]
    host_ips: Vec<Text<IpAddr>>,
    advertise: Option<Text<IpAddr>>,
    #[serde(default)]
    from: Vec<Text<IpNet>>,
    bridge: Option<Text<InterfaceName>>,
    #[serde(default)]
    addresses: Vec<Text<Address>>,
    #[serde(default)]
    gateways: Vec<Text<IpAddr>>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    #[serde(default)]
    mounts: Vec<String>,
    restart: Option<Text<Restart>>,
    #[serde(default)]
    limits: RawLimits,
    #[serde(default)]
    log_options: BTreeMap<String, String>,
    #[serde(default)]
    arguments: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLimits {
    #[serde(default)]
    ulimits: BTreeMap<String, Text<Limit>>,
    cpus: Option<String>,
}

impl RawSwitch {
    /// What stands in no environment: Docker would refuse it only when the container is made.
    pub(super) fn wrong_variable(&self) -> Option<String> {
        self.environment.iter().find_map(|(name, value)| match name {
            name if name.is_empty() || name.contains(['=', '\0']) => {
                Some(format!("{name:?} cannot be a variable's name"))
            }
            name => value.contains('\0').then(|| format!("the value of {name} has a NUL in it")),
        })
    }

    pub(super) fn order(self, name: String, directory: &Path) -> Order {
        fn all<T>(list: Vec<Text<T>>) -> Vec<T> {
            list.into_iter().map(|text| text.0).collect()
        }
        Order {
            name,
            mode: self.network.0,
            ports: all(self.ports),
            host_ips: all(self.host_ips),
            advertise: self.advertise.map(|text| text.0),
            from: all(self.from),
            bridge: self.bridge.map(|text| text.0),
            addresses: all(self.addresses),
            gateways: all(self.gateways),
            environment: self
                .environment
                .into_iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect(),
            volumes: self.mounts.into_iter().map(|mount| mount::absolute(&mount, directory)).collect(),
            restart: self.restart.map_or(Restart::No, |text| text.0),
            ulimits: self.limits.ulimits.into_iter().map(|(name, limit)| limit.0.named(name)).collect(),
            cpus: self.limits.cpus,
            log_options: self.log_options.into_iter().collect(),
            labels: BTreeMap::new(),
            image: self.image,
            arguments: self.arguments,
        }
    }
}

/// What stands behind a limit's name: one number, or two with a colon.
struct Limit(Ulimit);

impl FromStr for Limit {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let limit = format!("={text}").parse().map_err(|_| "give SOFT or SOFT:HARD, numbers, -1 for none")?;
        Ok(Self(limit))
    }
}

impl Limit {
    fn named(self, name: String) -> Ulimit {
        Ulimit { name, ..self.0 }
    }
}

/// A scalar that is read as it is on the command line.
struct Text<T>(T);

impl<'de, T: FromStr<Err: std::fmt::Display>> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let parsed = text.parse().map_err(|error| serde::de::Error::custom(format!("'{text}': {error}")));
        parsed.map(Self)
    }
}
