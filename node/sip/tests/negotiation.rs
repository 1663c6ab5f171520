//! Offers, answers and what they mean, written out.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use switch_sip::sdp::{
    AudioFormat, Author, Description, Direction, Local, NegotiationError, accept, answer, answer_alone,
    answer_with_choice, offer, offer_again, relayable, static_format,
};

fn parse(text: &str) -> Description {
    Description::parse(text.replace('\n', "\r\n").as_bytes()).unwrap()
}

fn written(description: &Description) -> String {
    description.to_string().replace("\r\n", "\n")
}

fn local(address: &str, port: u16) -> Local {
    Local { address: address.parse().unwrap(), port, rtcp_mux: false }
}

fn ours() -> Vec<AudioFormat> {
    vec![
        AudioFormat::new(0, "PCMU", 8000, 1),
        AudioFormat::new(8, "PCMA", 8000, 1),
        AudioFormat::new(101, "telephone-event", 8000, 1).with_fmtp("0-15"),
    ]
}

fn reply(offer: &str) -> Result<switch_sip::sdp::Answered, NegotiationError> {
    let mut author = Author::new(2_000);
    answer(&parse(offer), &ours(), &local("192.0.2.7", 5000), Direction::SendRecv, &mut author)
}

const HEAD: &str = "v=0\no=alice 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\n";

#[test]
fn an_answer_keeps_order_and_places() {
    let answered = reply(&format!(
        "{HEAD}m=video 4000 RTP/AVP 97\na=rtpmap:97 H264/90000\n\
         m=audio 4002 RTP/AVP 18 8 0 96 100\na=rtpmap:96 opus/48000/2\na=rtpmap:100 telephone-event/8000\n\
         a=fmtp:100 0-16\na=ptime:30\na=x-unknown:1\n\
         m=audio 4006 RTP/AVP 0\nm=image 4008 udptl t38\n"
    ))
    .unwrap();
    assert_eq!(
        written(&answered.description),
        "v=0\no=- 1000 1000 IN IP4 192.0.2.7\ns=-\nc=IN IP4 192.0.2.7\nt=0 0\n\
         m=video 0 RTP/AVP 97\n\
         m=audio 5000 RTP/AVP 8 0 100\na=rtpmap:8 PCMA/8000\na=rtpmap:0 PCMU/8000\n\
         a=rtpmap:100 telephone-event/8000\na=fmtp:100 0-15\na=ptime:30\na=sendrecv\n\
         m=audio 0 RTP/AVP 0\nm=image 0 udptl t38\n"
    );
    let agreed = answered.negotiated;
    assert_eq!(agreed.index, 1);
    assert_eq!(agreed.remote, "192.0.2.1:4002".parse().unwrap());
    assert_eq!(agreed.remote_rtcp, "192.0.2.1:4003".parse().unwrap());
    assert_eq!(agreed.ptime, Some(Duration::from_millis(30)));
    let numbers = |formats: &[AudioFormat]| formats.iter().map(|f| f.payload).collect::<Vec<_>>();
    assert_eq!((numbers(&agreed.send), numbers(&agreed.receive)), (vec![8, 0, 100], vec![8, 0, 100]));
    assert_eq!(agreed.send[2].fmtp.as_deref(), Some("0-16"));
    assert_eq!(agreed.receive[2].fmtp.as_deref(), Some("0-15"));
}

#[test]
fn directions_are_mirrored() {
    for (theirs, answer, held) in [
        ("a=sendrecv\n", Direction::SendRecv, false),
        ("", Direction::SendRecv, false),
        ("a=sendonly\n", Direction::RecvOnly, true),
        ("a=recvonly\n", Direction::SendOnly, false),
        ("a=inactive\n", Direction::Inactive, true),
        ("c=IN IP4 0.0.0.0\n", Direction::RecvOnly, true),
        ("c=IN IP6 ::\na=sendrecv\n", Direction::RecvOnly, true),
    ] {
        let answered = reply(&format!("{HEAD}m=audio 4000 RTP/AVP 0\n{theirs}")).unwrap();
        assert_eq!(
            (answered.negotiated.direction, answered.negotiated.is_held()),
            (answer, held),
            "{theirs}"
        );
        let line = format!("a={}\n", answer.as_str());
        assert!(written(&answered.description).ends_with(&line), "{theirs}");
    }
    // Of the session, where the section says nothing.
    let session = reply(&format!("{HEAD}a=sendonly\nm=audio 4000 RTP/AVP 0\n")).unwrap();
    assert_eq!(session.negotiated.direction, Direction::RecvOnly);
}

