//! Starting and ending the endpoint.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use switch_core::Switch;
use switch_core::endpoint::EndpointInterface;
use switch_core::module::{Interfaces, Module, ModuleError};
use switch_engine::Engine;
use thiserror::Error;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::agent::Agent;
use crate::connection;
use crate::counters::Counters;
use crate::leg::Caller;
use crate::settings::{EndpointConfig, Live};
use crate::transport;
use crate::transport::tcp::Opened;
use crate::transport::udp::Udp;
use switch_sip::transaction::Layer;

/// Why the endpoint did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// A socket could not be had.
    #[error("cannot listen on {transport} {address}")]
    Listen {
        /// `udp` or `tcp`.
        transport: &'static str,
        /// Where.
        address: SocketAddr,
        /// What the kernel said.
        source: io::Error,
    },
    /// Nothing is left to listen on.
    #[error("no socket to listen on: every entry of sip.listen failed or the list is empty")]
    Nothing,
    /// The kernel gave no random numbers.
    #[error("no random numbers: {0}")]
    Random(io::Error),
}

/// The running endpoint. Load it into the switch as a [`Module`], so that legs can be placed.
pub struct SipEndpoint {
    agent: Arc<Agent>,
    listening: Vec<(&'static str, SocketAddr)>,
    tasks: Vec<JoinHandle<()>>,
}

impl SipEndpoint {
    /// Binds every socket; calls come in from [`Self::serve`] on.
    ///
    /// # Errors
    /// [`StartError`]; nothing stays bound.
    pub fn bind(
        config: EndpointConfig,
        switch: Arc<Switch>,
        engine: Arc<Engine>,
    ) -> Result<(Self, Bound), StartError> {
        let mut udp = Vec::new();
        let mut listeners = Vec::new();
        let mut listening = Vec::new();
        for listen in &config.listen {
            let transport = if listen.tcp { "tcp" } else { "udp" };
            let bound = if listen.tcp {
                bind_tcp(listen.address, config.dscp).and_then(|listener| {
                    let local = listener.local_addr()?;
                    listeners.push((listener, local));
                    Ok(local)
                })
            } else {
                Udp::bind(listen.address, config.dscp).map(|socket| {
                    let local = socket.local();
                    udp.push(socket);
                    local
                })
            };
            match bound {
                Ok(local) => listening.push((transport, local)),
                Err(error) if listen.optional => {
                    tracing::info!(%transport, address = %listen.address, %error, "not listening");
                }
                Err(source) => return Err(StartError::Listen { transport, address: listen.address, source }),
            }
        }
        if listening.is_empty() {
            return Err(StartError::Nothing);
        }
        let tcp = listeners.iter().map(|(_, local)| *local).collect();
        let layer = Layer::new(config.timers.clone(), seed());
        let (agent, waiting) = Agent::new(config, switch, engine, layer, udp, tcp);
        let listeners = listeners.into_iter().map(|(listener, _)| listener).collect();
        Ok((Self { agent, listening, tasks: Vec::new() }, Bound { listeners, waiting }))
    }

    /// Starts to take messages.
    pub fn serve(&mut self, bound: Bound) {
        for index in 0..self.agent.udp().len() {
            let agent = Arc::clone(&self.agent);
            self.tasks.push(tokio::spawn(async move {
                let socket = &agent.udp()[index];
                loop {
                    let take = |bytes: &[u8], remote, local| agent.datagram(bytes, index, remote, local);
                    if let Err(error) = socket.receive(take).await {
                        tracing::warn!(%error, local = %socket.local(), "cannot receive");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                }
            }));
        }
        for listener in bound.listeners {
            self.tasks.push(tokio::spawn(connection::accept(Arc::clone(&self.agent), listener)));
        }
        self.tasks.push(tokio::spawn(connection::attend(Arc::clone(&self.agent), bound.waiting)));
        self.tasks.push(tokio::spawn(Arc::clone(&self.agent).run_timer()));
    }

    /// Transport and address of every socket that listens.
    pub fn listening(&self) -> &[(&'static str, SocketAddr)] {
        &self.listening
    }

    /// Where what may change is changed.
    pub fn live(&self) -> &Arc<Live> {
        self.agent.live()
    }

    /// What the endpoint counted.
    pub fn counters(&self) -> &Arc<Counters> {
        self.agent.counters()
    }

    /// What the switch loads, so that legs can be placed.
    pub fn module(&self) -> impl Module + use<> {
        SipModule(Arc::clone(&self.agent))
    }
}

impl Drop for SipEndpoint {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// What waits for [`SipEndpoint::serve`].
#[derive(Debug)]
pub struct Bound {
    listeners: Vec<TcpListener>,
    waiting: mpsc::Receiver<Opened>,
}

/// What the module is called in a configuration: FreeSWITCH's name for the same.
pub const MODULE: &str = "mod_sofia";

struct SipModule(Arc<Agent>);

impl Module for SipModule {
    fn name(&self) -> &'static str {
        MODULE
    }

    fn load(&self, interfaces: &mut Interfaces) -> Result<(), ModuleError> {
        let caller: Arc<dyn EndpointInterface> = Arc::new(Caller(Arc::clone(&self.0)));
        interfaces.endpoint(caller)
    }
}

fn bind_tcp(address: SocketAddr, dscp: u8) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // What is accepted takes the mark over.
    transport::mark(&socket, address, dscp)?;
    socket.set_reuseaddr(true)?;
    if address.is_ipv6() {
        socket2::SockRef::from(&socket).set_only_v6(true)?;
    }
    socket.bind(address)?;
    socket.listen(1024)
}

/// Two random session ids hold more than 128 random bits between them.
fn seed() -> u128 {
    let bits = |id: switch_core::SessionId| id.as_u128();
    bits(switch_core::SessionId::random()) ^ bits(switch_core::SessionId::random()).rotate_left(64)
}
