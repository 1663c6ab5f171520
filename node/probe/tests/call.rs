//! Real calls to a telephone in this process: the probe must tell the truth about each.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking, its helpers too")]

mod peer;

use std::time::{Duration, Instant};

use peer::{Answer, Behaviour, Media, Peer};
use switch_probe::{AnswerError, ProbeError, ProbeOptions, ProbeTarget, Report, Verdict, call, ping};

fn target(peer: &Peer) -> ProbeTarget {
    format!("sip:9196@{}", peer.address).parse().unwrap()
}

/// Shorter waits than a user would want, as the peer is near.
fn quick() -> ProbeOptions {
    ProbeOptions {
        response_timeout: Duration::from_secs(2),
        ring_timeout: Duration::from_secs(1),
        delay: Duration::from_secs(1),
        ..ProbeOptions::default()
    }
}

async fn probe(behaviour: Behaviour) -> Report {
    let peer = Peer::udp("127.0.0.1", behaviour).await;
    let report = call(&target(&peer), quick()).await.unwrap();
    assert_eq!(report.ok, report.verdict == Verdict::AudioBothWays);
    assert!(!report.table().to_string().is_empty());
    report
}

#[tokio::test]
async fn an_intact_echo_is_audio_both_ways() {
    let peer = Peer::udp("127.0.0.1", Behaviour { rtcp: true, ..Behaviour::default() }).await;
    let began = Instant::now();
    let report = call(&target(&peer), quick()).await.unwrap();
    let took = began.elapsed().as_secs_f64() * 1000.0;
    assert_eq!(report.verdict, Verdict::AudioBothWays, "{}", report.table());
    assert!(report.ok);
    assert_eq!((report.frames.expected, report.frames.returned, report.frames.altered), (160, 160, 0));
    assert_eq!(
        (report.loss.total, report.loss.to_remote, report.loss.from_remote),
        (0.0, Some(0.0), Some(0.0))
    );
    assert_eq!((report.packets.sent, report.packets.received, report.packets.foreign), (170, 170, 0));
    assert!(report.mos.unwrap() > 4.2 && report.r_factor.unwrap() > 85.0, "{}", report.table());
    // 170 frames of 20 ms come after it.
    assert!(report.setup_ms < took - 3300.0 && report.first_audio_ms.unwrap() >= report.setup_ms);
    assert!(report.rtcp_round_trip_ms.unwrap() < 50.0);
    assert!(report.round_trip.unwrap().median_ms < 50.0);
    assert_eq!(peer.seen(), ["INVITE", "ACK", "BYE"]);
}

#[tokio::test]
async fn tcp_and_ipv6_and_the_other_law_work_too() {
    let a_law = Behaviour { payload_type: 8, ..Behaviour::default() };
    let (tcp, six) = tokio::join!(Peer::tcp(a_law), Peer::udp("::1", a_law));
    let over_tcp = format!("{};transport=tcp", target(&tcp)).parse().unwrap();
    let from_six = ProbeOptions { local: Some("::1".parse().unwrap()), ..quick() };
    let to_six = target(&six);
    let (tcp_report, six_report) = tokio::join!(call(&over_tcp, quick()), call(&to_six, from_six));
    for (report, peer) in [(tcp_report.unwrap(), tcp), (six_report.unwrap(), six)] {
        assert!(report.ok, "{}", report.table());
        assert_eq!(report.codec, "PCMA");
        assert_eq!(peer.seen(), ["INVITE", "ACK", "BYE"]);
    }
}

