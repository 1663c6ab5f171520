//! The user agent: sockets and transactions on one side, sessions on the other.
//!
//! The transaction layer is pure and stands behind one lock. Whoever brings it something (a socket's task,
//! a leg, the timer) takes the lock, tells it, takes out what it has to say, and lets go before anything is
//! sent or any session is told. Neither sending nor telling ever waits.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use smallvec::SmallVec;
use switch_core::Switch;
use switch_engine::Engine;
use switch_sip::frame::{self, ParseError};
use switch_sip::message::{Message, Request, Response};
use switch_sip::transaction::{ClientId, Flow, Layer, Output, ServerId, Timers, Transport};
use tokio::sync::Notify;

use crate::advertise;
use crate::counters::{Counters, count};
use crate::directory::{Client, Directory, Recipient};
use crate::legible::legible;
use crate::resolve::Resolver;
use crate::settings::{EndpointConfig, Live, Settings};
use crate::transport::tcp::Connections;
use crate::transport::udp::Udp;

/// What legs and sockets share.
pub(crate) struct Agent {
    pub(crate) timers: Timers,
    pub(crate) dscp: u8,
    live: Arc<Live>,
    pub(crate) switch: Arc<Switch>,
    pub(crate) engine: Arc<Engine>,
    pub(crate) resolver: Resolver,
    pub(crate) directory: Directory,
    layer: Mutex<Layer>,
    /// The layer's next timeout may have come nearer.
    timer: Notify,
    udp: Vec<Udp>,
    tcp: Vec<SocketAddr>,
    connections: Connections,
    counters: Arc<Counters>,
}

impl Agent {
    pub(crate) fn new(
        config: EndpointConfig,
        switch: Arc<Switch>,
        engine: Arc<Engine>,
        layer: Layer,
        udp: Vec<Udp>,
        tcp: Vec<SocketAddr>,
    ) -> Arc<Self> {
        Arc::new(Self {
            timers: config.timers,
            dscp: config.dscp,
            live: Live::new(config.settings),
            switch,
            engine,
            resolver: Resolver::default(),
            directory: Directory::default(),
            layer: Mutex::new(layer),
            timer: Notify::new(),
            udp,
            tcp,
            connections: Connections::default(),
            counters: Arc::default(),
        })
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

    /// A datagram came to the UDP socket with this index.
    pub(crate) fn datagram(
        self: &Arc<Self>,
        bytes: &[u8],
        socket: usize,
        remote: SocketAddr,
        local: SocketAddr,
    ) {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            // A keep-alive (RFC 5626 §3.5.1 and what the world made of it).
            return;
        }
        let flow = Flow { transport: Transport::Udp, local, remote, connection: socket as u64 };
        match frame::parse_datagram(bytes) {
            Ok(message) => self.message(message, flow),
            Err(error) => self.malformed(error, &flow),
        }
    }

    /// A message came.
    pub(crate) fn message(self: &Arc<Self>, message: Message, flow: Flow) {
        match &message {
            Message::Request(request) => self.counters.request_received(request.method.as_str()),
            Message::Response(response) => self.counters.response_received(response.status),
        }
        self.trace("from", &flow, || message.to_bytes());
        self.with_layer(|layer, now| layer.receive(now, message, flow));
    }

    /// Something came that is no SIP: where it can be told what was asked, the peer learns of it.
    pub(crate) fn malformed(self: &Arc<Self>, error: ParseError, flow: &Flow) {
        count(&self.counters.malformed);
        tracing::debug!(remote = %flow.remote, %error, "malformed SIP");
        if let Some(request) = error.partial
            && request.method.as_str() != "ACK"
            && request.headers.top_via().is_ok()
        {
            let response = switch_sip::response::to(&request, 400, None);
            self.transmit(flow, response.to_bytes(), None);
            self.counters.response_sent(400);
        }
    }

    /// A connection ended: what waits for an answer on it fails.
    pub(crate) fn connection_closed(self: &Arc<Self>, flow: &Flow) {
        self.with_layer(|layer, now| layer.transport_failed(now, flow));
    }

    /// Answers a request.
    pub(crate) fn respond(self: &Arc<Self>, id: ServerId, mut response: Response) {
        response.headers.set("Server", self.settings().user_agent.as_str());
        self.with_layer(|layer, now| {
            if let Err(error) = layer.respond(now, id, response) {
                tracing::debug!(%error, "response not sent");
            }
        });
    }

    /// Sends a request. What comes of it is told to `leg`.
    pub(crate) fn request(
        self: &Arc<Self>,
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
    pub(crate) fn cancel(self: &Arc<Self>, id: ClientId, reason: Option<&str>) {
        self.with_layer(|layer, now| layer.cancel(now, id, reason));
    }

    /// Acknowledges a 2xx.
    pub(crate) fn acknowledge(self: &Arc<Self>, id: ClientId, ack: Request, flow: Flow) {
        let sent_by = self.local_toward(&flow).advertised;
        self.with_layer(|layer, _| layer.acknowledge(id, ack, flow, sent_by));
    }

    /// Runs the layer's timers until the task is aborted.
    pub(crate) async fn run_timer(self: Arc<Self>) {
        loop {
            let next = self.lock().next_timeout();
            let sleep = async {
                match next {
                    Some(next) => tokio::time::sleep_until(next.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = sleep => self.with_layer(Layer::handle_timeout),
                () = self.timer.notified() => {}
            }
        }
    }

    /// Tells the layer something, then does what it says.
    fn with_layer<R>(self: &Arc<Self>, work: impl FnOnce(&mut Layer, Instant) -> R) -> R {
        let (result, outputs) = {
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
        };
        for output in outputs {
            match output {
                Output::Transmit { flow, message } => self.send(&flow, &message),
                Output::Event(event) => self.dispatch(event),
            }
        }
        result
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Layer> {
        self.layer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(self: &Arc<Self>, flow: &Flow, message: &Message) {
        match message {
            Message::Request(request) => self.counters.request_sent(request.method.as_str()),
            Message::Response(response) => self.counters.response_sent(response.status),
        }
        let bytes = message.to_bytes();
        self.trace("to", flow, || bytes.clone());
        self.transmit(flow, bytes, Some(()));
    }

    /// Sends bytes; `report` says whether the transactions on the flow learn of a failure.
    fn transmit(self: &Arc<Self>, flow: &Flow, bytes: Vec<u8>, report: Option<()>) {
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
            if report.is_some() && flow.transport == Transport::Tcp {
                // Not from here: whoever transmits may be the layer's own output.
                let (agent, flow) = (Arc::clone(self), flow.clone());
                tokio::spawn(async move { agent.connection_closed(&flow) });
            }
        }
    }

    fn trace(&self, way: &str, flow: &Flow, bytes: impl FnOnce() -> Vec<u8>) {
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
