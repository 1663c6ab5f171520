//! Where the daemon is, as Docker's own client takes it from DOCKER_HOST, --host and a context.
//!
//! Reads text and nothing else: what the text means for certificates, or whether anybody is there, others know.

use std::fmt;
use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::str::FromStr;

/// The daemon's address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Host {
    /// A socket of this machine.
    Unix(PathBuf),
    /// Host and port; whether it is encrypted is said elsewhere.
    Tcp(String),
    /// Host and port, encrypted whatever is said elsewhere.
    Https(String),
    /// A machine that is logged in to, and what Docker's client reaches there.
    Ssh(Ssh),
}

/// `ssh://[USER@]HOST[:PORT][/SOCKET]`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Ssh {
    /// Who logs in; by default ssh's own configuration says it.
    pub user: Option<String>,
    /// Name or address, an IPv6 one without brackets.
    pub host: String,
    /// By default ssh's own configuration says it.
    pub port: Option<u16>,
    /// The daemon's socket there; by default what Docker's client finds there.
    pub socket: Option<String>,
}

/// Why a text is no address of a daemon, or of none that can be reached.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "each message says it")]
pub enum HostError {
    #[error(
        "fd:// is what a daemon that systemd starts is told; its clients take unix:///var/run/docker.sock"
    )]
    Descriptor,
    #[error("npipe:// is a pipe of Windows; from here the daemon there is reached by tcp:// or ssh://")]
    Pipe,
    #[error("{0}:// is no way to a daemon; give unix://PATH, tcp://HOST:PORT or ssh://USER@HOST")]
    Scheme(String),
    #[error("no host in it; give {0}")]
    Empty(&'static str),
    #[error("'{0}' is no port")]
    Port(String),
    #[error("a daemon's address has no path; give tcp://HOST:PORT")]
    Path,
    #[error(
        "ssh takes no password from an address; let a key do it (ssh-copy-id USER@HOST), and leave it out"
    )]
    Password,
    #[error("ssh://[USER@]HOST[:PORT][/SOCKET] has no '{0}'")]
    Rest(char),
}

/// Docker's own.
const SOCKET: &str = "/var/run/docker.sock";
/// Docker's port without encryption. Its client takes it with encryption, too, where a host but no port is given.
const PORT: u16 = 2375;
/// Docker's port with encryption.
pub(super) const TLS_PORT: u16 = 2376;
const TCP_FORM: &str = "tcp://HOST:PORT";
const SSH_FORM: &str = "ssh://USER@HOST";

impl Default for Host {
    fn default() -> Self {
        Self::Unix(PathBuf::from(SOCKET))
    }
}

impl FromStr for Host {
    type Err = HostError;

    /// Without a scheme it is TCP, and what is missing has Docker's default.
    fn from_str(text: &str) -> Result<Self, HostError> {
        match text.trim().split_once("://") {
            None if text.trim().is_empty() => Ok(Self::default()),
            None => tcp(text.trim(), PORT).map(Self::Tcp),
            Some(("unix", "")) => Ok(Self::default()),
            Some(("unix", path)) => Ok(Self::Unix(PathBuf::from(path))),
            Some(("tcp" | "http", rest)) => tcp(rest, PORT).map(Self::Tcp),
            Some(("https", rest)) => tcp(rest, TLS_PORT).map(Self::Https),
            Some(("ssh", rest)) => ssh(rest).map(Self::Ssh),
            Some(("fd", _)) => Err(HostError::Descriptor),
            Some(("npipe", _)) => Err(HostError::Pipe),
            Some((scheme, _)) => Err(HostError::Scheme(scheme.to_owned())),
        }
    }
}

