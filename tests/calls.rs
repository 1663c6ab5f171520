//! Calls through the real binary, by peers whose SIP is written by hand.

// An unwrap here is an assertion: the helpers stand outside the tests clippy lets through.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use switch_tests::{PATIENCE, Phone, Switch, bridged, header, media};

#[test]
fn an_echo_comes_back_bit_for_bit_and_nothing_stays_behind() {
    let switch = Switch::start("");
    let mut phone = Phone::new(&switch);
    let there = media(&phone.call("9196"));
    // The echo begins after the answer: a packet within the same millisecond may be ahead of it.
    let opened = phone.open(there, &phone);
    for sequence in opened..opened + 25 {
        let payload = [sequence as u8 ^ 0x55; 160];
        phone.speak(there, sequence, payload);
        assert_eq!(phone.hear().1, payload);
    }
    phone.hang_up(2, "9196");
    let ended = switch.logged("call ended");
    assert_eq!(ended["cause"], "NORMAL_CLEARING");
    assert_eq!(ended["received"], opened + 25);
    switch.until_empty();
}

#[test]
fn what_cannot_be_taken_is_refused_as_the_rfc_says() {
    let switch = Switch::start("");
    let refused = |method: &str, user: &str, more: &str, in_dialog: bool| {
        let mut phone = Phone::new(&switch);
        if in_dialog {
            phone.to = "<sip:a@b>;tag=unknown".to_owned();
        }
        phone.request(
            method,
            1,
            user,
            more,
            if method == "INVITE" { phone.sdp("0") } else { String::new() }.as_str(),
        );
        let answer = phone.finally();
        answer.lines().next().unwrap().split(' ').nth(1).unwrap().parse::<u16>().unwrap()
    };
    assert_eq!(refused("INVITE", "no-such-number", "", false), 404);
    assert_eq!(refused("REGISTER", "a", "", false), 405);
    assert_eq!(refused("FOO", "a", "", false), 501);
    assert_eq!(refused("BYE", "a", "", true), 481);
    assert_eq!(refused("INVITE", "9196", "Require: 100rel\r\n", false), 420);
    assert_eq!(refused("INVITE", "9196", "Max-Forwards: 0\r\n", false), 483);
    assert_eq!(refused("OPTIONS", "a", "", false), 200);
    switch.until_empty();
}

#[test]
fn nothing_in_common_is_488() {
    let switch = Switch::start("");
    let mut phone = Phone::new(&switch);
    phone.request("INVITE", 1, "9196", "", &phone.sdp("97\r\na=rtpmap:97 X-UNKNOWN/8000"));
    phone.fails("9196", "488");
    switch.until_empty();
}

#[test]
fn a_bridge_passes_ringing_answer_and_sound_both_ways() {
    let (switch, mut caller, mut callee) = bridged("");
    caller.request("INVITE", 1, "2100", "", &caller.sdp("0 8"));
    let invite = callee.expect("INVITE sip:100@");
    assert!(invite.contains("RTP/AVP 0 8\r\n"), "{invite}");
    callee.respond(&invite, "180 Ringing", "callee", "");
    caller.expect("SIP/2.0 180");
    callee.respond(&invite, "200 OK", "callee", &callee.sdp("0"));
    let answer = caller.expect("SIP/2.0 200");
    caller.request("ACK", 1, "2100", "", "");
    callee.expect("ACK");
    let (to_caller_leg, to_callee_leg) = (media(&answer), media(&invite));
    // The second leg joins on a task of its own: a packet within the same millisecond may be ahead of it.
    let opened = caller.open(to_caller_leg, &callee).max(callee.open(to_callee_leg, &caller));
    for sequence in opened..opened + 20 {
        caller.speak(to_caller_leg, sequence, [sequence as u8; 160]);
        let (ssrc, payload) = callee.hear();
        assert_eq!(payload, [sequence as u8; 160]);
        assert_ne!(ssrc, 0x1234_5678, "each leg has an SSRC of its own");
        callee.speak(to_callee_leg, sequence, [!sequence as u8; 160]);
        assert_eq!(caller.hear().1, [!sequence as u8; 160]);
    }
    assert!(switch.http("GET /calls").contains("CS_EXCHANGE_MEDIA"));
    caller.hang_up(2, "2100");
    let bye = callee.expect("BYE");
    assert!(header(&bye, "Reason").contains("cause=16"));
    callee.respond(&bye, "200 OK", "callee", "");
    switch.until_empty();
    assert_eq!(switch.metric("switch_routes_taken_total"), 1.0);
}

