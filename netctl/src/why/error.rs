//! How looking fails, and how a look that found something ends.

use std::io;

use crate::bridge::KernelError;
use crate::docker::DockerError;
use crate::error::{Exit, Explain};
use crate::firewall::FirewallError;
use crate::network::{CheckError, RunError, SettingsError};
use crate::publish::PublishError;

/// Why there is no answer, or what the answer is where audio does not pass.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says it")]
pub enum WhyError {
    #[error(transparent)]
    Docker(#[from] DockerError),
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Published(#[from] PublishError),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("no such container: {0}")]
    NoSuchContainer(String),
    #[error("the container {0} does not run")]
    NotRunning(String),
    #[error("the switch has no media ports that netctl knows of")]
    NoMedia,
    #[error("cannot count packets on the way")]
    Counters(#[from] FirewallError),
    #[error("cannot read who listens where")]
    Sockets(#[source] io::Error),
    #[error("cannot read what UDP lost in the container's namespace")]
    Losses(#[from] io::Error),
    #[error("cannot make a place outside of this host to call from")]
    Outside(#[source] CheckError),
    #[error("cannot take away the place outside of this host that was called from")]
    Parting(#[source] KernelError),
    #[error("{0}")]
    Broken(String),
}

impl Explain for WhyError {
    fn next_step(&self) -> Option<String> {
        match self {
            Self::Docker(error) => error.next_step(),
            Self::Published(error) => error.next_step(),
            Self::Run(error) => error.next_step(),
            Self::Settings(_) => Some("docs/configuration.md has the forms".to_owned()),
            Self::NoSuchContainer(_) => Some("docker ps -a shows what there is".to_owned()),
            Self::NotRunning(name) => Some(format!("docker start {name}; docker logs {name} says why it ended")),
            Self::NoMedia => Some("say which by -e SWITCH__RTP__PORTS=FIRST-LAST".to_owned()),
            Self::Counters(FirewallError::Changed | FirewallError::Protocol(_)) => {
                Some("another netctl why looks at the same container; let it end first".to_owned())
            }
            Self::Counters(error) if !error.denied() => {
                Some("the kernel needs nf_tables: netctl doctor says what is missing".to_owned())
            }
            Self::Counters(_) | Self::Sockets(_) | Self::Losses(_) => Some(
                "CAP_NET_ADMIN and CAP_SYS_ADMIN are needed, on the host and in the container's namespace; run it as root"
                    .to_owned(),
            ),
            Self::Outside(_) => Some("run it as root, or watch while somebody calls: --no-call --seconds 20".to_owned()),
            Self::Parting(_) => Some("it goes with netctl by itself; ip link shows whether it did".to_owned()),
            // It was told with the table.
            Self::Broken(_) => None,
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Docker(error) => error.exit(),
            Self::Published(error) => error.exit(),
            Self::Run(error) => error.exit(),
            Self::Settings(_) => Exit::Usage,
            Self::NoSuchContainer(_) => Exit::Missing,
            Self::Counters(error) if error.denied() => Exit::Denied,
            Self::Outside(error) => error.exit(),
            Self::Parting(error) if error.denied() => Exit::Denied,
            Self::Sockets(error) | Self::Losses(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                Exit::Denied
            }
            _ => Exit::Failed,
        }
    }
}
