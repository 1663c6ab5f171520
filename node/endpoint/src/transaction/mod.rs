//! SIP's transactions (RFC 3261 §17, RFC 6026): pure, driven by messages and time that are handed in.
//!
//! Tell the layer something, then take [`Layer::poll_output`] until it is empty, and come back at
//! [`Layer::next_timeout`].

mod client;
mod server;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use switch_sip::message::{Message, Method, Request, Response, Via};
use switch_sip::response;
use thiserror::Error;

use client::Client;
use server::Server;

/// Round-trip estimate (RFC 3261 table 4).
pub(crate) const T1: Duration = Duration::from_millis(500);
/// Longest interval between retransmissions.
pub(crate) const T2: Duration = Duration::from_secs(4);
/// How long a message may remain in the network.
pub(crate) const T4: Duration = Duration::from_secs(5);
/// Timers B, F, H, L and M.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(32);
/// Most transactions at once; one more is refused.
const MAX_TRANSACTIONS: usize = 50_000;

/// How messages travel.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Transport {
    /// A socket each of our addresses.
    Udp,
    /// A connection each peer.
    Tcp,
}

impl Transport {
    fn is_reliable(self) -> bool {
        self == Self::Tcp
    }

    fn name(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        }
    }
}

/// Between which two addresses a message travels.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Flow {
    pub(crate) transport: Transport,
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    /// The TCP connection, or the index of the UDP socket.
    pub(crate) connection: u64,
}

/// A request of ours.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct ClientId(u64);

/// A request of a peer's.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct ServerId(u64);

/// What the layer wants done.
#[derive(Clone, Debug)]
pub(crate) enum Output {
    Transmit { flow: Flow, message: Message },
    Event(Event),
}

/// What the layer has to tell.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// A new request, to be answered by its id.
    Request { id: ServerId, request: Request, flow: Flow },
    /// The ACK of a 2xx.
    Ack { request: Request },
    /// An INVITE was cancelled before it was answered; the answer is still due.
    Cancelled { id: ServerId },
    /// No ACK came for a 2xx.
    AckMissing { id: ServerId },
    /// A response. A 2xx to an INVITE may come more than once, from different callees.
    Response { id: ClientId, response: Response, flow: Flow },
    /// No final response came in time.
    Timeout { id: ClientId },
    /// The request could not be delivered.
    TransportFailed { id: ClientId },
}

/// Why a request or response was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub(crate) enum LayerError {
    #[error("too many transactions")]
    Full,
    #[error("no such transaction, or one that has been answered")]
    Unknown,
}

/// What identifies a transaction on the wire: branch and sent-by, and the method, where ACK counts as INVITE
/// (§17.2.3). What comes from before RFC 3261 has no branch worth the name: its Call-ID and CSeq serve.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Key {
    branch: String,
    sent_by: String,
    method: Method,
}

/// A request's identity apart from its way here: for the ACK of a 2xx, and to know a request that came by two
/// ways (§8.2.2.2).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Origin {
    call_id: String,
    from_tag: String,
    number: u32,
    method: Method,
}

/// Every transaction.
#[derive(Debug)]
pub(crate) struct Layer {
    clients: HashMap<ClientId, Client>,
    client_keys: HashMap<(String, Method), ClientId>,
    servers: HashMap<ServerId, Server>,
    server_keys: HashMap<Key, ServerId>,
    origins: HashMap<Origin, ServerId>,
    timers: BinaryHeap<Reverse<(Instant, Id)>>,
    outputs: VecDeque<Output>,
    next: u64,
    seed: u128,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Id {
    Client(u64),
    Server(u64),
}

impl Layer {
    /// `seed`: 128 random bits, from which branches are made.
    pub(crate) fn new(seed: u128) -> Self {
        Self {
            clients: HashMap::new(),
            client_keys: HashMap::new(),
            servers: HashMap::new(),
            server_keys: HashMap::new(),
            origins: HashMap::new(),
            timers: BinaryHeap::new(),
            outputs: VecDeque::new(),
            next: 1,
            seed,
        }
    }

    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        let output = self.outputs.pop_front();
        if output.is_none() && self.clients.is_empty() && self.servers.is_empty() {
            self.shrink();
        }
        output
    }

