//! The typed configuration: defaults, over them one TOML file, over that the environment. Parsed and checked
//! once, here; nothing behind it is a text with a meaning.

mod advertise;
mod changes;
mod dscp;
mod problem;
mod read;
mod reference;
mod schema;
mod span;
mod tables;
mod target;
mod validate;
mod values;

use std::collections::BTreeMap;
use std::path::Path;

pub use advertise::{Advertise, Advertised};
pub use changes::{Change, RESTART, changes, keep};
pub use dscp::Dscp;
pub use problem::{ConfigError, Origin, Problem};
pub use reference::markdown;
pub use span::{Span, SpanError, SpanOrOff};
pub use tables::{Builtin, Config, Drain, Http, Limits, Log, LogFormat, Modules, Route, Rtp, Sip};
pub use target::Target;
pub(crate) use validate::read_token;
pub use values::{Listen, Pattern, PortRange, Secret, Transport, Workers};

use read::Reader;

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

/// The names of the tables, in the order of the reference.
pub fn table_names() -> Vec<String> {
    schema::keys::<Config>().into_iter().map(|key| key.name).collect()
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
    let mut reader = Reader::new(file, text, environment);
    let config = Config {
        sip: reader.table("sip"),
        rtp: reader.table("rtp"),
        http: reader.table("http"),
        limits: reader.table("limits"),
        drain: reader.table("drain"),
        log: reader.table("log"),
        builtin: reader.table("builtin"),
        modules: reader.table("modules"),
        route: reader.tables("route"),
    };
    let (problems, origins) = reader.finish();
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
