//! What listens where, in the columns of `netstat -nplt`.

use std::fmt::{self, Display, Formatter};
use std::net::SocketAddr;

use serde_json::{Value, json};

use super::ports::Protocol;
use super::sockets::Socket;
use crate::columns;

/// Sockets, one below the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Listeners(pub(super) Vec<Socket>);

impl Display for Listeners {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let head =
            ["Proto", "Recv-Q", "Send-Q", "Local Address", "Foreign Address", "State", "PID/Program name"];
        let rows = self.0.iter().map(|socket| {
            [
                name(socket),
                socket.receive_queue.to_string(),
                socket.send_queue.to_string(),
                address(socket.local),
                address(socket.remote),
                state(socket).to_owned(),
                socket.holder.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
            ]
        });
        columns::write(f, "  ", &std::iter::once(head.map(str::to_owned)).chain(rows).collect::<Vec<_>>())
    }
}

impl Listeners {
    /// An array, one object a socket.
    pub(super) fn json(&self) -> Value {
        let one = |socket: &Socket| {
            json!({
                "protocol": name(socket),
                "local": socket.local,
                "state": state(socket),
                "receive_queue": socket.receive_queue,
                "send_queue": socket.send_queue,
                "pid": socket.holder.as_ref().map(|holder| holder.pid),
                "program": socket.holder.as_ref().map(|holder| &holder.name),
            })
        };
        self.0.iter().map(one).collect()
    }
}

fn name(socket: &Socket) -> String {
    format!("{}{}", socket.protocol, if socket.local.is_ipv6() { "6" } else { "" })
}

/// netstat's: every address and every port have their signs.
fn address(address: SocketAddr) -> String {
    let port = match address.port() {
        0 => "*".to_owned(),
        port => port.to_string(),
    };
    format!("{}:{port}", address.ip())
}

fn state(socket: &Socket) -> &'static str {
    match socket.protocol {
        Protocol::Tcp => "LISTEN",
        Protocol::Udp => "",
    }
}
