//! Codecs that change inside a bridged call: both legs go over, or neither, and nobody falls silent.

// An unwrap here is an assertion: the helpers stand outside the tests clippy lets through.
#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use switch_tests::{PATIENCE, Phone, Switch, bridged, header, media};

/// A bridged call whose phones take mu-law and A-law, and where each finds the switch's sound.
struct Call {
    switch: Switch,
    caller: Phone,
    callee: Phone,
    for_caller: SocketAddr,
    for_callee: SocketAddr,
    sequence: u16,
}

impl Call {
    fn up() -> Self {
        let (switch, mut caller, mut callee) = bridged("");
        caller.request("INVITE", 1, "2100", "", &caller.sdp("0 8"));
        let invite = callee.expect("INVITE");
        // Its tag as its own requests have it.
        callee.respond(&invite, "200 OK", "phone", &callee.sdp("0 8"));
        let answer = caller.expect("SIP/2.0 200");
        caller.request("ACK", 1, "2100", "", "");
        callee.expect("ACK");
        callee.call_id = header(&invite, "Call-ID").to_owned();
        callee.to = header(&invite, "From").to_owned();
        callee.contact = format!("sip:phone@{}", callee.sip.local_addr().unwrap());
        let (for_caller, for_callee) = (media(&answer), media(&invite));
        let mut call = Self { switch, caller, callee, for_caller, for_callee, sequence: 0 };
        call.both_hear(0);
        call
    }

    /// Each speaks this payload type until the other hears it.
    fn both_hear(&mut self, payload_type: u8) {
        for (speaker, to, listener) in
            [(&self.caller, self.for_caller, &self.callee), (&self.callee, self.for_callee, &self.caller)]
        {
            let end = Instant::now() + PATIENCE;
            listener.rtp.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
            'spoken: loop {
                assert!(Instant::now() < end, "{payload_type} is not heard");
                self.sequence += 1;
                let mut packet = vec![0x80, payload_type];
                packet.extend(self.sequence.to_be_bytes());
                packet.extend((u32::from(self.sequence) * 160).to_be_bytes());
                packet.extend([1, 2, 3, 4]);
                packet.extend([self.sequence as u8; 160]);
                speaker.rtp.send_to(&packet, to).unwrap();
                let mut heard = [0; 2048];
                // Those that were late come before this one.
                while listener.rtp.recv_from(&mut heard).is_ok() {
                    if heard[12] == self.sequence as u8 {
                        assert_eq!(heard[1] & 0x7f, payload_type);
                        break 'spoken;
                    }
                }
            }
        }
    }

    /// The switch asks this phone for these formats; it agrees.
    fn agrees(phone: &mut Phone, formats: &str) {
        let to = phone.to.clone();
        let invite = phone.expect("INVITE");
        assert!(invite.contains(&format!("RTP/AVP {formats}\r\n")), "{invite}");
        phone.respond(&invite, "200 OK", "", &phone.sdp(formats));
        phone.expect("ACK");
        phone.to = to;
    }

    fn ends(mut self, cseq: u32) {
        self.caller.request("BYE", cseq, "2100", "", "");
        self.caller.expect("SIP/2.0 200");
        let bye = self.callee.expect("BYE");
        self.callee.respond(&bye, "200 OK", "", "");
        self.switch.until_empty();
    }
}

#[test]
fn a_callee_follows_its_caller_to_another_codec_and_back() {
    let mut call = Call::up();
    for (cseq, codec) in [(2, "8"), (3, "0")] {
        call.caller.request("INVITE", cseq, "2100", "", &call.caller.sdp(codec));
        let answer = call.caller.finally();
        assert!(answer.contains(&format!("RTP/AVP {codec}\r\n")), "{answer}");
        call.caller.request("ACK", cseq, "2100", "", "");
        Call::agrees(&mut call.callee, codec);
        call.both_hear(codec.parse().unwrap());
    }
    call.ends(4);
}

#[test]
fn a_caller_follows_its_callee() {
    let mut call = Call::up();
    call.callee.request("INVITE", 1, "switch", "", &call.callee.sdp("8"));
    let answer = call.callee.finally();
    assert!(answer.contains("RTP/AVP 8\r\n"), "{answer}");
    call.callee.request("ACK", 1, "switch", "", "");
    Call::agrees(&mut call.caller, "8");
    call.both_hear(8);
    call.ends(2);
}

#[test]
fn what_the_other_leg_cannot_do_is_refused_and_the_call_goes_on() {
    let mut call = Call::up();
    call.caller.request("INVITE", 2, "2100", "", &call.caller.sdp("9"));
    let answer = call.caller.finally();
    assert!(answer.starts_with("SIP/2.0 488"), "{answer}");
    call.caller.request("ACK", 2, "2100", "", "");
    call.both_hear(0);
    call.both_hear(8);
    call.ends(3);
}

