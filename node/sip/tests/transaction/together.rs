//! What two layers do together: lost messages, crossing messages, repeated ones, strangers.

use crate::pair::*;
use switch_sip::frame::parse_datagram;
use switch_sip::message::{Message, Method, Request};
use switch_sip::response;
use switch_sip::transaction::{Event, Layer, Output, RequestError, RespondError, Timers, Transport};

/// SplitMix64: the loss of a run is its seed's.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

/// A callee that rings and answers, a caller that acknowledges; both count.
#[derive(Default)]
struct Call {
    invites: u32,
    rings: u32,
    answers: u32,
    acks: u32,
    missing: u32,
    timeouts: u32,
    byes: u32,
    bye_answers: u32,
}

impl Call {
    fn hear(&mut self, pair: &mut Pair<'_>, side: Side, event: Event) {
        match event {
            Event::Request { id, request, .. } if request.method == Method::Invite => {
                self.invites += 1;
                pair.server.respond(pair.now, id, response::to(&request, 180, Some("b1"))).unwrap();
                pair.server.respond(pair.now, id, response::to(&request, 200, Some("b1"))).unwrap();
            }
            Event::Request { id, request, .. } => {
                self.byes += 1;
                pair.server.respond(pair.now, id, response::to(&request, 200, None)).unwrap();
            }
            Event::Response { response, .. } if response.headers.cseq().unwrap().method == Method::Bye => {
                self.bye_answers += 1;
            }
            Event::Response { response, .. } if response.is_provisional() => self.rings += 1,
            Event::Response { id, response, .. } => {
                self.answers += 1;
                let flow = pair.flow(side);
                let to = response.headers.first("To").unwrap();
                pair.client.acknowledge(id, ack(to, 1), flow.clone(), address(A));
                let mut bye = request(Method::Bye, 2);
                bye.headers.set("To", to);
                pair.client.request(pair.now, bye, flow, address(A)).unwrap();
            }
            Event::Ack { .. } => self.acks += 1,
            Event::AckMissing { .. } => self.missing += 1,
            Event::Timeout { .. } => self.timeouts += 1,
            Event::Cancelled { .. } | Event::TransportFailed { .. } | Event::Over { .. } => {
                panic!("unexpected")
            }
        }
    }
}

#[test]
fn calls_over_a_network_that_loses_delays_and_doubles() {
    let mut completed = 0;
    for seed in 0..300 {
        let mut dice = Dice(seed);
        let mut pair =
            Pair::new(Transport::Udp, move |_, _| (dice.roll() % 100 >= 25).then(|| ms(dice.roll() % 700)));
        let flow = pair.flow(Side::Client);
        pair.client.request(pair.now, request(Method::Invite, 1), flow, address(A)).unwrap();
        let mut call = Call::default();
        pair.run_until(ms(300_000), |pair, side, event| call.hear(pair, side, event));
        // However it went, each side was told each thing once and has forgotten everything.
        assert!(call.invites <= 1 && call.answers <= 1 && call.byes <= 1, "seed {seed}");
        assert_eq!(call.acks + call.missing, call.invites, "seed {seed}");
        assert!(call.answers + call.timeouts >= 1, "seed {seed}");
        assert_eq!(
            pair.over.len(),
            1 + call.answers as usize,
            "seed {seed}: the INVITE, and a BYE an answer"
        );
        pair.assert_all_freed();
        completed += call.acks.min(call.bye_answers);
    }
    assert!(completed >= 295, "a quarter lost is what retransmission is for: {completed} of 300");
}