fn tcp(text: &str, default: u16) -> Result<String, HostError> {
    let text = text.strip_suffix('/').unwrap_or(text);
    if text.contains('/') {
        return Err(HostError::Path);
    }
    let (host, port) = parts(text, TCP_FORM)?;
    let host = if host.is_empty() { "localhost".to_owned() } else { host };
    let port = port.unwrap_or(default);
    Ok(if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") })
}

fn ssh(text: &str) -> Result<Ssh, HostError> {
    if let Some(other) = text.chars().find(|letter| matches!(letter, '?' | '#')) {
        return Err(HostError::Rest(other));
    }
    let (login, path) = text.find('/').map_or((text, ""), |slash| text.split_at(slash));
    let (user, place) = match login.rsplit_once('@') {
        Some((user, _)) if user.contains(':') => return Err(HostError::Password),
        Some((user, place)) => (Some(user.to_owned()), place),
        None => (None, login),
    };
    let (host, port) = parts(place, SSH_FORM)?;
    if host.is_empty() {
        return Err(HostError::Empty(SSH_FORM));
    }
    // A slash alone names no socket.
    let socket = (!path.trim_matches('/').is_empty()).then(|| path.to_owned());
    Ok(Ssh { user: user.filter(|user| !user.is_empty()), host, port, socket })
}

/// Host, without brackets, and port. What stands behind the bracket of an IPv6 address, or behind the only colon.
fn parts(text: &str, form: &'static str) -> Result<(String, Option<u16>), HostError> {
    if text.parse::<Ipv6Addr>().is_ok() {
        return Ok((text.to_owned(), None));
    }
    let (host, port) = match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, rest)) => (host, Some(rest.strip_prefix(':').ok_or(HostError::Empty(form))?)),
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let number = |port: &str| match port.parse() {
        Ok(number) if number != 0 => Ok(number),
        _ => Err(HostError::Port(port.to_owned())),
    };
    Ok((host.to_owned(), port.filter(|port| !port.is_empty()).map(number).transpose()?))
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp://{address}"),
            Self::Https(address) => write!(f, "https://{address}"),
            Self::Ssh(ssh) => write!(f, "ssh://{ssh}{}", ssh.socket.as_deref().unwrap_or_default()),
        }
    }
}

/// As ssh's own URI has it, without the socket.
impl fmt::Display for Ssh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        match self.host.contains(':') {
            true => write!(f, "[{}]", self.host)?,
            false => f.write_str(&self.host)?,
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_docker_takes_it() {
        for (text, shown) in [
            ("", "unix:///var/run/docker.sock"),
            ("unix://", "unix:///var/run/docker.sock"),
            ("unix:///tmp/d.sock", "unix:///tmp/d.sock"),
            ("tcp://192.0.2.1", "tcp://192.0.2.1:2375"),
            ("tcp://[2001:db8::1]:4243", "tcp://[2001:db8::1]:4243"),
            ("[::1]", "tcp://[::1]:2375"),
            ("tcp://::1", "tcp://[::1]:2375"),
            ("example.org:4243", "tcp://example.org:4243"),
            (":4243", "tcp://localhost:4243"),
            ("tcp://", "tcp://localhost:2375"),
            ("tcp://example.org/", "tcp://example.org:2375"),
            ("https://example.org", "https://example.org:2376"),
            ("ssh://example.org", "ssh://example.org"),
            ("ssh://me@example.org:22/", "ssh://me@example.org:22"),
            ("ssh://me@[2001:db8::1]:22/run/d.sock", "ssh://me@[2001:db8::1]:22/run/d.sock"),
        ] {
            assert_eq!(text.parse::<Host>().unwrap().to_string(), shown, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_says_why() {
        for (text, error) in [
            ("fd://", HostError::Descriptor),
            ("npipe:////./pipe/docker_engine", HostError::Pipe),
            ("foo://x", HostError::Scheme("foo".to_owned())),
            ("tcp://h:x", HostError::Port("x".to_owned())),
            ("tcp://h:0", HostError::Port("0".to_owned())),
            ("tcp://h:99999", HostError::Port("99999".to_owned())),
            ("tcp://h/path", HostError::Path),
            ("ssh://", HostError::Empty("ssh://USER@HOST")),
            ("ssh://me@", HostError::Empty("ssh://USER@HOST")),
            ("ssh://me:secret@h", HostError::Password),
            ("ssh://h?a=b", HostError::Rest('?')),
            ("ssh://h:ssh", HostError::Port("ssh".to_owned())),
        ] {
            assert_eq!(text.parse::<Host>(), Err(error), "{text}");
        }
    }

    #[test]
    fn what_ssh_is_told() {
        let Ok(Host::Ssh(ssh)) = "ssh://me@[2001:db8::1]:2222/run/d.sock".parse::<Host>() else { panic!() };
        assert_eq!(
            ssh,
            Ssh {
                user: Some("me".to_owned()),
                host: "2001:db8::1".to_owned(),
                port: Some(2222),
                socket: Some("/run/d.sock".to_owned()),
            }
        );
    }
}
