//! The address a peer is told: the same in Via, Contact and SDP.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// What peers are told, by the network they are in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Advertise {
    /// For each peer the kernel's source address toward it.
    Auto,
    /// One address for everybody.
    Address(IpAddr),
    /// The entry with the longest matching network counts; a peer in none of them gets `auto`.
    Networks(Vec<Advertised>),
}

/// What the peers of one network are told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Advertised {
    /// The peers' network, as CIDR.
    pub network: IpNet,
    /// The address they are told.
    pub address: IpAddr,
}

/// Why a text is no answer to what to advertise.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum AdvertiseError {
    /// Neither `auto`, nor an address, nor `network=address`.
    #[error(
        "\"{0}\" is neither \"auto\" nor an address nor a list of networks \
         (in a file [{{ network = \"10.0.0.0/8\", address = \"10.1.2.3\" }}], \
         in the environment 10.0.0.0/8=10.1.2.3,…)"
    )]
    Form(String),
    /// Nobody can send to it.
    #[error("{0} cannot be advertised: it is the wildcard, a multicast or the broadcast address")]
    NoAddress(IpAddr),
    /// A list with nothing in it.
    #[error("an empty list advertises nothing: write \"auto\"")]
    Empty,
}

impl FromStr for Advertise {
    type Err = AdvertiseError;

    fn from_str(text: &str) -> Result<Self, AdvertiseError> {
        let form = || AdvertiseError::Form(text.to_owned());
        let text = text.trim();
        if text == "auto" {
            return Ok(Self::Auto);
        }
        if let Ok(address) = text.parse() {
            return usable(address).map(Self::Address);
        }
        let entries = text.split(',').map(|entry| {
            let (network, address) = entry.split_once('=').ok_or_else(form)?;
            let network = network.trim().parse().map_err(|_| form())?;
            let address = address.trim().parse().map_err(|_| form())?;
            Ok(Advertised { network, address: usable(address)? })
        });
        entries.collect::<Result<_, _>>().map(Self::Networks)
    }
}

fn usable(address: IpAddr) -> Result<IpAddr, AdvertiseError> {
    let broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    if address.is_unspecified() || address.is_multicast() || broadcast {
        return Err(AdvertiseError::NoAddress(address));
    }
    Ok(address)
}

impl Serialize for Advertise {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Address(address) => address.serialize(serializer),
            Self::Networks(entries) => entries.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Advertise {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrList;
        impl<'de> Visitor<'de> for TextOrList {
            type Value = Advertise;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"auto\", an address, or a list of { network, address }")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Advertise, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Advertise, A::Error> {
                let mut entries: Vec<Advertised> = Vec::new();
                while let Some(entry) = list.next_element::<Advertised>()? {
                    usable(entry.address).map_err(de::Error::custom)?;
                    entries.push(entry);
                }
                if entries.is_empty() {
                    return Err(de::Error::custom(AdvertiseError::Empty));
                }
                Ok(Advertise::Networks(entries))
            }
        }
        deserializer.deserialize_any(TextOrList)
    }
}

impl JsonSchema for Advertise {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Advertise".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "array"], "format": "\"auto\", address or list" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_forms() {
        assert_eq!("auto".parse(), Ok(Advertise::Auto));
        assert_eq!("192.0.2.1".parse(), Ok(Advertise::Address("192.0.2.1".parse().unwrap())));
        let Ok(Advertise::Networks(list)) = "10.0.0.0/8=10.1.2.3, ::/0=2001:db8::1".parse() else { panic!() };
        assert_eq!(list.len(), 2);
        assert_eq!(list[1].address, "2001:db8::1".parse::<IpAddr>().unwrap());
    }

    #[test]
    fn nobody_can_answer_to_the_wildcard() {
        for text in ["0.0.0.0", "::", "224.0.0.1", "255.255.255.255", "10.0.0.0/8=0.0.0.0"] {
            assert!(matches!(text.parse::<Advertise>(), Err(AdvertiseError::NoAddress(_))), "{text}");
        }
        for text in ["", "hello", "10.0.0.0/33=10.0.0.1", "10.0.0.0/8"] {
            assert!(matches!(text.parse::<Advertise>(), Err(AdvertiseError::Form(_))), "{text}");
        }
    }
}
