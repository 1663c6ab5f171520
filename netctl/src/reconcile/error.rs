//! How bringing about what is declared fails.

use std::io;
use std::path::PathBuf;

use super::file::FileError;
use crate::docker::DockerError;
use crate::error::{Exit, Explain};
use crate::network::RunError;

/// Why what is declared did not come about, or was not taken back.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says it")]
pub enum UpError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Docker(#[from] DockerError),
    /// What concerns no switch by itself.
    #[error(transparent)]
    Run(Box<RunError>),
    #[error("{place}: {name}: {source}")]
    Switch { place: String, name: String, source: Box<RunError> },
    #[error("{place}: there is a container {name} already, {whose}")]
    Foreign { place: String, name: String, whose: String },
    #[error("{place}: {name} and {other} cannot both have {what}")]
    Clash { place: String, name: String, other: String, what: String },
    #[error("{place}: {name} shares the network of {owner}, and that of {name} in the end")]
    Circle { place: String, name: String, owner: String },
    #[error("the container {by}, which this file does not declare, shares the network of {name}")]
    Shared { name: String, by: String },
    #[error("interrupted; what was done is taken back")]
    Interrupted,
    #[error("interrupted; what was taken back till then stays so")]
    DownInterrupted,
    #[error("all of it runs, but {name}, which it replaces, could not be removed: {source}")]
    Leftover { name: String, source: Box<RunError> },
    #[error("{count} of {all} differ from what is declared")]
    Differs { count: usize, all: usize },
    #[error("cannot use the state directory {}", .path.display())]
    State {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot listen to the kernel's news of rules and addresses")]
    Deaf(#[source] io::Error),
}

impl From<RunError> for UpError {
    fn from(error: RunError) -> Self {
        Self::Run(Box::new(error))
    }
}

impl Explain for UpError {
    fn next_step(&self) -> Option<String> {
        match self {
            Self::File(error) => error.next_step(),
            Self::Docker(error) => error.next_step(),
            Self::Run(source) | Self::Switch { source, .. } => source.next_step(),
            Self::Foreign { name, .. } => {
                Some(format!("choose another name, or take it away: netctl rm {name} or docker rm {name}"))
            }
            Self::Clash { .. } => Some("give one of them others".to_owned()),
            Self::Circle { .. } => Some("give one of them a network of its own".to_owned()),
            Self::Shared { by, .. } => Some(format!("take that one away first: docker rm -f {by}")),
            Self::Leftover { .. } => Some("run netctl up again; it goes on there".to_owned()),
            Self::DownInterrupted => Some("run netctl down again; it goes on there".to_owned()),
            Self::Differs { .. } => Some("netctl up brings it about".to_owned()),
            Self::State { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                Some("run it as root (sudo netctl ...)".to_owned())
            }
            Self::State { .. } => Some("say where the state may be kept: --state-dir DIRECTORY".to_owned()),
            Self::Deaf(_) => Some("run it as root, in the host's network namespace".to_owned()),
            Self::Interrupted => None,
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::File(error) => error.exit(),
            Self::Docker(error) => error.exit(),
            Self::Run(source) | Self::Switch { source, .. } | Self::Leftover { source, .. } => source.exit(),
            Self::Clash { .. } | Self::Circle { .. } => Exit::Usage,
            Self::Interrupted | Self::DownInterrupted => Exit::Interrupted,
            Self::Differs { .. } => Exit::Differs,
            Self::State { source, .. } | Self::Deaf(source)
                if source.kind() == io::ErrorKind::PermissionDenied =>
            {
                Exit::Denied
            }
            Self::Foreign { .. } | Self::Shared { .. } | Self::State { .. } | Self::Deaf(_) => Exit::Failed,
        }
    }
}
