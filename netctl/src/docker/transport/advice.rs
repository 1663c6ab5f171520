//! What to do where there is no way to the daemon, and what netctl ends with.

use std::io;
use std::path::Path;

use super::error::{Bad, SshTrouble, TransportError, Untrusted};
use crate::error::{Exit, Explain};

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
    fn next_step(&self, path: &Path) -> Option<String> {
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
