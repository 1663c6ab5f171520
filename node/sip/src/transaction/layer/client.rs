//! The client side: requests out, responses in.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use super::super::invite_client::{self, InviteClient};
use super::super::non_invite_client::{self, NonInviteClient};
use super::super::schedule::Slot;
use super::super::{ClientId, Event, Flow, RequestError};
use super::key::{self, Key};
use super::{Layer, shrink};
use crate::message::{MAGIC, Message, Method, Request, Response, Via};

/// Callees of one INVITE whose 2xx are told: more than any forking proxy is asked for.
const MAX_FORKS: usize = 16;

#[derive(Clone, Debug)]
pub(super) struct Client {
    pub(super) machine: Machine,
    pub(super) flow: Flow,
    pub(super) scheduled: Option<Instant>,
    key: Key,
    request: Arc<Message>,
    /// A CANCEL of ours: nobody asked to hear of it.
    is_cancel: bool,
    /// Why it is cancelled.
    reason: Option<Box<str>>,
    accepted: Vec<Acceptance>,
    /// The ACK of a failure, while it may have to be sent again.
    ack: Option<Arc<Message>>,
}

/// A callee that answered 2xx.
#[derive(Clone, Debug)]
struct Acceptance {
    to_tag: String,
    ack: Option<(Flow, Arc<Message>)>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Machine {
    Invite(InviteClient),
    NonInvite(NonInviteClient),
}

impl Machine {
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Invite(machine) => machine.deadline(),
            Self::NonInvite(machine) => machine.deadline(),
        }
    }

    fn is_over(&self) -> bool {
        matches!(self, Self::Invite(InviteClient::Terminated) | Self::NonInvite(NonInviteClient::Terminated))
    }
}

/// What happens to a client transaction.
enum Input {
    Response(Box<Response>, Flow),
    Timer,
    TransportFailed,
}

