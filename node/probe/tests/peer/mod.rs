//! A telephone for the tests: answers one call after the other as it was told to, over UDP and TCP. It reads
//! and writes its messages by hand, so that it shares no mistake with the probe.

mod media;
mod talk;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinHandle;

/// What the peer does with an INVITE.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Answer {
    /// 100, 180 and 200.
    Ok,
    /// 200 with its audio refused.
    OkWithoutAudio,
    /// This final status.
    Refuse(u16, &'static str),
    /// 180 and nothing more, until it is cancelled.
    Ring,
    /// 180, and when it is cancelled the 200 that crossed the CANCEL.
    CrossCancel,
    /// Nothing at all.
    Nothing,
}

/// What the peer sends once the call is up.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Media {
    /// What comes.
    Echo,
    /// What comes, with one bit of the first payload byte turned.
    Altered,
    /// A loud tone, whatever comes.
    Tone,
    /// Packets without sound, whatever comes.
    Silence,
    /// Nothing.
    Mute,
}

/// How the peer behaves. Start from the default, an intact echo.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Behaviour {
    pub(crate) answer: Answer,
    pub(crate) media: Media,
    /// Every n-th packet never arrives at the echo.
    pub(crate) lose_there: Option<u64>,
    /// Every n-th packet of the echo never arrives at the probe.
    pub(crate) lose_back: Option<u64>,
    /// The echo counts its packets itself instead of keeping their sequence numbers.
    pub(crate) renumber: bool,
    /// How long the echo holds each packet.
    pub(crate) delay: Duration,
    /// Sends RTCP receiver reports.
    pub(crate) rtcp: bool,
    /// Ends the call after so long.
    pub(crate) hang_up_after: Option<Duration>,
    /// Drops so many of the first requests, as a lossy network would.
    pub(crate) deaf_to: u32,
    /// Sends the 200 once more when its ACK has come, as one does whose 200 crossed it.
    pub(crate) answer_twice: bool,
    /// The law of the answer: payload type 0 or 8.
    pub(crate) payload_type: u8,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            answer: Answer::Ok,
            media: Media::Echo,
            lose_there: None,
            lose_back: None,
            renumber: false,
            delay: Duration::ZERO,
            rtcp: false,
            hang_up_after: None,
            deaf_to: 0,
            answer_twice: false,
            payload_type: 0,
        }
    }
}

/// What arrived: the method or the status line, and the whole of it.
pub(crate) type Seen = Arc<Mutex<Vec<(String, String)>>>;

/// A running peer; it ends when dropped.
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    seen: Seen,
    task: JoinHandle<()>,
}

impl Peer {
    /// Listens on UDP, on an address of the loopback.
    pub(crate) async fn udp(host: &str, behaviour: Behaviour) -> Self {
        let socket = UdpSocket::bind((host, 0)).await.unwrap();
        let address = socket.local_addr().unwrap();
        let seen = Arc::default();
        let task = tokio::spawn(serve_udp(socket, behaviour, Arc::clone(&seen)));
        Self { address, seen, task }
    }

    /// Listens on TCP.
    pub(crate) async fn tcp(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Seen::default();
        let log = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            serve_tcp(stream, behaviour, log).await;
        });
        Self { address, seen, task }
    }

    /// The methods that arrived, in order. What was sent again, for the answer was half a second late, is there once.
    pub(crate) fn seen(&self) -> Vec<String> {
        let mut told = HashSet::new();
        let seen = self.seen.lock().unwrap();
        let fresh = seen.iter().filter(|(_, message)| told.insert(message.clone()));
        fresh.map(|(method, _)| method.clone()).collect()
    }

    /// How often this method arrived, retransmissions too.
    pub(crate) fn count(&self, method: &str) -> usize {
        self.seen.lock().unwrap().iter().filter(|(seen, _)| seen == method).count()
    }

    /// Waits until a request of this method has arrived.
    pub(crate) async fn saw(&self, method: &str) {
        for _ in 0..3000 {
            if self.seen().iter().any(|seen| seen == method) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no {method} among {:?}", self.seen());
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve_udp(socket: UdpSocket, behaviour: Behaviour, seen: Seen) {
    let mut phone = talk::Phone::new(socket.local_addr().unwrap(), "UDP", behaviour, seen);
    let mut buffer = vec![0; 65_536];
    let mut caller = None;
    loop {
        let out = tokio::select! {
            received = socket.recv_from(&mut buffer) => {
                let (length, source) = received.unwrap();
                caller = Some(source);
                phone.take(&String::from_utf8_lossy(&buffer[..length])).await
            }
            bye = phone.hang_up() => vec![bye],
        };
        for message in out {
            socket.send_to(message.as_bytes(), caller.unwrap()).await.unwrap();
        }
    }
}

async fn serve_tcp(mut stream: TcpStream, behaviour: Behaviour, seen: Seen) {
    let mut phone = talk::Phone::new(stream.local_addr().unwrap(), "TCP", behaviour, seen);
    let mut pending = String::new();
    let mut buffer = [0; 4096];
    loop {
        let out = tokio::select! {
            received = stream.read(&mut buffer) => {
                let length = received.unwrap();
                if length == 0 {
                    return;
                }
                pending.push_str(&String::from_utf8_lossy(&buffer[..length]));
                let mut out = Vec::new();
                while let Some(end) = talk::end_of_message(&pending) {
                    let message: String = pending.drain(..end).collect();
                    out.extend(phone.take(&message).await);
                }
                out
            }
            bye = phone.hang_up() => vec![bye],
        };
        for message in out {
            // In two pieces, as a stream may come.
            let (head, tail) = message.as_bytes().split_at(message.len() / 2);
            stream.write_all(head).await.unwrap();
            stream.flush().await.unwrap();
            tokio::time::sleep(Duration::from_millis(2)).await;
            stream.write_all(tail).await.unwrap();
        }
    }
}