#[test]
fn addresses_of_section_session_and_rtcp() {
    let six = reply(
        "v=0\no=- 1 1 IN IP6 ::1\ns=-\nt=0 0\nm=audio 4000 RTP/AVP 0\nc=IN IP6 2001:db8::1\na=rtcp:4100\n",
    );
    let six = six.unwrap().negotiated;
    assert_eq!(six.remote, "[2001:db8::1]:4000".parse().unwrap());
    assert_eq!(six.remote_rtcp, "[2001:db8::1]:4100".parse().unwrap());
    let other =
        reply(&format!("{HEAD}m=audio 4000 RTP/AVP 0\nc=IN IP4 192.0.2.5/127\na=rtcp:9 IN IP4 192.0.2.6\n"));
    let other = other.unwrap().negotiated;
    assert_eq!(other.remote, "192.0.2.5:4000".parse().unwrap());
    assert_eq!(other.remote_rtcp, "192.0.2.6:9".parse().unwrap());
    let mut author = Author::new(1);
    let mux = Local { rtcp_mux: true, ..local("2001:db8::7", 5000) };
    let text = parse(&format!("{HEAD}m=audio 4000 RTP/AVP 0\na=rtcp-mux\n"));
    let muxed = answer(&text, &ours(), &mux, Direction::SendRecv, &mut author).unwrap();
    assert!(muxed.negotiated.rtcp_mux);
    assert_eq!(muxed.negotiated.remote_rtcp, muxed.negotiated.remote);
    let answer_text = written(&muxed.description);
    assert!(answer_text.contains("a=rtcp-mux\n") && answer_text.contains("c=IN IP6 2001:db8::7\n"));
    assert!(!reply(&format!("{HEAD}m=audio 4000 RTP/AVP 0\na=rtcp-mux\n")).unwrap().negotiated.rtcp_mux);
}

#[test]
fn what_cannot_be_answered() {
    for (media, error) in [
        (
            "m=audio 4000 RTP/AVP 18 101\na=rtpmap:101 telephone-event/8000\n",
            NegotiationError::NothingInCommon,
        ),
        ("m=audio 0 RTP/AVP 0\n", NegotiationError::NoAudio),
        ("m=audio 4000 RTP/SAVP 0\n", NegotiationError::NoAudio),
        ("m=video 4000 RTP/AVP 97\n", NegotiationError::NoAudio),
        ("", NegotiationError::NoAudio),
        ("m=audio 4000 RTP/AVP 0\nc=IN IP4 host.example\n", NegotiationError::NoAddress),
    ] {
        let found = reply(&format!("{HEAD}{media}")).unwrap_err();
        assert_eq!((found, found.status()), (error, 488), "{media}");
    }
    // A first section we cannot take does not hide a second one that we can.
    let second = reply(&format!("{HEAD}m=audio 4000 RTP/SAVP 0\nm=audio 4002 RTP/AVP 0\n")).unwrap();
    assert_eq!(second.negotiated.index, 1);
}

#[test]
fn a_dynamic_number_means_what_its_rtpmap_says() {
    let odd =
        reply(&format!("{HEAD}m=audio 4000 RTP/AVP 0 96\na=rtpmap:0 speex/8000\na=rtpmap:96 pcmu/8000/1\n"));
    let odd = odd.unwrap().negotiated;
    assert_eq!(odd.receive.iter().map(|f| f.payload).collect::<Vec<_>>(), [96]);
    assert_eq!(static_format(9).unwrap(), AudioFormat::new(9, "G722", 8000, 1));
    assert_eq!(static_format(18).unwrap().name, "G729");
    assert_eq!(static_format(96), None);
}