#[tokio::test]
async fn every_twentieth_packet_lost_is_five_percent_and_the_way_is_known_where_it_can_be() {
    let lossy = |there: bool, renumber, rtcp| Behaviour {
        lose_there: there.then_some(20),
        lose_back: (!there).then_some(20),
        renumber,
        rtcp,
        ..Behaviour::default()
    };
    let (there_anew, back_anew, there_kept, back_kept, unknown) = tokio::join!(
        probe(lossy(true, true, false)),
        probe(lossy(false, true, true)),
        probe(lossy(true, false, true)),
        probe(lossy(false, false, true)),
        probe(lossy(false, false, false)),
    );
    for report in [&there_anew, &back_anew, &there_kept, &back_kept, &unknown] {
        assert_eq!(report.verdict, Verdict::Lossy, "{}", report.table());
        assert_eq!(report.frames.returned, 152);
        assert!((report.loss.total - 5.0).abs() < 1e-9);
        assert!(report.r_factor.unwrap() < 80.0);
    }
    let near = |value: Option<f64>, expected: f64| (value.unwrap() - expected).abs() < 0.5;
    for report in [&there_anew, &there_kept] {
        assert!(near(report.loss.to_remote, 5.0) && near(report.loss.from_remote, 0.0), "{}", report.table());
    }
    for report in [&back_anew, &back_kept] {
        assert!(near(report.loss.to_remote, 0.0) && near(report.loss.from_remote, 5.0), "{}", report.table());
    }
    assert_eq!((unknown.loss.to_remote, unknown.loss.from_remote), (None, None));
}

#[tokio::test]
async fn a_missing_direction_is_found_and_named() {
    let with = |media, lose_there, rtcp| probe(Behaviour { media, lose_there, rtcp, ..Behaviour::default() });
    let (mute, heard, deaf) = tokio::join!(
        with(Media::Mute, None, false),
        with(Media::Mute, None, true),
        with(Media::Echo, Some(1), false)
    );
    assert_eq!(mute.verdict, Verdict::NoAudio);
    assert_eq!(heard.verdict, Verdict::OneWay, "{}", heard.table());
    assert_eq!(heard.loss.to_remote, Some(0.0));
    assert_eq!(deaf.verdict, Verdict::NoAudio);
    for report in [mute, heard, deaf] {
        assert!(!report.ok && !report.next_step.is_empty());
        assert_eq!((report.loss.total, report.mos, report.first_audio_ms), (100.0, None, None));
    }
}

#[tokio::test]
async fn sound_that_is_not_ours_is_no_echo() {
    let with = |media, rtcp| probe(Behaviour { media, rtcp, ..Behaviour::default() });
    let (tone, reported, silence, altered) = tokio::join!(
        with(Media::Tone, false),
        with(Media::Tone, true),
        with(Media::Silence, false),
        with(Media::Altered, false)
    );
    assert_eq!(tone.verdict, Verdict::NotOurSignal, "{}", tone.table());
    assert_eq!(reported.verdict, Verdict::NotOurSignal);
    assert!(tone.packets.received > 100 && tone.frames.returned == 0);
    assert_eq!(silence.verdict, Verdict::Silence);
    assert_eq!(altered.verdict, Verdict::Altered);
    assert_eq!((altered.frames.returned, altered.frames.altered), (160, 160));
    assert!(!tone.ok && !silence.ok && !altered.ok);
}

#[tokio::test]
async fn a_delayed_echo_is_waited_for() {
    let behaviour = Behaviour { delay: Duration::from_millis(5000), rtcp: true, ..Behaviour::default() };
    let peer = Peer::udp("127.0.0.1", behaviour).await;
    let options = ProbeOptions { duration: Duration::from_millis(400), ..ProbeOptions::default() };
    let report = call(&target(&peer), options).await.unwrap();
    assert!(report.ok, "{}", report.table());
    // Of twenty one at least is no later than it is made to be.
    let time = report.round_trip.unwrap();
    assert!(time.median_ms >= 5000.0 && (5000.0..5200.0).contains(&time.min_ms), "{}", report.table());
    assert_eq!(report.frames.returned, 20);
}

