//! TCP connections: which are open, and what is queued on each. One that does not read is closed when its queue is
//! full. What each brings and when it ends is its task's to see: whoever opens one hands it over for that.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use switch_sip::transaction::{Flow, Transport};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::counters::{Counters, count};

/// Longest time to connect, or to write one message.
pub(crate) const WRITE: Duration = Duration::from_secs(5);
/// Messages a connection may be behind with.
const QUEUE: usize = 256;
/// Connections open at once, unless the switch is told otherwise.
const CONNECTIONS: usize = 2048;

/// Every open connection.
#[derive(Debug)]
pub(crate) struct Connections {
    open: Mutex<HashMap<u64, Connection>>,
    next: AtomicU64,
    /// To whoever gives those we opened a task.
    opened: mpsc::Sender<Opened>,
    dscp: u8,
    counters: Arc<Counters>,
}

#[derive(Debug)]
struct Connection {
    flow: Flow,
    queue: mpsc::Sender<Vec<u8>>,
}

/// A connection that waits for its task.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) stream: TcpStream,
    pub(crate) flow: Flow,
    /// What is to be written.
    pub(crate) outgoing: mpsc::Receiver<Vec<u8>>,
}

impl Connections {
    /// None yet; with them comes what hands over those that will be opened.
    pub(crate) fn new(dscp: u8, counters: Arc<Counters>) -> (Self, mpsc::Receiver<Opened>) {
        // As many as can be open: there is always room.
        let (opened, waiting) = mpsc::channel(CONNECTIONS);
        let (open, next) = (Mutex::default(), AtomicU64::default());
        (Self { open, next, opened, dscp, counters }, waiting)
    }

    /// Queues bytes on a connection; false when it is gone or does not keep up.
    pub(crate) fn send(&self, connection: u64, bytes: Vec<u8>) -> bool {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(found) = open.get(&connection) else { return false };
        if found.queue.try_send(bytes).is_ok() {
            return true;
        }
        // Its task sees the queue closed and ends.
        open.remove(&connection);
        false
    }

    /// Whether the flow's connection is still there.
    pub(crate) fn is_open(&self, flow: &Flow) -> bool {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&flow.connection)
    }

    /// The open connection to a peer.
    pub(crate) fn to(&self, remote: SocketAddr) -> Option<Flow> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.values()
            .find(|connection| connection.flow.remote == remote)
            .map(|connection| connection.flow.clone())
    }

    /// The flow to a peer: a connection that is open, or a new one.
    pub(crate) async fn connect(&self, remote: SocketAddr) -> io::Result<Flow> {
        if let Some(flow) = self.to(remote) {
            return Ok(flow);
        }
        let socket = if remote.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        super::mark(&socket, remote, self.dscp)?;
        let stream = timeout(WRITE, socket.connect(remote)).await.map_err(|_| io::ErrorKind::TimedOut)??;
        let opened = self.add(stream)?;
        let flow = opened.flow.clone();
        if self.opened.try_send(opened).is_err() {
            self.remove(flow.connection);
            return Err(io::Error::new(io::ErrorKind::NotConnected, "the endpoint has ended"));
        }
        Ok(flow)
    }

    /// Makes a connection known, unless there are too many.
    pub(crate) fn add(&self, stream: TcpStream) -> io::Result<Opened> {
        stream.set_nodelay(true)?;
        let (flow, outgoing) = self.enter(&stream).inspect_err(|_| {
            count(&self.counters.connections_refused);
        })?;
        self.counters.connections.fetch_add(1, Ordering::Relaxed);
        Ok(Opened { stream, flow, outgoing })
    }

    fn enter(&self, stream: &TcpStream) -> io::Result<(Flow, mpsc::Receiver<Vec<u8>>)> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= CONNECTIONS {
            return Err(io::Error::new(io::ErrorKind::QuotaExceeded, "too many TCP connections are open"));
        }
        let connection = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        let (local, remote) = (stream.local_addr()?, stream.peer_addr()?);
        let flow = Flow { transport: Transport::Tcp, local, remote, connection };
        let (queue, outgoing) = mpsc::channel(QUEUE);
        open.insert(connection, Connection { flow: flow.clone(), queue });
        Ok((flow, outgoing))
    }

    /// Nothing comes of it any more.
    pub(crate) fn remove(&self, connection: u64) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.remove(&connection);
        if open.is_empty() {
            open.shrink_to_fit();
        }
        self.counters.connections.fetch_sub(1, Ordering::Relaxed);
    }
}
