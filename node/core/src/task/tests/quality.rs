//! What a leg leaves behind of how long it took and how it sounded.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{House, settle};
use crate::cause::Cause;
use crate::channel::ProtocolStatus;
use crate::flow::Flow;
use crate::histogram::Histogram;
use crate::leg::LegEvent;
use crate::media::{MediaStats, Quality};
use crate::session::{Session, StateHandler};
use crate::state::State;
use crate::testing::Line;

const SECOND: Duration = Duration::from_secs(1);

/// Counts, sums in milliseconds.
fn read(histogram: &Histogram) -> (u64, u64) {
    let read = histogram.read();
    (read.count, (read.sum * 1000.0).round() as u64)
}

fn silences(house: &House) -> [u64; 3] {
    let counters = house.switch.counters();
    [&counters.streams, &counters.nothing_received, &counters.nothing_sent]
        .map(|counter| counter.load(Ordering::Relaxed))
}

/// A stream that was agreed on both ways for a minute.
fn stats(received_packets: u64, sent_packets: u64) -> MediaStats {
    let minute = 60 * SECOND;
    MediaStats { received_packets, sent_packets, receiving: minute, sending: minute, ..MediaStats::default() }
}

/// A call that was answered at once, counted this and ended after `talk`.
async fn call(house: &House, stats: MediaStats, talk: Duration) -> std::sync::Arc<Line> {
    let line = house.call("answer|wait").await;
    line.counted(stats);
    tokio::time::sleep(talk).await;
    line.session().hang_up(Cause::NormalClearing);
    settle().await;
    line
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_was_judged_is_counted_once() {
    let house = House::new();
    let quality = Quality { jitter: Duration::from_millis(4), rating: 80.0, mos: 4.0 };
    let judged = MediaStats {
        quality: Some(quality),
        lost_packets: 1,
        remote_loss_overall: Some(0.25),
        ..stats(99, 100)
    };
    call(&house, judged, 5 * SECOND).await;
    call(&house, stats(10, 10), 5 * SECOND).await;
    let counters = house.switch.counters();
    assert_eq!(read(&counters.mos), (1, 4000));
    assert_eq!(read(&counters.loss), (1, 10));
    assert_eq!(read(&counters.jitter), (1, 4));
    assert_eq!(read(&counters.remote_loss), (1, 250));
    assert_eq!(silences(&house), [2, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_direction_that_was_wanted_and_carried_nothing_is_missing() {
    for (stats, talk, expected) in [
        (stats(100, 100), 60 * SECOND, [1, 0, 0]),
        (stats(0, 100), 60 * SECOND, [1, 1, 0]),
        (stats(100, 0), 60 * SECOND, [1, 0, 1]),
        // Too short for anything to be missed, by the call or by what was agreed on.
        (stats(0, 0), SECOND, [0, 0, 0]),
        (MediaStats { receiving: SECOND, ..stats(0, 100) }, 60 * SECOND, [1, 0, 0]),
        (MediaStats { receiving: SECOND, sending: SECOND, ..stats(0, 0) }, 60 * SECOND, [0, 0, 0]),
    ] {
        let house = House::new();
        call(&house, stats, talk).await;
        assert_eq!(silences(&house), expected, "{stats:?} for {talk:?}");
    }
    // Nobody answered.
    let house = House::new();
    let line = house.call("wait").await;
    line.counted(stats(0, 0));
    tokio::time::sleep(60 * SECOND).await;
    line.session().hang_up(Cause::NormalClearing);
    settle().await;
    assert_eq!(silences(&house), [0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn an_answered_call_of_two_legs_lasts_once_and_each_leg_has_its_set_up() {
    let house = House::new();
    let line = house.call("place sip:1@h|wait").await;
    let leg = house.placed();
    tokio::time::sleep(2 * SECOND).await;
    leg.peer(vec![LegEvent::Ringing]);
    tokio::time::sleep(3 * SECOND).await;
    leg.peer(vec![LegEvent::Ringing]);
    leg.peer_answers();
    settle().await;
    let counters = house.switch.counters();
    // The call was placed a millisecond before it came to rest.
    assert_eq!(read(&counters.ringing_delay), (1, 2001));
    assert_eq!(read(&counters.setup), (1, 5001), "the caller is not answered yet");
    leg.session().hang_up(Cause::NormalClearing);
    line.session().hang_up(Cause::NormalClearing);
    settle().await;
    assert_eq!(read(&counters.duration), (0, 0), "the caller was not answered");

    call(&house, stats(1, 1), 90 * SECOND).await;
    assert_eq!(read(&counters.duration), (1, 90_001));
    assert_eq!(read(&counters.setup), (2, 5001), "at once");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_a_sign_of_the_callee_and_an_end_of_our_own_is_none() {
    let busy = Some(ProtocolStatus { code: 486, phrase: "Busy Here".into() });
    for (status, expected) in [(busy, 1), (None, 0)] {
        let house = House::new();
        house.call("place sip:1@h|wait").await;
        tokio::time::sleep(SECOND).await;
        house.placed().peer(vec![LegEvent::Ended { cause: Cause::UserBusy, status }]);
        settle().await;
        assert_eq!(house.switch.counters().ringing_delay.read().count, expected);
    }
}

/// Notes the figures among the channel's variables.
struct Figures(std::sync::Mutex<Vec<String>>);

impl StateHandler for Figures {
    fn on_state(&self, session: &mut Session, state: State) -> Flow {
        let figures = session.channel().variables().filter(|(name, _)| name.starts_with("rtp_audio_"));
        let figures = figures.map(|(name, value)| format!("{state} {name}={value}"));
        self.0.lock().unwrap().extend(figures);
        Flow::Continue
    }
}

#[tokio::test(start_paused = true)]
async fn the_figures_are_variables_when_the_reporting_handlers_run() {
    let house = House::new();
    let (mut session, line) = house.dialled("answer|wait");
    let noted = std::sync::Arc::new(Figures(std::sync::Mutex::default()));
    session.add_handler(noted.clone());
    tokio::spawn(session.run());
    let quality = Quality { jitter: Duration::ZERO, rating: 77.417, mos: 3.9321 };
    settle().await;
    line.counted(MediaStats { quality: Some(quality), lost_packets: 5, ..stats(95, 100) });
    line.session().hang_up(Cause::NormalClearing);
    settle().await;
    let mut expected = Vec::new();
    for state in ["CS_REPORTING", "CS_DESTROY"] {
        expected.extend(
            [
                "rtp_audio_in_flaw_total=5",
                "rtp_audio_in_jitter_loss_rate=0.0500",
                "rtp_audio_in_mos=3.93",
                "rtp_audio_in_packet_count=95",
                "rtp_audio_in_quality_percentage=77.42",
                "rtp_audio_out_packet_count=100",
            ]
            .map(|figure| format!("{state} {figure}")),
        );
    }
    assert_eq!(*noted.0.lock().unwrap(), expected);
}