/// The first leg's offer, the second's answer, and what the first is answered.
#[test]
fn a_bridged_call_speaks_the_second_legs_choice_in_the_first_legs_numbers() {
    let first = parse(&format!(
        "{HEAD}m=audio 4000 RTP/AVP 107 18 8 0 96 97\na=rtpmap:107 opus/48000/2\na=fmtp:107 useinbandfec=1\n\
         a=fmtp:18 annexb=no\na=rtpmap:96 telephone-event/8000\na=fmtp:96 0-16\na=rtpmap:97 X-SECRET/8000\n"
    ));
    let names = ["PCMU", "PCMA", "G722", "G729", "opus", "telephone-event"];
    let offered = first.audio().unwrap().1.audio_formats();
    let formats = relayable(&offered, |one| names.iter().any(|name| name.eq_ignore_ascii_case(&one.name)));
    let mut author = Author::new(200);
    let second = offer(&formats, &local("192.0.2.7", 6000), Direction::SendRecv, None, &mut author);
    assert_eq!(
        written(&second),
        "v=0\no=- 100 100 IN IP4 192.0.2.7\ns=-\nc=IN IP4 192.0.2.7\nt=0 0\nm=audio 6000 RTP/AVP 107 18 8 0 96\n\
         a=rtpmap:107 opus/48000/2\na=fmtp:107 useinbandfec=1\na=rtpmap:18 G729/8000\na=fmtp:18 annexb=no\n\
         a=rtpmap:8 PCMA/8000\na=rtpmap:0 PCMU/8000\na=rtpmap:96 telephone-event/8000\na=fmtp:96 0-16\na=sendrecv\n"
    );
    // The callee has numbers of its own, and prefers PCMA.
    let chosen = parse(
        "v=0\no=- 5 5 IN IP4 192.0.2.9\ns=-\nc=IN IP4 192.0.2.9\nt=0 0\nm=audio 7000 RTP/AVP 8 111 101\n\
         a=rtpmap:111 OPUS/48000/2\na=fmtp:111 maxplaybackrate=16000\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-11\n",
    );
    let toward_second = accept(&second, 0, &chosen, false).unwrap();
    let numbers = |formats: &[AudioFormat]| formats.iter().map(|f| f.payload).collect::<Vec<_>>();
    assert_eq!(numbers(&toward_second.send), [8, 111, 101]);
    assert_eq!(numbers(&toward_second.receive), [107, 8, 96]);
    let mut author = Author::new(400);
    let place = local("192.0.2.7", 6002);
    let back =
        answer_with_choice(&first, &toward_second.send, &place, Direction::SendRecv, &mut author).unwrap();
    assert_eq!(
        written(&back.description),
        "v=0\no=- 200 200 IN IP4 192.0.2.7\ns=-\nc=IN IP4 192.0.2.7\nt=0 0\nm=audio 6002 RTP/AVP 8 107 96\n\
         a=rtpmap:8 PCMA/8000\na=rtpmap:107 opus/48000/2\na=fmtp:107 maxplaybackrate=16000\n\
         a=rtpmap:96 telephone-event/8000\na=fmtp:96 0-11\na=sendrecv\n"
    );
    assert_eq!(numbers(&back.negotiated.send), [8, 107, 96]);
    assert_eq!(back.negotiated.send[1].fmtp.as_deref(), Some("useinbandfec=1"));
}

