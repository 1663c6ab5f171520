//! The server side: requests in, responses out.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use super::super::invite_server::{self, InviteServer};
use super::super::non_invite_server::{self, NonInviteServer};
use super::super::schedule::Slot;
use super::super::{Event, Flow, RespondError, ServerId, Transport};
use super::key::{self, Key};
use super::{Layer, shrink};
use crate::message::{CSeq, Message, Method, Request, Response, Via};
use crate::response;

#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) machine: Machine,
    /// Where responses go.
    pub(super) flow: Flow,
    pub(super) scheduled: Option<Instant>,
    key: Key,
    merge_key: Option<Key>,
    ack_key: Option<Key>,
    /// The tag responses get that have none, once one was needed.
    tag: Option<Box<str>>,
    /// The 100 that may have to be sent, until something else was.
    trying: Option<Box<Response>>,
    last: Option<Arc<Message>>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Machine {
    Invite(InviteServer),
    NonInvite(NonInviteServer),
}

impl Machine {
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Invite(machine) => machine.deadline(),
            Self::NonInvite(machine) => machine.deadline(),
        }
    }

    fn is_over(&self) -> bool {
        matches!(self, Self::Invite(InviteServer::Terminated) | Self::NonInvite(NonInviteServer::Terminated))
    }
}

impl Layer {
    /// Answers a request. A To without tag gets one, the same for all responses of the transaction.
    ///
    /// # Errors
    /// See [`RespondError`].
    pub fn respond(
        &mut self,
        now: Instant,
        id: ServerId,
        mut response: Response,
    ) -> Result<(), RespondError> {
        if !(100..700).contains(&response.status) {
            return Err(RespondError::Status(response.status));
        }
        let server = self.servers.get_mut(&id.0).ok_or(RespondError::Gone)?;
        let reliable = server.flow.transport.is_reliable();
        let answered = match server.machine {
            Machine::Invite(machine) => {
                use invite_server::{Action, Input};
                let input = match response.status {
                    100..=199 => Input::Provisional,
                    200..=299 => Input::Success,
                    _ => Input::Failure,
                };
                let (machine, action) = machine.step(input, now, &self.timers, reliable);
                server.machine = Machine::Invite(machine);
                action == Action::Answered
            }
            Machine::NonInvite(machine) => {
                use non_invite_server::{Action, Input};
                let input = if response.status < 200 { Input::Provisional } else { Input::Final };
                let (machine, action) = machine.step(input, now, &self.timers, reliable);
                server.machine = Machine::NonInvite(machine);
                action == Action::Answered
            }
        };
        if answered {
            return Err(RespondError::Answered);
        }
        server.trying = None;
        if response.status > 100 {
            add_tag(&mut response, || server.tag.get_or_insert_with(|| self.tokens.token().into()));
        }
        if response.is_success() && matches!(server.machine, Machine::Invite(_)) {
            server.ack_key = ack_key(&response);
            if let Some(key) = &server.ack_key {
                self.ack_keys.insert(key.clone(), id.0);
            }
        }
        let message = Arc::new(Message::Response(response));
        server.last = Some(Arc::clone(&message));
        let flow = server.flow.clone();
        self.transmit(flow, message);
        self.after_server_step(id.0);
        self.settle();
        Ok(())
    }

    pub(super) fn receive_request(&mut self, now: Instant, mut request: Request, flow: Flow) {
        let (Ok(mut via), Ok(cseq)) = (request.headers.top_via(), request.headers.cseq()) else { return };
        let Ok(key) = key::server(&request, &via, &cseq) else { return };
        let reply = mark_source(&mut request, &mut via, &flow);
        let found = self.server_keys.get(&key).copied();
        match (&request.method, found) {
            (Method::Ack, found) => self.receive_ack(now, request, &cseq, flow, found),
            (Method::Cancel, found) => self.receive_cancel(now, &request, reply, found),
            (_, Some(id)) => {
                self.counters.absorbed += 1;
                self.step_server(now, id, ServerInput::Retransmission);
            }
            (_, None) => self.begin(now, request, &cseq, key, flow, reply),
        }
    }

