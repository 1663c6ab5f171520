//! A client layer and a server layer with a network between them: stepped time, seeded loss.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use switch_sip::frame::parse_datagram;
use switch_sip::message::{Message, Method, Request, Uri};
use switch_sip::transaction::{ClientId, Event, Flow, Layer, Output, Timers, Transport};

pub(crate) fn start() -> Instant {
    static START: OnceLock<Instant> = OnceLock::new();
    // The origin of virtual time; nothing waits for it.
    #[allow(clippy::disallowed_methods)]
    *START.get_or_init(Instant::now)
}

pub(crate) fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

pub(crate) const A: &str = "192.0.2.1:5060";
pub(crate) const B: &str = "192.0.2.2:5060";

pub(crate) fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub(crate) fn flow(transport: Transport, local: &str, remote: &str) -> Flow {
    let connection = u64::from(transport == Transport::Tcp);
    Flow { transport, local: address(local), remote: address(remote), connection }
}

pub(crate) fn request(method: Method, number: u32) -> Request {
    let mut request = Request::new(method.clone(), Uri::parse("sip:bob@192.0.2.2").unwrap());
    request.headers.push("From", "<sip:alice@192.0.2.1>;tag=a1");
    request.headers.push("To", "<sip:bob@192.0.2.2>");
    request.headers.push("Call-ID", "call-1");
    request.headers.push("CSeq", format!("{number} {method}"));
    request.headers.push("Contact", "<sip:alice@192.0.2.1>");
    request
}

/// The ACK of a 2xx, as a dialog would make it.
pub(crate) fn ack(to: &str, number: u32) -> Request {
    let mut ack = request(Method::Ack, number);
    ack.headers.set("To", to);
    ack
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Side {
    Client,
    Server,
}

/// Decides what becomes of the n-th message sent by a side, and how long it takes.
pub(crate) type Fate<'a> = Box<dyn FnMut(Side, &Message) -> Option<Duration> + 'a>;

pub(crate) struct Pair<'a> {
    pub(crate) now: Instant,
    pub(crate) client: Layer,
    pub(crate) server: Layer,
    pub(crate) transport: Transport,
    fate: Fate<'a>,
    under_way: BTreeMap<(Instant, u64), (Side, Vec<u8>)>,
    order: u64,
    /// What was sent, when, by whom, and its first line.
    pub(crate) sent: Vec<(Duration, Side, String)>,
    pub(crate) events: Vec<(Duration, Side, Event)>,
    /// Client transactions that said their last word, which no user of the pair hears.
    pub(crate) over: BTreeSet<(Side, ClientId)>,
}

impl<'a> Pair<'a> {
    pub(crate) fn new(
        transport: Transport,
        fate: impl FnMut(Side, &Message) -> Option<Duration> + 'a,
    ) -> Self {
        Self {
            now: start(),
            client: Layer::new(Timers::default(), 1),
            server: Layer::new(Timers::default(), 2),
            transport,
            fate: Box::new(fate),
            under_way: BTreeMap::new(),
            order: 0,
            sent: Vec::new(),
            events: Vec::new(),
            over: BTreeSet::new(),
        }
    }

    /// A network that loses nothing and takes 10 ms.
    pub(crate) fn perfect(transport: Transport) -> Self {
        Self::new(transport, |_, _| Some(ms(10)))
    }

    pub(crate) fn flow(&self, side: Side) -> Flow {
        match side {
            Side::Client => flow(self.transport, A, B),
            Side::Server => flow(self.transport, B, A),
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.now - start()
    }

    /// Carries everything that lies at or before `until`; `user` hears every event and may act on it.
    pub(crate) fn run_until(&mut self, until: Duration, mut user: impl FnMut(&mut Self, Side, Event)) {
        let until = start() + until;
        loop {
            self.collect(&mut user);
            let arrival = self.under_way.first_key_value().map(|(key, _)| key.0);
            let next =
                [arrival, self.client.next_timeout(), self.server.next_timeout()].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= until) else { break };
            self.now = self.now.max(next);
            if arrival == Some(next) {
                let (_, (from, bytes)) = self.under_way.pop_first().unwrap();
                let message = parse_datagram(&bytes).unwrap();
                match from {
                    Side::Client => self.server.receive(self.now, message, self.flow(Side::Server)),
                    Side::Server => self.client.receive(self.now, message, self.flow(Side::Client)),
                }
            } else {
                self.client.handle_timeout(self.now);
                self.server.handle_timeout(self.now);
            }
        }
        self.now = until;
    }

    fn collect(&mut self, user: &mut impl FnMut(&mut Self, Side, Event)) {
        loop {
            let (side, output) = match (self.client.poll_output(), Side::Client) {
                (Some(output), side) => (side, output),
                (None, _) => match self.server.poll_output() {
                    Some(output) => (Side::Server, output),
                    None => return,
                },
            };
            match output {
                Output::Transmit { message, .. } => {
                    let bytes = message.to_bytes();
                    let first = String::from_utf8_lossy(&bytes).lines().next().unwrap().to_owned();
                    self.sent.push((self.elapsed(), side, first));
                    if let Some(delay) = (self.fate)(side, &message) {
                        self.order += 1;
                        self.under_way.insert((self.now + delay, self.order), (side, bytes));
                    }
                }
                Output::Event(Event::Over { id }) => {
                    assert!(self.over.insert((side, id)), "over twice");
                }
                Output::Event(event) => {
                    self.events.push((self.elapsed(), side, event.clone()));
                    user(self, side, event);
                }
            }
        }
    }

    /// When messages whose first line begins so were sent by a side, in milliseconds.
    pub(crate) fn times(&self, side: Side, start: &str) -> Vec<u64> {
        let sent = self.sent.iter().filter(|(_, by, line)| *by == side && line.starts_with(start));
        sent.map(|(at, ..)| u64::try_from(at.as_millis()).unwrap()).collect()
    }

    pub(crate) fn assert_all_freed(&self) {
        for layer in [&self.client, &self.server] {
            let counters = layer.counters();
            assert_eq!((counters.clients, counters.servers, counters.acceptances), (0, 0, 0), "{counters:?}");
            assert_eq!(layer.next_timeout(), None);
            assert_eq!(counters.scheduled, 0);
        }
    }
}
