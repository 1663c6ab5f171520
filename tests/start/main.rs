//! From exec to exit: what starts, how fast, what is refused, what the operator sees, and how it ends.

// An unwrap here is an assertion: the helpers stand outside the tests clippy lets through.
#![allow(clippy::unwrap_used)]

mod begin;
mod bounds;
mod operate;

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use switch_tests::{PATIENCE, Phone, binary, loopback};

/// A switch whose addresses are known before it runs, and whose log is read as people read it.
struct Plain {
    child: Child,
    sip: SocketAddr,
    http: SocketAddr,
}

impl Plain {
    /// Begins it; what is asked of it before it is there is refused.
    fn exec(environment: &[(&str, &str)]) -> Self {
        let address = IpAddr::from(loopback());
        let (sip, http) = (SocketAddr::new(address, 5080), SocketAddr::new(address, 9282));
        let child = Command::new(binary("switch-node"))
            .env_clear()
            .args(["--log-format", "text"])
            .env("SWITCH__SIP__LISTEN", format!("udp:{sip},tcp:{sip}"))
            .env("SWITCH__HTTP__LISTEN", http.to_string())
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self { child, sip, http }
    }

    /// Begins it, and waits until it is ready.
    fn start(environment: &[(&str, &str)]) -> Self {
        let plain = Self::exec(environment);
        let end = Instant::now() + PATIENCE;
        while !plain.ask("GET /readyz", "").is_some_and(|answer| answer.starts_with("HTTP/1.1 200")) {
            assert!(Instant::now() < end, "not ready");
            std::thread::sleep(Duration::from_millis(10));
        }
        plain
    }

    /// The answer to a request with these headers; none while nobody listens.
    fn ask(&self, request: &str, headers: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.http).ok()?;
        write!(stream, "{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    fn phone(&self) -> Phone {
        Phone::at(Ipv4Addr::LOCALHOST.into(), self.sip)
    }

    fn terminate(&self) {
        assert!(Command::new("kill").arg(self.child.id().to_string()).status().unwrap().success());
    }

    /// Ends it. Its exit code and all it logged.
    fn finish(mut self) -> (Option<i32>, String) {
        self.terminate();
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (self.child.wait().unwrap().code(), log)
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
