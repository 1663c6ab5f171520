//! Who is told that a channel entered a state, in which order, and who stops whom.

use std::sync::Arc;

use super::{Does, House, Noting, settle};
use crate::cause::Cause;
use crate::handle::Command;
use crate::handle::Message;
use crate::state::State;
use crate::switch::SwitchConfig;
use crate::testing::{Did, Line};

/// What happened to the leg from its entry into `state` to the next entry.
fn in_state(line: &Line, state: State) -> Vec<String> {
    let did = line.did();
    let from = did.iter().position(|did| *did == Did::Entered(state)).expect("it was entered");
    let inside = did[from + 1..].iter().take_while(|did| !matches!(did, Did::Entered(_)));
    inside
        .filter_map(|did| match did {
            Did::Handled(_) => Some("endpoint".to_owned()),
            Did::Noted(text) => text.split(' ').next().map(str::to_owned),
            _ => None,
        })
        .collect()
}

/// Runs a call with two handlers of each kind, one of which does something in `at`.
async fn with_handlers(at: State, who: &str, does: Does) -> (House, Arc<Line>) {
    let noting = |name| Noting::new(name, at, if name == who { does } else { Does::Nothing });
    let house = House::with(SwitchConfig::default(), vec![noting("global1"), noting("global2")]);
    let (mut session, line) = house.dialled("wait");
    if who == "endpoint" {
        match does {
            Does::Veto => line.veto(at),
            Does::Set(to) => line.jump(at, to),
            Does::Nothing | Does::Panic => {}
        }
    }
    for name in ["own1", "own2"] {
        session.add_handler(noting(name).writing(&house.noted));
    }
    tokio::spawn(session.run());
    settle().await;
    (house, line)
}

const ALL: [&str; 5] = ["endpoint", "own1", "own2", "global1", "global2"];

#[tokio::test(start_paused = true)]
async fn the_endpoint_then_the_channels_own_then_the_global_then_the_core() {
    let (house, line) = with_handlers(State::Init, "", Does::Nothing).await;
    for state in [State::Init, State::Routing, State::Execute] {
        assert_eq!(in_state(&line, state), ALL, "{state}");
    }
    line.session().hang_up(Cause::NormalClearing);
    settle().await;
    for state in [State::Hangup, State::Reporting, State::Destroy] {
        assert_eq!(in_state(&line, state), ALL, "{state}");
    }
    let lived =
        [State::Init, State::Routing, State::Execute, State::Hangup, State::Reporting, State::Destroy];
    assert_eq!(line.entered(), lived);
    assert_eq!(line.did().last(), Some(&Did::Dropped));
    house.assert_empty();
}

#[tokio::test(start_paused = true)]
async fn a_veto_stops_those_it_should_and_always_the_core() {
    for (who, told) in [
        ("endpoint", vec!["endpoint"]),
        ("own1", vec!["endpoint", "own1", "global1", "global2"]),
        ("own2", vec!["endpoint", "own1", "own2", "global1", "global2"]),
        ("global1", vec!["endpoint", "own1", "own2", "global1"]),
        ("global2", vec!["endpoint", "own1", "own2", "global1", "global2"]),
    ] {
        let (house, line) = with_handlers(State::Init, who, Does::Veto).await;
        assert_eq!(in_state(&line, State::Init), told, "{who}");
        // The core would have gone on to ROUTING.
        assert_eq!(line.entered(), [State::Init], "{who}");
        line.session().hang_up(Cause::NormalClearing);
        settle().await;
        house.assert_empty();
    }
}

#[tokio::test(start_paused = true)]
async fn who_changes_the_state_suppresses_the_core_but_no_handler() {
    for who in ALL {
        let (_house, line) = with_handlers(State::Routing, who, Does::Set(State::Park)).await;
        assert_eq!(in_state(&line, State::Routing), ALL, "{who}");
        assert_eq!(line.entered(), [State::Init, State::Routing, State::Park], "{who}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_veto_strands_a_channel_that_ends() {
    for at in [State::Hangup, State::Reporting, State::Destroy] {
        for who in ALL {
            let (house, line) = with_handlers(at, who, Does::Veto).await;
            line.session().hang_up(Cause::UserBusy);
            settle().await;
            let last = [State::Hangup, State::Reporting, State::Destroy];
            assert!(line.entered().ends_with(&last), "{who} in {at}: {:?}", line.entered());
            assert_eq!(house.ended(), [(Cause::UserBusy, 1)]);
            house.assert_empty();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_state_is_entered_once_and_illegal_or_late_ones_never() {
    let (_house, line) = with_handlers(State::Init, "", Does::Nothing).await;
    for state in [State::Park, State::Park, State::New, State::Hangup, State::Reporting, State::Destroy] {
        line.session().send(Message::Command(Command::SetState(state))).unwrap();
        settle().await;
    }
    assert_eq!(line.entered()[3..], [State::Park]);
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_is_sent_round_and_round_can_be_hung_up() {
    let house = House::new();
    let (session, line) = house.dialled("wait");
    line.jump(State::Routing, State::Park);
    line.jump(State::Park, State::Routing);
    tokio::spawn(session.run());
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert!(line.entered().len() > 10, "other tasks get their turn while it goes round");
    line.session().hang_up(Cause::ManagerRequest);
    settle().await;
    assert_eq!(house.ended(), [(Cause::ManagerRequest, 1)]);
    house.assert_empty();
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_handler_frees_everything_and_ends_nobody_else() {
    for at in [State::Init, State::Routing, State::Execute, State::Hangup, State::Reporting, State::Destroy] {
        let house = House::new();
        let other = house.call("wait").await;
        let (mut session, line) = house.dialled("wait");
        session.add_handler(Noting::new("own", at, Does::Panic).writing(&house.noted));
        tokio::spawn(session.run());
        settle().await;
        line.session().hang_up(Cause::UserBusy);
        settle().await;
        let cause = if at < State::Hangup { Cause::Crash } else { Cause::UserBusy };
        assert_eq!(house.ended(), [(cause, 1)], "{at}");
        other.session().hang_up(Cause::NormalClearing);
        settle().await;
        house.assert_empty();
    }
}
