//! Whatever comes from outside: nothing panics, and what was written is read back the same.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use switch_sip::auth::{Challenge, Credentials};
use switch_sip::frame::{Framed, StreamFramer, parse_datagram};
use switch_sip::message::{Message, NameAddr, Uri, Via, split_list};
use switch_sip::sdp::{AudioFormat, Author, Description, Direction, Local, accept, answer, offer};

const INVITE: &str = "INVITE sip:b@192.0.2.2;user=phone SIP/2.0\r\n\
    Via: SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bK7;rport, SIP/2.0/TCP [2001:db8::1];branch=z9hG4bK8\r\n\
    Max-Forwards: 70\r\nf: \"A \\\" lice\" <sip:a@192.0.2.1>;tag=1\r\nTo: <tel:+1555>\r\nCall-ID: c@h\r\n\
    CSeq: 1 INVITE\r\nContact: <sip:a@192.0.2.1:5070;transport=udp>;q=0.5\r\nRoute: <sip:p1;lr>,<sip:p2;lr>\r\n\
    Session-Expires: 1800;refresher=uac\r\nMin-SE: 90\r\nX-Fold: a\r\n b\r\nContent-Type: application/sdp\r\n\
    Authorization: Digest username=\"a\", realm=\"r\", nonce=\"n\", uri=\"u\", response=\"x\", qop=auth, nc=1, cnonce=\"c\"\r\n\
    Content-Length: 0\r\n\r\n";

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
    m=audio 4000 RTP/AVP 0 8 9 96 101\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\n\
    a=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\na=rtcp:4009 IN IP4 192.0.2.9\r\na=sendonly\r\n\
    m=video 4002/2 RTP/AVP 97\r\nc=IN IP6 ff00::1/127/2\r\na=rtpmap:97 H264/90000\r\n";

/// A real text with some bytes changed, taken out or doubled.
fn mutated(text: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<Index>(), 0..4u8, select(b"\r\n :;,<>\"@=/0\0\x80[]%\\?".to_vec()));
    vec(change, 1..12).prop_map(move |changes| {
        let mut bytes = text.as_bytes().to_vec();
        for (index, what, byte) in changes {
            let at = index.index(bytes.len().max(1));
            match what {
                0 if at < bytes.len() => bytes[at] = byte,
                1 => bytes.insert(at.min(bytes.len()), byte),
                2 if at < bytes.len() => drop(bytes.remove(at)),
                _ => bytes.truncate(bytes.len() - bytes.len() / 20),
            }
        }
        bytes
    })
}

/// Reads everything there is to read of a message.
fn look_at(message: &Message) {
    let headers = message.headers();
    _ = (
        headers.top_via(),
        headers.from(),
        headers.to(),
        headers.call_id(),
        headers.cseq(),
        headers.contact(),
    );
    _ = (headers.max_forwards(), headers.expires(), headers.content_length(), headers.content_type());
    _ = (headers.session_expires(), headers.min_se(), headers.routes("Route"), headers.list("Via").count());
    for header in headers {
        look_at_text(header.value());
    }
}

fn look_at_text(text: &str) {
    for one in split_list(text) {
        if let Ok(via) = Via::parse(one) {
            _ = (via.branch(), via.received(), via.rport(), via.sent_by(), via.known_transport());
        }
        if let Ok(address) = NameAddr::parse(one) {
            assert_eq!(NameAddr::parse(&address.to_string()).as_ref().map(|a| &a.uri), Ok(&address.uri));
        }
    }
    if let Ok(uri) = Uri::parse(text) {
        _ = (
            uri.user(),
            uri.user_unescaped(),
            uri.host(),
            uri.host_ip(),
            uri.port(),
            uri.params(),
            uri.headers(),
        );
        _ = (uri.as_request_uri(), uri.without_param("x"));
        let with = uri.with_param("x", Some("1"));
        if !uri.host().is_empty() {
            assert_eq!(with.param("x").as_deref(), Some("1"));
            assert_eq!(Uri::parse(with.as_str()), Ok(with));
        }
        assert_eq!(uri.as_str(), text);
    }
    _ = (Challenge::parse(text), Credentials::parse(text));
}

fn check(bytes: &[u8]) {
    match parse_datagram(bytes) {
        Ok(message) => {
            look_at(&message);
            let written = message.to_bytes();
            let again = parse_datagram(&written).expect("what the writer writes can be read");
            assert_eq!(again.to_bytes(), written, "written, read and written again it is the same");
        }
        Err(error) => {
            if let Some(partial) = error.partial {
                look_at(&Message::Request((*partial).clone()));
                _ = switch_sip::response::to(&partial, 400, Some("t")).to_bytes();
            }
        }
    }
    let mut framer = StreamFramer::new();
    for part in bytes.chunks(7) {
        framer.push(part);
        while let Ok(Some(framed)) = framer.next() {
            if let Framed::Message(message) = framed {
                look_at(&message);
            }
        }
    }
}

fn formats() -> Vec<AudioFormat> {
    vec![
        AudioFormat::new(0, "PCMU", 8000, 1),
        AudioFormat::new(8, "PCMA", 8000, 1),
        AudioFormat::new(101, "telephone-event", 8000, 1).with_fmtp("0-15"),
    ]
}

fn negotiate(bytes: &[u8]) {
    let Ok(description) = Description::parse(bytes) else { return };
    let written = description.to_bytes();
    let again = Description::parse(&written).expect("what the writer writes can be read");
    assert_eq!(again, description);
    let local = Local { address: "192.0.2.7".parse().unwrap(), port: 5000, rtcp_mux: true };
    let mut author = Author::new(9);
    if let Ok(answered) = answer(&description, &formats(), &local, Direction::SendRecv, &mut author) {
        assert_eq!(answered.description.media.len(), description.media.len());
        let taken = answered.description.media.iter().filter(|media| !media.is_rejected()).count();
        assert_eq!(taken, 1);
        assert!(!answered.negotiated.send.is_empty());
    }
    let ours = offer(&formats(), &local, Direction::SendRecv, None, &mut author);
    _ = (accept(&ours, 0, &description, true), description.audio());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..300)) {
        check(&bytes);
        negotiate(&bytes);
        look_at_text(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn a_real_message_with_errors(bytes in mutated(INVITE)) {
        check(&bytes);
    }

    #[test]
    fn a_real_description_with_errors(bytes in mutated(SDP)) {
        negotiate(&bytes);
    }

    #[test]
    fn texts_of_syntax(text in "[a-z0-9:;@<>\"\\[\\]=?%/., \\\\-]{0,60}") {
        look_at_text(&text);
        look_at_text(&format!("sip:{text}"));
        look_at_text(&format!("SIP/2.0/UDP {text}"));
        look_at_text(&format!("Digest {text}"));
    }
}

#[test]
fn the_real_ones_are_real() {
    assert!(parse_datagram(INVITE.as_bytes()).is_ok());
    assert_eq!(Description::parse(SDP.as_bytes()).unwrap().to_string(), SDP);
}
