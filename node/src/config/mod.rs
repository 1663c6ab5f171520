//! The typed configuration: defaults, over them one TOML file, over that the environment. Parsed once, here;
//! nothing behind it is a text with a meaning. Knows no other part of the switch: whether what was read can be run
//! with, `load` says.
//!
//! From the bottom up: kinds of values (`span`, `dscp`, `target`, `secret`, `advertise`, `values`), the `tables` made
//! of them, what their `schema` tells of each key, and on that the reading (`read`, with its `problem`s), the
//! `reference` and what `changes`.

mod advertise;
mod changes;
mod dscp;
mod problem;
mod read;
mod reference;
mod schema;
mod secret;
mod span;
mod tables;
mod target;
mod values;

use std::collections::BTreeMap;
use std::path::Path;

pub use advertise::{Advertise, Advertised};
pub use changes::{Change, RESTART, changes, keep};
pub use dscp::Dscp;
pub(crate) use problem::did_you_mean;
pub use problem::{ConfigError, Origin, Problem};
pub use reference::markdown;
pub use secret::Secret;
pub(crate) use secret::read_token;
pub use span::{Span, SpanError, SpanOrOff};
pub use tables::{Builtin, Config, Drain, Http, Limits, Log, LogFormat, Modules, Route, Rtp, Sip};
pub use target::Target;
pub use values::{Listen, Pattern, PortRange, Transport, Workers};

use read::Reader;

/// What was read.
#[derive(Debug)]
pub(crate) struct Read {
    /// The values; the default where one is wrong.
    pub(crate) config: Config,
    /// What is wrong.
    pub(crate) problems: Vec<Problem>,
    /// Where each value that somebody wrote comes from.
    pub(crate) origins: BTreeMap<String, Origin>,
}

/// The names of the tables, in the order of the reference.
pub fn table_names() -> Vec<String> {
    schema::keys::<Config>().into_iter().map(|key| key.name).collect()
}

/// Reads a text that is at hand; `file` is what errors call it.
pub(crate) fn read(file: &Path, text: &str, environment: impl Iterator<Item = (String, String)>) -> Read {
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
    Read { config, problems, origins }
}