#[test]
fn a_lost_ack_is_sent_again_when_the_200_comes_again() {
    let mut acks_sent = 0;
    let mut pair = Pair::new(Transport::Udp, move |_, message| {
        let is_ack = matches!(message, Message::Request(request) if request.method == Method::Ack);
        acks_sent += u32::from(is_ack);
        (!is_ack || acks_sent > 2).then_some(ms(10))
    });
    let flow = pair.flow(Side::Client);
    pair.client.request(pair.now, request(Method::Invite, 1), flow, address(A)).unwrap();
    let mut acks = 0;
    pair.run_until(ms(60_000), |pair, side, event| match event {
        Event::Request { id, request, .. } => {
            pair.server.respond(pair.now, id, response::to(&request, 200, None)).unwrap();
        }
        Event::Response { id, response, .. } => {
            let flow = pair.flow(side);
            let ack = ack(response.headers.first("To").unwrap(), 1);
            pair.client.acknowledge(id, ack, flow, address(A));
        }
        Event::Ack { .. } => acks += 1,
        other => panic!("{other:?}"),
    });
    assert_eq!(acks, 1);
    assert_eq!(pair.times(Side::Server, "SIP/2.0 200"), [10, 510, 1510]);
    assert_eq!(pair.times(Side::Client, "ACK"), [20, 520, 1520]);
    pair.assert_all_freed();
}

#[test]
fn cancel_waits_for_a_provisional_response() {
    let mut pair = Pair::new(Transport::Udp, |_, _| Some(ms(40)));
    let flow = pair.flow(Side::Client);
    let id = pair.client.request(pair.now, request(Method::Invite, 1), flow, address(A)).unwrap();
    pair.client.cancel(pair.now, id, None);
    let mut pending = None;
    let mut final_status = 0;
    pair.run_until(ms(60_000), |pair, _, event| match event {
        Event::Request { id, request, .. } => {
            assert_eq!(pending.replace((id, request)).map(|(id, _)| id), None);
        }
        Event::Cancelled { id } => {
            let (invite, request) = pending.clone().unwrap();
            assert_eq!(id, invite);
            pair.server.respond(pair.now, id, response::to(&request, 487, None)).unwrap();
        }
        Event::Response { response, .. } => final_status = response.status,
        other => panic!("{other:?}"),
    });
    // 100 comes after 40 + 100 + 40 ms.
    assert_eq!(pair.times(Side::Client, "CANCEL"), [180]);
    assert_eq!(pair.times(Side::Client, "ACK").len(), 1);
    assert_eq!(final_status, 487);
    pair.assert_all_freed();
}

#[test]
fn a_cancel_that_crosses_the_200_changes_nothing() {
    let mut pair = Pair::new(Transport::Udp, |_, _| Some(ms(50)));
    let flow = pair.flow(Side::Client);
    let client_id = pair.client.request(pair.now, request(Method::Invite, 1), flow, address(A)).unwrap();
    let mut server_id = None;
    let mut answers = 0;
    let mut hear = |pair: &mut Pair<'_>, side, event| match event {
        Event::Request { id, request, .. } => {
            pair.server.respond(pair.now, id, response::to(&request, 180, None)).unwrap();
            server_id = Some((id, request));
        }
        Event::Response { id, response, .. } if response.is_success() => {
            answers += 1;
            let flow = pair.flow(side);
            let ack = ack(response.headers.first("To").unwrap(), 1);
            pair.client.acknowledge(id, ack, flow, address(A));
        }
        Event::Response { .. } | Event::Ack { .. } => {}
        other => panic!("{other:?}"),
    };
    pair.run_until(ms(1_000), &mut hear);
    pair.client.cancel(pair.now, client_id, None);
    pair.client.cancel(pair.now, client_id, None);
    pair.run_until(ms(1_010), &mut hear);
    let (id, request) = server_id.clone().unwrap();
    pair.server.respond(pair.now, id, response::to(&request, 200, None)).unwrap();
    pair.run_until(ms(60_000), |pair, side, event| match event {
        Event::Response { id, response, .. } if response.is_success() => {
            answers += 1;
            let flow = pair.flow(side);
            let ack = ack(response.headers.first("To").unwrap(), 1);
            pair.client.acknowledge(id, ack, flow, address(A));
        }
        Event::Ack { .. } => {}
        other => panic!("{other:?}"),
    });
    assert_eq!(answers, 1);
    // Sent once, and answered.
    assert_eq!(pair.times(Side::Client, "CANCEL").len(), 1);
    assert_eq!(pair.times(Side::Server, "SIP/2.0 200").len(), 2);
    pair.assert_all_freed();
}

