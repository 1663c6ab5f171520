//! Asks the switch beside this, whose configuration is at hand: one request, one answer, over plain HTTP.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::config::Secret;

/// How long the whole may take. Docker waits 30 s for a health check, unless told otherwise.
const PATIENCE: Duration = Duration::from_secs(3);
/// More than any answer that is asked for here.
const LONGEST_ANSWER: usize = 256 * 1024;

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum ClientError {
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
}

/// The switch that was asked, and what it said.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Where it was asked.
    pub at: SocketAddr,
    /// The first line.
    pub line: String,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The status; 0 where it is none.
    pub fn status(&self) -> u16 {
        self.line.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
    }
}

/// Asks the switch whose `http.listen` is this, for instance `GET /livez`. A wildcard is asked on loopback.
///
/// # Errors
/// [`ClientError`].
pub fn ask(listen: SocketAddr, token: &Secret, request: &str) -> Result<Answer, ClientError> {
    if listen.port() == 0 {
        return Err(ClientError::NoPort);
    }
    let at = SocketAddr::new(reachable(listen.ip()), listen.port());
    let answer = exchange(at, token, request).map_err(|source| ClientError::Silent { at, source })?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let line = head.lines().next().unwrap_or_default();
    Ok(Answer { at, line: line.to_owned(), body: body.to_owned() })
}

/// Where a listener of this address can be reached from the same machine.
pub(crate) fn reachable(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) if v4.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(v6) if v6.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        _ => address,
    }
}

fn exchange(at: SocketAddr, token: &Secret, request: &str) -> std::io::Result<String> {
    let until = Instant::now() + PATIENCE;
    let mut stream = TcpStream::connect_timeout(&at, PATIENCE)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let shown = token.reveal().map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let head = format!("{request} HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n{shown}\r\n");
    // In one piece: a peer that answers the first of several and closes would reset the connection.
    stream.write_all(head.as_bytes())?;
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
pub(crate) mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Answers one request; what it was is told.
    pub(crate) fn serve(answer: &'static str) -> (SocketAddr, std::sync::mpsc::Receiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (told, asked) = std::sync::mpsc::sync_channel(1);
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut buffer = [0; 1024];
            let read = stream.read(&mut buffer).unwrap_or(0);
            let _ = told.send(String::from_utf8_lossy(&buffer[..read]).into_owned());
            let _ = stream.write_all(answer.as_bytes());
        });
        (address, asked)
    }

    #[test]
    fn the_token_is_shown_where_there_is_one() {
        let (address, asked) = serve("HTTP/1.1 204 No Content\r\n\r\n");
        let answer = ask(address, &Secret::new("hunter2"), "POST /drain").unwrap();
        assert_eq!((answer.status(), answer.body.as_str()), (204, ""));
        let request = asked.recv().unwrap();
        assert!(request.starts_with("POST /drain HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("\r\nAuthorization: Bearer hunter2\r\n"), "{request}");
        let (address, asked) = serve("HTTP/1.1 200 OK\r\n\r\n{}");
        assert_eq!(ask(address, &Secret::default(), "GET /drain").unwrap().body, "{}");
        assert!(!asked.recv().unwrap().contains("Authorization"));
    }

    #[test]
    fn a_wildcard_is_asked_on_loopback_and_no_port_nowhere() {
        let (address, _asked) = serve("HTTP/1.1 200 OK\r\n\r\n");
        assert!(ask(SocketAddr::from(([0, 0, 0, 0], address.port())), &Secret::default(), "GET /").is_ok());
        let nowhere = ask("127.0.0.1:0".parse().unwrap(), &Secret::default(), "GET /");
        assert!(matches!(nowhere, Err(ClientError::NoPort)));
        // A port that was free is somebody's a moment later; this one nobody has.
        let closed = "127.0.0.1:1".parse().unwrap();
        assert!(matches!(ask(closed, &Secret::default(), "GET /"), Err(ClientError::Silent { .. })));
    }
}
