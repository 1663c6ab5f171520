//! How an image verb fails.

use std::io;
use std::path::PathBuf;

use super::archive::ArchiveError;
use super::ignore::IgnoreError;
use crate::docker::DockerError;
use crate::error::{Exit, Explain};

/// Why a verb was not done.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says it")]
pub enum ImageError {
    #[error(transparent)]
    Docker(#[from] DockerError),
    #[error(transparent)]
    Ignore(#[from] IgnoreError),
    #[error("cannot read {}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("cannot write {}", path.display())]
    Unwritable { path: PathBuf, source: io::Error },
    #[error("the build context cannot be read")]
    Context(#[source] io::Error),
    #[error("step {step} failed: {why}")]
    Step { step: String, why: String },
    #[error("the daemon ended the build without an image")]
    NotBuilt,
    #[error("an archive is not written to a terminal")]
    Terminal,
    #[error("{name} is refused, nothing was loaded")]
    Archive {
        name: String,
        #[source]
        source: ArchiveError,
    },
    #[error("{name} is not what {name}.sha256 says it is; it is refused, nothing was loaded")]
    Checksum { name: String },
    #[error("{name}.sha256 holds no SHA-256 sum; nothing was loaded")]
    NoChecksum { name: String },
    #[error(
        "the image {image} is for {made_for}, the daemon runs on {host}; it is refused, nothing was loaded"
    )]
    Architecture { image: String, made_for: String, host: String },
}

impl Explain for ImageError {
    fn next_step(&self) -> Option<String> {
        match self {
            Self::Docker(error) => error.next_step(),
            Self::Ignore(_) => Some("the rules: https://docs.docker.com/build/concepts/context/".to_owned()),
            Self::Step { .. } => Some("the step's output stands above".to_owned()),
            Self::Terminal => {
                Some("name a file (-o FILE), or pipe it on: netctl image save -o - NAME | ...".to_owned())
            }
            Self::Archive { source: ArchiveError::Gzip, .. } => {
                Some("gunzip it first: gunzip -c FILE | netctl image load -i -".to_owned())
            }
            Self::Archive { .. } | Self::Checksum { .. } => {
                Some("copy or save it again, together with its .sha256".to_owned())
            }
            Self::NoChecksum { name } => Some(format!("write it again: sha256sum {name} >{name}.sha256")),
            Self::Architecture { .. } => Some("build the image on a machine like this one".to_owned()),
            Self::Context(_) => Some("mend it, or leave it out by .dockerignore".to_owned()),
            Self::NotBuilt | Self::Unreadable { .. } | Self::Unwritable { .. } => None,
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Docker(error) => error.exit(),
            Self::Terminal => Exit::Usage,
            Self::Archive { .. }
            | Self::Checksum { .. }
            | Self::NoChecksum { .. }
            | Self::Architecture { .. } => Exit::Refused,
            Self::Unreadable { source, .. } | Self::Unwritable { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => Exit::Missing,
                io::ErrorKind::PermissionDenied => Exit::Denied,
                _ => Exit::Failed,
            },
            Self::Context(_) | Self::Ignore(_) | Self::Step { .. } | Self::NotBuilt => Exit::Failed,
        }
    }
}