#[test]
fn a_second_callee_is_told_and_each_2xx_gets_its_own_ack_again() {
    let mut layer = Layer::new(Timers::default(), 1);
    let here = flow(Transport::Udp, A, B);
    let id = layer.request(start(), request(Method::Invite, 1), here.clone(), address(A)).unwrap();
    let Some(Output::Transmit { message, .. }) = layer.poll_output() else { panic!() };
    let Message::Request(invite) = &*message else { panic!() };
    let mut told = Vec::new();
    for tag in ["b1", "b2", "b1", "b2", "b2"] {
        layer.receive(start(), response::to(invite, 200, Some(tag)).into(), here.clone());
        while let Some(output) = layer.poll_output() {
            match output {
                Output::Event(Event::Response { response, .. }) => {
                    told.push(format!("new {tag}"));
                    let ack = ack(response.headers.first("To").unwrap(), 1);
                    layer.acknowledge(id, ack, here.clone(), address(A));
                }
                Output::Transmit { message, .. } => {
                    let to = message.headers().to().unwrap();
                    told.push(format!("ack {}", to.tag().unwrap()));
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(told, ["new b1", "ack b1", "new b2", "ack b2", "ack b1", "ack b2", "ack b2"]);
}

/// A server layer that is fed bytes.
struct Server(Layer);

impl Server {
    fn new() -> Self {
        Self(Layer::new(Timers::default(), 2))
    }

    fn take(&mut self, text: &str, from: &str) -> (Vec<String>, Vec<Event>) {
        let message = parse_datagram(text.replace('\n', "\r\n").as_bytes()).unwrap();
        self.0.receive(start(), message, flow(Transport::Udp, B, from));
        self.outputs()
    }

    fn outputs(&mut self) -> (Vec<String>, Vec<Event>) {
        let (mut sent, mut events) = (Vec::new(), Vec::new());
        while let Some(output) = self.0.poll_output() {
            match output {
                Output::Transmit { flow, message } => {
                    sent.push(format!("{} {}", flow.remote, String::from_utf8(message.to_bytes()).unwrap()));
                }
                Output::Event(event) => events.push(event),
            }
        }
        (sent, events)
    }
}

fn invite(via: &str) -> String {
    format!(
        "INVITE sip:b@x SIP/2.0\nVia: {via}\nFrom: <sip:a@y>;tag=1\nTo: <sip:b@x>\nCall-ID: c9\nCSeq: 1 INVITE\n\n"
    )
}

fn first_request(events: &[Event]) -> (switch_sip::transaction::ServerId, Request) {
    match events {
        [Event::Request { id, request, .. }] => (*id, request.clone()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn responses_go_where_rport_received_or_sent_by_say() {
    let from = "198.51.100.7:40000";
    for (via, marked, destination) in [
        (
            "SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bKx;rport",
            "SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bKx;rport=40000;received=198.51.100.7",
            from,
        ),
        (
            "SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bKx",
            "SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bKx;received=198.51.100.7",
            "198.51.100.7:5070",
        ),
        (
            "SIP/2.0/UDP host.example;branch=z9hG4bKx",
            "SIP/2.0/UDP host.example;branch=z9hG4bKx;received=198.51.100.7",
            "198.51.100.7:5060",
        ),
        (
            "SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKx;maddr=203.0.113.1",
            "SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKx;maddr=203.0.113.1",
            "198.51.100.7:5070",
        ),
    ] {
        let mut server = Server::new();
        let (_, events) = server.take(&invite(via), from);
        let (id, request) = first_request(&events);
        assert_eq!(request.headers.first("Via"), Some(marked));
        server.0.respond(start(), id, response::to(&request, 404, None)).unwrap();
        let (sent, _) = server.outputs();
        assert!(sent[0].starts_with(&format!("{destination} SIP/2.0 404")), "{}", sent[0]);
        assert!(sent[0].contains(&format!("Via: {marked}\r\n")));
    }
}

#[test]
fn the_same_request_by_another_way_is_482() {
    let mut server = Server::new();
    let (_, events) = server.take(&invite("SIP/2.0/UDP 1.2.3.4;branch=z9hG4bKone"), "1.2.3.4:5060");
    first_request(&events);
    let (sent, events) = server.take(&invite("SIP/2.0/UDP 1.2.3.4;branch=z9hG4bKtwo"), "1.2.3.4:5060");
    assert!(events.is_empty());
    assert!(sent[0].contains("SIP/2.0 482 Loop Detected"));
    // Its ACK finds nothing and disturbs nothing.
    let ack = invite("SIP/2.0/UDP 1.2.3.4;branch=z9hG4bKtwo").replace("INVITE", "ACK");
    assert!(server.take(&ack, "1.2.3.4:5060").1.is_empty());
    assert_eq!(server.0.counters().merged, 1);
}

#[test]
fn old_branches_are_matched_by_what_rfc_2543_had() {
    let via = "SIP/2.0/UDP 1.2.3.4:5060;branch=1";
    let mut server = Server::new();
    let (_, events) = server.take(&invite(via), "1.2.3.4:5060");
    let (id, request) = first_request(&events);
    let (sent, events) = server.take(&invite(via), "1.2.3.4:5060");
    assert!(events.is_empty() && sent[0].contains("SIP/2.0 100"));
    server.0.respond(start(), id, response::to(&request, 486, Some("b1"))).unwrap();
    let (sent, _) = server.outputs();
    assert!(sent[0].contains("486"));
    let ack = invite(via).replace("INVITE", "ACK").replace("To: <sip:b@x>", "To: <sip:b@x>;tag=b1");
    server.take(&ack, "1.2.3.4:5060");
    assert_eq!(server.0.counters().stray_acks, 0);
    server.0.handle_timeout(start() + ms(500));
    assert!(server.outputs().0.is_empty(), "acknowledged: not sent again");
    // Another call of that peer under the same branch is another call.
    let other = invite(via).replace("c9", "c10");
    first_request(&server.take(&other, "1.2.3.4:5060").1);
}

#[test]
fn cancel_is_answered_each_time_and_told_once() {
    let via = "SIP/2.0/UDP 1.2.3.4:5060;branch=z9hG4bKa";
    let cancel = invite(via).replace("INVITE", "CANCEL");
    let mut server = Server::new();
    let (sent, events) = server.take(&cancel, "1.2.3.4:5060");
    assert!(sent[0].contains("SIP/2.0 481") && events.is_empty());
    let (id, request) = first_request(&server.take(&invite(via), "1.2.3.4:5060").1);
    let (first, events) = server.take(&cancel, "1.2.3.4:5060");
    assert!(matches!(events[..], [Event::Cancelled { id: told }] if told == id));
    let (second, events) = server.take(&cancel, "1.2.3.4:5060");
    assert!(events.is_empty());
    assert_eq!(first, second);
    assert!(first[0].contains("SIP/2.0 200 OK"));
    // RFC 3261 §9.2: the CANCEL's To-tag and the INVITE's should be one.
    server.0.respond(start(), id, response::to(&request, 487, None)).unwrap();
    let (sent, _) = server.outputs();
    let tag = |text: &str| {
        text.split_once(";tag=")
            .and_then(|_| text.split("To: ").nth(1))
            .unwrap()
            .lines()
            .next()
            .unwrap()
            .to_owned()
    };
    assert_eq!(tag(&sent[0]), tag(&first[0]));
}

#[test]
fn an_answer_is_given_once() {
    let mut server = Server::new();
    let (id, request) =
        first_request(&server.take(&invite("SIP/2.0/UDP 1.2.3.4;branch=z9hG4bKa"), "1.2.3.4:5060").1);
    assert_eq!(
        server.0.respond(start(), id, response::to(&request, 99, None)),
        Err(RespondError::Status(99))
    );
    server.0.respond(start(), id, response::to(&request, 200, None)).unwrap();
    for status in [180, 200, 486] {
        let again = server.0.respond(start(), id, response::to(&request, status, None));
        assert_eq!(again, Err(RespondError::Answered));
    }
    server.0.handle_timeout(start() + ms(32_000));
    assert_eq!(server.0.respond(start(), id, response::to(&request, 200, None)), Err(RespondError::Gone));
}

#[test]
fn a_full_layer_refuses_new_calls_but_lets_calls_end() {
    let mut server = Server(Layer::new(Timers { max_transactions: 8, ..Timers::default() }, 2));
    for n in 0..8 {
        let text = invite(&format!("SIP/2.0/UDP 1.2.3.4;branch=z9hG4bK{n}x")).replace("c9", &format!("c{n}"));
        first_request(&server.take(&text, "1.2.3.4:5060").1);
    }
    let ninth = invite("SIP/2.0/UDP 1.2.3.4;branch=z9hG4bKninth").replace("c9", "nine");
    let (sent, events) = server.take(&ninth, "1.2.3.4:5060");
    assert!(events.is_empty() && sent[0].contains("SIP/2.0 503") && sent[0].contains("Retry-After"));
    assert_eq!(server.0.counters().refused_full, 1);
    let refused =
        server.0.request(start(), request(Method::Invite, 1), flow(Transport::Udp, B, A), address(B));
    assert_eq!(refused, Err(RequestError::Full));
    let bye = ninth.replace("INVITE", "BYE").replace("To: <sip:b@x>", "To: <sip:b@x>;tag=t");
    first_request(&server.take(&bye, "1.2.3.4:5060").1);
}

#[test]
fn a_connection_that_ends_fails_what_waits_on_it() {
    let mut layer = Layer::new(Timers::default(), 1);
    let tcp = flow(Transport::Tcp, A, B);
    let mut other = tcp.clone();
    other.connection = 9;
    let id = layer.request(start(), request(Method::Invite, 1), tcp.clone(), address(A)).unwrap();
    layer.request(start(), request(Method::Options, 1), other, address(A)).unwrap();
    while layer.poll_output().is_some() {}
    layer.transport_failed(start(), &tcp);
    assert!(
        matches!(layer.poll_output(), Some(Output::Event(Event::TransportFailed { id: failed })) if failed == id)
    );
    assert!(matches!(layer.poll_output(), Some(Output::Event(Event::Over { id: over })) if over == id));
    assert!(layer.poll_output().is_none());
    assert_eq!(layer.counters().clients, 1);
}

#[test]
fn ack_and_cancel_are_no_requests_of_their_own() {
    let mut layer = Layer::new(Timers::default(), 1);
    let here = flow(Transport::Udp, A, B);
    for method in [Method::Ack, Method::Cancel] {
        let refused = layer.request(start(), request(method.clone(), 1), here.clone(), address(A));
        assert_eq!(refused, Err(RequestError::NotARequest(method)));
    }
    let mut wrong = request(Method::Invite, 1);
    wrong.headers.set("CSeq", "1 BYE");
    assert_eq!(layer.request(start(), wrong, here, address(A)), Err(RequestError::MethodMismatch));
}

#[test]
fn thousands_of_transactions_leave_a_small_schedule() {
    let mut layer = Layer::new(Timers::default(), 1);
    let here = flow(Transport::Udp, A, B);
    let mut now = start();
    for n in 0..20_000u32 {
        now += ms(1);
        let mut options = request(Method::Options, 1);
        options.headers.set("Call-ID", format!("c{n}"));
        layer.request(now, options, here.clone(), address(A)).unwrap();
        let Some(Output::Transmit { message, .. }) = layer.poll_output() else { panic!() };
        let Message::Request(options) = &*message else { panic!() };
        layer.receive(now, response::to(options, 200, None).into(), here.clone());
        while layer.poll_output().is_some() {}
        if layer.next_timeout().is_some_and(|at| at <= now) {
            layer.handle_timeout(now);
            while layer.poll_output().is_some() {}
        }
    }
    let counters = layer.counters();
    // Timer K holds each for 5 s.
    assert!((4_900..5_100).contains(&counters.clients), "{counters:?}");
    assert!(counters.scheduled <= 64 + 5 * counters.clients, "{counters:?}");
    layer.handle_timeout(now + ms(60_000));
    assert_eq!((layer.counters().clients, layer.next_timeout()), (0, None));
}
