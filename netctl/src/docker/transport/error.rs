//! Why there is no way to the daemon, or why it broke off.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::docker::host::Ssh;

/// Why there is no way to the daemon, or why it broke off. It can be had more than once: the libraries in between keep
/// the one that was returned to them.
#[derive(Clone, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says it")]
pub enum TransportError {
    #[error("{0}")]
    Io(Arc<io::Error>),
    #[error("no answer within {} s", .0.as_secs())]
    Silent(Duration),
    #[error("'{0}' is no name that a certificate could have")]
    Name(String),
    /// A certificate or a key of ours.
    #[error("{}: {}", .0.display(), .1)]
    File(PathBuf, Bad),
    #[error("this system has no authorities whose certificates could be believed")]
    NoAuthorities,
    #[error("the daemon's certificate {0}")]
    Certificate(Untrusted),
    #[error("what answers there does not speak TLS")]
    NotTls,
    #[error("the daemon there speaks TLS, and was spoken to without")]
    TlsOnly,
    #[error("the daemon does not take our certificate ({0})")]
    Unwelcome(String),
    #[error("the daemon wants a certificate to be shown, and there is none")]
    Nameless,
    #[error("TLS failed: {0}")]
    Tls(String),
    #[error("there is no ssh to be started: {0}")]
    NoSsh(Arc<io::Error>),
    #[error("ssh to {to} {why}{}", quoted(*status, said))]
    Ssh { to: String, why: SshTrouble, status: Option<i32>, said: String },
    #[error("{0}")]
    Other(String),
}

/// What is wrong with a file.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Bad {
    #[error("{0}")]
    Unread(Arc<io::Error>),
    #[error("there is no certificate in it (PEM)")]
    NoCertificate,
    #[error("there is no private key in it (PEM)")]
    NoKey,
    #[error("the private key in it is encrypted, and nobody is asked for its passphrase")]
    Encrypted,
    #[error("it cannot be used: {0}")]
    Unfit(String),
}

/// Why a certificate is not believed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Untrusted {
    #[error("expired{0}")]
    Expired(String),
    #[error("is not valid yet")]
    Early,
    #[error("is for another name{0}")]
    OtherName(String),
    #[error("is signed by nobody who is believed")]
    Issuer,
    #[error("is not believed: {0}")]
    Other(String),
}

/// What became of ssh.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SshTrouble {
    #[error("does not know that machine's key, or knows another")]
    HostKey,
    #[error("was not let in")]
    Login,
    #[error("failed")]
    Connection,
    #[error("found no docker there")]
    NoDocker,
    #[error("found a docker that is too old for it")]
    OldDocker,
    #[error("came through, and that user may not use Docker's socket there")]
    Socket,
    #[error("came through, and docker there failed")]
    Daemon,
    #[error("came through, and what came back is not Docker's")]
    Chatter,
}

/// ssh's own words in one line.
fn quoted(status: Option<i32>, said: &str) -> String {
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    match (lines.is_empty(), status) {
        (false, _) => format!(": {}", lines.join(" / ")),
        (true, Some(status)) => format!(" (it ended with {status})"),
        (true, None) => " (it did not end)".to_owned(),
    }
}

impl TransportError {
    /// The one within another error, where there is one.
    pub(in crate::docker) fn within(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(own) = error.downcast_ref::<Self>() {
                return Some(own.clone());
            }
            if let Some(error) = error.downcast_ref::<rustls::Error>() {
                return Some(Self::tls(error.clone()));
            }
            // Its source is its content's, so that the content would be passed over.
            let content = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            if let Some(found) = content.and_then(|content| Self::within(content)) {
                return Some(found);
            }
            cause = error.source();
        }
        None
    }

    /// ssh came through to something that does not speak HTTP.
    pub(in crate::docker) fn chatter(to: &Ssh, said: String) -> Self {
        Self::Ssh { to: to.to_string(), why: SshTrouble::Chatter, status: None, said }
    }

    /// The daemon's alert is the same for a certificate that it does not take and for none.
    pub(in crate::docker) fn without_certificate(self) -> Self {
        if matches!(self, Self::Unwelcome(_)) { Self::Nameless } else { self }
    }

    /// Whether the socket's permission is what is missing.
    pub(in crate::docker) fn is_denied(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::PermissionDenied)
    }
}

impl From<io::Error> for TransportError {
    fn from(error: io::Error) -> Self {
        Self::within(&error).unwrap_or_else(|| Self::Io(Arc::new(error)))
    }
}