#[test]
fn a_busy_callee_is_busy_to_the_caller() {
    let (switch, mut caller, mut callee) = bridged("");
    let invite = caller.dial(&mut callee, "0");
    callee.refuse(&invite, "486 Gone Fishing");
    caller.fails("2100", "486 Gone Fishing");
    switch.until_empty();
    assert_eq!(switch.ended("USER_BUSY"), (1.0, 1.0));
}

#[test]
fn a_caller_that_gives_up_cancels_the_callee() {
    let (switch, mut caller, mut callee) = bridged("");
    let invite = caller.ring(&mut callee);
    caller.to.clear();
    caller.request("CANCEL", 1, "2100", "", "");
    let cancel = callee.expect("CANCEL");
    callee.respond(&cancel, "200 OK", "callee", "");
    callee.refuse(&invite, "487 Request Terminated");
    caller.fails("2100", "487");
    switch.until_empty();
}

#[test]
fn a_second_callee_that_answers_is_sent_away() {
    let (switch, mut caller, mut callee) = bridged("");
    let invite = caller.dial(&mut callee, "0");
    callee.respond(&invite, "200 OK", "first", &callee.sdp("0"));
    caller.expect("SIP/2.0 200");
    caller.request("ACK", 1, "2100", "", "");
    assert!(header(&callee.expect("ACK"), "To").contains("first"));
    callee.respond(&invite, "200 OK", "second", &callee.sdp("0"));
    assert!(header(&callee.expect("ACK"), "To").contains("second"));
    let bye = callee.expect("BYE");
    assert!(header(&bye, "To").contains("second"));
    callee.respond(&bye, "200 OK", "second", "");
    // The first call goes on, until the callee ends it.
    assert_eq!(switch.metric("switch_sessions"), 2.0);
    switch.hang_up();
    caller.expect("BYE");
    assert!(header(&callee.expect("BYE"), "To").contains("first"));
    switch.until_empty();
}

#[test]
fn an_invite_without_a_description_gets_an_offer() {
    let switch = Switch::start("");
    let mut phone = Phone::new(&switch);
    phone.request("INVITE", 1, "9196", "", "");
    let there = media(&phone.expect("SIP/2.0 200"));
    phone.request("ACK", 1, "9196", "", &phone.sdp("0"));
    let opened = phone.open(there, &phone);
    phone.speak(there, opened, [7; 160]);
    assert_eq!(phone.hear().1, [7; 160]);
    phone.hang_up(2, "9196");
    switch.until_empty();
}

#[test]
fn hold_silences_and_resume_brings_the_sound_back() {
    let switch = Switch::start("");
    let mut phone = Phone::new(&switch);
    let there = media(&phone.call("9197"));
    assert_eq!(phone.hear().1.len(), 160);
    phone.request("INVITE", 2, "9197", "", &phone.sdp("0\r\na=inactive"));
    let held = phone.expect("SIP/2.0 200");
    assert!(held.contains("a=inactive"), "{held}");
    assert_eq!(media(&held), there);
    phone.request("ACK", 2, "9197", "", "");
    // What was under way arrives; then a held phone hears nothing, whose tone came every 20 ms.
    let end = Instant::now() + PATIENCE;
    phone.rtp.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    while phone.rtp.recv_from(&mut [0; 2048]).is_ok() {
        assert!(Instant::now() < end, "a held phone hears nothing");
    }
    assert!(phone.rtp.recv_from(&mut [0; 2048]).is_err(), "a held phone hears nothing");
    phone.rtp.set_read_timeout(Some(PATIENCE)).unwrap();
    phone.request("INVITE", 3, "9197", "", &phone.sdp("0"));
    assert!(phone.expect("SIP/2.0 200").contains("a=sendrecv"));
    phone.request("ACK", 3, "9197", "", "");
    assert_eq!(phone.hear().1.len(), 160);
    phone.hang_up(4, "9197");
    switch.until_empty();
}

