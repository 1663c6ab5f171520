//! The user agent: what legs and sockets share, and the way out.
//!
//! The transaction layer is pure and stands behind one lock. Whoever brings it something (a socket's task,
//! a leg, the timer) takes the lock, tells it, takes out what it has to say, and lets go before anything is
//! sent or any session is told. Neither sending nor telling ever waits. What comes in is `intake`'s.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use smallvec::SmallVec;
use switch_core::Switch;
use switch_engine::Engine;
use switch_sip::message::{Message, Request, Response};
use switch_sip::transaction::{ClientId, Flow, Layer, Output, ServerId, Timers, Transport};
use tokio::sync::{Notify, mpsc};

use crate::advertise;
use crate::counters::{Counters, count};
use crate::directory::{Client, Directory, Recipient};
use crate::legible::legible;
use crate::resolve::Resolver;
use crate::settings::{EndpointConfig, Live, Settings};
use crate::transport::tcp::{Connections, Opened};
use crate::transport::udp::Udp;

/// What legs and sockets share.
pub(crate) struct Agent {
    pub(crate) timers: Timers,
    live: Arc<Live>,
    pub(crate) switch: Arc<Switch>,
    pub(crate) engine: Arc<Engine>,
    pub(crate) resolver: Resolver,
    pub(crate) directory: Directory,
    layer: Mutex<Layer>,
    /// The layer's next timeout may have come nearer, or a connection was lost.
    timer: Notify,
    /// Connections that did not take what was sent, each once, until the layer is told.
    lost: Mutex<Vec<Flow>>,
    udp: Vec<Udp>,
    tcp: Vec<SocketAddr>,
    connections: Connections,
    counters: Arc<Counters>,
}

impl Agent {
    /// With it come the connections it will open, which want a task each.
    pub(crate) fn new(
        config: EndpointConfig,
        switch: Arc<Switch>,
        engine: Arc<Engine>,
        layer: Layer,
        udp: Vec<Udp>,
        tcp: Vec<SocketAddr>,
    ) -> (Arc<Self>, mpsc::Receiver<Opened>) {
        let counters = Arc::<Counters>::default();
        let (connections, waiting) = Connections::new(config.dscp, Arc::clone(&counters));
        let agent = Arc::new(Self {
            timers: config.timers,
            live: Live::new(config.settings),
            switch,
            engine,
            resolver: Resolver::default(),
            directory: Directory::default(),
            layer: Mutex::new(layer),
            timer: Notify::new(),
            lost: Mutex::default(),
            udp,
            tcp,
            connections,
            counters,
        });
        (agent, waiting)
    }

    pub(crate) fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    pub(crate) fn live(&self) -> &Arc<Live> {
        &self.live
    }

    /// What holds now.
    pub(crate) fn settings(&self) -> Arc<Settings> {
        self.live.read()
    }

    pub(crate) fn connections(&self) -> &Connections {
        &self.connections
    }

    pub(crate) fn udp(&self) -> &[Udp] {
        &self.udp
    }

    /// Answers a request.
    pub(crate) fn respond(&self, id: ServerId, mut response: Response) {
        response.headers.set("Server", self.settings().user_agent.as_str());
        self.with_layer(|layer, now| {
            if let Err(error) = layer.respond(now, id, response) {
                tracing::debug!(%error, "response not sent");
            }
        });
    }

    /// Sends a request. What comes of it is told to `leg`.
    pub(crate) fn request(
        &self,
        mut request: Request,
        flow: Flow,
        leg: Option<Recipient>,
    ) -> Option<ClientId> {
        request.headers.set("User-Agent", self.settings().user_agent.as_str());
        let sent_by = self.local_toward(&flow).advertised;
        // Known before anything is sent, so that no response can come too early.
        self.with_layer(|layer, now| match layer.request(now, request, flow, sent_by) {
            Ok(id) => {
                if let Some(request) = layer.sent(id) {
                    self.directory.add_client(id, Client { leg, request });
                }
                Some(id)
            }
            Err(error) => {
                tracing::warn!(%error, "request not sent");
                None
            }
        })
    }

    /// Takes an INVITE back; before its first provisional response this waits for one (RFC 3261 §9.1).
    /// `reason` is a Reason header's value.
    pub(crate) fn cancel(&self, id: ClientId, reason: Option<&str>) {
        self.with_layer(|layer, now| layer.cancel(now, id, reason));
    }

    /// Acknowledges a 2xx.
    pub(crate) fn acknowledge(&self, id: ClientId, ack: Request, flow: Flow) {
        let sent_by = self.local_toward(&flow).advertised;
        self.with_layer(|layer, _| layer.acknowledge(id, ack, flow, sent_by));
    }

    /// Has the layer send something. What we send makes it tell of nothing: only what comes does, and time.
    fn with_layer<R>(&self, work: impl FnOnce(&mut Layer, Instant) -> R) -> R {
        let (result, outputs) = self.consult(work);
        for output in outputs {
            match output {
                Output::Transmit { flow, message } => self.send(&flow, &message),
                Output::Event(event) => {
                    debug_assert!(false, "told of what we sent: {event:?}");
                    tracing::error!(
                        ?event,
                        "the transaction layer told of what we sent: nobody learns of it"
                    );
                }
            }
        }
        result
    }

