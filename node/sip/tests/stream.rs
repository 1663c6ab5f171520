//! Messages on a stream: wherever it is cut, the same messages come out.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use switch_sip::frame::{Framed, MAX_MESSAGE, ParseReason, StreamFramer};
use switch_sip::message::Message;

fn message(call: &str, body: &str) -> String {
    let kind = if body.is_empty() { "" } else { "Content-Type: text/plain\r\n" };
    format!(
        "MESSAGE sip:b@x SIP/2.0\r\nv: SIP/2.0/TCP h;branch=z9hG4bK{call}\r\nf: <sip:a@y>;tag=1\r\nt: <sip:b@x>\r\n\
         i: {call}\r\nCSeq: 1 MESSAGE\r\n{kind}l: {}\r\n\r\n{body}",
        body.len()
    )
}

/// What came out, in short.
fn drain(framer: &mut StreamFramer) -> Vec<String> {
    let mut seen = Vec::new();
    loop {
        match framer.next() {
            Ok(Some(Framed::Message(Message::Request(request)))) => {
                let body = String::from_utf8(request.body.clone()).unwrap();
                seen.push(format!("{} {body:?}", request.headers.call_id().unwrap()));
            }
            Ok(Some(Framed::Message(Message::Response(_)))) => panic!("no response was sent"),
            Ok(Some(Framed::Ping)) => seen.push("ping".into()),
            Ok(Some(Framed::Invalid(error))) => seen.push(format!("invalid {}", error.partial.is_some())),
            Ok(None) => return seen,
            Err(error) => {
                seen.push(format!("broken {}", error.reason));
                return seen;
            }
        }
    }
}

fn stream() -> (String, Vec<&'static str>) {
    let body = "looks like\r\n\r\nOPTIONS sip:x SIP/2.0\r\n\r\n";
    let mut bytes = message("one", "");
    bytes += &message("two", body);
    bytes += "\r\n\r\n";
    bytes += &message("bad", "x").replace("CSeq: 1 MESSAGE", "CSeq: 1 BYE");
    bytes += "\r\n";
    bytes += &message("three", "end").replace("\r\n", "\n");
    let seen = vec![
        "one \"\"",
        "two \"looks like\\r\\n\\r\\nOPTIONS sip:x SIP/2.0\\r\\n\\r\\n\"",
        "ping",
        "invalid true",
        "three \"end\"",
    ];
    (bytes, seen)
}

#[test]
fn cut_in_two_anywhere() {
    let (bytes, expected) = stream();
    for cut in 0..=bytes.len() {
        let mut framer = StreamFramer::new();
        let mut seen = Vec::new();
        for part in [&bytes.as_bytes()[..cut], &bytes.as_bytes()[cut..]] {
            framer.push(part);
            seen.extend(drain(&mut framer));
        }
        assert_eq!(seen, expected, "cut at {cut}");
        assert!(!framer.is_mid_message());
    }
}

#[test]
fn cut_into_pieces_of_every_size() {
    let (bytes, expected) = stream();
    for size in 1..64 {
        let mut framer = StreamFramer::new();
        let mut seen = Vec::new();
        for part in bytes.as_bytes().chunks(size) {
            framer.push(part);
            seen.extend(drain(&mut framer));
            assert!(seen.len() <= expected.len(), "pieces of {size}: {:?}", seen.last());
        }
        assert_eq!(seen, expected, "pieces of {size}");
    }
}

#[test]
fn half_a_message_is_seen_as_such() {
    let text = message("one", "body");
    let mut framer = StreamFramer::new();
    assert!(!framer.is_mid_message());
    framer.push(b"\r\n");
    assert!(drain(&mut framer).is_empty());
    assert!(!framer.is_mid_message(), "a line end may be half a ping, not half a message");
    for cut in 1..text.len() {
        let mut framer = StreamFramer::new();
        framer.push(&text.as_bytes()[..cut]);
        assert!(drain(&mut framer).is_empty());
        assert!(framer.is_mid_message(), "cut at {cut}");
    }
}

#[test]
fn what_cannot_be_cut_ends_the_stream() {
    let no_length = message("x", "body").replace("l: 4\r\n", "");
    let bad_length = message("x", "").replace("l: 0", "l: -1");
    let two_lengths = message("x", "").replace("l: 0", "l: 0\r\nContent-Length: 5");
    let long_body = message("x", "").replace("l: 0", &format!("l: {MAX_MESSAGE}"));
    for (text, reason) in [
        (no_length, ParseReason::NoLength.to_string()),
        (bad_length, "Content-Length is not a number in its range".into()),
        (two_lengths, "more than one Content-Length header".into()),
        (long_body, ParseReason::TooLarge.to_string()),
        ("garbage\r\n\r\n".into(), ParseReason::StartLine.to_string()),
    ] {
        let mut framer = StreamFramer::new();
        framer.push(text.as_bytes());
        let expected = format!("broken {reason}");
        assert_eq!(drain(&mut framer), [expected.as_str()]);
        framer.push(message("later", "").as_bytes());
        assert_eq!(drain(&mut framer), [expected.as_str()], "nothing is read after it");
    }
    let mut bodyless = StreamFramer::new();
    bodyless.push(message("x", "").replace("l: 0\r\n", "").as_bytes());
    assert_eq!(drain(&mut bodyless), ["x \"\""], "no length and no type: no body");
}

#[test]
fn a_head_without_end_is_not_kept_for_ever() {
    let mut framer = StreamFramer::new();
    framer.push(b"INVITE sip:b@x SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nX: ");
    let mut pushed = 0;
    loop {
        framer.push(&[b'y'; 1000]);
        pushed += 1000;
        assert!(pushed <= MAX_MESSAGE + 1000);
        match framer.next() {
            Ok(None) => {}
            Ok(Some(framed)) => panic!("{framed:?}"),
            Err(error) => {
                assert_eq!(error.status(), 513);
                assert!(error.partial.unwrap().headers.top_via().is_ok());
                break;
            }
        }
    }
    assert!(!framer.is_mid_message());
}