#[test]
fn a_name_that_does_not_resolve_costs_nobody_else_anything() {
    let switch = Switch::start("[[route]]\nmatch = \"^3\"\nbridge = \"sip:a@no-such-host.invalid\"\n");
    let mut lost = Phone::new(&switch);
    lost.request("INVITE", 1, "3000", "", &lost.sdp("0"));
    let began = Instant::now();
    let mut other = Phone::new(&switch);
    other.call("9196");
    // A name server that says nothing is waited for for five seconds.
    assert!(began.elapsed() < Duration::from_millis(2500), "{:?}", began.elapsed());
    let answer = lost.finally();
    assert!(answer.starts_with("SIP/2.0 50"), "{answer}");
    other.hang_up(2, "9196");
    switch.until_empty();
}

#[test]
fn a_route_takes_nobody_from_elsewhere() {
    let callee = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = callee.local_addr().unwrap();
    let switch = Switch::start(&format!(
        "[[route]]\nmatch = \"^2\"\nbridge = \"sip:a@{address}\"\nfrom = [\"192.0.2.0/24\"]\n"
    ));
    let mut phone = Phone::new(&switch);
    phone.request("INVITE", 1, "2100", "", &phone.sdp("0"));
    assert!(phone.finally().starts_with("SIP/2.0 404"));
    assert_eq!(switch.metric("switch_routes_refused_total{reason=\"source\"}"), 1.0);
}

#[test]
fn a_draining_switch_refuses_the_new_and_ends_the_old_with_bye() {
    // Long enough for a late caller to be refused before.
    let (mut switch, mut caller, _) = bridged("[drain]\ndeadline = \"5s\"");
    caller.call("9196");
    switch.terminate();
    switch.logged("draining: no new calls are taken");
    let mut late = Phone::new(&switch);
    late.request("INVITE", 1, "9196", "", &late.sdp("0"));
    assert!(late.finally().starts_with("SIP/2.0 503"));
    caller.is_ended();
    assert_eq!(switch.child.wait().unwrap().code(), Some(0));
}

#[test]
fn an_answer_is_repeated_until_its_ack_and_a_repeated_invite_is_no_second_call() {
    let switch = Switch::start("");
    let mut phone = Phone::new(&switch);
    phone.request("INVITE", 1, "9196", "", &phone.sdp("0"));
    let first = phone.expect("SIP/2.0 200");
    // The 2xx comes again, the same, until its ACK.
    phone.again(&first);
    phone.request("INVITE", 1, "9196", "", &phone.sdp("0"));
    assert_eq!(switch.metric("switch_sessions"), 1.0, "a repeated INVITE is no second call");
}

/// Seeded, so that a failure can be had again (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.next() as usize % most).map(|_| self.next() as u8).collect()
    }

    /// Some of the bytes changed, some cut off.
    fn mutate(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..1 + self.next() % 4 {
            let at = self.next() as usize % bytes.len();
            bytes[at] = self.next() as u8;
        }
        if self.next().is_multiple_of(4) {
            bytes.truncate(self.next() as usize % bytes.len() + 1);
        }
        bytes
    }
}