/// The probe is kept waiting itself when all is sent and the last third of a second of echo is on its way: that lies in
/// its socket when the time for it is over.
#[tokio::test]
async fn an_echo_that_the_probe_is_late_to_look_at_is_no_loss() {
    let (told, address) = tokio::sync::oneshot::channel();
    let (_end, ended) = tokio::sync::oneshot::channel::<()>();
    // Nobody keeps the peer waiting.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let late = Behaviour { delay: Duration::from_millis(300), ..Behaviour::default() };
            let peer = Peer::udp("127.0.0.1", late).await;
            told.send(peer.address).unwrap();
            let _ = ended.await;
        });
    });
    let target = format!("sip:9196@{}", address.await.unwrap()).parse().unwrap();
    let options = ProbeOptions { duration: Duration::from_millis(400), ..quick() };
    // Ten frames open the path and twenty count: 600 ms.
    tokio::spawn(async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        std::thread::sleep(Duration::from_millis(2500));
    });
    let report = call(&target, options).await.unwrap();
    assert_eq!((report.ok, report.frames.returned), (true, 20), "{}", report.table());
}

#[tokio::test]
async fn a_refusal_is_told_as_it_came_and_acknowledged() {
    let busy = Behaviour { answer: Answer::Refuse(486, "Busy Here"), ..Behaviour::default() };
    let peer = Peer::udp("127.0.0.1", busy).await;
    let error = call(&target(&peer), quick()).await.unwrap_err();
    assert_eq!(error.to_string(), "refused with 486 Busy Here");
    assert!(matches!(error, ProbeError::Refused { status: 486, .. }));
    peer.saw("ACK").await;
    assert_eq!(peer.seen(), ["INVITE", "ACK"]);
}

#[tokio::test]
async fn a_call_that_only_rings_is_cancelled() {
    for answer in [Answer::Ring, Answer::CrossCancel] {
        let peer = Peer::udp("127.0.0.1", Behaviour { answer, ..Behaviour::default() }).await;
        let error = call(&target(&peer), quick()).await.unwrap_err();
        assert!(matches!(error, ProbeError::NoAnswer { status: 180, .. }), "{error}");
        peer.saw("ACK").await;
        let expected: &[&str] = match answer {
            Answer::Ring => &["INVITE", "CANCEL", "ACK"],
            _ => &["INVITE", "CANCEL", "ACK", "BYE"],
        };
        assert_eq!(peer.seen(), expected);
    }
}

#[tokio::test]
async fn whoever_gives_up_leaves_no_call_behind() {
    let up = Peer::udp("127.0.0.1", Behaviour::default()).await;
    let ringing = Peer::udp("127.0.0.1", Behaviour { answer: Answer::Ring, ..Behaviour::default() }).await;
    // The one as soon as it is up, the other after it has heard that it rings.
    for (peer, known, after) in
        [(&up, "ACK", Duration::ZERO), (&ringing, "INVITE", Duration::from_millis(300))]
    {
        let begun = async {
            peer.saw(known).await;
            tokio::time::sleep(after).await;
        };
        let target = target(peer);
        tokio::select! {
            ended = call(&target, quick()) => panic!("it is not given up: {ended:?}"),
            () = begun => {}
        }
    }
    up.saw("BYE").await;
    ringing.saw("CANCEL").await;
}

#[tokio::test]
async fn nobody_there_is_said_so() {
    let silent = Peer::udp("127.0.0.1", Behaviour { answer: Answer::Nothing, ..Behaviour::default() }).await;
    let (to_silent, options) = (target(&silent), quick());
    let (called, pinged) = tokio::join!(call(&to_silent, options.clone()), ping(&to_silent, options));
    assert!(matches!(called.unwrap_err(), ProbeError::NoResponse { .. }));
    assert!(matches!(pinged.unwrap_err(), ProbeError::NoResponse { .. }));
    assert!(!silent.seen().contains(&"CANCEL".to_owned()));

    // A port that was free is somebody's a moment later; this one nobody has.
    let gone = "127.0.0.1:1";
    for transport in ["udp", "tcp"] {
        let nobody = format!("sip:1@{gone};transport={transport}").parse().unwrap();
        let error = call(&nobody, quick()).await.unwrap_err();
        assert!(matches!(error, ProbeError::Unreachable { .. }), "{error}");
    }
    let error = call(&"sip:1@does-not-exist.invalid".parse().unwrap(), quick()).await.unwrap_err();
    assert!(matches!(error, ProbeError::HostNotFound { .. } | ProbeError::ResolverSilent { .. }), "{error}");
    let error = call(&format!("sip:{gone}").parse().unwrap(), quick()).await.unwrap_err();
    assert!(matches!(error, ProbeError::NoUser { .. }), "{error}");
}