    /// When [`Self::handle_timeout`] has something to do; may be earlier than needed, never later.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.timers.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes a message from the network.
    pub(crate) fn receive(&mut self, now: Instant, message: Message, flow: Flow) {
        match message {
            Message::Request(request) => self.receive_request(now, request, flow),
            Message::Response(response) => self.receive_response(now, response, flow),
        }
    }

    /// Sends a request: the Via is put on here, `sent_by` is what it says.
    pub(crate) fn request(
        &mut self,
        now: Instant,
        mut request: Request,
        flow: Flow,
        sent_by: SocketAddr,
    ) -> Result<(ClientId, Request), LayerError> {
        if self.clients.len() >= MAX_TRANSACTIONS {
            return Err(LayerError::Full);
        }
        let branch = self.branch();
        let via = Via::new(flow.transport.name(), &sent_by.ip().to_string(), Some(sent_by.port()), &branch);
        request.headers.insert_front("Via", via.to_string());
        let id = ClientId(self.number());
        self.start_client(now, id, branch, request.clone(), flow, false);
        Ok((id, request))
    }

    /// Takes an INVITE back (§9.1): at once when it rings, else when the first provisional response comes.
    pub(crate) fn cancel(&mut self, now: Instant, id: ClientId) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        if client.wants_cancel() {
            self.send_cancel(now, id);
        }
    }

    /// Sends the ACK of a 2xx, now and whenever that 2xx comes again.
    pub(crate) fn acknowledge(&mut self, id: ClientId, mut ack: Request, flow: Flow, sent_by: SocketAddr) {
        let branch = self.branch();
        let via = Via::new(flow.transport.name(), &sent_by.ip().to_string(), Some(sent_by.port()), &branch);
        ack.headers.insert_front("Via", via.to_string());
        if let Some(client) = self.clients.get_mut(&id) {
            client.remember_ack(&ack);
        }
        self.outputs.push_back(Output::Transmit { flow, message: ack.into() });
    }

    /// Answers a request. Provisional responses may be followed by others, a final one ends it.
    pub(crate) fn respond(
        &mut self,
        now: Instant,
        id: ServerId,
        response: Response,
    ) -> Result<(), LayerError> {
        let server = self.servers.get_mut(&id).ok_or(LayerError::Unknown)?;
        if !server.respond(now, response, &mut self.outputs) {
            return Err(LayerError::Unknown);
        }
        self.arm_server(id);
        Ok(())
    }

    /// A connection is gone: what waits for an answer on it fails.
    pub(crate) fn transport_failed(&mut self, flow: &Flow) {
        let waits = |client: &Client| client.is_waiting() && client.flow() == flow;
        let failed: Vec<ClientId> =
            self.clients.iter().filter(|(_, client)| waits(client)).map(|(&id, _)| id).collect();
        for id in failed {
            let silent = self.clients.get(&id).is_some_and(Client::is_silent);
            self.remove_client(id);
            if !silent {
                self.outputs.push_back(Output::Event(Event::TransportFailed { id }));
            }
        }
    }

    /// Runs what is due.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        while let Some(&Reverse((at, id))) = self.timers.peek() {
            if at > now {
                return;
            }
            self.timers.pop();
            match id {
                Id::Client(id) => self.client_timeout(now, at, ClientId(id)),
                Id::Server(id) => self.server_timeout(now, at, ServerId(id)),
            }
        }
    }

    fn receive_request(&mut self, now: Instant, mut request: Request, flow: Flow) {
        let Ok(mut via) = request.headers.top_via() else { return };
        let Some(origin) = origin(&request) else { return };
        let flow = fill_in(&mut request, &mut via, flow);
        let is_rfc3261 = via.branch().is_some_and(|branch| branch.starts_with("z9hG4bK"));
        let branch = match via.branch() {
            Some(branch) if is_rfc3261 => branch.to_owned(),
            _ => format!("{} {} {}", origin.call_id, origin.from_tag, origin.number),
        };
        let method = if request.method == Method::Ack { Method::Invite } else { request.method.clone() };
        let key = Key { branch, sent_by: via.sent_by(), method };
        if request.method == Method::Ack {
            return self.receive_ack(now, &key, &origin, request);
        }
        if let Some(&id) = self.server_keys.get(&key) {
            if let Some(server) = self.servers.get(&id) {
                server.repeat(&mut self.outputs);
            }
            return;
        }
        if request.method == Method::Cancel {
            return self.receive_cancel(&key, &request, flow);
        }
        let has_to_tag = request.headers.to().is_ok_and(|to| to.tag().is_some());
        if self.servers.len() >= MAX_TRANSACTIONS {
            let refusal = response::to(&request, 503, None);
            self.outputs.push_back(Output::Transmit { flow, message: refusal.into() });
            return;
        }
        if !has_to_tag && self.origins.contains_key(&origin) {
            let merged = response::to(&request, 482, None);
            self.outputs.push_back(Output::Transmit { flow, message: merged.into() });
            return;
        }
        let id = ServerId(self.number());
        let server = Server::new(key.clone(), origin.clone(), &request, flow.clone());
        if request.method == Method::Invite {
            // At once: whoever asked stops repeating itself (§17.2.1).
            let trying = response::to(&request, 100, None);
            self.outputs.push_back(Output::Transmit { flow: flow.clone(), message: trying.into() });
        }
        self.servers.insert(id, server);
        self.server_keys.insert(key, id);
        self.origins.insert(origin, id);
        self.outputs.push_back(Output::Event(Event::Request { id, request, flow }));
    }

    fn receive_ack(&mut self, now: Instant, key: &Key, origin: &Origin, request: Request) {
        let invited = Origin { method: Method::Invite, ..origin.clone() };
        let id = self.server_keys.get(key).or_else(|| self.origins.get(&invited)).copied();
        let Some(id) = id else { return };
        let Some(server) = self.servers.get_mut(&id) else { return };
        if server.acknowledged(now) {
            self.outputs.push_back(Output::Event(Event::Ack { request }));
        }
        self.arm_server(id);
    }

    fn receive_cancel(&mut self, key: &Key, request: &Request, flow: Flow) {
        let invite = Key { method: Method::Invite, ..key.clone() };
        let id = self.server_keys.get(&invite).copied();
        let status = if id.is_some() { 200 } else { 481 };
        let answer = response::to(request, status, None);
        self.outputs.push_back(Output::Transmit { flow, message: answer.into() });
        if let Some(id) = id
            && self.servers.get(&id).is_some_and(Server::is_unanswered)
        {
            self.outputs.push_back(Output::Event(Event::Cancelled { id }));
        }
    }

    fn receive_response(&mut self, now: Instant, response: Response, flow: Flow) {
        let (Ok(via), Ok(cseq)) = (response.headers.top_via(), response.headers.cseq()) else { return };
        let Some(branch) = via.branch() else { return };
        let Some(&id) = self.client_keys.get(&(branch.to_owned(), cseq.method)) else { return };
        let Some(client) = self.clients.get_mut(&id) else { return };
        let cancel = client.receive(now, id, response, flow, &mut self.outputs);
        if cancel {
            self.send_cancel(now, id);
        }
        self.arm_client(id);
    }

    fn send_cancel(&mut self, now: Instant, id: ClientId) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        let (branch, cancel, flow) = client.cancel(now);
        let cancel_id = ClientId(self.number());
        self.arm_client(id);
        self.start_client(now, cancel_id, branch, cancel, flow, true);
    }

    fn start_client(
        &mut self,
        now: Instant,
        id: ClientId,
        branch: String,
        request: Request,
        flow: Flow,
        silent: bool,
    ) {
        self.outputs.push_back(Output::Transmit { flow: flow.clone(), message: request.clone().into() });
        self.client_keys.insert((branch.clone(), request.method.clone()), id);
        self.clients.insert(id, Client::new(now, branch, request, flow, silent));
        self.arm_client(id);
    }

    fn client_timeout(&mut self, now: Instant, at: Instant, id: ClientId) {
        let Some(client) = self.clients.get_mut(&id).filter(|client| client.armed == Some(at)) else {
            return;
        };
        client.armed = None;
        if client.timeout(now, id, &mut self.outputs) {
            self.remove_client(id);
        } else {
            self.arm_client(id);
        }
    }

    fn server_timeout(&mut self, now: Instant, at: Instant, id: ServerId) {
        let Some(server) = self.servers.get_mut(&id).filter(|server| server.armed == Some(at)) else {
            return;
        };
        server.armed = None;
        if server.timeout(now, id, &mut self.outputs) {
            if let Some(server) = self.servers.remove(&id) {
                self.server_keys.remove(server.key());
                self.origins.remove(server.origin());
            }
        } else {
            self.arm_server(id);
        }
    }

    /// One entry is the one that counts: older ones find another time armed and are forgotten.
    fn arm_client(&mut self, id: ClientId) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        let due = client.due();
        if let Some(at) = due
            && client.armed != due
        {
            client.armed = due;
            self.timers.push(Reverse((at, Id::Client(id.0))));
        }
    }

    fn arm_server(&mut self, id: ServerId) {
        let Some(server) = self.servers.get_mut(&id) else { return };
        let due = server.due();
        if let Some(at) = due
            && server.armed != due
        {
            server.armed = due;
            self.timers.push(Reverse((at, Id::Server(id.0))));
        }
    }

    fn remove_client(&mut self, id: ClientId) {
        if let Some(client) = self.clients.remove(&id) {
            self.client_keys.remove(&client.key());
        }
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// `z9hG4bK` and 64 bits that nobody can guess who does not know the seed.
    fn branch(&mut self) -> String {
        let number = self.number();
        let mut mixed = (self.seed as u64).wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        for half in [(self.seed >> 64) as u64, number] {
            mixed = (mixed ^ (mixed >> 30) ^ half).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        }
        format!("z9hG4bK{:016x}", mixed ^ (mixed >> 31))
    }

    /// A burst of calls leaves no memory behind.
    fn shrink(&mut self) {
        self.timers = BinaryHeap::new();
        self.outputs.shrink_to_fit();
        self.clients.shrink_to_fit();
        self.client_keys.shrink_to_fit();
        self.servers.shrink_to_fit();
        self.server_keys.shrink_to_fit();
        self.origins.shrink_to_fit();
    }
}