    /// Tells the layer something, and gives what it has to say then, in order.
    pub(crate) fn consult<R>(
        &self,
        work: impl FnOnce(&mut Layer, Instant) -> R,
    ) -> (R, SmallVec<[Output; 4]>) {
        let mut layer = self.lock();
        let before = layer.next_timeout();
        let result = work(&mut layer, Instant::now());
        // On the stack: mostly it is one, and each is large.
        let outputs: SmallVec<[Output; 4]> = std::iter::from_fn(|| layer.poll_output()).collect();
        let held = layer.counters();
        self.counters.transactions.store((held.clients + held.servers) as u64, Ordering::Relaxed);
        let after = layer.next_timeout();
        if after.is_some_and(|after| before.is_none_or(|before| after < before)) {
            self.timer.notify_one();
        }
        (result, outputs)
    }

    /// When the layer is due; sooner, [`Self::sooner`] says so.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.lock().next_timeout()
    }

    /// The next timeout has come nearer, or a connection was lost.
    pub(crate) async fn sooner(&self) {
        self.timer.notified().await;
    }

    /// The connections that did not take what was sent; each is told once.
    pub(crate) fn lost(&self) -> Vec<Flow> {
        std::mem::take(&mut self.lost.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Layer> {
        self.layer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn send(&self, flow: &Flow, message: &Message) {
        match message {
            Message::Request(request) => self.counters.request_sent(request.method.as_str()),
            Message::Response(response) => self.counters.response_sent(response.status),
        }
        let bytes = message.to_bytes();
        self.trace("to", flow, || bytes.clone());
        self.transmit(flow, bytes, true);
    }

    /// Sends bytes; `is_of_layer` says whether transactions wait for what comes of it, and learn that it failed.
    pub(crate) fn transmit(&self, flow: &Flow, bytes: Vec<u8>, is_of_layer: bool) {
        let sent = match flow.transport {
            Transport::Udp => match self.udp.get(flow.connection as usize) {
                Some(socket) => {
                    socket.send(&bytes, flow.remote, flow.local.ip()).map_err(|error| error.to_string())
                }
                None => Err("no such socket".into()),
            },
            Transport::Tcp if self.connections.send(flow.connection, bytes) => Ok(()),
            Transport::Tcp => Err("the connection is gone or does not keep up".into()),
        };
        if let Err(error) = sent {
            count(&self.counters.send_failures);
            tracing::debug!(remote = %flow.remote, %error, "not sent");
            if is_of_layer && flow.transport == Transport::Tcp {
                // Not told from here: whoever transmits may be the layer's own output.
                let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
                if !lost.contains(flow) {
                    lost.push(flow.clone());
                }
                self.timer.notify_one();
            }
        }
    }

    pub(crate) fn trace(&self, way: &str, flow: &Flow, bytes: impl FnOnce() -> Vec<u8>) {
        if self.settings().trace {
            let text = legible(&bytes());
            tracing::info!(target: "sip", %way, remote = %flow.remote, transport = ?flow.transport, "\n{text}");
        }
    }

    /// Our address and port as `peer` is told them, and the address media is bound to.
    pub(crate) fn local_toward(&self, flow: &Flow) -> Local {
        let source = if flow.local.ip().is_unspecified() {
            advertise::source_toward(flow.remote).unwrap_or(flow.local.ip())
        } else {
            flow.local.ip()
        };
        let port = match flow.transport {
            Transport::Udp => flow.local.port(),
            // The peer may call back on a new connection: that is answered where we listen.
            Transport::Tcp => self.listening_port(source.is_ipv4()).unwrap_or(flow.local.port()),
        };
        Local {
            source,
            advertised: SocketAddr::new(self.settings().advertise.toward(flow.remote.ip(), source), port),
        }
    }

    fn listening_port(&self, ipv4: bool) -> Option<u16> {
        self.tcp.iter().find(|listener| listener.is_ipv4() == ipv4).map(SocketAddr::port)
    }

    /// The UDP flow toward a peer: the socket whose family and address fit.
    pub(crate) fn udp_flow(&self, remote: SocketAddr) -> Option<Flow> {
        let family =
            || self.udp.iter().enumerate().filter(|(_, socket)| socket.local().is_ipv4() == remote.is_ipv4());
        if let (Some((index, only)), None) = (family().next(), family().nth(1))
            && !only.local().ip().is_unspecified()
        {
            // There is nothing to choose.
            let (local, connection) = (only.local(), index as u64);
            return Some(Flow { transport: Transport::Udp, local, remote, connection });
        }
        let source = advertise::source_toward(remote).ok()?;
        let fits = |socket: &Udp| {
            let local = socket.local();
            local.is_ipv4() == remote.is_ipv4() && (local.ip().is_unspecified() || local.ip() == source)
        };
        let any = |socket: &Udp| socket.local().is_ipv4() == remote.is_ipv4();
        let index = self.udp.iter().position(fits).or_else(|| self.udp.iter().position(any))?;
        let local = self.udp[index].local();
        let ip = if local.ip().is_unspecified() { source } else { local.ip() };
        Some(Flow {
            transport: Transport::Udp,
            local: SocketAddr::new(ip, local.port()),
            remote,
            connection: index as u64,
        })
    }
}

/// Where we are, toward one peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Local {
    /// The kernel's source address: what media sockets bind.
    pub(crate) source: IpAddr,
    /// What Via, Contact and SDP say.
    pub(crate) advertised: SocketAddr,
}
