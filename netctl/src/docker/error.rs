//! How asking Docker fails.

use std::path::PathBuf;

use super::endpoint::{Endpoint, EndpointError};
use super::host::Host;
use super::transport::TransportError;
use crate::error::{Exit, Explain};

/// Why the daemon did not do it.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says it")]
pub enum DockerError {
    #[error(transparent)]
    Endpoint(Box<EndpointError>),
    #[error("no Docker daemon answers at {endpoint}")]
    NoDaemon {
        endpoint: Box<Endpoint>,
        #[source]
        source: TransportError,
    },
    /// Somebody is there, or might be.
    #[error("no way to the Docker daemon at {endpoint}")]
    NoWay {
        endpoint: Box<Endpoint>,
        #[source]
        source: TransportError,
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
    #[error("the way to Docker broke off")]
    BrokeOff(#[source] TransportError),
}

impl DockerError {
    /// Why the daemon is not reached.
    pub(super) fn no_way(endpoint: &Endpoint, source: TransportError) -> Self {
        let shows = endpoint.tls.as_ref().is_some_and(|tls| tls.cert.is_some() && tls.key.is_some());
        let source = if shows { source } else { source.without_certificate() };
        let endpoint = Box::new(endpoint.clone());
        match (&endpoint.host, &source) {
            (Host::Unix(path), denied) if denied.is_denied() => Self::NoPermission(path.clone()),
            (_, TransportError::Io(_) | TransportError::Silent(_) | TransportError::Other(_)) => {
                Self::NoDaemon { endpoint, source }
            }
            _ => Self::NoWay { endpoint, source },
        }
    }
}

impl From<EndpointError> for DockerError {
    fn from(error: EndpointError) -> Self {
        Self::Endpoint(Box::new(error))
    }
}

impl From<bollard::errors::Error> for DockerError {
    fn from(error: bollard::errors::Error) -> Self {
        use bollard::errors::Error as E;
        match error {
            E::DockerResponseServerError { status_code, message } => {
                Self::Refused { status: status_code, message }
            }
            E::DockerStreamError { error } => Self::Failed(error),
            other => match TransportError::within(&other) {
                Some(own) => Self::BrokeOff(own),
                None => Self::Broken(Box::new(other)),
            },
        }
    }
}

impl Explain for DockerError {
    fn next_step(&self) -> Option<String> {
        match self {
            Self::Endpoint(error) => error.next_step(),
            Self::NoDaemon { endpoint, .. } => Some(absent(endpoint)),
            Self::NoWay { source, .. } | Self::BrokeOff(source) => source.next_step(),
            Self::NoPermission(_) => Some(
                "run it as root, or join the socket's group (usermod -aG docker USER; log in again). Who may use \
                 the socket is as good as root"
                    .to_owned(),
            ),
            Self::NoSuchImage(_) => Some("netctl image ls shows what there is".to_owned()),
            Self::NoSuchContainer(_) => Some("docker ps shows what runs".to_owned()),
            Self::Broken(_) => Some("the daemon's log says more: journalctl -u docker".to_owned()),
            // Docker makes its chains when it starts, and never looks whether they are there still.
            Self::Refused { message, .. } if message.contains("No chain/target/match by that name") => {
                Some("somebody flushed Docker's own rules: systemctl restart docker".to_owned())
            }
            Self::Refused { status: 500.., .. } | Self::Failed(_) => {
                Some("where its words are not enough: journalctl -u docker".to_owned())
            }
            Self::Refused { .. } => Some("mend what it names, and do it again".to_owned()),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Endpoint(error) => error.exit(),
            Self::NoDaemon { .. } => Exit::Unreachable,
            Self::NoWay { source, .. } => source.exit(),
            Self::NoPermission(_) => Exit::Denied,
            Self::NoSuchImage(_) | Self::NoSuchContainer(_) => Exit::Missing,
            Self::Refused { .. } | Self::Failed(_) | Self::Broken(_) | Self::BrokeOff(_) => Exit::Failed,
        }
    }
}

/// What to do where nobody answers.
fn absent(endpoint: &Endpoint) -> String {
    match (&endpoint.host, &endpoint.tls) {
        (Host::Unix(_), _) => {
            "start it (systemctl start docker), or say where it is: --host, --context or DOCKER_HOST"
                .to_owned()
        }
        (_, Some(_)) => {
            "see whether it listens there: Docker's port with TLS is 2376, and 2375 is what its client \
                         takes where no port is given"
                .to_owned()
        }
        _ => "see whether it listens there: --host tcp://HOST:PORT".to_owned(),
    }
}