#[tokio::test]
async fn an_answer_without_audio_is_ended_and_named() {
    let peer =
        Peer::udp("127.0.0.1", Behaviour { answer: Answer::OkWithoutAudio, ..Behaviour::default() }).await;
    let error = call(&target(&peer), quick()).await.unwrap_err();
    assert!(matches!(error, ProbeError::BadAnswer(AnswerError::NoAudio)), "{error}");
    assert_eq!(peer.seen(), ["INVITE", "ACK", "BYE"]);
}

#[tokio::test]
async fn a_call_the_peer_ends_is_cut_short() {
    let behaviour = Behaviour { hang_up_after: Some(Duration::from_millis(500)), ..Behaviour::default() };
    let peer = Peer::udp("127.0.0.1", behaviour).await;
    let report = call(&target(&peer), quick()).await.unwrap();
    assert_eq!(report.verdict, Verdict::CutShort);
    assert!(!report.ok);
    peer.saw("SIP/2.0 200 OK").await;
    assert_eq!(peer.seen(), ["INVITE", "ACK", "SIP/2.0 200 OK"]);
}

#[tokio::test]
async fn lost_requests_are_sent_again() {
    let peer = Peer::udp("127.0.0.1", Behaviour { deaf_to: 1, ..Behaviour::default() }).await;
    let report = call(&target(&peer), quick()).await.unwrap();
    assert!(report.ok && report.setup_ms > 400.0, "{}", report.table());
    assert!(peer.count("INVITE") >= 2, "{:?}", peer.seen());
    assert_eq!(peer.seen(), ["INVITE", "ACK", "BYE"]);
}

#[tokio::test]
async fn a_repeated_answer_is_acknowledged_again() {
    let peer = Peer::udp("127.0.0.1", Behaviour { answer_twice: true, ..Behaviour::default() }).await;
    let report = call(&target(&peer), quick()).await.unwrap();
    assert!(report.ok, "{}", report.table());
    assert!(peer.count("ACK") >= 2, "{:?}", peer.seen());
    assert_eq!(peer.seen(), ["INVITE", "ACK", "BYE"]);
}

#[tokio::test]
async fn a_report_is_the_same_for_machines_and_people() {
    let report = probe(Behaviour { media: Media::Tone, ..Behaviour::default() }).await;
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["ok"], false);
    assert_eq!(json["verdict"], "not_our_signal");
    assert_eq!(json["transport"], "udp");
    assert_eq!(json["loss"]["total"], 100.0);
    assert_eq!(json["mos"], serde_json::Value::Null);
    let table = report.table().to_string();
    assert!(
        table.contains("MOS          unknown") && table.contains(json["summary"].as_str().unwrap()),
        "{table}"
    );
}

#[tokio::test]
async fn a_ping_says_who_answered() {
    let peer = Peer::udp("127.0.0.1", Behaviour::default()).await;
    let report = ping(&format!("sip:{}", peer.address).parse().unwrap(), quick()).await.unwrap();
    assert_eq!((report.status, report.ok, report.server.as_deref()), (200, true, Some("a test's telephone")));
    let refuse = Behaviour { answer: Answer::Refuse(503, "Draining"), ..Behaviour::default() };
    let peer = Peer::udp("127.0.0.1", refuse).await;
    let report = ping(&target(&peer), quick()).await.unwrap();
    assert_eq!((report.status, report.ok, report.reason.as_str()), (503, false, "Draining"));
}