#[test]
fn hostile_bytes_on_every_socket_leave_the_calls_their_sound() {
    let switch = Switch::start("");
    let mut phone = Phone::new(&switch);
    let there = media(&phone.call("9196"));
    let control = std::net::SocketAddr::new(there.ip(), there.port() + 1);
    let stranger = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let invite = format!(
        "INVITE sip:9196@{s} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\n\
         To: <sip:9196@{s}>\r\nCall-ID: hostile\r\nCSeq: 1 INVITE\r\nContact: <sip:a@127.0.0.1:9>\r\n\
         Content-Length: 0\r\n\r\n",
        s = switch.sip
    );
    // A packet known to make a parser of header extensions panic, and a report that is cut short.
    let extension = b"\x90\x00\x80\x01\x00\x00\x00\x02\x00\x00\x00\x03\xbe\xde\x00\x01\x1f\x01\x02\x03";
    let report =
        b"\x81\xc8\x00\x0c\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";
    let mut random = Random(20_261_124);
    for round in 0..300_u16 {
        for target in [switch.sip, there, control] {
            let _ = stranger.send_to(&random.bytes(1500), target);
            let _ = phone
                .rtp
                .send_to(&random.mutate(extension), if target == switch.sip { there } else { target });
        }
        let _ = stranger.send_to(&random.mutate(invite.as_bytes()), switch.sip);
        let _ = phone.rtp.send_to(extension, there);
        // The same with the payload type that it was found with.
        let _ = phone.rtp.send_to(&[&b"\x90\x08\x00"[..], &extension[3..]].concat(), there);
        // Sound that would be taken, were it not from a third party.
        let _ = stranger
            .send_to(&[&b"\x80\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x09"[..], &[9; 160]].concat(), there);
        let _ = phone.rtp.send_to(&random.mutate(report), control);
        if round % 30 == 0 {
            use std::io::Write as _;
            let mut stream = std::net::TcpStream::connect(switch.tcp).unwrap();
            let _ = stream.write_all(&random.mutate(invite.as_bytes()));
            let _ = stream.write_all(&random.bytes(4000));
        }
    }
    // What the mutated packets drew back as echo is passed over; then the sound is what was said.
    phone.rtp.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    while phone.rtp.recv_from(&mut [0; 2048]).is_ok() {}
    for sequence in 1000..1025_u16 {
        phone.speak(there, sequence, [sequence as u8; 160]);
    }
    let (mut heard, end) = (0, Instant::now() + PATIENCE);
    loop {
        match phone.rtp.recv_from(&mut [0; 2048]) {
            Ok((length, _)) => heard += usize::from(length == 172),
            // All of it is there, and nothing more comes.
            Err(_) if heard >= 25 || Instant::now() > end => break,
            Err(_) => {}
        }
    }
    assert_eq!(heard, 25, "the call keeps its sound");
    assert!(switch.metric("switch_sip_malformed_total") > 0.0);
    assert!(switch.metric("switch_media_dropped_total{reason=\"foreign\"}") > 0.0);
    assert!(switch.metric("switch_media_dropped_total{reason=\"invalid\"}") > 0.0);
    assert_eq!(switch.metric("switch_media_worker_restarts_total"), 0.0);
    phone.hang_up(2, "9196");
}

#[test]
fn half_a_message_on_tcp_is_closed_in_time_and_counted() {
    use std::io::{Read as _, Write as _};
    let switch = Switch::start("");
    let mut stream = std::net::TcpStream::connect(switch.tcp).unwrap();
    let began = Instant::now();
    stream.write_all(b"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1").unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(stream.read(&mut [0; 10]).unwrap(), 0, "closed by the switch");
    assert!(began.elapsed() > Duration::from_secs(5), "not before it had time: {:?}", began.elapsed());
    assert_eq!(switch.metric("switch_sip_connections_closed_total{reason=\"stalled\"}"), 1.0);
    switch.until_zero("switch_sip_connections");
}

#[test]
fn a_caller_goes_over_to_another_codec_and_back() {
    let (switch, mut caller, mut callee) = bridged("");
    caller.connect(&mut callee, "0 8");
    // The callee takes both, so the caller may speak either.
    for (cseq, codec) in [(2, "8"), (3, "0")] {
        caller.request("INVITE", cseq, "2100", "", &caller.sdp(codec));
        let answer = caller.finally();
        assert!(answer.contains(&format!("RTP/AVP {codec}\r\n")), "{answer}");
        caller.request("ACK", cseq, "2100", "", "");
    }
    assert_eq!(switch.metric("switch_sessions"), 2.0);
}
