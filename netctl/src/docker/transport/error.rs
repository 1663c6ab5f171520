//! Why there is no way to the daemon, or why it broke off.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, InvalidMessage};

use crate::docker::host::Ssh;
use crate::error::{Exit, Explain};

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
    /// What rustls says, in our words where they are better.
    pub(super) fn tls(error: rustls::Error) -> Self {
        use rustls::Error as E;
        match error {
            E::InvalidCertificate(why) => Self::Certificate(untrusted(why)),
            E::InvalidMessage(InvalidMessage::InvalidContentType) => Self::NotTls,
            E::AlertReceived(alert) if is_about_us(alert) => Self::Unwelcome(format!("{alert:?}")),
            other => Self::Tls(other.to_string()),
        }
    }

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

fn untrusted(why: CertificateError) -> Untrusted {
    use CertificateError as C;
    match why {
        C::Expired => Untrusted::Expired(String::new()),
        C::ExpiredContext { time, not_after } => Untrusted::Expired(since(time, not_after)),
        C::NotValidYet | C::NotValidYetContext { .. } => Untrusted::Early,
        C::NotValidForName => Untrusted::OtherName(String::new()),
        C::NotValidForNameContext { expected, presented } => {
            let names = if presented.is_empty() { "none".to_owned() } else { presented.join(", ") };
            Untrusted::OtherName(format!(" than {}; it has {names}", expected.to_str()))
        }
        C::UnknownIssuer => Untrusted::Issuer,
        other => Untrusted::Other(other.to_string()),
    }
}

fn since(now: UnixTime, then: UnixTime) -> String {
    match now.as_secs().saturating_sub(then.as_secs()) / 86_400 {
        0 => " today".to_owned(),
        1 => " a day ago".to_owned(),
        days => format!(" {days} days ago"),
    }
}

/// Whether the daemon speaks of the certificate that it was shown, or was not.
fn is_about_us(alert: AlertDescription) -> bool {
    use AlertDescription as A;
    matches!(
        alert,
        A::BadCertificate
            | A::UnsupportedCertificate
            | A::CertificateRevoked
            | A::CertificateExpired
            | A::CertificateUnknown
            | A::CertificateRequired
            | A::UnknownCA
            | A::AccessDenied
    )
}

impl Explain for TransportError {
    fn next_step(&self) -> Option<String> {
        Some(match self {
            Self::Io(_) | Self::Silent(_) | Self::Other(_) => return None,
            Self::Name(_) | Self::Tls(_) => "openssl s_client -connect HOST:PORT shows what answers".to_owned(),
            Self::File(path, bad) => return bad.next_step(path),
            Self::NoAuthorities => {
                "apt-get install ca-certificates, or name the daemon's own: --tlscacert FILE".to_owned()
            }
            Self::Certificate(why) => why.next_step().to_owned(),
            Self::NotTls => {
                "Docker's port with TLS is 2376, without it 2375. If the daemon has none: unset DOCKER_TLS_VERIFY \
                 and DOCKER_TLS, and leave --tls and --tlsverify out"
                    .to_owned()
            }
            Self::TlsOnly => {
                "--tlsverify with DOCKER_CERT_PATH, or a context that has the certificates (docker context create)"
                    .to_owned()
            }
            Self::Unwelcome(_) | Self::Nameless => "show it one that its authority (its --tlscacert) has signed for clients and that \
                                   has not expired: DOCKER_CERT_PATH, or --tlscert and --tlskey together"
                .to_owned(),
            Self::NoSsh(_) => "apt-get install openssh-client".to_owned(),
            Self::Ssh { to, why, .. } => why.next_step(to),
        })
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Unwelcome(_)
            | Self::Nameless
            | Self::Ssh { why: SshTrouble::Login | SshTrouble::Socket, .. } => Exit::Denied,
            Self::File(_, bad) => bad.exit(),
            error if error.is_denied() => Exit::Denied,
            _ => Exit::Unreachable,
        }
    }
}

impl Bad {
    fn next_step(&self, path: &std::path::Path) -> Option<String> {
        let path = path.display();
        Some(match self {
            Self::Unread(error) if error.kind() == io::ErrorKind::NotFound => {
                "DOCKER_CERT_PATH names the directory of ca.pem, cert.pem and key.pem (under sudo the default one is \
                 root's); --tlscacert, --tlscert and --tlskey name each"
                    .to_owned()
            }
            Self::Unread(_) => format!("see who may read it: ls -l {path}"),
            Self::NoCertificate => format!("openssl x509 -in {path} -noout -text shows what it is"),
            Self::NoKey | Self::Unfit(_) => format!("openssl pkey -in {path} -noout shows whether it is a key"),
            Self::Encrypted => format!("openssl pkey -in {path} -out FILE writes it without; chmod 600 FILE"),
        })
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Unread(error) => match error.kind() {
                io::ErrorKind::NotFound => Exit::Missing,
                io::ErrorKind::PermissionDenied => Exit::Denied,
                _ => Exit::Failed,
            },
            _ => Exit::Refused,
        }
    }
}

impl Untrusted {
    fn next_step(&self) -> &'static str {
        match self {
            Self::Expired(_) => "give the daemon a new one (its --tlscert), and start it again",
            Self::Early => "see whether the clocks of both machines are right: date",
            Self::OtherName(_) => {
                "use a name that it has, or give the daemon one with this name (subjectAltName; a CN alone does not count)"
            }
            Self::Issuer => "name who signed it: --tlscacert FILE, or ca.pem in DOCKER_CERT_PATH",
            Self::Other(_) => "openssl s_client -showcerts -connect HOST:PORT shows it",
        }
    }
}

impl SshTrouble {
    fn next_step(self, to: &str) -> String {
        let login = format!("ssh ssh://{to}");
        match self {
            Self::HostKey => {
                format!("compare its key and take it: {login}; one that was replaced: ssh-keygen -R HOST")
            }
            Self::Login => {
                format!(
                    "{login} has to come in without a question: ssh-copy-id, and ssh-add for a passphrase"
                )
            }
            Self::Connection => format!("{login} true shows whether it comes through"),
            Self::NoDocker => format!("install Docker's client there (docker.io): {login} docker version"),
            Self::OldDocker => {
                "Docker's client there has to be 18.09 or newer; or forward the socket: ssh -nNT -L \
                 /tmp/docker.sock:/var/run/docker.sock HOST, then --host unix:///tmp/docker.sock"
                    .to_owned()
            }
            Self::Socket => {
                "join the socket's group there (usermod -aG docker USER), or log in as root".to_owned()
            }
            Self::Chatter => {
                format!("{login} true has to print nothing: see what its shell's start files (.bashrc) print")
            }
            Self::Daemon => format!("{login} docker version shows whether the daemon is there"),
        }
    }
}
