//! How calls end by themselves, or do not.

use std::time::Duration;

use tokio::time::Instant;

use super::{House, settle};
use crate::cause::Cause;
use crate::handle::{Command, Message};
use crate::media::MediaEvent;
use crate::state::State;
use crate::switch::SwitchConfig;

const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

#[tokio::test(start_paused = true)]
async fn a_channel_parked_for_ever_is_legitimate() {
    let house = House::new();
    let line = house.call("wait").await;
    line.session().send(Message::Command(Command::SetState(State::Park))).unwrap();
    tokio::time::sleep(YEAR).await;
    assert_eq!(line.session().snapshot().state, State::Park);
    assert_eq!(line.entered().last(), Some(&State::Park));
    line.session().hang_up(Cause::NormalClearing);
    settle().await;
    house.assert_empty();
}

#[tokio::test(start_paused = true)]
async fn the_longest_call_ends_when_its_time_is_over() {
    let config = SwitchConfig { longest_call: Some(Duration::from_secs(3600)), ..SwitchConfig::default() };
    for state in [State::Execute, State::Park] {
        let house = House::with(config, Vec::new());
        let begun = Instant::now();
        let line = house.call("wait").await;
        line.session().send(Message::Command(Command::SetState(state))).unwrap();
        house.switch.until_empty().await;
        assert_eq!(begun.elapsed(), Duration::from_secs(3600));
        assert_eq!(house.ended(), [(Cause::AllottedTimeout, 1)]);
        house.assert_empty();
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_cannot_go_on_ends_the_call() {
    for (event, cause) in
        [(MediaEvent::Silence, Cause::MediaTimeout), (MediaEvent::WorkerLost, Cause::NormalTemporaryFailure)]
    {
        let house = House::new();
        let line = house.call("answer|wait").await;
        line.media(event);
        settle().await;
        assert_eq!(house.ended(), [(cause, 1)]);
        house.assert_empty();
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_hung_up_before_it_began_is_never_set_up() {
    let house = House::new();
    let (session, line) = house.dialled("wait");
    line.session().hang_up(Cause::OriginatorCancel);
    assert!(!line.session().hang_up(Cause::NormalClearing));
    tokio::spawn(session.run());
    settle().await;
    assert_eq!(line.entered(), [State::Hangup, State::Reporting, State::Destroy]);
    assert_eq!(house.ended(), [(Cause::OriginatorCancel, 1)]);
    house.assert_empty();
}

#[tokio::test(start_paused = true)]
async fn a_session_that_never_ran_holds_nothing() {
    let house = House::new();
    let (session, _line) = house.dialled("wait");
    assert_eq!(house.switch.gate().calls(), 1);
    drop(session);
    house.assert_empty();
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_the_last_call_finds_everything_given_back() {
    let house = House::new();
    for _ in 0..5 {
        house.call("answer|wait").await;
    }
    let handles = house.switch.sessions();
    assert_eq!(handles.len(), 5);
    house.switch.hang_up_all(Cause::SystemShutdown);
    house.switch.until_empty().await;
    house.assert_empty();
    assert_eq!(house.ended(), [(Cause::SystemShutdown, 5)]);
    for handle in handles {
        // Holding a handle keeps neither the stream nor what it knows.
        assert!(handle.snapshot().media.is_none());
        assert_eq!(handle.snapshot().state, State::Destroy);
        assert!(handle.send(Message::Command(Command::Break)).is_err());
    }
}
