//! What is written to standard error: text for people or JSON for machines. A reader that does not read
//! never stops the switch: lines wait in a bounded queue, and what does not fit is dropped and counted.

mod json;
mod writer;

use std::io::IsTerminal as _;

use thiserror::Error;
use tracing_subscriber::Registry;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{Log, LogFormat};

pub use writer::{Guard, dropped_lines};

/// The name of the span field that holds a call's id; with JSON it stands in each line of the call.
pub const CALL_FIELD: &str = "call";

/// Starts the log. Keep the guard until the end: dropped, it waits a moment for what is still queued.
/// The level can be changed later.
///
/// # Panics
/// When called a second time in a process, or with a level that the configuration would have refused.
pub fn start(log: &Log) -> (Guard, Level) {
    let filter = filter(&log.level).expect("the configuration checks the level");
    let (filter, level) = reload::Layer::new(filter);
    let (lines, guard) = writer::spawn(std::io::stderr());
    let registry = tracing_subscriber::registry().with(filter);
    match log.format {
        LogFormat::Text => {
            let ansi =
                std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
            registry.with(tracing_subscriber::fmt::layer().with_ansi(ansi).with_writer(lines)).init();
        }
        LogFormat::Json => registry.with(json::JsonLayer::new(lines)).init(),
    }
    (guard, Level(level))
}

/// The least level that is written, which can be changed.
#[derive(Clone, Debug)]
pub struct Level(reload::Handle<Targets, Registry>);

impl Level {
    /// Of no log: to set it changes nothing. For a switch inside a process whose log is another's.
    pub fn detached() -> Self {
        Self(reload::Layer::new(Targets::new()).1)
    }

    /// From now on this one, as `log.level` has it.
    ///
    /// # Errors
    /// [`LevelError`]; it is as before then.
    pub fn set(&self, level: &str) -> Result<(), LevelError> {
        // It fails only when the log itself is gone, and then there is nothing to be written.
        _ = self.0.reload(filter(level)?);
        Ok(())
    }
}

/// Why a text is no level.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("`{0}` is no level: off, error, warn, info, debug or trace, or PART=LEVEL")]
pub struct LevelError(String);

/// Reads `log.level`: levels and `part=level`, separated by commas. A bare word must be a level, or a typing
/// error would name a part that does not exist.
pub(crate) fn filter(text: &str) -> Result<Targets, LevelError> {
    let mut filter = Targets::new();
    for item in text.split(',').map(str::trim) {
        let error = || LevelError(item.to_owned());
        let level = |level: &str| level.parse::<LevelFilter>().map_err(|_| error());
        filter = match item.split_once('=') {
            Some((part, name)) if !part.is_empty() && !name.is_empty() => {
                filter.with_target(part, level(name)?)
            }
            None if !item.is_empty() => filter.with_default(level(item)?),
            _ => return Err(error()),
        };
    }
    Ok(filter)
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn levels_for_all_and_for_parts() {
        let filter = filter("warn, switch_endpoint=debug").unwrap();
        assert!(filter.would_enable("switch_endpoint::transport", &Level::DEBUG));
        assert!(!filter.would_enable("switch_engine", &Level::INFO));
        assert!(filter.would_enable("switch_engine", &Level::WARN));
    }

    #[test]
    fn a_mistyped_level_names_no_part() {
        for text in ["", "loud", "info,", "switch_core", "switch_core=", "=info", "a=loud"] {
            assert!(filter(text).is_err(), "{text}");
        }
    }
}
