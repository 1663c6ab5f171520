//! Asking, and what is answered: see answer.c.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::time::Duration;

use crate::host::within;
pub(crate) use crate::namespace::socket_in as socket;

/// One exchange as both ends saw it.
#[derive(Debug, PartialEq)]
pub(crate) struct Seen {
    /// Whom the container saw as the sender.
    pub(crate) asker: SocketAddr,
    /// Who answered, as the asker saw it.
    pub(crate) answerer: SocketAddr,
}

/// Long enough on a busy machine; only what is lost waits for it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks by UDP; nothing if no answer comes.
pub(crate) fn ask(socket: &UdpSocket, to: &str, bytes: usize) -> Option<Seen> {
    let question: Vec<u8> =
        (0..bytes).map(|index| b'a' + u8::try_from(index % 26).expect("26 letters")).collect();
    socket.send_to(&question, to).expect("it can be sent");
    let mut answer = vec![0; 65_600];
    let (length, answerer) = socket.recv_from(&mut answer).ok()?;
    Some(Seen { asker: asker(&answer[..length], &question), answerer })
}

/// Asks by TCP.
pub(crate) fn ask_stream(namespace: &Path, to: &str) -> Option<(SocketAddr, Seen)> {
    let mut stream =
        within(namespace, || Ok(TcpStream::connect_timeout(&to.parse().expect("an address"), PATIENCE)))
            .ok()?;
    stream.set_read_timeout(Some(PATIENCE)).expect("it is not zero");
    stream.write_all(b"tcp").ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let own = stream.local_addr().expect("it is connected");
    Some((
        own,
        Seen { asker: asker(&answer, b"tcp"), answerer: stream.peer_addr().expect("it is connected") },
    ))
}

fn asker(answer: &[u8], question: &[u8]) -> SocketAddr {
    let end = answer.iter().position(|byte| *byte == b'\n').expect("the answer has a head");
    assert_eq!(&answer[end + 1..], question);
    let head = std::str::from_utf8(&answer[..end]).expect("the head is a text");
    let (address, port) = head.split_once(' ').expect("an address and a port");
    let address: IpAddr = address.parse().expect("an address");
    SocketAddr::new(address, port.parse().expect("a port"))
}
