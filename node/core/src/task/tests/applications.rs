//! Applications: one after the other, each ended when its call leaves it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{House, settle, turns};
use crate::application::{EVENTS, GRACE};
use crate::cause::Cause;
use crate::handle::{Command, Message};
use crate::media::MediaEvent;
use crate::state::State;
use crate::testing::Line;

fn command(line: &Line, command: Command) {
    line.session().send(Message::Command(command)).unwrap();
}

fn transfer(line: &Line, destination: &str) {
    command(line, Command::Transfer { destination: destination.into() });
}

#[tokio::test(start_paused = true)]
async fn they_run_in_order_and_behind_the_last_the_call_ends() {
    let house = House::new();
    let line = house.call("done 1|sleep 100|done 2").await;
    assert_eq!(house.log.take(), ["done 1"]);
    assert_eq!(line.session().snapshot().application, "sleep");
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(house.log.take(), ["done 2"]);
    assert_eq!(house.ended(), [(Cause::NormalClearing, 1)]);
    assert_eq!(house.panics(), 0);
    house.assert_empty();
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_run_or_routed_ends_the_call() {
    for (dialled, cause) in [
        ("no_such_application", Cause::DestinationOutOfOrder),
        ("done|no_such_application", Cause::DestinationOutOfOrder),
        ("nowhere", Cause::NoRouteDestination),
    ] {
        let house = House::new();
        house.call(dialled).await;
        assert_eq!(house.ended(), [(cause, 1)], "{dialled}");
        assert_eq!(house.panics(), 0);
        house.assert_empty();
    }
}

#[tokio::test(start_paused = true)]
async fn a_pending_operation_says_why_it_came_to_nothing() {
    for operation in ["event", "sleep", ""] {
        let house = House::new();
        let line = house.call(&format!("wait {operation}|done next|wait")).await;
        command(&line, Command::Break);
        settle().await;
        assert_eq!(house.log.take(), ["Break", "done next"], "{operation}");

        transfer(&line, &format!("wait {operation}|done not"));
        settle().await;
        assert_eq!(house.log.take(), ["Moved"], "{operation}");
        command(&line, Command::SetState(State::Park));
        settle().await;
        assert_eq!(house.log.take(), ["Moved"], "{operation}");
        assert_eq!(line.session().snapshot().state, State::Park);

        transfer(&line, &format!("wait {operation}|done not"));
        settle().await;
        line.session().hang_up(Cause::NormalClearing);
        settle().await;
        assert_eq!(house.log.take(), ["HungUp"], "{operation}");
        assert_eq!(house.panics(), 0);
        house.assert_empty();
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_ignores_the_end_is_dropped_after_the_grace() {
    for application in ["stubborn", "frantic"] {
        let house = House::new();
        let line = house.call(application).await;
        line.session().hang_up(Cause::NormalClearing);
        // By hand, for the clock does not move by itself while one of them is busy.
        turns().await;
        tokio::time::advance(GRACE - Duration::from_millis(1)).await;
        turns().await;
        assert_eq!(house.switch.sessions().len(), 1, "{application}");
        tokio::time::advance(Duration::from_millis(2)).await;
        turns().await;
        assert_eq!(house.log.take().len(), usize::from(application == "stubborn"));
        assert_eq!(house.ended(), [(Cause::NormalClearing, 1)]);
        house.assert_empty();
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_ignores_a_break_is_dropped_after_the_grace() {
    let house = House::new();
    let line = house.call("stubborn|done next|wait").await;
    command(&line, Command::Break);
    tokio::time::sleep(GRACE / 2).await;
    command(&line, Command::Break);
    tokio::time::sleep(GRACE / 2 - Duration::from_millis(1)).await;
    assert!(house.log.take().is_empty());
    tokio::time::sleep(Duration::from_millis(2)).await;
    assert_eq!(house.log.take(), ["dropped", "done next"]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_ends_its_own_call_and_is_counted_once() {
    for application in ["panic", "panic_inside", "panic_late"] {
        let house = House::new();
        let other = house.call("wait").await;
        let line = house.call(&format!("{application}|done not")).await;
        let mut cause = Cause::Crash;
        if application == "panic_late" {
            cause = Cause::UserBusy;
            line.session().hang_up(cause);
            settle().await;
        }
        assert_eq!(house.ended(), [(cause, 1)], "{application}");
        assert_eq!(house.panics(), 1, "{application}");
        // The endpoint could tell its peer.
        assert!(line.entered().ends_with(&[State::Hangup, State::Reporting, State::Destroy]));
        other.session().hang_up(Cause::NormalClearing);
        settle().await;
        assert_eq!(house.log.take(), ["HungUp"]);
        house.assert_empty();
    }
}

#[tokio::test(start_paused = true)]
async fn events_reach_the_application_that_runs_and_no_other() {
    let house = House::new();
    let line = house.call("answer|wait|events").await;
    let digit = |digit| MediaEvent::Dtmf { digit, duration: Duration::from_millis(100) };
    // More than a queue holds, fetched by nobody.
    for _ in 0..EVENTS + 6 {
        line.media(digit('1'));
        settle().await;
    }
    assert_eq!(house.switch.counters().events_dropped.load(Ordering::Relaxed), 6);
    command(&line, Command::Break);
    settle().await;
    line.media(digit('2'));
    settle().await;
    assert_eq!(house.log.take(), ["Break".to_owned(), format!("{:?}", digit('2'))]);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_cannot_be_done_without_ends_the_call_when_it_finds_no_place() {
    let house = House::new();
    let line = house.call("answer|wait").await;
    for _ in 0..EVENTS {
        line.media(MediaEvent::PlaybackEnded);
        settle().await;
    }
    assert!(house.ended().is_empty());
    line.media(MediaEvent::PlaybackEnded);
    settle().await;
    assert_eq!(house.ended(), [(Cause::SwitchCongestion, 1)]);
    house.assert_empty();
}

#[tokio::test(start_paused = true)]
async fn sound_does_not_outlive_the_application_that_made_it() {
    let house = House::new();
    let line = house.call("answer|wait|wait").await;
    assert!(line.sources().is_empty());
    command(&line, Command::Break);
    settle().await;
    assert_eq!(line.sources(), ["Silence"]);
    command(&line, Command::SetState(State::Park));
    settle().await;
    assert_eq!(line.sources(), ["Silence", "Silence"]);
}
