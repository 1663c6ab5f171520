//! What a packet is marked with, so that routers on its way can tell media from a download (RFC 2474).

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// A differentiated services code point: 0 to 63.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dscp(u8);

/// The names of RFC 2474 §4.2.2, RFC 2597 §6, RFC 3246 §2.7, RFC 5865 §4 and RFC 8622 §5.1.
const NAMES: [(&str, u8); 24] = [
    ("cs0", 0),
    ("df", 0),
    ("le", 1),
    ("cs1", 8),
    ("af11", 10),
    ("af12", 12),
    ("af13", 14),
    ("cs2", 16),
    ("af21", 18),
    ("af22", 20),
    ("af23", 22),
    ("cs3", 24),
    ("af31", 26),
    ("af32", 28),
    ("af33", 30),
    ("cs4", 32),
    ("af41", 34),
    ("af42", 36),
    ("af43", 38),
    ("cs5", 40),
    ("va", 44),
    ("ef", 46),
    ("cs6", 48),
    ("cs7", 56),
];

impl Dscp {
    /// For signalling (RFC 4594 §2.3 has CS5; CS3 is what telephones and switches have long been set to).
    pub const CS3: Self = Self(24);
    /// For telephony (RFC 4594 §4.1).
    pub const EF: Self = Self(46);

    /// The code point: six bits.
    pub fn code(self) -> u8 {
        self.0
    }
}

/// Why a text is no code point.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("\"{0}\" is no DSCP: write a number from 0 to 63, or a name such as ef, cs3 or af41")]
pub struct DscpError(String);

impl FromStr for Dscp {
    type Err = DscpError;

    fn from_str(text: &str) -> Result<Self, DscpError> {
        let name = text.trim();
        if let Some((_, code)) = NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            return Ok(Self(*code));
        }
        match name.parse() {
            Ok(code @ 0..=63) => Ok(Self(code)),
            _ => Err(DscpError(text.to_owned())),
        }
    }
}

impl fmt::Display for Dscp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(_, code)| *code == self.0) {
            Some((name, _)) => f.write_str(name),
            None => self.0.fmt(f),
        }
    }
}

impl Serialize for Dscp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Dscp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrNumber;
        impl Visitor<'_> for NameOrNumber {
            type Value = Dscp;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a DSCP: a number from 0 to 63, or a name")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Dscp, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Dscp, E> {
                self.visit_str(&number.to_string())
            }
        }
        deserializer.deserialize_any(NameOrNumber)
    }
}

impl JsonSchema for Dscp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Dscp".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "integer"], "format": "DSCP" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        for (text, code, written) in
            [("ef", 46, "ef"), ("CS3", 24, "cs3"), ("46", 46, "ef"), ("0", 0, "cs0"), (" 33 ", 33, "33")]
        {
            let dscp: Dscp = text.parse().unwrap();
            assert_eq!((dscp.code(), dscp.to_string().as_str()), (code, written), "{text}");
        }
        for text in ["", "64", "-1", "0x2e", "af44", "best effort", "184"] {
            assert!(text.parse::<Dscp>().is_err(), "{text}");
        }
    }
}