fn origin(request: &Request) -> Option<Origin> {
    let cseq = request.headers.cseq().ok()?;
    Some(Origin {
        call_id: request.headers.call_id().ok()?.to_owned(),
        from_tag: request.headers.from().ok()?.tag().unwrap_or_default().to_owned(),
        number: cseq.number,
        method: request.method.clone(),
    })
}

/// Notes in the top Via where the request came from (§18.2.1, RFC 3581), and finds where responses go (§18.2.2).
fn fill_in(request: &mut Request, via: &mut Via, mut flow: Flow) -> Flow {
    let source = flow.remote.ip().to_canonical();
    let asked = via.rport().is_some();
    if asked {
        via.params.set("rport", Some(&flow.remote.port().to_string()));
    }
    if asked || via.host.parse() != Ok(source) {
        via.params.set("received", Some(&source.to_string()));
    }
    // Only the first of several Vias in one line is ours to change.
    let others: Vec<String> = request.headers.list("Via").skip(1).map(str::to_owned).collect();
    request.headers.remove("Via");
    for other in others.iter().rev() {
        request.headers.insert_front("Via", other.as_str());
    }
    request.headers.insert_front("Via", via.to_string());
    if !asked && flow.transport == Transport::Udp {
        flow.remote.set_port(via.port.unwrap_or(5060));
    }
    flow
}
