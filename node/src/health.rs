//! `switch-node health`: asks `/livez` of the switch beside this.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use thiserror::Error;

/// How long the whole may take. Docker waits 30 s for a health check, unless told otherwise.
const PATIENCE: Duration = Duration::from_secs(3);
/// More than any answer of ours.
const LONGEST_ANSWER: usize = 8 * 1024;

/// Why the switch beside this does not count as alive.
#[derive(Debug, Error)]
pub enum Unhealthy {
    /// Which switch to ask cannot be told.
    #[error("http.listen has port 0: which port the switch chose, only its log says")]
    NoPort,
    /// It did not answer, or not in time.
    #[error("the switch does not answer at {at}")]
    Silent {
        /// Where it was asked.
        at: SocketAddr,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// It answered something else than 200.
    #[error("the switch at {at} says: {answer}")]
    Dead {
        /// Where it was asked.
        at: SocketAddr,
        /// The first line and the body of the answer.
        answer: String,
    },
}

/// Asks the switch whose `http.listen` is this. A wildcard is asked on loopback.
///
/// # Errors
/// [`Unhealthy`].
pub fn ask(listen: SocketAddr) -> Result<(), Unhealthy> {
    if listen.port() == 0 {
        return Err(Unhealthy::NoPort);
    }
    let at = SocketAddr::new(reachable(listen.ip()), listen.port());
    let answer = get(at).map_err(|source| Unhealthy::Silent { at, source })?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) == Some("200") {
        return Ok(());
    }
    Err(Unhealthy::Dead { at, answer: format!("{status} {body}") })
}

/// Where a listener of this address can be reached from the same machine.
pub(crate) fn reachable(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) if v4.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(v6) if v6.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        _ => address,
    }
}

fn get(at: SocketAddr) -> std::io::Result<String> {
    let until = Instant::now() + PATIENCE;
    let mut stream = TcpStream::connect_timeout(&at, PATIENCE)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    // In one piece: a peer that answers the first of several and closes would reset the connection.
    stream.write_all(format!("GET /livez HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut answer = Vec::new();
    let mut part = [0; 1024];
    // A peer that sends byte by byte shall not hold this for ever either.
    while answer.len() < LONGEST_ANSWER {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(std::io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut part)? {
            0 => break,
            read => answer.extend_from_slice(&part[..read]),
        }
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn serve(answer: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(answer.as_bytes());
        });
        address
    }

    #[test]
    fn alive_dead_and_silent_are_told_apart() {
        assert!(ask(serve("HTTP/1.1 200 OK\r\n\r\n{}")).is_ok());
        let dead = ask(serve("HTTP/1.1 503 Service Unavailable\r\n\r\n{\"live\":false}")).unwrap_err();
        assert!(
            dead.to_string().ends_with("says: HTTP/1.1 503 Service Unavailable {\"live\":false}"),
            "{dead}"
        );
        assert!(matches!(ask(serve("")), Err(Unhealthy::Dead { .. })));
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert!(matches!(ask(closed), Err(Unhealthy::Silent { .. })));
        assert!(matches!(ask("127.0.0.1:0".parse().unwrap()), Err(Unhealthy::NoPort)));
    }

    #[test]
    fn a_wildcard_is_asked_on_loopback() {
        let port = serve("HTTP/1.1 200 OK\r\n\r\n").port();
        assert!(ask(SocketAddr::from(([0, 0, 0, 0], port))).is_ok());
    }
}
