//! What comes by TCP: each connection, accepted or opened, is a task that frames what comes and writes what is queued.
//!
//! A peer can hold a connection only by using it: half a message must be completed in [`STALL`], a silent
//! connection ends after the settings' `tcp_idle`.

use std::sync::Arc;
use std::time::Duration;

use switch_sip::frame::{Framed, StreamFramer};
use switch_sip::transaction::Flow;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use crate::agent::Agent;
use crate::counters::count;
use crate::transport::tcp::{Opened, WRITE};

/// Longest time from a message's first byte to its last.
const STALL: Duration = Duration::from_secs(8);

/// Accepts connections until the task is aborted.
pub(crate) async fn accept(agent: Arc<Agent>, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // One too many is counted, and closed.
                if let Ok(opened) = agent.connections().add(stream) {
                    start(&agent, opened);
                }
            }
            Err(error) => {
                // Out of descriptors, mostly: those that are open go on, and a while later there may be one.
                tracing::warn!(%error, "cannot accept a TCP connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Gives each connection that we opened its task, until this one is aborted.
pub(crate) async fn attend(agent: Arc<Agent>, mut waiting: mpsc::Receiver<Opened>) {
    while let Some(opened) = waiting.recv().await {
        start(&agent, opened);
    }
}

fn start(agent: &Arc<Agent>, opened: Opened) {
    let agent = Arc::clone(agent);
    tokio::spawn(async move {
        let Opened { stream, flow, outgoing } = opened;
        serve(&agent, stream, &flow, outgoing).await;
        agent.connections().remove(flow.connection);
        agent.connection_closed(&flow);
    });
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