    fn begin(&mut self, now: Instant, request: Request, cseq: &CSeq, key: Key, flow: Flow, reply: Flow) {
        let in_dialog = matches!(request.headers.to_tag(), Ok(Some(_)));
        let merge_key = if in_dialog { None } else { key::merge(&request, cseq).ok() };
        if merge_key.as_ref().is_some_and(|key| self.merge_keys.contains_key(key)) {
            self.counters.merged += 1;
            return self.refuse(&request, reply, 482);
        }
        if self.is_full(in_dialog) {
            self.counters.refused_full += 1;
            return self.refuse(&request, reply, 503);
        }
        let id = self.new_id();
        let (machine, trying) = match request.method {
            Method::Invite => (
                Machine::Invite(InviteServer::new(now, &self.timers)),
                Some(Box::new(response::to(&request, 100, None))),
            ),
            _ => (Machine::NonInvite(NonInviteServer::new(now, &self.timers)), None),
        };
        self.server_keys.insert(key.clone(), id);
        if let Some(key) = &merge_key {
            self.merge_keys.insert(key.clone(), id);
        }
        let server = Server {
            machine,
            flow: reply,
            scheduled: None,
            key,
            merge_key,
            ack_key: None,
            tag: None,
            trying,
            last: None,
        };
        self.servers.insert(id, Box::new(server));
        self.reschedule(Slot::Server(id));
        self.event(Event::Request { id: ServerId(id), request, flow });
    }

    /// ACK: of a failure by its branch, of a 2xx by its dialog (RFC 3261 §17.2.3, §13.3.1.4).
    fn receive_ack(&mut self, now: Instant, ack: Request, cseq: &CSeq, flow: Flow, found: Option<u64>) {
        let by_dialog = || {
            let (from, to) = (ack.headers.from_tag().ok()?, ack.headers.to_tag().ok()?);
            let key = key::ack(ack.headers.call_id().ok()?, from, to, cseq.number);
            self.ack_keys.get(&key).copied()
        };
        match found.or_else(by_dialog) {
            Some(id) => self.step_server(now, id, ServerInput::Ack(Box::new(ack), flow)),
            None => self.counters.stray_acks += 1,
        }
    }

    /// CANCEL is answered here, without a transaction: the answer is the same each time (§9.2).
    fn receive_cancel(&mut self, now: Instant, cancel: &Request, reply: Flow, found: Option<u64>) {
        let Some(server) = found.and_then(|id| self.servers.get_mut(&id)) else {
            return self.refuse(cancel, reply, 481);
        };
        let tag = server.tag.get_or_insert_with(|| self.tokens.token().into());
        let answer = response::to(cancel, 200, Some(tag));
        self.transmit(reply, Arc::new(Message::Response(answer)));
        if let Some(id) = found {
            self.step_server(now, id, ServerInput::Cancel);
        }
    }

    pub(super) fn server_timer(&mut self, now: Instant, id: u64) {
        if let Some(server) = self.servers.get_mut(&id) {
            server.scheduled = None;
            self.step_server(now, id, ServerInput::Timer);
        }
    }

    /// Nobody is there to take a response. An INVITE goes on: its user decides, and a 2xx has its own end.
    pub(super) fn server_transport_failed(&mut self, now: Instant, id: u64) {
        self.step_server(now, id, ServerInput::TransportFailed);
    }

    fn step_server(&mut self, now: Instant, id: u64, input: ServerInput) {
        let Some(server) = self.servers.get_mut(&id) else { return };
        let reliable = server.flow.transport.is_reliable();
        match server.machine {
            Machine::Invite(machine) => {
                if let Some(step) = input.to_invite() {
                    let (next, action) = machine.step(step, now, &self.timers, reliable);
                    server.machine = Machine::Invite(next);
                    if matches!((machine, next), (InviteServer::Completed { .. }, InviteServer::Terminated))
                        && step == invite_server::Input::Timer
                    {
                        self.counters.unacknowledged += 1;
                    }
                    self.act_invite(id, action, input);
                }
            }
            Machine::NonInvite(machine) => {
                if let Some(step) = input.to_non_invite() {
                    let (next, action) = machine.step(step, now, &self.timers, reliable);
                    server.machine = Machine::NonInvite(next);
                    if action == non_invite_server::Action::Resend {
                        self.respond_again(id);
                    }
                }
            }
        }
        self.after_server_step(id);
    }

