//! Why a file declares nothing: in which line, column and key, and what was perhaps meant.

use std::io;
use std::path::{Path, PathBuf};

use serde_saphyr::Error;

use crate::error::{Exit, Explain};

/// A declaration is small; anything else was not meant.
pub(super) const LARGEST: u64 = 1 << 20;

/// Why a file declares nothing.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says it")]
pub enum FileError {
    #[error("cannot read {}", .path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{} is no file", .0.display())]
    NoFile(PathBuf),
    #[error("{} has more than {} KiB", .0.display(), LARGEST >> 10)]
    TooLarge(PathBuf),
    #[error("{place}: {message}{}", in_key(.key))]
    Wrong { place: String, key: String, message: String, next: Option<String> },
}

fn in_key(key: &str) -> String {
    if key.is_empty() { String::new() } else { format!(" (in {key})") }
}

pub(super) fn place(path: &Path, line: u64, column: u64) -> String {
    format!("{}:{line}:{column}", path.display())
}

/// What is wrong, where, in which key, and what was perhaps meant.
pub(super) fn wrong(path: &Path, text: &str, error: &Error) -> FileError {
    let error = error.without_snippet();
    let location = error.location();
    let (line, column) = location.map_or((1, 1), |location| (location.line(), location.column()));
    let (message, next) = match error {
        Error::SerdeUnknownField { field, expected, .. } => {
            let near = expected
                .iter()
                .max_by(|a, b| strsim::jaro_winkler(field, a).total_cmp(&strsim::jaro_winkler(field, b)));
            let near = near.filter(|near| strsim::jaro_winkler(field, near) > 0.8);
            let next = match near {
                Some(near) => format!("did you mean {near}?"),
                None => format!("there are {}", expected.join(", ")),
            };
            (format!("there is no key '{field}'"), Some(next))
        }
        Error::SerdeMissingField { field, .. } => (format!("the key {field} is missing"), None),
        Error::DuplicateMappingKey { key: Some(key), .. } => (format!("the key {key} stands twice"), None),
        Error::Message { msg, .. } => (msg.clone(), None),
        other => (plain(&other.to_string()), None),
    };
    // What is missing at the top is in no key.
    let is_top = matches!(error, Error::SerdeMissingField { .. }) && column == 1;
    let key = if is_top { String::new() } else { keys(text, line) };
    FileError::Wrong { place: place(path, line, column), key, message, next }
}

/// The reader says the place in its own words, too, and speaks of a document's events.
fn plain(message: &str) -> String {
    let first = message.lines().next().unwrap_or_default();
    let first = first.rsplit_once(" at line ").map_or(first, |(message, _)| message);
    match first {
        "expected sequence start" => "a list is expected here: [ONE, ANOTHER]",
        "expected mapping start" => "keys with values are expected here: key: value",
        "expected string scalar" | "expected scalar" => "one word or number is expected here",
        "unexpected end of input" => "it ends here, before all is said",
        other => other,
    }
    .to_owned()
}

/// The keys that a line stands under, as far as its indentation tells: `switches.one.ports`.
fn keys(text: &str, line: u64) -> String {
    let line = usize::try_from(line).unwrap_or(usize::MAX);
    let lines: Vec<&str> = text.lines().take(line).collect();
    let (mut keys, mut inner) = (Vec::new(), usize::MAX);
    for line in lines.iter().rev() {
        let rest = line.trim_start();
        let indent = line.len() - rest.len();
        let item = rest.strip_prefix("- ").is_some();
        let known = rest.split_once(':').map(|(key, _)| key.trim_matches(['"', '\'', ' ']));
        match known.filter(|key| !item && !key.is_empty() && !key.starts_with('#')) {
            Some(key) if indent < inner => {
                keys.push(key);
                inner = indent;
            }
            // A list may stand as far left as its key.
            None if item && indent < inner => inner = indent + 1,
            _ => {}
        }
        if inner == 0 {
            break;
        }
    }
    keys.reverse();
    keys.join(".")
}

impl Explain for FileError {
    fn next_step(&self) -> Option<String> {
        match self {
            Self::Unreadable { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some("say which: -f FILE".to_owned())
            }
            Self::Unreadable { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                Some("let yourself read it, or run it as root (sudo netctl ...)".to_owned())
            }
            Self::Unreadable { source, .. } if source.kind() == io::ErrorKind::InvalidData => {
                Some("write it in UTF-8".to_owned())
            }
            Self::Unreadable { .. } => Some("see whether its disk is well: dmesg".to_owned()),
            Self::NoFile(_) => Some(
                "name a file that stays where it is: -f FILE. By where it lies its containers are known"
                    .to_owned(),
            ),
            Self::TooLarge(_) => Some("part it into several files, each with switches of its own".to_owned()),
            Self::Wrong { next, .. } => {
                next.clone().or_else(|| Some("docs/netctl-up.md has the format".to_owned()))
            }
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Unreadable { source, .. } if source.kind() == io::ErrorKind::NotFound => Exit::Missing,
            Self::Unreadable { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                Exit::Denied
            }
            Self::Unreadable { .. } => Exit::Failed,
            Self::NoFile(_) | Self::TooLarge(_) | Self::Wrong { .. } => Exit::Usage,
        }
    }
}
