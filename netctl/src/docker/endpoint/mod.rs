//! Which daemon is meant, by Docker's own rules: flags, then the environment, then contexts.
//!
//! Finds and says; it reads only what [`Surroundings`] gives and opens no connection. Certificates are named here and
//! read by the transport, so that new ones serve the next connection.

mod choice;
mod context;
mod error;
mod surroundings;
#[cfg(test)]
mod tests;
mod tls;

use std::fmt;
use std::path::PathBuf;

use super::host::Host;
use choice::Choice;

pub use error::EndpointError;
pub use surroundings::{Process, Surroundings};

/// What was typed, as Docker's flags of the same names.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Flags {
    /// `--host`.
    pub host: Option<String>,
    /// `--context`.
    pub context: Option<String>,
    /// `--tls`.
    pub tls: Option<bool>,
    /// `--tlsverify`.
    pub verify: Option<bool>,
    /// `--tlscacert`; empty for the authorities of the system.
    pub ca: Option<PathBuf>,
    /// `--tlscert`; empty for none.
    pub cert: Option<PathBuf>,
    /// `--tlskey`; empty for none.
    pub key: Option<PathBuf>,
}

/// The daemon that is meant.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Endpoint {
    /// Where it is.
    pub host: Host,
    /// How what goes there is encrypted; over TCP alone.
    pub tls: Option<Tls>,
    /// Who said so.
    pub source: Source,
}

/// How TLS is spoken.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Tls {
    /// Whether the daemon has to show who it is.
    pub verify: bool,
    /// Who vouches for it; without it the authorities of the system.
    pub ca: Option<PathBuf>,
    /// Who we are. Nobody in particular, unless there is a key, too.
    pub cert: Option<PathBuf>,
    /// The key to that.
    pub key: Option<PathBuf>,
}

/// Who said where the daemon is.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Source {
    /// Nobody.
    #[default]
    Default,
    /// `--host`.
    Flag,
    /// DOCKER_HOST.
    Variable,
    /// A context.
    Context {
        /// Its name.
        name: String,
        /// Who chose it.
        by: By,
    },
}

/// Who chose a context.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum By {
    /// `--context`.
    Flag,
    /// DOCKER_CONTEXT.
    Variable,
    /// `docker context use`, which wrote it to this file.
    Config(PathBuf),
}

/// What was found.
#[derive(Debug)]
pub struct Found {
    /// The daemon that is meant.
    pub endpoint: Endpoint,
    /// Docker's configuration, where it would have counted and cannot be read: Docker's client goes on without, too.
    pub passed_over: Option<EndpointError>,
}

impl Endpoint {
    /// Finds out which daemon is meant.
    ///
    /// # Errors
    /// If what is said about it is contradictory, is no address, or names a context that is not there.
    pub fn find(flags: &Flags, surroundings: &impl Surroundings) -> Result<Found, EndpointError> {
        let (choice, passed_over) = choice::choose(flags, surroundings)?;
        let endpoint = match choice {
            Choice::Host { text, source } => {
                let tls = tls::asked(flags, surroundings);
                let host = match text.trim() {
                    // With TLS alone the socket is not meant.
                    "" if tls.is_some() => Host::Tcp(format!("localhost:{}", super::host::TLS_PORT)),
                    text => text.parse().map_err(|error| EndpointError::Host {
                        text: text.to_owned(),
                        source_name: source.to_string(),
                        error,
                    })?,
                };
                let tls = match host {
                    Host::Tcp(_) => tls,
                    Host::Https(_) => Some(tls.unwrap_or_else(|| tls::implied(flags, surroundings))),
                    // Docker's client leaves the variables aside there, too.
                    Host::Unix(_) | Host::Ssh(_) => None,
                };
                Self { host, tls, source }
            }
            Choice::Context { name, by } => context::load(surroundings, name, by)?,
        };
        Ok(Found { endpoint, passed_over })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.host)?;
        match &self.tls {
            Some(Tls { verify: true, .. }) => f.write_str(" with TLS")?,
            Some(_) => f.write_str(" with TLS that does not look at who answers")?,
            None => {}
        }
        write!(f, " ({})", self.source)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("the default"),
            Self::Flag => f.write_str("--host"),
            Self::Variable => f.write_str("DOCKER_HOST"),
            Self::Context { name, by } => write!(f, "context {name}, by {by}"),
        }
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("--context"),
            Self::Variable => f.write_str("DOCKER_CONTEXT"),
            Self::Config(file) => write!(f, "currentContext in {}", file.display()),
        }
    }
}