    fn act_invite(&mut self, id: u64, action: invite_server::Action, input: ServerInput) {
        use invite_server::Action as A;
        match action {
            A::Nothing | A::Send | A::Answered => {}
            A::SendTrying => {
                let Some(server) = self.servers.get_mut(&id) else { return };
                let Some(trying) = server.trying.take() else { return };
                let message = Arc::new(Message::Response(*trying));
                server.last = Some(Arc::clone(&message));
                let flow = server.flow.clone();
                self.transmit(flow, message);
            }
            A::Resend => self.respond_again(id),
            A::Cancelled => self.event(Event::Cancelled { id: ServerId(id) }),
            A::Ack => {
                if let Some(server) = self.servers.get_mut(&id) {
                    // A repeated INVITE is only absorbed from now on.
                    server.last = None;
                }
                if let ServerInput::Ack(request, flow) = input {
                    self.event(Event::Ack { id: ServerId(id), request: *request, flow });
                }
            }
            A::AckMissing => self.event(Event::AckMissing { id: ServerId(id) }),
        }
    }

    fn respond_again(&mut self, id: u64) {
        if let Some(server) = self.servers.get(&id)
            && let Some(last) = &server.last
        {
            let (flow, last) = (server.flow.clone(), Arc::clone(last));
            self.counters.retransmitted += 1;
            self.transmit(flow, last);
        }
    }

    fn after_server_step(&mut self, id: u64) {
        if !self.servers.get(&id).is_some_and(|server| server.machine.is_over()) {
            return self.reschedule(Slot::Server(id));
        }
        if let Some(server) = self.servers.remove(&id) {
            self.server_keys.remove(&server.key);
            for (map, key) in
                [(&mut self.merge_keys, &server.merge_key), (&mut self.ack_keys, &server.ack_key)]
            {
                // Another transaction may have taken the name since.
                if let Some(key) = key
                    && map.get(key) == Some(&id)
                {
                    map.remove(key);
                }
                shrink(map);
            }
        }
        shrink(&mut self.servers);
        shrink(&mut self.server_keys);
    }

    /// Answers without a transaction: a retransmission is answered again, with the same tag.
    fn refuse(&mut self, request: &Request, reply: Flow, status: u16) {
        let via = request.headers.first("Via").unwrap_or_default();
        let mut answer = response::to(request, status, Some(&self.tokens.of(via)));
        if status == 503 {
            answer.headers.push("Retry-After", "5");
        }
        self.transmit(reply, Arc::new(Message::Response(answer)));
    }
}

/// What happens to a server transaction, but for its user's responses.
enum ServerInput {
    Retransmission,
    Cancel,
    Ack(Box<Request>, Flow),
    Timer,
    TransportFailed,
}

impl ServerInput {
    fn to_invite(&self) -> Option<invite_server::Input> {
        use invite_server::Input as I;
        match self {
            Self::Retransmission => Some(I::Retransmission),
            Self::Cancel => Some(I::Cancel),
            Self::Ack(..) => Some(I::Ack),
            Self::Timer => Some(I::Timer),
            Self::TransportFailed => None,
        }
    }

    fn to_non_invite(&self) -> Option<non_invite_server::Input> {
        use non_invite_server::Input as I;
        match self {
            Self::Retransmission => Some(I::Retransmission),
            Self::Timer => Some(I::Timer),
            Self::TransportFailed => Some(I::TransportFailed),
            Self::Cancel | Self::Ack(..) => None,
        }
    }
}

/// Writes into the top Via where the request came from (RFC 3261 §18.2.1, RFC 3581 §4), and says where
/// responses go (§18.2.2). `maddr` is not followed: it would send our responses where a stranger says.
fn mark_source(request: &mut Request, via: &mut Via, flow: &Flow) -> Flow {
    let source = flow.remote.ip().to_canonical();
    let wants_rport = via.rport().is_some();
    if wants_rport {
        via.params.set("rport", Some(&flow.remote.port().to_string()));
    }
    if wants_rport || via.host.parse() != Ok(source) {
        via.params.set("received", Some(&source.to_string()));
        request.headers.replace_first_element("Via", &via.value());
    }
    let mut reply = flow.clone();
    if flow.transport == Transport::Udp && !wants_rport {
        reply.remote = SocketAddr::new(flow.remote.ip(), via.port.unwrap_or(5060));
    }
    reply
}

fn add_tag<'a>(response: &mut Response, tag: impl FnOnce() -> &'a mut Box<str>) {
    if let Ok(None) = response.headers.to_tag()
        && let Some(value) = response.headers.first("To")
    {
        let tagged = format!("{value};tag={}", tag());
        response.headers.set("To", tagged);
    }
}

fn ack_key(response: &Response) -> Option<Key> {
    let headers = &response.headers;
    let (from, to) = (headers.from_tag().ok()?, headers.to_tag().ok()?);
    Some(key::ack(headers.call_id().ok()?, from, to, headers.cseq().ok()?.number))
}
