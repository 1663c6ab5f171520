//! An interface's name, as the kernel takes it.

use std::fmt;
use std::str::FromStr;

/// A name the kernel can take for an interface (`dev_valid_name` in Linux's net/core/dev.c).
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct InterfaceName(String);

/// IFNAMSIZ less the terminating zero, in bytes.
const LONGEST: usize = 15;

/// Why a text is no interface's name.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NameError {
    /// Nothing was given.
    #[error("the name is empty")]
    Empty,
    /// brctl cuts such a name and works on another interface than was asked for; this refuses.
    #[error("the name is longer than {LONGEST} bytes")]
    TooLong,
    /// `.` and `..`.
    #[error("the name is a directory's")]
    Directory,
    /// A slash, a colon or white space.
    #[error("the kernel takes no '{0}' in a name")]
    Character(char),
}

impl InterfaceName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for InterfaceName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text {
            "" => return Err(NameError::Empty),
            "." | ".." => return Err(NameError::Directory),
            _ if text.len() > LONGEST => return Err(NameError::TooLong),
            _ => {}
        }
        match text.chars().find(|c| matches!(c, '/' | ':') || c.is_whitespace()) {
            Some(character) => Err(NameError::Character(character)),
            None => Ok(Self(text.to_owned())),
        }
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_takes() {
        for text in ["br0", "a", "abcdefghijklmno", "eth0.100"] {
            assert_eq!(text.parse::<InterfaceName>().unwrap().as_str(), text);
        }
        for (text, error) in [
            ("", NameError::Empty),
            (".", NameError::Directory),
            ("..", NameError::Directory),
            ("abcdefghijklmnop", NameError::TooLong),
            ("a/b", NameError::Character('/')),
            ("a:b", NameError::Character(':')),
            ("a b", NameError::Character(' ')),
        ] {
            assert_eq!(text.parse::<InterfaceName>(), Err(error), "{text}");
        }
    }
}
