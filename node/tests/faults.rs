//! The metrics that move only where the switch itself is at fault: a switch is built with such a fault, a call
//! meets it, and `/metrics` says so. Every other metric is moved by a scenario of `tests/metrics`.

// An unwrap here is an assertion: the helpers stand outside the tests clippy lets through.
#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use switch_core::Switch;
use switch_core::application::{Application, Call, Running as Work};
use switch_core::channel::Channel;
use switch_core::dialplan::{Action, Dialplan, Extension};
use switch_core::media::{Fill, FrameSource, Source as Sound};
use switch_core::module::{Interfaces, Module, ModuleError};
use switch_endpoint::{EndpointConfig, Listen, Settings, SipEndpoint};
use switch_engine::{Engine, EngineConfig};
use switch_node::config::Config;
use switch_node::drain::Drain;
use switch_node::http::{Liveness, SwitchView as _};
use switch_node::reload::{Reloader, Rooms, Source};
use switch_node::rooms;
use switch_node::running::{Figures, Running};
use tokio::net::UdpSocket;
use tokio::time::timeout;

/// An application that panics.
struct Panics;

impl Application for Panics {
    fn name(&self) -> &str {
        "panics"
    }

    fn run(&self, _: Call, _: String) -> Work {
        panic!("a fault of an application")
    }
}

/// One that plays what makes its media worker panic.
struct BreaksMedia;

impl Application for BreaksMedia {
    fn name(&self) -> &str {
        "breaks_media"
    }

    fn run(&self, call: Call, _: String) -> Work {
        Box::pin(async move {
            call.answer().await?;
            call.hear(Sound::Frames(Box::new(Broken))).await?;
            match call.until_interrupted().await? {}
        })
    }
}

#[derive(Debug)]
struct Broken;

impl FrameSource for Broken {
    fn fill(&mut self, _: u32, _: &mut [i16]) -> Fill {
        panic!("a fault of a source of sound")
    }
}

/// The two, and a dialplan that takes the number for the application's name.
struct Faults;

impl Module for Faults {
    fn name(&self) -> &'static str {
        "mod_faults"
    }

    fn load(&self, interfaces: &mut Interfaces) -> Result<(), ModuleError> {
        interfaces.application(Arc::new(Panics))?;
        interfaces.application(Arc::new(BreaksMedia))?;
        interfaces.dialplan(Arc::new(Literal))
    }
}

struct Literal;

impl Dialplan for Literal {
    fn name(&self) -> &str {
        "literal"
    }

    fn route(&self, channel: &Channel) -> Option<Extension> {
        let action = Action::new(&channel.profile().destination_number, "");
        Some(Extension { name: "literal".to_owned(), actions: vec![action] })
    }
}

/// Calls the number on a switch with these faults, and waits for the line of `/metrics`.
async fn a_call_moves(number: &str, line: &str, ending: &str) {
    let switch = Switch::new(Default::default());
    let ports = 24_000..=24_099;
    let (grid, rest) = (Duration::from_millis(1), Duration::from_secs(2));
    let engine = Engine::start(EngineConfig { ports, workers: 1, grid, rest, dscp: 46 }).unwrap();
    let config = EndpointConfig {
        listen: vec![Listen { tcp: false, address: ([127, 0, 0, 1], 0).into(), optional: false }],
        settings: Settings { dialplans: vec!["literal".to_owned()], ..rooms::settings(&Config::default()) },
        ..rooms::endpoint(&Config::default())
    };
    let (mut endpoint, bound) = SipEndpoint::bind(config, Arc::clone(&switch), Arc::clone(&engine)).unwrap();
    switch.load(&endpoint.module()).unwrap();
    switch.load(&Faults).unwrap();
    endpoint.serve(bound);
    let rooms = Rooms::of(&switch, endpoint.live());
    let reloader = Arc::new(Reloader::new(Source::default(), Config::default(), rooms));
    let figures = Figures {
        switch: Arc::clone(&switch),
        routes: Arc::default(),
        sip: Arc::clone(endpoint.counters()),
        media: Arc::clone(engine.counters()),
        http: Arc::default(),
        started: Instant::now(),
        ready: Arc::default(),
        drain: Arc::new(Drain::new(Arc::clone(&switch))),
        reloads: Arc::clone(reloader.counters()),
    };
    let running = Running::new(figures, reloader, || Liveness::Alive);
    let shown = || running.metrics().unwrap();
    assert!(shown().contains(&format!("\n{line} 0\n")));

    let phone = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    call(&phone, endpoint.listening()[0].1, number).await;
    let moved = async {
        while !shown().contains(&format!("\n{line} 1\n")) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        switch.until_empty().await;
    };
    timeout(Duration::from_secs(60), moved).await.unwrap_or_else(|_| panic!("{line} stands: {}", shown()));
    let ended = format!("\nswitch_sessions_ended_total{{direction=\"inbound\",cause=\"{ending}\"}} 1\n");
    assert!(shown().contains(&ended), "{}", shown());
}

/// An INVITE, and the ACK where it is answered.
async fn call(phone: &UdpSocket, switch: SocketAddr, number: &str) {
    let me = phone.local_addr().unwrap();
    let sdp =
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n";
    let request = |method: &str, to: &str, more: &str, body: &str| {
        format!(
            "{method} sip:{number}@{switch} SIP/2.0\r\nVia: SIP/2.0/UDP {me};rport;branch=z9hG4bK{method}\r\n\
             From: <sip:a@{me}>;tag=a\r\nTo: {to}\r\nCall-ID: a\r\nCSeq: 1 {method}\r\nMax-Forwards: 70\r\n\
             Contact: <sip:a@{me}>\r\n{more}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let invite = request("INVITE", "<sip:a@b>", "Content-Type: application/sdp\r\n", sdp);
    phone.send_to(invite.as_bytes(), switch).await.unwrap();
    let mut buffer = [0; 4096];
    loop {
        let length = timeout(Duration::from_secs(60), phone.recv(&mut buffer)).await.unwrap().unwrap();
        let answer = std::str::from_utf8(&buffer[..length]).unwrap();
        if answer.starts_with("SIP/2.0 1") {
            continue;
        }
        let to = answer.lines().find_map(|line| line.strip_prefix("To: ")).unwrap();
        phone.send_to(request("ACK", to, "", "").as_bytes(), switch).await.unwrap();
        return;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_panics_is_counted_and_ends_its_call() {
    a_call_moves("panics", "switch_application_panics_total", "CRASH").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_media_worker_that_fails_is_counted_and_ends_its_calls() {
    a_call_moves("breaks_media", "switch_media_worker_restarts_total", "NORMAL_TEMPORARY_FAILURE").await;
}