#[test]
fn a_hold_that_changes_no_codec_asks_nothing_of_the_other_leg() {
    let mut call = Call::up();
    for (cseq, direction) in [(2, "inactive"), (3, "sendrecv")] {
        let body = call.caller.sdp(&format!("0 8\r\na={direction}"));
        call.caller.request("INVITE", cseq, "2100", "", &body);
        assert!(call.caller.finally().contains(&format!("a={direction}\r\n")));
        call.caller.request("ACK", cseq, "2100", "", "");
    }
    call.both_hear(0);
    assert!(call.callee.is_quiet(), "it is asked nothing");
    call.ends(4);
}

#[test]
fn a_callee_that_has_an_offer_out_itself_is_asked_again() {
    let mut call = Call::up();
    call.caller.request("INVITE", 2, "2100", "", &call.caller.sdp("8"));
    call.caller.expect("SIP/2.0 200");
    call.caller.request("ACK", 2, "2100", "", "");
    let first = call.callee.expect("INVITE");
    let began = Instant::now();
    call.callee.respond(&first, "491 Request Pending", "", "");
    call.callee.expect("ACK");
    Call::agrees(&mut call.callee, "8");
    // RFC 3261 §14.1: the Call-ID is the switch's.
    assert!(began.elapsed() > Duration::from_secs(2), "{:?}", began.elapsed());
    call.both_hear(8);
    call.ends(3);
}

/// The caller is down to A-law, and the callee was asked to follow: it will not. Gives the callee's refusal time to
/// reach the caller's leg.
fn refused() -> Call {
    let mut call = Call::up();
    call.caller.request("INVITE", 2, "2100", "", &call.caller.sdp("8"));
    call.caller.expect("SIP/2.0 200");
    call.caller.request("ACK", 2, "2100", "", "");
    let invite = call.callee.expect("INVITE");
    call.callee.respond(&invite, "488 Not Acceptable Here", "", "");
    call.callee.expect("ACK");
    call
}

/// RFC 3261 §14.1: as if no re-INVITE had been sent, on both sides of the switch. Its next words may be in either codec.
#[test]
fn a_callee_that_refuses_keeps_what_it_had_and_its_caller_goes_back_to_it() {
    let mut call = refused();
    Call::agrees(&mut call.caller, "0 8");
    call.both_hear(0);
    call.both_hear(8);
    let line = call.switch.logged("the peer keeps to its codecs: the other leg is asked to go back to them");
    assert_eq!((&line["level"], &line["status"]), (&"WARN".into(), &488.into()));
    call.ends(3);
}

/// Nothing brings them together: what both know arrives, each is asked once and no more, the log says it.
#[test]
fn a_caller_that_does_not_go_back_is_left_as_it_is() {
    let mut call = refused();
    let to = call.caller.to.clone();
    let invite = call.caller.expect("INVITE");
    call.caller.respond(&invite, "488 Not Acceptable Here", "", "");
    call.caller.expect("ACK");
    call.caller.to = to;
    call.both_hear(8);
    let said = "the peer does not go back to the codecs the other leg keeps to: what one sends in a codec that the \
                other does not take is dropped; give both the same list of codecs";
    assert_eq!(call.switch.logged(said)["level"], "WARN");
    assert!(call.caller.is_quiet() && call.callee.is_quiet(), "each is asked once");
    call.ends(3);
}

#[test]
fn a_caller_that_goes_back_by_half_is_not_asked_for_ever() {
    let mut call = refused();
    let to = call.caller.to.clone();
    let invite = call.caller.expect("INVITE");
    call.caller.respond(&invite, "200 OK", "", &call.caller.sdp("8"));
    call.caller.expect("ACK");
    call.caller.to = to;
    call.both_hear(8);
    assert!(call.caller.is_quiet() && call.callee.is_quiet(), "each is asked once");
    // A new description of the callee's own is a new beginning.
    call.callee.request("INVITE", 1, "switch", "", &call.callee.sdp("8"));
    assert!(call.callee.finally().contains("RTP/AVP 8\r\n"));
    call.callee.request("ACK", 1, "switch", "", "");
    call.both_hear(8);
    call.ends(3);
}

#[test]
fn an_answer_that_is_not_what_its_early_media_was_is_followed_by_the_caller() {
    let (switch, mut caller, mut callee) = bridged("");
    let invite = caller.dial(&mut callee, "0 8");
    callee.respond(&invite, "183 Session Progress", "phone", &callee.sdp("0"));
    assert!(caller.expect("SIP/2.0 183").contains("RTP/AVP 0\r\n"));
    callee.respond(&invite, "200 OK", "phone", &callee.sdp("8"));
    callee.expect("ACK");
    // The answer repeats what the 183 said (RFC 3261 §13.2.1).
    let answer = caller.expect("SIP/2.0 200");
    assert!(answer.contains("RTP/AVP 0\r\n"), "{answer}");
    caller.request("ACK", 1, "2100", "", "");
    Call::agrees(&mut caller, "8");
    let (for_caller, for_callee) = (media(&answer), media(&invite));
    let mut call = Call { switch, caller, callee, for_caller, for_callee, sequence: 0 };
    call.both_hear(8);
    call.ends(2);
}
