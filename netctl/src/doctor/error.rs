//! How an examination fails, and how one that found something ends.

use crate::docker::DockerError;
use crate::error::{Exit, Explain};
use crate::network::SettingsError;

/// Why there are no findings, or that there are bad ones.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says it")]
pub enum DoctorError {
    #[error(transparent)]
    Docker(#[from] DockerError),
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error("no such container: {0}")]
    NoSuchContainer(String),
    #[error("the daemon runs elsewhere: {0}")]
    Elsewhere(String),
    #[error("what is BAD ({0}) keeps a switch from working")]
    Bad(usize),
}

impl Explain for DoctorError {
    fn next_step(&self) -> Option<String> {
        match self {
            Self::Docker(error) => error.next_step(),
            Self::Settings(_) => Some("docs/configuration.md has the forms".to_owned()),
            Self::NoSuchContainer(_) => Some("docker ps -a shows what there is".to_owned()),
            Self::Elsewhere(_) => Some("run netctl beside the daemon: ssh HOST netctl doctor".to_owned()),
            // Each was told with its own.
            Self::Bad(_) => None,
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Docker(error) => error.exit(),
            Self::Settings(_) => Exit::Usage,
            Self::NoSuchContainer(_) => Exit::Missing,
            Self::Elsewhere(_) | Self::Bad(_) => Exit::Failed,
        }
    }
}
