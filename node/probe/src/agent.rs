//! A user agent client for one call (RFC 3261 §8.1, §12.1.2, §13.2, §15): as much of SIP as a probe needs,
//! and nothing shared with the transaction layer of the switch it may be judging.

use std::io;
use std::time::Duration;

use switch_sip::message::{Message, Method, NameAddr, Request, Response, Uri, Via};
use tokio::time::{Instant, sleep_until};

use crate::error::ProbeError;
use crate::link::Link;
use crate::options::ProbeOptions;
use crate::random;
use crate::target::{ProbeTarget, Transport};

/// One call, from INVITE to BYE, or one ping.
#[derive(Debug)]
pub(crate) struct Agent {
    link: Link,
    /// Request-URI and To.
    target: Uri,
    from: NameAddr,
    contact: Uri,
    call_id: String,
    sequence: u32,
    state: State,
}

/// How far the call is.
#[derive(Debug)]
enum State {
    Idle,
    /// An INVITE is out; this CANCEL would take it back.
    Calling(Request),
    /// Answered.
    Up(Box<Dialog>),
}

#[derive(Debug)]
struct Dialog {
    /// To with the peer's tag.
    to: String,
    target: Uri,
    routes: Vec<String>,
    /// Sent again whenever the 200 comes again.
    ack: Vec<u8>,
}

/// What a message that came in the middle of a call means for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Happening {
    /// Nothing.
    Nothing,
    /// The peer ended the call.
    Ended,
}

impl Agent {
    /// Makes the way to the target; nothing is sent yet.
    pub(crate) async fn open(target: &ProbeTarget, options: &ProbeOptions) -> Result<Self, ProbeError> {
        let link = Link::open(target, options).await?;
        let host = link.local.ip().to_string();
        let uri = |user, host: &str, port| Uri::sip(user, host, port).expect("an address is a host");
        let mut contact = uri(Some("probe"), &host, Some(link.local.port()));
        if link.transport() == Transport::Tcp {
            contact = Uri::parse(&format!("{contact};transport=tcp")).expect("a parameter may be added");
        }
        let from = NameAddr::new(uri(Some("probe"), &host, None)).with_tag(&token());
        let request_uri = Uri::parse(&target.to_string()).expect("a target is a URI");
        let call_id = token();
        Ok(Self { link, target: request_uri, from, contact, call_id, sequence: 1, state: State::Idle })
    }

    pub(crate) fn link(&self) -> &Link {
        &self.link
    }

    /// Asks whether somebody speaks SIP there (RFC 3261 §11). Any final response is an answer.
    pub(crate) async fn options(&mut self, options: &ProbeOptions) -> Result<Response, ProbeError> {
        let mut request = self.request(Method::Options, &self.target, &format!("<{}>", self.target));
        request.headers.push("Accept", "application/sdp");
        let started = Instant::now();
        let mut exchange = Exchange::new(&request, Method::Options, self.link.transport(), T2);
        self.send(&exchange.bytes).await?;
        loop {
            match self.response(&mut exchange, started + options.response_timeout).await? {
                None => return Err(self.no_response(options)),
                Some(response) if response.is_provisional() => {}
                Some(response) => return Ok(response),
            }
        }
    }

    /// Places the call with this SDP offer, and gives the 200 once it is acknowledged.
    pub(crate) async fn invite(
        &mut self,
        offer: String,
        options: &ProbeOptions,
    ) -> Result<Response, ProbeError> {
        let mut request = self.request(Method::Invite, &self.target, &format!("<{}>", self.target));
        request.set_body("application/sdp", offer.into_bytes());
        let started = Instant::now();
        let mut exchange = Exchange::new(&request, Method::Invite, self.link.transport(), Duration::MAX);
        self.state = State::Calling(sibling(&request, Method::Cancel));
        self.send(&exchange.bytes).await?;
        let mut until = started + options.response_timeout;
        let mut last = 0;
        loop {
            match self.response(&mut exchange, until).await? {
                None if last == 0 => {
                    // A CANCEL needs a provisional response first (RFC 3261 §9.1).
                    self.state = State::Idle;
                    return Err(self.no_response(options));
                }
                None => {
                    self.cancel(&request, exchange).await;
                    return Err(ProbeError::NoAnswer { after: options.ring_timeout, status: last });
                }
                Some(response) if response.is_provisional() => {
                    last = response.status;
                    exchange.resend_at = None;
                    until = started + options.ring_timeout;
                }
                Some(response) if response.is_success() => {
                    self.establish(&request, &response).await?;
                    return Ok(response);
                }
                Some(response) => {
                    self.state = State::Idle;
                    self.acknowledge_refusal(&request, &response).await?;
                    return Err(ProbeError::Refused { status: response.status, reason: response.reason });
                }
            }
        }
    }

    /// The next message while the call is up.
    pub(crate) async fn receive(&mut self) -> io::Result<Message> {
        self.link.receive().await
    }

