//! From a file and the environment to a configuration that can be run with: read by [`config`], then
//! looked at as a whole. Stands above the rooms, for they say what they would refuse.

mod validate;

use std::collections::BTreeMap;
use std::path::Path;

use crate::config::{self, Config, ConfigError, LogFormat, Origin, Problem, Read};

/// A configuration that can be run with.
#[derive(Debug)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// What is doubtful but works. The start writes it to the log.
    pub warnings: Vec<Problem>,
    origins: BTreeMap<String, Origin>,
}

impl Loaded {
    /// Where the value of a key comes from; keys are written `table.key` and `route[0].key`.
    pub fn origin(&self, key: &str) -> &Origin {
        self.origins.get(key).unwrap_or(&Origin::Default)
    }

    /// Lets a flag of the command line win over file and environment.
    pub fn set_log_format(&mut self, format: LogFormat, flag: &'static str) {
        self.config.log.format = format;
        self.origins.insert("log.format".to_owned(), Origin::Flag(flag));
    }
}

/// Reads `file`, if one is named, and this process's environment.
///
/// # Errors
/// [`ConfigError`], with everything that is wrong at once.
pub fn load(file: Option<&Path>) -> Result<Loaded, ConfigError> {
    let text = match file {
        Some(path) => std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?,
        None => String::new(),
    };
    // What is not UTF-8 can be none of ours but by its name: it is kept, and refused as its key refuses it.
    let environment = std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()));
    parse(file.unwrap_or(Path::new("(no file)")), &text, environment)
}

/// The same for a text that is at hand; `file` is what errors call it.
///
/// # Errors
/// As [`load`].
pub fn parse(
    file: &Path,
    text: &str,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Loaded, ConfigError> {
    let Read { config, problems, origins } = config::read(file, text, environment);
    let mut loaded = Loaded { config, warnings: Vec::new(), origins };
    let found = validate::validate(&mut loaded, problems.is_empty());
    let problems = [problems, found.errors].concat();
    if !problems.is_empty() {
        return Err(ConfigError::Wrong(problems));
    }
    loaded.warnings = found.warnings;
    Ok(loaded)
}

#[cfg(test)]
mod tests;
