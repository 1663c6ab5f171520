//! Where the daemon is, as Docker's own client takes it from DOCKER_HOST and --host.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The daemon's address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Host {
    /// A socket of this machine.
    Unix(PathBuf),
    /// Host and port, without encryption.
    Tcp(String),
}

/// Why a text is no address of a daemon, or of none that can be reached.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "each message says it")]
pub enum HostError {
    #[error(
        "ssh:// is not spoken here; forward the socket instead: ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock \
         HOST, then --host unix:///tmp/docker.sock"
    )]
    Ssh,
    #[error("https:// is not spoken here; forward the daemon's socket by ssh -L and give unix://PATH")]
    Tls,
    #[error("{0}:// is no way to a daemon; give unix://PATH or tcp://HOST:PORT")]
    Scheme(String),
    #[error("no host in it; give tcp://HOST:PORT")]
    Empty,
    #[error("'{0}' is no port")]
    Port(String),
    #[error("a daemon's address has no path; give tcp://HOST:PORT")]
    Path,
}

/// Docker's own.
const SOCKET: &str = "/var/run/docker.sock";
/// Docker's port without encryption.
const PORT: u16 = 2375;

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
            None => tcp(text.trim()),
            Some(("unix", "")) => Ok(Self::default()),
            Some(("unix", path)) => Ok(Self::Unix(PathBuf::from(path))),
            Some(("tcp" | "http", rest)) => tcp(rest),
            Some(("ssh", _)) => Err(HostError::Ssh),
            Some(("https", _)) => Err(HostError::Tls),
            Some((scheme, _)) => Err(HostError::Scheme(scheme.to_owned())),
        }
    }
}

fn tcp(text: &str) -> Result<Host, HostError> {
    let text = text.strip_suffix('/').unwrap_or(text);
    if text.contains('/') {
        return Err(HostError::Path);
    }
    // What stands behind the bracket of an IPv6 address, or behind the only colon.
    let (host, port) = match text.rfind(']') {
        Some(end) => (&text[..=end], text[end + 1..].strip_prefix(':')),
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    if host.is_empty() {
        return Err(HostError::Empty);
    }
    let port = port.map_or(Ok(PORT), |port| port.parse().map_err(|_| HostError::Port(port.to_owned())))?;
    Ok(Host::Tcp(format!("{host}:{port}")))
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp://{address}"),
        }
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
            ("example.org:4243", "tcp://example.org:4243"),
            ("tcp://example.org/", "tcp://example.org:2375"),
        ] {
            assert_eq!(text.parse::<Host>().unwrap().to_string(), shown, "{text}");
        }
        for (text, error) in [
            ("ssh://me@example.org", HostError::Ssh),
            ("https://example.org", HostError::Tls),
            ("npipe:////./pipe/docker_engine", HostError::Scheme("npipe".to_owned())),
            ("tcp://", HostError::Empty),
            ("tcp://h:x", HostError::Port("x".to_owned())),
            ("tcp://h:99999", HostError::Port("99999".to_owned())),
            ("tcp://h/path", HostError::Path),
        ] {
            assert_eq!(text.parse::<Host>(), Err(error), "{text}");
        }
    }
}