    /// Does what a message asks for while the call is up.
    pub(crate) async fn take(&mut self, message: Message) -> Happening {
        let answer = match &message {
            Message::Response(response) => match &self.state {
                // The 200 again: our ACK was lost (RFC 3261 §13.2.2.4).
                State::Up(dialog) if is_to(response, &Method::Invite) && response.is_success() => {
                    dialog.ack.clone()
                }
                _ => return Happening::Nothing,
            },
            Message::Request(request) if request.method == Method::Ack => return Happening::Nothing,
            Message::Request(request) => self.answer(request).to_bytes(),
        };
        // If this is lost, what it answers comes again.
        _ = self.link.send(&answer).await;
        match message {
            Message::Request(request) if request.method == Method::Bye && self.is_ours(&request) => {
                self.state = State::Idle;
                Happening::Ended
            }
            _ => Happening::Nothing,
        }
    }

    /// Ends the call, and waits a short while for the peer to agree.
    pub(crate) async fn bye(&mut self) {
        let Some(request) = self.bye_request() else { return };
        self.state = State::Idle;
        let mut exchange = Exchange::new(&request, Method::Bye, self.link.transport(), T2);
        if self.send(&exchange.bytes).await.is_err() {
            return;
        }
        let until = Instant::now() + FAREWELL;
        while let Ok(Some(response)) = self.response(&mut exchange, until).await {
            if !response.is_provisional() {
                return;
            }
        }
    }

    /// Takes an unanswered INVITE back (RFC 3261 §9.1). A 200 that crosses the CANCEL is ended by BYE.
    async fn cancel(&mut self, invite: &Request, mut invited: Exchange) {
        let cancel = sibling(invite, Method::Cancel);
        let bytes = cancel.to_bytes();
        let until = Instant::now() + FAREWELL;
        let mut wait = T1;
        self.state = State::Idle;
        while Instant::now() < until {
            if self.send(&bytes).await.is_err() {
                return;
            }
            // The same CANCEL again and again, until the INVITE itself is finished.
            match self.response(&mut invited, (Instant::now() + wait).min(until)).await {
                Ok(Some(response)) if response.is_success() => {
                    if self.establish(invite, &response).await.is_ok() {
                        self.bye().await;
                    }
                    return;
                }
                Ok(Some(response)) if !response.is_provisional() => {
                    _ = self.acknowledge_refusal(invite, &response).await;
                    return;
                }
                Ok(_) => wait = (wait * 2).min(T2),
                Err(_) => return,
            }
        }
    }

    /// Keeps the dialog a 200 makes (RFC 3261 §12.1.2) and acknowledges it.
    async fn establish(&mut self, invite: &Request, response: &Response) -> Result<(), ProbeError> {
        let contact = response.headers.contact().ok().flatten();
        let mut routes: Vec<String> = response.headers.list("Record-Route").map(str::to_owned).collect();
        routes.reverse();
        let mut dialog = Dialog {
            to: response.headers.first("To").unwrap_or_default().to_owned(),
            target: contact.map_or_else(|| self.target.clone(), |contact| contact.uri),
            routes,
            ack: Vec::new(),
        };
        let mut ack = self.request(Method::Ack, &dialog.target, &dialog.to);
        for route in &dialog.routes {
            ack.headers.push("Route", route.as_str());
        }
        // The ACK carries the INVITE's number (RFC 3261 §13.2.2.4).
        let number = invite.headers.cseq().expect("our own CSeq can be read").number;
        ack.headers.set("CSeq", format!("{number} ACK"));
        dialog.ack = ack.to_bytes();
        let bytes = dialog.ack.clone();
        self.state = State::Up(Box::new(dialog));
        self.send(&bytes).await
    }

    /// The ACK of a refusal belongs to the INVITE's transaction (RFC 3261 §17.1.1.3).
    async fn acknowledge_refusal(&mut self, invite: &Request, response: &Response) -> Result<(), ProbeError> {
        let mut ack = sibling(invite, Method::Ack);
        if let Some(to) = response.headers.first("To") {
            ack.headers.set("To", to);
        }
        self.send(&ack.to_bytes()).await
    }

    /// The next response to `exchange`, sending its request again as its timer says. None: it is `until`.
    async fn response(
        &mut self,
        exchange: &mut Exchange,
        until: Instant,
    ) -> Result<Option<Response>, ProbeError> {
        loop {
            let wake = exchange.resend_at.map_or(until, |at| at.min(until));
            let message = tokio::select! {
                message = self.link.receive() => message.map_err(|error| self.broken(error))?,
                () = sleep_until(wake) => {
                    if Instant::now() >= until {
                        return Ok(None);
                    }
                    exchange.back_off();
                    self.send(&exchange.bytes).await?;
                    continue;
                }
            };
            match message {
                Message::Response(response) if exchange.is_answered_by(&response) => {
                    return Ok(Some(response));
                }
                other => _ = self.take(other).await,
            }
        }
    }

