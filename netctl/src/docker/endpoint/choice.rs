//! Who has the last word: `--host` or `--context`, then DOCKER_HOST, DOCKER_CONTEXT, `docker context use`.

use std::io;
use std::path::PathBuf;

use serde::Deserialize;

use super::error::EndpointError;
use super::surroundings::Surroundings;
use super::{By, Flags, Source};

/// What it comes down to.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Choice {
    /// An address, empty for the default one.
    Host { text: String, source: Source },
    /// A context of this name.
    Context { name: String, by: By },
}

/// The name of the context that is none: what flags and DOCKER_HOST say.
pub(super) const NO_CONTEXT: &str = "default";

/// With it, why Docker's configuration was passed over, if it would have counted.
pub(super) fn choose(
    flags: &Flags,
    surroundings: &impl Surroundings,
) -> Result<(Choice, Option<EndpointError>), EndpointError> {
    let host = || match surroundings.variable("DOCKER_HOST") {
        Some(text) => Choice::Host { text, source: Source::Variable },
        None => Choice::Host { text: String::new(), source: Source::Default },
    };
    let named = |name: String, by| if name == NO_CONTEXT { host() } else { Choice::Context { name, by } };
    let context = flags.context.clone().filter(|name| !name.is_empty());
    let choice = match (context, &flags.host) {
        (Some(_), Some(_)) => return Err(EndpointError::Both),
        (Some(name), None) => named(name, By::Flag),
        (None, Some(text)) => Choice::Host { text: text.clone(), source: Source::Flag },
        (None, None) if surroundings.variable("DOCKER_HOST").is_some() => host(),
        (None, None) => match surroundings.variable("DOCKER_CONTEXT") {
            Some(name) => named(name, By::Variable),
            None => {
                return Ok(match current(surroundings) {
                    Ok(Some((name, file))) => (named(name, By::Config(file)), None),
                    Ok(None) => (host(), None),
                    Err(error) => (host(), Some(error)),
                });
            }
        },
    };
    Ok((choice, None))
}

/// What `docker context use` wrote, and where.
fn current(surroundings: &impl Surroundings) -> Result<Option<(String, PathBuf)>, EndpointError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Config {
        #[serde(default)]
        current_context: Option<String>,
    }
    let Some(path) = surroundings.directory().map(|directory| directory.join("config.json")) else {
        return Ok(None);
    };
    let content = match surroundings.read(&path) {
        Ok(content) => content,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(EndpointError::Unreadable { path, error }),
    };
    match serde_json::from_slice::<Config>(&content) {
        Ok(config) => Ok(config.current_context.filter(|name| !name.is_empty()).map(|name| (name, path))),
        Err(error) => Err(EndpointError::NotJson { path, error }),
    }
}
