//! What comes in: from the sockets' tasks and the clock to the transaction layer, and what the layer then tells of to
//! `dispatch`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use switch_sip::frame::{self, ParseError};
use switch_sip::message::Message;
use switch_sip::transaction::{Flow, Layer, Output, Transport};

use crate::agent::Agent;
use crate::counters::count;

impl Agent {
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
            Message::Request(request) => self.counters().request_received(request.method.as_str()),
            Message::Response(response) => self.counters().response_received(response.status),
        }
        self.trace("from", &flow, || message.to_bytes());
        self.take(|layer, now| layer.receive(now, message, flow));
    }

    /// Something came that is no SIP: where it can be told what was asked, the peer learns of it.
    pub(crate) fn malformed(self: &Arc<Self>, error: ParseError, flow: &Flow) {
        count(&self.counters().malformed);
        tracing::debug!(remote = %flow.remote, %error, "malformed SIP");
        if let Some(request) = error.partial
            && request.method.as_str() != "ACK"
            && request.headers.top_via().is_ok()
        {
            let response = switch_sip::response::to(&request, 400, None);
            self.transmit(flow, response.to_bytes(), false);
            self.counters().response_sent(400);
        }
    }

    /// A connection ended: what waits for an answer on it fails.
    pub(crate) fn connection_closed(self: &Arc<Self>, flow: &Flow) {
        self.take(|layer, now| layer.transport_failed(now, flow));
    }

    /// Runs the layer's timers until the task is aborted.
    pub(crate) async fn run_timer(self: Arc<Self>) {
        loop {
            for flow in self.lost() {
                self.connection_closed(&flow);
            }
            let next = self.next_timeout();
            let sleep = async {
                match next {
                    Some(next) => tokio::time::sleep_until(next.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = sleep => self.take(Layer::handle_timeout),
                () = self.sooner() => {}
            }
        }
    }

    /// Tells the layer something, then does what it says.
    fn take(self: &Arc<Self>, work: impl FnOnce(&mut Layer, Instant)) {
        let ((), outputs) = self.consult(work);
        for output in outputs {
            match output {
                Output::Transmit { flow, message } => self.send(&flow, &message),
                Output::Event(event) => self.dispatch(event),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use switch_core::Switch;
    use switch_engine::{Engine, EngineConfig};
    use switch_sip::message::{Request, Response};
    use switch_sip::response;
    use switch_sip::session_timer::Policy;
    use switch_sip::transaction::{Event, Timers};

    use super::*;
    use crate::advertise::Advertise;
    use crate::settings::{EndpointConfig, Settings};

    const ADDRESS: ([u8; 4], u16) = ([127, 0, 0, 1], 9);

    fn agent() -> Arc<Agent> {
        let settings = Settings {
            advertise: Advertise(Vec::new()),
            trace: false,
            user_agent: "switch".to_owned(),
            tcp_idle: Duration::from_secs(60),
            dialplans: Vec::new(),
            session: Policy { interval: None, shortest: Duration::from_secs(90) },
            silence: None,
            silence_held: None,
            retry_after: Duration::from_secs(1),
        };
        let config = EndpointConfig { listen: Vec::new(), timers: Timers::default(), dscp: 0, settings };
        let engine = Engine::start(EngineConfig { workers: 1, ..EngineConfig::default() }).unwrap();
        let timers = Timers { t1: Duration::from_secs(60), ..Timers::default() };
        let layer = Layer::new(timers, 1);
        Agent::new(config, Switch::new(Default::default()), engine, layer, Vec::new(), Vec::new()).0
    }

    fn flow(transport: Transport) -> Flow {
        Flow { transport, local: ADDRESS.into(), remote: ADDRESS.into(), connection: 7 }
    }

    fn request(method: &str) -> Request {
        let text = format!(
            "{method} sip:b@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK1\r\n\
             Max-Forwards: 70\r\nFrom: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:b@127.0.0.1>\r\nCall-ID: 1\r\n\
             CSeq: 1 {method}\r\nContact: <sip:a@127.0.0.1>\r\nContent-Length: 0\r\n\r\n"
        );
        match frame::parse_datagram(text.as_bytes()).unwrap() {
            Message::Request(request) => request,
            Message::Response(_) => panic!("a request was written"),
        }
    }

    #[tokio::test]
    async fn a_request_on_a_connection_that_is_gone_is_over_at_once() {
        let agent = agent();
        let timer = tokio::spawn(Arc::clone(&agent).run_timer());
        // The task of the timers sleeps, and not until the request's own.
        agent.request(request("OPTIONS"), flow(Transport::Udp), None).unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        let id = agent.request(request("OPTIONS"), flow(Transport::Tcp), None).unwrap();
        let over = async {
            while agent.directory.client(id).is_some() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        // Without being told, the layer would wait for its next timer.
        tokio::time::timeout(Duration::from_secs(5), over).await.unwrap();
        timer.abort();
    }

    /// What [`Agent::respond`] and its like stand on: events come of [`Agent::take`] alone.
    #[test]
    fn what_is_sent_makes_the_layer_tell_of_nothing() {
        let now = Instant::now();
        let mut layer = Layer::new(Timers::default(), 1);
        let told = |layer: &mut Layer| -> Vec<Event> {
            let outputs = std::iter::from_fn(|| layer.poll_output());
            let events = outputs.filter_map(|output| match output {
                Output::Event(event) => Some(event),
                Output::Transmit { .. } => None,
            });
            events.collect()
        };
        for transport in [Transport::Udp, Transport::Tcp] {
            for status in [180, 200, 486] {
                layer.receive(now, request("INVITE").into(), flow(transport));
                let events = told(&mut layer);
                let [Event::Request { id, request, .. }] = &events[..] else { panic!("{events:?}") };
                layer.respond(now, *id, response::to(request, status, None)).unwrap();
                assert!(told(&mut layer).is_empty(), "{transport:?} {status}");
                layer = Layer::new(Timers::default(), 1);
            }
            for answer in [None, Some(180), Some(200)] {
                let id = layer.request(now, request("INVITE"), flow(transport), ADDRESS.into()).unwrap();
                assert!(told(&mut layer).is_empty(), "{transport:?}");
                let sent = layer.sent(id).unwrap();
                let sent = sent.as_request().unwrap();
                if let Some(status) = answer {
                    let answer: Response = response::to(sent, status, Some("2"));
                    layer.receive(now, answer.into(), flow(transport));
                    assert!(!told(&mut layer).is_empty(), "{transport:?} {status}");
                }
                layer.cancel(now, id, None);
                layer.acknowledge(id, request("ACK"), flow(transport), ADDRESS.into());
                assert!(told(&mut layer).is_empty(), "{transport:?} {answer:?}");
                layer = Layer::new(Timers::default(), 1);
            }
        }
    }
}
