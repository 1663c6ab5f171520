//! How asking Docker fails.

use std::path::PathBuf;

use super::host::Host;
use crate::error::{Exit, Explain};

/// Why the daemon did not do it.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says it")]
pub enum DockerError {
    #[error("no Docker daemon answers at {host}")]
    NoDaemon {
        host: Host,
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    #[error("no permission on the Docker socket {}", .0.display())]
    NoPermission(PathBuf),
    #[error("no such image: {0}")]
    NoSuchImage(String),
    #[error("no such container: {0}")]
    NoSuchContainer(String),
    #[error("Docker refuses ({status}): {message}")]
    Refused { status: u16, message: String },
    /// What went wrong after the daemon had said yes, in its words.
    #[error("{0}")]
    Failed(String),
    #[error("the connection to Docker failed")]
    Broken(#[source] Box<bollard::errors::Error>),
    #[error("DOCKER_TLS_VERIFY is set, and TLS to the daemon is not spoken here")]
    Tls,
}

impl From<bollard::errors::Error> for DockerError {
    fn from(error: bollard::errors::Error) -> Self {
        use bollard::errors::Error as E;
        match error {
            E::DockerResponseServerError { status_code, message } => {
                Self::Refused { status: status_code, message }
            }
            E::DockerStreamError { error } => Self::Failed(error),
            other => Self::Broken(Box::new(other)),
        }
    }
}

impl Explain for DockerError {
    fn next_step(&self) -> Option<String> {
        match self {
            Self::NoDaemon { host: Host::Unix(_), .. } => Some(
                "start it (systemctl start docker), or say where it is: --host unix://PATH or DOCKER_HOST".to_owned(),
            ),
            Self::NoDaemon { .. } => Some("see whether it listens there: --host tcp://HOST:PORT".to_owned()),
            Self::NoPermission(_) => Some(
                "run it as root, or join the socket's group (usermod -aG docker USER; log in again). Who may use \
                 the socket is as good as root"
                    .to_owned(),
            ),
            Self::NoSuchImage(_) => Some("netctl image ls shows what there is".to_owned()),
            Self::NoSuchContainer(_) => Some("docker ps shows what runs".to_owned()),
            Self::Broken(_) => Some("the daemon's log says more: journalctl -u docker".to_owned()),
            Self::Tls => Some("unset DOCKER_TLS_VERIFY, and forward the daemon's socket by ssh -L".to_owned()),
            Self::Refused { status: 500.., .. } | Self::Failed(_) => {
                Some("where its words are not enough: journalctl -u docker".to_owned())
            }
            Self::Refused { .. } => Some("mend what it names, and do it again".to_owned()),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::NoDaemon { .. } | Self::Tls => Exit::Unreachable,
            Self::NoPermission(_) => Exit::Denied,
            Self::NoSuchImage(_) | Self::NoSuchContainer(_) => Exit::Missing,
            Self::Refused { .. } | Self::Failed(_) | Self::Broken(_) => Exit::Failed,
        }
    }
}
