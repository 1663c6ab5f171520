//! What is never shown, and the file it may be read from.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Something that is never shown: not in a log, not in `check`, not in an error.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(Option<String>);

impl Secret {
    /// Keeps a secret; an empty one is none.
    pub fn new(text: &str) -> Self {
        let text = text.trim();
        Self((!text.is_empty()).then(|| text.to_owned()))
    }

    /// The secret itself, if one is set.
    pub fn reveal(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "(set, not shown)" } else { "" })
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{self:?}"))
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The library's own error would quote what it found, so the value is asked for as "anything".
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Secret;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Secret, E> {
                Ok(Secret::new(text))
            }

            fn visit_i64<E: de::Error>(self, _: i64) -> Result<Secret, E> {
                Err(E::custom("a secret is a text: put it in quotes"))
            }

            fn visit_bool<E: de::Error>(self, _: bool) -> Result<Secret, E> {
                self.visit_i64(0)
            }

            fn visit_f64<E: de::Error>(self, _: f64) -> Result<Secret, E> {
                self.visit_i64(0)
            }
        }
        deserializer.deserialize_any(Text)
    }
}

impl JsonSchema for Secret {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Secret".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "secret" })
    }
}

/// What `http.token_file` holds, or why that is no token.
pub(crate) fn read_token(path: &Path) -> Result<Secret, String> {
    const LONGEST: u64 = 4096;
    let mut text = String::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    let read = file.take(LONGEST + 1).read_to_string(&mut text).map_err(|error| error.to_string())?;
    if read as u64 > LONGEST {
        return Err("holds more than 4096 bytes: that is no token".to_owned());
    }
    let token = Secret::new(&text);
    if token.reveal().is_none() { Err("is empty".to_owned()) } else { Ok(token) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_stay_secret() {
        let secret = Secret::new(" hunter2\n");
        assert_eq!(secret.reveal(), Some("hunter2"));
        assert!(!format!("{secret:?}").contains("hunter2"));
        assert!(!toml::Value::try_from(&secret).unwrap().to_string().contains("hunter2"));
        assert_eq!(Secret::new("  ").reveal(), None);
    }
}
