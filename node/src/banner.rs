//! What a start on a terminal ends with: the address, what to dial, the next command to copy.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use switch_modules::dialplan::numbers::NUMBERS;

use crate::config::Transport;

/// What the banner says.
#[derive(Clone, Debug)]
pub struct Banner<'a> {
    /// As it was called, so that the next command can be copied.
    pub program: &'a str,
    /// Where SIP is listened for, as bound.
    pub listeners: &'a [(Transport, SocketAddr)],
    /// What to say instead of a wildcard.
    pub address: IpAddr,
    /// Whether the built-in numbers answer.
    pub numbers: bool,
    /// Where HTTP is served, as bound.
    pub http: SocketAddr,
}

impl Banner<'_> {
    /// The text, with its line breaks.
    pub fn text(&self) -> String {
        let mut out = format!("\nswitch {} answers SIP at\n", env!("CARGO_PKG_VERSION"));
        let mut said: Vec<String> = Vec::new();
        for (transport, address) in self.listeners {
            let line = format!("  {transport} {}", self.shown(*address));
            if !said.contains(&line) {
                let _ = writeln!(out, "{line}");
                said.push(line);
            }
        }
        if self.numbers {
            out.push_str("\nDial\n");
            for (number, _, _, what) in NUMBERS {
                let _ = writeln!(out, "  {number}  {what}");
            }
        }
        let first = self.listeners.iter().find(|(transport, _)| *transport == Transport::Udp);
        if let (true, Some((transport, address))) = (self.numbers, first.or(self.listeners.first())) {
            let _ = writeln!(out, "\nor place a real call from another terminal and have its audio judged:");
            let _ = writeln!(out, "  {} probe {}", quoted(self.program), self.uri(*transport, *address));
        }
        let http = SocketAddr::new(crate::client::reachable(self.http.ip()), self.http.port());
        let _ = writeln!(out, "\nMetrics and calls: http://{http}/metrics, /calls. To end: Ctrl-C.\n");
        out
    }

    fn shown(&self, listener: SocketAddr) -> SocketAddr {
        let ip = if listener.ip().is_unspecified() { self.address } else { listener.ip() };
        SocketAddr::new(ip, listener.port())
    }

    fn uri(&self, transport: Transport, listener: SocketAddr) -> String {
        let shown = self.shown(listener);
        let host = match shown.ip() {
            IpAddr::V4(v4) => v4.to_string(),
            IpAddr::V6(v6) => format!("[{v6}]"),
        };
        let port = if shown.port() == 5060 { String::new() } else { format!(":{}", shown.port()) };
        match transport {
            Transport::Udp => format!("sip:9196@{host}{port}"),
            Transport::Tcp => format!("'sip:9196@{host}{port};transport=tcp'"),
        }
    }
}

fn quoted(program: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if program.chars().all(plain) {
        program.to_owned()
    } else {
        format!("'{}'", program.replace('\'', r"'\''"))
    }
}

/// The address others of the network would reach this machine at: the kernel's source toward the world. Nothing
/// is sent. Loopback where there is no network.
pub fn own_address() -> IpAddr {
    let source = || {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        // RFC 5737: a documentation address, reached like any other by the default route.
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        socket.local_addr()
    };
    source().map_or(Ipv4Addr::LOCALHOST.into(), |address: SocketAddr| address.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn banner(listeners: &[(Transport, &str)], numbers: bool) -> String {
        let listeners: Vec<_> = listeners.iter().map(|(t, a)| (*t, a.parse().unwrap())).collect();
        let http = "0.0.0.0:9282".parse().unwrap();
        let address = "198.51.100.7".parse().unwrap();
        Banner { program: "target/release/switch-node", listeners: &listeners, address, numbers, http }.text()
    }

    #[test]
    fn says_address_numbers_and_a_command_that_can_be_copied() {
        let all = [
            (Transport::Udp, "0.0.0.0:5060"),
            (Transport::Udp, "[::]:5060"),
            (Transport::Tcp, "0.0.0.0:5060"),
        ];
        let text = banner(&all, true);
        assert_eq!(text.matches("udp 198.51.100.7:5060").count(), 1, "{text}");
        for number in ["9195", "9196", "9197", "9198", "9664"] {
            assert!(text.contains(&format!("\n  {number}  ")), "{text}");
        }
        assert!(text.contains("\n  target/release/switch-node probe sip:9196@198.51.100.7\n"), "{text}");
        assert!(text.contains("http://127.0.0.1:9282/metrics"), "{text}");
    }

    #[test]
    fn names_port_and_transport_where_they_are_not_the_usual_ones() {
        assert!(banner(&[(Transport::Udp, "[::1]:5080")], true).contains("probe sip:9196@[::1]:5080\n"));
        let tcp = banner(&[(Transport::Tcp, "127.0.0.1:5060")], true);
        assert!(tcp.contains("probe 'sip:9196@127.0.0.1;transport=tcp'\n"), "{tcp}");
    }

    #[test]
    fn without_the_numbers_nothing_is_said_to_be_dialled() {
        let text = banner(&[(Transport::Udp, "127.0.0.1:5060")], false);
        assert!(!text.contains("9196") && text.contains("udp 127.0.0.1:5060"), "{text}");
    }

    #[test]
    fn a_program_with_a_blank_can_be_copied_too() {
        assert_eq!(quoted("/a b/it's"), r"'/a b/it'\''s'");
    }
}
