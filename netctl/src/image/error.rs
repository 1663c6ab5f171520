//! How an image verb fails.

use std::io;
use std::path::{Path, PathBuf};

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
    #[error("cannot read {}", named(path, "standard input"))]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("cannot write {}", named(path, "standard output"))]
    Unwritable { path: PathBuf, source: io::Error },
    #[error("cannot keep standard input in {}", .directory.display())]
    Spool { directory: PathBuf, source: io::Error },
    #[error("the build context cannot be read")]
    Context(#[source] io::Error),
    #[error("step {step} failed: {why}")]
    Step {
        step: String,
        why: String,
        /// Whether it wrote anything.
        spoke: bool,
    },
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

/// A dash is a stream.
fn named(path: &Path, stream: &str) -> String {
    if path == Path::new("-") { stream.to_owned() } else { path.display().to_string() }
}

impl Explain for ImageError {
    fn next_step(&self) -> Option<String> {
        match self {
            Self::Docker(error) => error.next_step(),
            Self::Ignore(_) => Some("the rules: https://docs.docker.com/build/concepts/context/".to_owned()),
            Self::Step { spoke: true, .. } => Some("the step's output stands above".to_owned()),
            Self::Step { spoke: false, .. } => {
                Some("mend that line of the Dockerfile, or what it asks for".to_owned())
            }
            Self::Terminal => {
                Some("name a file (-o FILE), or pipe it on: netctl image save -o - NAME | ...".to_owned())
            }
            Self::Archive { source: ArchiveError::Gzip, .. } => {
                Some("gunzip it first: gunzip -c FILE | netctl image load -i -".to_owned())
            }
            Self::Archive { source: ArchiveError::NoArchive | ArchiveError::NoManifest, .. } => {
                Some("name a file that netctl image save or docker save wrote".to_owned())
            }
            Self::Archive { .. } | Self::Checksum { .. } => {
                Some("copy or save it again, together with its .sha256".to_owned())
            }
            Self::NoChecksum { name } => Some(format!("write it again: sha256sum {name} >{name}.sha256")),
            Self::Architecture { .. } => Some("build the image on a machine like this one".to_owned()),
            Self::Context(_) => Some("mend it, or leave it out by .dockerignore".to_owned()),
            Self::Spool { .. } => {
                Some("name a directory with room for all of it: TMPDIR=DIRECTORY".to_owned())
            }
            Self::Unreadable { source, .. } => Some(
                match source.kind() {
                    io::ErrorKind::NotFound => "see whether it is named right; it is looked for from here",
                    io::ErrorKind::PermissionDenied => {
                        "let yourself read it, or run it as root (sudo netctl ...)"
                    }
                    io::ErrorKind::IsADirectory => "name a file in it",
                    _ => "see whether its disk is well: dmesg",
                }
                .to_owned(),
            ),
            Self::Unwritable { source, .. } => Some(
                match source.kind() {
                    io::ErrorKind::NotFound => "make its directory first: mkdir -p DIRECTORY",
                    io::ErrorKind::PermissionDenied => "write elsewhere, or run it as root (sudo netctl ...)",
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                        "free some space (df -h shows where there is some), or write elsewhere"
                    }
                    io::ErrorKind::IsADirectory => "name a file in it",
                    io::ErrorKind::BrokenPipe => "whoever reads it has ended: see what it says",
                    _ => "write elsewhere",
                }
                .to_owned(),
            ),
            Self::NotBuilt => Some("the daemon's log says more: journalctl -u docker".to_owned()),
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
            Self::Unreadable { source, .. }
            | Self::Unwritable { source, .. }
            | Self::Spool { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => Exit::Missing,
                io::ErrorKind::PermissionDenied => Exit::Denied,
                _ => Exit::Failed,
            },
            Self::Context(_) | Self::Ignore(_) | Self::Step { .. } | Self::NotBuilt => Exit::Failed,
        }
    }
}
