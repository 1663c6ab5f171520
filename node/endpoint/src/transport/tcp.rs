//! TCP connections: accepted or opened, each a task that frames what comes and writes what is queued.
//!
//! A peer can hold a connection only by using it: half a message must be completed in [`STALL`], a silent
//! connection ends after the settings' `tcp_idle`, one that does not read is closed when its queue is full.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use switch_sip::frame::{Framed, StreamFramer};
use switch_sip::transaction::{Flow, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use crate::agent::Agent;
use crate::counters::count;

/// Longest time from a message's first byte to its last.
pub(crate) const STALL: Duration = Duration::from_secs(8);
/// Longest time to connect, or to write one message.
const WRITE: Duration = Duration::from_secs(5);
/// Messages a connection may be behind with.
const QUEUE: usize = 256;
/// Connections open at once, unless the switch is told otherwise.
pub(crate) const CONNECTIONS: usize = 2048;

/// Every open connection.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    open: Mutex<HashMap<u64, Connection>>,
    next: AtomicU64,
}

#[derive(Debug)]
struct Connection {
    flow: Flow,
    queue: mpsc::Sender<Vec<u8>>,
}

impl Connections {
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

    /// Makes the connection known, unless there are too many.
    fn add(&self, stream: &TcpStream) -> io::Result<(Flow, mpsc::Receiver<Vec<u8>>)> {
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

    fn remove(&self, connection: u64) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.remove(&connection);
        if open.is_empty() {
            open.shrink_to_fit();
        }
    }
}

/// Accepts connections until the task is aborted.
pub(crate) async fn accept(agent: Arc<Agent>, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => _ = start(&agent, stream),
            Err(error) => {
                // Out of descriptors, mostly: those that are open go on, and a while later there may be one.
                tracing::warn!(%error, "cannot accept a TCP connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// The flow to a peer: a connection that is open, or a new one.
pub(crate) async fn connect(agent: &Arc<Agent>, remote: SocketAddr) -> io::Result<Flow> {
    if let Some(flow) = agent.connections().to(remote) {
        return Ok(flow);
    }
    let socket = if remote.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    super::mark(&socket, remote, agent.dscp)?;
    let stream = timeout(WRITE, socket.connect(remote)).await.map_err(|_| io::ErrorKind::TimedOut)??;
    start(agent, stream)
}

fn start(agent: &Arc<Agent>, stream: TcpStream) -> io::Result<Flow> {
    stream.set_nodelay(true)?;
    let (flow, outgoing) = agent.connections().add(&stream).inspect_err(|_| {
        count(&agent.counters().connections_refused);
    })?;
    agent.counters().connections.fetch_add(1, Ordering::Relaxed);
    let (agent, task_flow) = (Arc::clone(agent), flow.clone());
    tokio::spawn(async move {
        serve(&agent, stream, &task_flow, outgoing).await;
        agent.connections().remove(task_flow.connection);
        agent.counters().connections.fetch_sub(1, Ordering::Relaxed);
        agent.connection_closed(&task_flow);
    });
    Ok(flow)
}

async fn serve(
    agent: &Arc<Agent>,
    mut stream: TcpStream,
    flow: &Flow,
    mut outgoing: mpsc::Receiver<Vec<u8>>,
) {
    let (mut read, mut write) = stream.split();
    let mut framer = StreamFramer::new();
    let mut buffer = vec![0; 4096];
    // Read each time: a connection that is open keeps to what holds now.
    let idle = || Instant::now() + agent.settings().tcp_idle;
    let mut deadline = idle();
    loop {
        tokio::select! {
            queued = outgoing.recv() => {
                let Some(bytes) = queued else { return };
                if !matches!(timeout(WRITE, write.write_all(&bytes)).await, Ok(Ok(()))) {
                    count(&agent.counters().send_failures);
                    return;
                }
                if !framer.is_mid_message() {
                    deadline = idle();
                }
            }
            received = read.read(&mut buffer) => {
                let Ok(length @ 1..) = received else { return };
                let was_mid_message = framer.is_mid_message();
                framer.push(&buffer[..length]);
                let mut took = false;
                loop {
                    match framer.next() {
                        Ok(Some(Framed::Message(message))) => {
                            took = true;
                            agent.message(message, flow.clone());
                        }
                        Ok(Some(Framed::Ping)) => {
                            took = true;
                            _ = agent.connections().send(flow.connection, b"\r\n".to_vec());
                        }
                        Ok(Some(Framed::Invalid(error))) => {
                            took = true;
                            agent.malformed(error, flow);
                        }
                        Ok(None) => break,
                        Err(error) => {
                            // Where the next message begins cannot be known any more.
                            agent.malformed(error, flow);
                            drain(outgoing, &mut write).await;
                            return;
                        }
                    }
                }
                if !framer.is_mid_message() {
                    deadline = idle();
                } else if took || !was_mid_message {
                    deadline = Instant::now() + STALL;
                }
            }
            () = tokio::time::sleep_until(deadline) => {
                let counters = agent.counters();
                count(if framer.is_mid_message() { &counters.connections_stalled } else { &counters.connections_idle });
                return;
            }
        }
    }
}

/// Writes what is queued already, a 400 mostly, before the connection closes.
async fn drain(mut outgoing: mpsc::Receiver<Vec<u8>>, write: &mut tokio::net::tcp::WriteHalf<'_>) {
    while let Ok(bytes) = outgoing.try_recv() {
        if !matches!(timeout(WRITE, write.write_all(&bytes)).await, Ok(Ok(()))) {
            return;
        }
    }
}