#[test]
fn alone_one_codec_is_taken_and_the_events_on_its_clock() {
    let text = parse(&format!(
        "{HEAD}m=audio 4000 RTP/SAVP 8\nm=audio 4002 RTP/AVP 111 18 100 101 0\na=rtpmap:111 opus/48000/2\n\
         a=fmtp:18 annexb=no\na=rtpmap:100 telephone-event/48000\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15\n"
    ));
    assert_eq!(text.audio().unwrap().0, 1);
    let taken = |rank: fn(&AudioFormat) -> Option<u8>| {
        let mut author = Author::new(200);
        let place = local("192.0.2.7", 5000);
        let answered = answer_alone(&text, rank, &place, Direction::SendRecv, &mut author)?;
        Ok(answered.negotiated.receive.into_iter().map(|one| (one.payload, one.fmtp)).collect::<Vec<_>>())
    };
    let with = |number, fmtp: &str| (number, Some(fmtp.to_owned()));
    // Among equals the offer's order decides; a lower rank wins over it.
    assert_eq!(taken(|_| Some(1)).unwrap(), [(111, None), (100, None)]);
    assert_eq!(
        taken(|one| (one.name == "G729").then_some(1)).unwrap(),
        [with(18, "annexb=no"), with(101, "0-15")]
    );
    assert_eq!(taken(|one| Some(u8::from(one.name != "PCMU"))).unwrap(), [(0, None), with(101, "0-15")]);
    assert_eq!(taken(|_| None), Err(NegotiationError::NothingInCommon));
}

#[test]
fn events_alone_cannot_be_relayed() {
    let [_, _, events] = ours().try_into().unwrap();
    assert!(relayable(&[events], |_| true).is_empty());
    assert_eq!(relayable(&ours(), |one| one.payload != 0).len(), 2);
    assert!(relayable(&ours(), |one| one.is_telephone_event()).is_empty());
}

#[test]
fn an_answer_must_fit_the_offer() {
    let mut author = Author::new(1);
    let ours = offer(&ours(), &local("192.0.2.7", 5000), Direction::SendOnly, None, &mut author);
    let taken = |media: &str| accept(&ours, 0, &parse(&format!("{HEAD}{media}")), false);
    assert_eq!(taken("m=audio 0 RTP/AVP 0\n"), Err(NegotiationError::NoAudio));
    assert_eq!(taken(""), Err(NegotiationError::Mismatch));
    assert_eq!(taken("m=audio 4000 RTP/AVP 9\n"), Err(NegotiationError::NothingInCommon));
    let held = taken("m=audio 4000 RTP/AVP 0\na=recvonly\n").unwrap();
    assert_eq!(held.direction, Direction::SendOnly);
    // One that does not say so takes part in our hold all the same.
    assert_eq!(taken("m=audio 4000 RTP/AVP 0\n").unwrap().direction, Direction::SendOnly);
}

#[test]
fn the_version_rises_with_every_change_and_only_then() {
    let mut author = Author::new(20);
    let place = local("192.0.2.7", 5000);
    let first = offer(&ours(), &place, Direction::SendRecv, None, &mut author);
    let same = offer(&ours(), &place, Direction::SendRecv, None, &mut author);
    let hold = offer(&ours(), &place, Direction::SendOnly, None, &mut author);
    let versions: Vec<_> = [first, same, hold].iter().map(|d| d.origin().unwrap().to_owned()).collect();
    assert_eq!(
        versions,
        ["- 10 10 IN IP4 192.0.2.7", "- 10 10 IN IP4 192.0.2.7", "- 10 11 IN IP4 192.0.2.7"]
    );
}

#[test]
fn a_new_offer_keeps_the_places_of_the_session() {
    let answered = reply(&format!("{HEAD}m=video 4000 RTP/AVP 97\nm=audio 4002 RTP/AVPF 0\n")).unwrap();
    let mut author = Author::new(20);
    let place = local("192.0.2.7", 5000);
    let again =
        offer_again(&answered.description, 1, &ours(), &place, Direction::Inactive, None, &mut author);
    let text = written(&again);
    assert!(text.contains("m=video 0 RTP/AVP 97\nm=audio 5000 RTP/AVPF 0 8 101\n"), "{text}");
    assert!(text.ends_with("a=inactive\n"));
}

#[test]
fn unknown_lines_stay_in_order() {
    let text = "v=0\no=- 1 1 IN IP4 h\ns= \ni=x\nz=0 0\nk=clear\nt=0 0\nm=audio 1 RTP/AVP 0\ni=y\nb=AS:64\nq=odd\na=cat:1\n";
    assert_eq!(written(&parse(text)), text.replace("s= ", "s="));
    assert!(Description::parse(b"hello").is_err());
    assert!(Description::parse(b"v=0\nm=audio x RTP/AVP 0\n").is_err());
}
