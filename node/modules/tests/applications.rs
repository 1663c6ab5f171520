//! The applications other than `bridge`, on a real session with a fake leg.

mod common;

use std::time::Duration;

use common::{House, command, settle};
use switch_core::handle::Command;
use switch_core::media::MediaEvent;
use switch_core::testing::{Did, Line};
use switch_core::{Cause, State};

/// What the peer was told, in order.
fn told(line: &Line) -> Vec<Did> {
    line.did().into_iter().filter(|did| !matches!(did, Did::Entered(_) | Did::Handled(_))).collect()
}

fn source(text: &str) -> Did {
    Did::Source(text.into())
}

#[tokio::test(start_paused = true)]
async fn a_call_is_rung_opened_and_answered() {
    let house = House::new();
    let line = house.call("ring_ready|pre_answer|answer|answer|ring_ready|park").await;
    assert_eq!(told(&line)[..3], [Did::Ring, Did::PreAnswer(None), Did::Answer(None)]);
    assert_eq!(told(&line).iter().filter(|did| !matches!(did, Did::Source(_))).count(), 3);
    assert!(line.session().snapshot().answered.is_some());
    house.close().await;
}

#[tokio::test(start_paused = true)]
async fn echo_answers_and_echoes_until_it_is_left() {
    for (dialled, delay) in
        [("echo", "0ns"), ("delay_echo", "1s"), ("delay_echo 250", "250ms"), ("answer|echo", "0ns")]
    {
        let house = House::new();
        let line = house.call(dialled).await;
        tokio::time::sleep(Duration::from_secs(86_400)).await;
        assert_eq!(told(&line), [Did::Answer(None), source(&format!("Echo {{ delay: {delay} }}"))]);
        command(&line, Command::Break);
        settle().await;
        assert_eq!(house.ended(), [Cause::NormalClearing]);
        house.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_application_cannot_read_ends_the_call() {
    for dialled in [
        "delay_echo 0",
        "delay_echo 10001",
        "delay_echo x",
        "playback",
        "playback /etc/passwd",
        "sleep",
        "sleep -1",
        "set",
        "set =1",
        "hangup NO_SUCH_CAUSE",
        "bridge",
        "bridge 1000",
    ] {
        let house = House::new();
        let line = house.call(&format!("{dialled}|answer|park")).await;
        assert_eq!(house.ended(), [Cause::DestinationOutOfOrder], "{dialled}");
        assert!(!told(&line).contains(&Did::Answer(None)), "{dialled}");
        house.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn playback_opens_early_media_and_plays_to_the_end() {
    let house = House::new();
    let line = house.call("playback tone_stream://%(100,0,440)|answer|park").await;
    let frames = source("Frames(Generator(\"tone_stream://%(100,0,440)\"))");
    assert_eq!(told(&line), [Did::PreAnswer(None), frames]);
    line.media(MediaEvent::Dtmf { digit: '5', duration: Duration::from_millis(100) });
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(told(&line).len(), 2);
    line.media(MediaEvent::PlaybackEnded);
    settle().await;
    assert_eq!(told(&line)[2], Did::Answer(None));
    house.close().await;
}

#[tokio::test(start_paused = true)]
async fn sleep_set_hangup_and_park_do_what_they_say() {
    let house = House::new();
    house.call("set continue_on_fail = true |bridge sip:|sleep 1|hangup USER_BUSY").await;
    assert_eq!(house.ended(), [Cause::DestinationOutOfOrder], "a mistake is no failure to go on after");

    let house = House::new();
    let line = house.call("sleep 5000|hangup 17|answer").await;
    tokio::time::sleep(Duration::from_millis(4998)).await;
    assert!(house.ended().is_empty());
    tokio::time::sleep(Duration::from_millis(2)).await;
    assert_eq!(house.ended(), [Cause::UserBusy]);
    assert!(!told(&line).contains(&Did::Answer(None)));

    let house = House::new();
    house.call("hangup").await;
    assert_eq!(house.ended(), [Cause::NormalClearing]);

    let house = House::new();
    let line = house.call("park|answer").await;
    tokio::time::sleep(Duration::from_secs(86_400)).await;
    assert_eq!(line.entered().last(), Some(&State::Park));
    assert!(house.ended().is_empty());
    house.close().await;
}

#[tokio::test(start_paused = true)]
async fn the_built_in_numbers_answer_anybody_with_their_sound() {
    for (number, sound) in [
        ("9195", "Echo { delay: 5s }"),
        ("9196", "Echo { delay: 0ns }"),
        ("9197", "Frames(Generator(\"tone_stream://v=0;%(10000,0,1004);loops=-1\"))"),
        ("9198", "Frames(Generator(\"tune://ode;loops=-1\"))"),
        ("9664", "Frames(Generator(\"local_stream://moh\"))"),
    ] {
        let house = House::new();
        let line = house.dial(number, &["numbers", "routes"]).await;
        assert_eq!(told(&line), [Did::Answer(None), source(sound)], "{number}");
        house.close().await;
    }
    let house = House::new();
    for number in ["9199", "919", "91960", "", "09196"] {
        house.dial(number, &["numbers", "routes"]).await;
    }
    assert_eq!(house.ended(), [Cause::NoRouteDestination; 5]);
}