    fn answer(&self, request: &Request) -> Response {
        let status = match request.method {
            Method::Bye | Method::Options | Method::Cancel if self.is_ours(request) => 200,
            Method::Options => 200,
            // What was agreed on stays: the measurement must not change under way.
            Method::Invite | Method::Update if self.is_ours(request) => 488,
            _ if self.is_ours(request) => 501,
            _ => 481,
        };
        let mut response = Response::new(status);
        for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
            for value in request.headers.all(name) {
                response.headers.push(name, value);
            }
        }
        response
    }

    fn is_ours(&self, request: &Request) -> bool {
        request.headers.call_id() == Ok(&self.call_id)
    }

    fn bye_request(&mut self) -> Option<Request> {
        self.sequence += 1;
        let State::Up(dialog) = &self.state else { return None };
        let mut request = self.request(Method::Bye, &dialog.target, &dialog.to);
        for route in &dialog.routes {
            request.headers.push("Route", route.as_str());
        }
        Some(request)
    }

    fn request(&self, method: Method, uri: &Uri, to: &str) -> Request {
        let transport = self.link.transport().to_string().to_ascii_uppercase();
        let branch = format!("z9hG4bK{}", token());
        let host = self.link.local.ip().to_string();
        let via = Via::new(&transport, &host, Some(self.link.local.port()), &branch);
        let mut request = Request::new(method.clone(), uri.clone());
        let headers = &mut request.headers;
        headers.push("Via", via.to_string());
        headers.push("Max-Forwards", "70");
        headers.push("From", self.from.to_string());
        headers.push("To", to);
        headers.push("Call-ID", self.call_id.as_str());
        headers.push("CSeq", format!("{} {method}", self.sequence));
        headers.push("Contact", format!("<{}>", self.contact));
        headers.push("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS");
        headers.push("User-Agent", concat!("switch-probe/", env!("CARGO_PKG_VERSION")));
        request
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), ProbeError> {
        self.link.send(bytes).await.map_err(|error| self.broken(error))
    }

    fn broken(&self, error: io::Error) -> ProbeError {
        let Link { remote, .. } = self.link;
        match error.kind() {
            io::ErrorKind::UnexpectedEof => ProbeError::ConnectionLost { remote },
            _ => ProbeError::Unreachable { remote, transport: self.link.transport(), source: error },
        }
    }

    fn no_response(&self, options: &ProbeOptions) -> ProbeError {
        let (remote, transport) = (self.link.remote, self.link.transport());
        ProbeError::NoResponse { remote, transport, after: options.response_timeout }
    }
}

/// Whoever gives up in the middle (Ctrl-C) leaves no call behind, as far as one datagram can do that.
impl Drop for Agent {
    fn drop(&mut self) {
        if let State::Calling(cancel) = &self.state {
            self.link.try_send(&cancel.to_bytes());
        } else if let Some(bye) = self.bye_request() {
            self.link.try_send(&bye.to_bytes());
        }
    }
}

/// Timers of RFC 3261 §17.1.1.1 and §17.1.2.2.
const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);

/// How long a BYE or CANCEL is waited for.
const FAREWELL: Duration = Duration::from_secs(2);

/// A request under way.
#[derive(Debug)]
struct Exchange {
    bytes: Vec<u8>,
    branch: String,
    method: Method,
    /// None: no more, or the transport is reliable.
    resend_at: Option<Instant>,
    wait: Duration,
    longest_wait: Duration,
}

impl Exchange {
    fn new(request: &Request, method: Method, transport: Transport, longest_wait: Duration) -> Self {
        let via = request.headers.top_via().expect("our own Via can be read");
        Self {
            bytes: request.to_bytes(),
            branch: via.branch().expect("our own Via has a branch").to_owned(),
            method,
            resend_at: (transport == Transport::Udp).then(|| Instant::now() + T1),
            wait: T1,
            longest_wait,
        }
    }

    fn back_off(&mut self) {
        self.wait = (self.wait * 2).min(self.longest_wait);
        self.resend_at = Some(Instant::now() + self.wait);
    }

    /// RFC 3261 §17.1.3.
    fn is_answered_by(&self, response: &Response) -> bool {
        let via = response.headers.top_via();
        via.is_ok_and(|via| via.branch() == Some(&self.branch)) && is_to(response, &self.method)
    }
}

fn is_to(response: &Response, method: &Method) -> bool {
    response.headers.cseq().is_ok_and(|cseq| cseq.method == *method)
}

/// A CANCEL of an INVITE or the ACK of its refusal: same branch, number, From, To and Call-ID.
fn sibling(invite: &Request, method: Method) -> Request {
    let mut request = Request::new(method.clone(), invite.uri.clone());
    for name in ["Via", "Max-Forwards", "From", "To", "Call-ID"] {
        request.headers.push(name, invite.headers.first(name).expect("our own INVITE has it"));
    }
    let number = invite.headers.cseq().expect("our own CSeq can be read").number;
    request.headers.push("CSeq", format!("{number} {method}"));
    request
}

/// A word nobody else uses.
fn token() -> String {
    format!("{:016x}", random::number())
}
