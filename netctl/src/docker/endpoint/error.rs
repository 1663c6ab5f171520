//! Why it cannot be told which daemon is meant.

use std::io;
use std::path::PathBuf;

use super::By;
use crate::docker::host::HostError;
use crate::error::{Exit, Explain};

/// Why it cannot be told which daemon is meant.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says it")]
pub enum EndpointError {
    #[error("'{text}' ({source_name}) is no address of a Docker daemon")]
    Host {
        text: String,
        source_name: String,
        #[source]
        error: HostError,
    },
    #[error("--host and --context both say where the daemon is")]
    Both,
    #[error("there is no context {name}, which {by} names; there are: {}", known.join(", "))]
    NoContext { name: String, by: By, known: Vec<String>, store: Option<PathBuf> },
    #[error("the context {name} says nothing of Docker")]
    NoDocker { name: String },
    #[error("cannot read {}", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        error: io::Error,
    },
    #[error("{} is not as Docker's client writes it", path.display())]
    NotJson {
        path: PathBuf,
        #[source]
        error: serde_json::Error,
    },
}

impl Explain for EndpointError {
    fn next_step(&self) -> Option<String> {
        Some(match self {
            Self::Host { .. } => "give unix://PATH, tcp://HOST:PORT or ssh://USER@HOST".to_owned(),
            Self::Both => "leave one of them out".to_owned(),
            Self::NoContext { name, store, .. } => {
                let looked = match store {
                    Some(store) => format!("they are kept in {}", store.display()),
                    None => "neither HOME nor DOCKER_CONFIG says where they are kept".to_owned(),
                };
                format!("{looked} (under sudo they are root's); docker context create {name} makes one")
            }
            Self::NoDocker { name } => format!("docker context update {name} --docker host=ADDRESS"),
            Self::Unreadable { path, .. } => format!("see who may read it: ls -l {}", path.display()),
            Self::NotJson { path, .. } => format!("jq . {} shows where it breaks off", path.display()),
        })
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Host { .. } | Self::Both => Exit::Usage,
            Self::NoContext { .. } | Self::NoDocker { .. } => Exit::Missing,
            Self::Unreadable { error, .. } if error.kind() == io::ErrorKind::PermissionDenied => Exit::Denied,
            Self::Unreadable { .. } => Exit::Failed,
            Self::NotJson { .. } => Exit::Refused,
        }
    }
}