impl Layer {
    /// Sends a request and follows it. It comes without Via: one is put on top that says `sent_by`, the address
    /// the peer is told, with a branch and rport (RFC 3581). Max-Forwards is added where there is none.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub fn request(
        &mut self,
        now: Instant,
        mut request: Request,
        flow: Flow,
        sent_by: SocketAddr,
    ) -> Result<ClientId, RequestError> {
        if matches!(request.method, Method::Ack | Method::Cancel) {
            return Err(RequestError::NotARequest(request.method));
        }
        request.headers.from_tag()?;
        request.headers.call_id()?;
        let in_dialog = request.headers.to_tag()?.is_some();
        if request.headers.cseq()?.method != request.method {
            return Err(RequestError::MethodMismatch);
        }
        if self.is_full(in_dialog) {
            return Err(RequestError::Full);
        }
        let branch = self.brand(&mut request, &flow, sent_by);
        Ok(ClientId(self.start(now, request, &branch, flow, false)))
    }

    /// What [`Layer::request`] sent, shared with the transaction; none once that is over.
    pub fn sent(&self, id: ClientId) -> Option<Arc<Message>> {
        self.clients.get(&id.0).map(|client| Arc::clone(&client.request))
    }

    /// Takes an INVITE back: CANCEL is sent at once if a provisional response has come, else when it comes
    /// (RFC 3261 §9.1). After a final response nothing happens. `reason` is a Reason header's value (RFC 3326).
    pub fn cancel(&mut self, now: Instant, id: ClientId, reason: Option<&str>) {
        let Some(client) = self.clients.get_mut(&id.0) else { return };
        let Machine::Invite(machine) = client.machine else { return };
        let reliable = client.flow.transport.is_reliable();
        let (machine, action) = machine.step(invite_client::Input::Cancel, now, &self.timers, reliable);
        client.machine = Machine::Invite(machine);
        client.reason = reason.map(Into::into);
        if action == invite_client::Action::Cancel {
            self.send_cancel(now, id.0);
        }
        self.reschedule(Slot::Client(id.0));
        self.settle();
    }

    /// Sends the ACK of a 2xx, and again whenever that 2xx comes again (§13.2.2.4). The ACK's To has the tag
    /// of the 2xx; it is a transaction of its own, so its Via gets a branch of its own.
    pub fn acknowledge(&mut self, id: ClientId, mut ack: Request, flow: Flow, sent_by: SocketAddr) {
        self.brand(&mut ack, &flow, sent_by);
        let tag = ack.headers.to_tag().ok().flatten().unwrap_or_default().to_owned();
        let ack = Arc::new(Message::Request(ack));
        if let Some(client) = self.clients.get_mut(&id.0)
            && let Some(acceptance) = client.accepted.iter_mut().find(|one| one.to_tag == tag)
        {
            acceptance.ack = Some((flow.clone(), Arc::clone(&ack)));
        }
        self.transmit(flow, ack);
    }

    pub(super) fn receive_response(&mut self, now: Instant, response: Response, flow: Flow) {
        let found = match (response.headers.top_via(), response.headers.cseq()) {
            (Ok(via), Ok(cseq)) => via
                .branch()
                .and_then(|branch| self.client_keys.get(&key::client(branch, &cseq.method)).copied()),
            _ => None,
        };
        match found {
            Some(id) => self.step_client(now, id, Input::Response(Box::new(response), flow)),
            None => self.counters.stray_responses += 1,
        }
    }

    pub(super) fn client_timer(&mut self, now: Instant, id: u64) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.scheduled = None;
            self.step_client(now, id, Input::Timer);
        }
    }

    pub(super) fn client_transport_failed(&mut self, now: Instant, id: u64) {
        self.step_client(now, id, Input::TransportFailed);
    }

    fn step_client(&mut self, now: Instant, id: u64, input: Input) {
        let Some(client) = self.clients.get(&id) else { return };
        match client.machine {
            Machine::Invite(machine) => self.step_invite(now, id, machine, input),
            Machine::NonInvite(machine) => self.step_non_invite(now, id, machine, input),
        }
        if self.clients.get(&id).is_some_and(|client| client.machine.is_over()) {
            self.end_client(id);
        } else {
            self.reschedule(Slot::Client(id));
        }
    }

    fn step_invite(&mut self, now: Instant, id: u64, machine: InviteClient, input: Input) {
        use invite_client::{Action as A, Input as I};
        let step = match &input {
            Input::Response(response, _) if response.is_provisional() => I::Provisional,
            Input::Response(response, _) if response.is_success() => I::Success,
            Input::Response(..) => I::Failure,
            Input::Timer => I::Timer,
            Input::TransportFailed => I::TransportFailed,
        };
        let Some(client) = self.clients.get_mut(&id) else { return };
        let reliable = client.flow.transport.is_reliable();
        let (machine, action) = machine.step(step, now, &self.timers, reliable);
        client.machine = Machine::Invite(machine);
        match action {
            A::Nothing => {}
            A::Resend => self.send_again(id),
            A::Deliver if step == I::Success => self.deliver_success(id, input),
            A::Deliver => self.deliver(id, input),
            A::DeliverAndCancel => {
                self.deliver(id, input);
                self.send_cancel(now, id);
            }
            A::Cancel => self.send_cancel(now, id),
            A::DeliverAndAck => {
                if let Input::Response(response, _) = &input {
                    client.ack = acknowledge_failure(&client.request, response).map(Arc::new);
                }
                self.send_ack(id);
                self.deliver(id, input);
            }
            A::Ack => self.send_ack(id),
            A::Timeout => self.event(Event::Timeout { id: ClientId(id) }),
            A::TransportFailed => self.event(Event::TransportFailed { id: ClientId(id) }),
        }
    }

    fn step_non_invite(&mut self, now: Instant, id: u64, machine: NonInviteClient, input: Input) {
        use non_invite_client::{Action as A, Input as I};
        let step = match &input {
            Input::Response(response, _) if response.is_provisional() => I::Provisional,
            Input::Response(..) => I::Final,
            Input::Timer => I::Timer,
            Input::TransportFailed => I::TransportFailed,
        };
        let Some(client) = self.clients.get_mut(&id) else { return };
        let reliable = client.flow.transport.is_reliable();
        let (machine, action) = machine.step(step, now, &self.timers, reliable);
        client.machine = Machine::NonInvite(machine);
        let tell = !client.is_cancel;
        match action {
            A::Resend => self.send_again(id),
            A::Deliver if tell => self.deliver(id, input),
            A::Timeout if tell => self.event(Event::Timeout { id: ClientId(id) }),
            A::TransportFailed if tell => self.event(Event::TransportFailed { id: ClientId(id) }),
            _ => {}
        }
    }

    /// A 2xx: told once for each callee; a retransmitted one is acknowledged again.
    fn deliver_success(&mut self, id: u64, input: Input) {
        let Input::Response(response, _) = &input else { return };
        let Some(client) = self.clients.get_mut(&id) else { return };
        let tag = response.headers.to_tag().ok().flatten().unwrap_or_default().to_owned();
        match client.accepted.iter().find(|one| one.to_tag == tag) {
            Some(Acceptance { ack: Some((flow, ack)), .. }) => {
                let (flow, ack) = (flow.clone(), Arc::clone(ack));
                self.counters.retransmitted += 1;
                self.transmit(flow, ack);
            }
            Some(_) => {}
            None if client.accepted.len() < MAX_FORKS => {
                client.accepted.push(Acceptance { to_tag: tag, ack: None });
                self.deliver(id, input);
            }
            None => self.counters.stray_responses += 1,
        }
    }

    fn deliver(&mut self, id: u64, input: Input) {
        if let Input::Response(response, flow) = input {
            self.event(Event::Response { id: ClientId(id), response: *response, flow });
        }
    }

    fn send_again(&mut self, id: u64) {
        if let Some(client) = self.clients.get(&id) {
            let (flow, request) = (client.flow.clone(), Arc::clone(&client.request));
            self.counters.retransmitted += 1;
            self.transmit(flow, request);
        }
    }

    fn send_ack(&mut self, id: u64) {
        if let Some(client) = self.clients.get(&id)
            && let Some(ack) = &client.ack
        {
            let (flow, ack) = (client.flow.clone(), Arc::clone(ack));
            self.transmit(flow, ack);
        }
    }

    /// CANCEL has a transaction of its own under the INVITE's branch (§9.1). It is sent whatever the bound
    /// says: it ends something.
    fn send_cancel(&mut self, now: Instant, id: u64) {
        let Some(client) = self.clients.get(&id) else { return };
        let Message::Request(invite) = &*client.request else { return };
        let (Some(mut cancel), Ok(via)) = (follow(invite, Method::Cancel, None), invite.headers.top_via())
        else {
            return;
        };
        if let Some(reason) = &client.reason {
            cancel.headers.push("Reason", &**reason);
        }
        let (flow, branch) = (client.flow.clone(), via.branch().unwrap_or_default().to_owned());
        self.start(now, cancel, &branch, flow, true);
    }

    fn start(&mut self, now: Instant, request: Request, branch: &str, flow: Flow, is_cancel: bool) -> u64 {
        let id = self.new_id();
        let reliable = flow.transport.is_reliable();
        let machine = match request.method {
            Method::Invite => Machine::Invite(InviteClient::new(now, &self.timers, reliable)),
            _ => Machine::NonInvite(NonInviteClient::new(now, &self.timers, reliable)),
        };
        let key = key::client(branch, &request.method);
        let request = Arc::new(Message::Request(request));
        self.client_keys.insert(key.clone(), id);
        self.transmit(flow.clone(), Arc::clone(&request));
        let client = Client {
            machine,
            flow,
            scheduled: None,
            key,
            request,
            is_cancel,
            reason: None,
            accepted: Vec::new(),
            ack: None,
        };
        self.clients.insert(id, Box::new(client));
        self.reschedule(Slot::Client(id));
        self.settle();
        id
    }

    fn end_client(&mut self, id: u64) {
        if let Some(client) = self.clients.remove(&id) {
            self.client_keys.remove(&client.key);
            if !client.is_cancel {
                self.event(Event::Over { id: ClientId(id) });
            }
        }
        shrink(&mut self.clients);
        shrink(&mut self.client_keys);
    }

    /// Gives the request its top Via with a new branch, and Max-Forwards if it has none.
    fn brand(&mut self, request: &mut Request, flow: &Flow, sent_by: SocketAddr) -> String {
        let branch = format!("{MAGIC}{}", self.tokens.token());
        let host = sent_by.ip().to_canonical().to_string();
        let via = Via::new(flow.transport.as_str(), &host, Some(sent_by.port()), &branch);
        request.headers.insert_front("Via", via.value());
        if !request.headers.contains("Max-Forwards") {
            request.headers.push("Max-Forwards", "70");
        }
        branch
    }
}

/// The ACK of a 300–699 (§17.1.1.3).
fn acknowledge_failure(invite: &Message, response: &Response) -> Option<Message> {
    let Message::Request(invite) = invite else { return None };
    follow(invite, Method::Ack, response.headers.first("To")).map(Message::Request)
}

/// ACK or CANCEL of an INVITE: its URI, top Via, From, Call-ID, number and Routes, and its To unless another
/// is given.
fn follow(invite: &Request, method: Method, to: Option<&str>) -> Option<Request> {
    let headers = &invite.headers;
    let number = headers.cseq().ok()?.number;
    let mut request = Request::new(method, invite.uri.clone());
    request.headers.push("Via", headers.list("Via").next()?);
    request.headers.push("Max-Forwards", "70");
    for route in headers.all("Route") {
        request.headers.push("Route", route);
    }
    request.headers.push("From", headers.first("From")?);
    request.headers.push("To", to.or(headers.first("To"))?);
    request.headers.push("Call-ID", headers.first("Call-ID")?);
    request.headers.push("CSeq", format!("{number} {}", request.method));
    Some(request)
}
