//! A channel's variables: names and values, within bounds.

use std::collections::BTreeMap;

use thiserror::Error;

/// Most variables a channel holds.
pub const MAX_VARIABLES: usize = 1024;
/// Longest name of a variable, in bytes.
pub const MAX_VARIABLE_NAME: usize = 256;
/// Longest value of a variable, in bytes.
pub const MAX_VARIABLE_VALUE: usize = 64 * 1024;

/// By name.
#[derive(Debug, Default)]
pub(crate) struct Variables(BTreeMap<String, String>);

/// Why a variable was not set.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum VariableError {
    /// See [`MAX_VARIABLES`].
    #[error("the channel holds {MAX_VARIABLES} variables already")]
    TooMany,
    /// See [`MAX_VARIABLE_NAME`] and [`MAX_VARIABLE_VALUE`].
    #[error("the variable {0:?} is too long")]
    TooLong(String),
}

impl Variables {
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// An empty value removes it.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> Result<(), VariableError> {
        if value.is_empty() {
            self.0.remove(name);
            return Ok(());
        }
        if name.len() > MAX_VARIABLE_NAME || value.len() > MAX_VARIABLE_VALUE {
            return Err(VariableError::TooLong(name.chars().take(64).collect()));
        }
        if self.0.len() >= MAX_VARIABLES && !self.0.contains_key(name) {
            return Err(VariableError::TooMany);
        }
        self.0.insert(name.to_owned(), value.to_owned());
        Ok(())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_have_bounds_and_empty_removes() {
        let mut variables = Variables::default();
        for n in 0..MAX_VARIABLES {
            variables.set(&format!("v{n}"), "1").unwrap();
        }
        assert_eq!(variables.set("more", "1"), Err(VariableError::TooMany));
        variables.set("v0", "2").unwrap();
        variables.set("v0", "").unwrap();
        assert_eq!(variables.value("v0"), None);
        assert!(variables.set("more", "1").is_ok());
        assert!(variables.set("big", &"x".repeat(MAX_VARIABLE_VALUE + 1)).is_err());
    }
}
