//! `bridge`: two legs, whoever rings, answers, refuses, leaves or fails.

mod common;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use common::{House, command, settle};
use switch_core::channel::ProtocolStatus;
use switch_core::endpoint::{EndpointError, LegEvent, OriginateError};
use switch_core::handle::Command;
use switch_core::testing::{Did, Line, audio};
use switch_core::{Cause, State};
use switch_modules::ModulesConfig;
use switch_modules::dialplan::route::{Counters, Route, Table};

const ENDED: [State; 3] = [State::Hangup, State::Reporting, State::Destroy];

/// A call that was bridged with `bridge`, and the leg it placed.
async fn bridged(house: &House, actions: &str) -> (Arc<Line>, Arc<Line>) {
    let line = house.call(actions).await;
    (line, house.placed())
}

async fn answered(house: &House, actions: &str) -> (Arc<Line>, Arc<Line>) {
    let (line, leg) = bridged(house, actions).await;
    leg.peer_answers();
    settle().await;
    (line, leg)
}

fn ended(cause: Cause) -> LegEvent {
    LegEvent::Ended { cause, status: None }
}

/// What the caller was told, without states and sound.
fn told(line: &Line) -> Vec<Did> {
    let told = |did: &Did| matches!(did, Did::Ring | Did::PreAnswer(_) | Did::Answer(_));
    line.did().into_iter().filter(told).collect()
}

#[tokio::test(start_paused = true)]
async fn ringing_early_media_and_the_answer_are_passed_on_and_both_are_joined() {
    let house = House::new();
    let (line, leg) =
        bridged(&house, "bridge {originate_timeout=20}sofia/external/2000@192.0.2.1:5090").await;
    let (request, _) = house.lines.placed().remove(0);
    assert_eq!(request.target, "sip:2000@192.0.2.1:5090");
    assert_eq!(request.offer, Some(audio()), "the second leg is offered what the first can do");
    assert_eq!(request.timeout, Duration::from_secs(20));
    assert_eq!(request.profile.destination_number, "2000");
    assert_eq!(request.profile.caller_id_number, "1000");
    assert_eq!(request.profile.network_addr, None::<IpAddr>);
    assert!(told(&line).is_empty());

    leg.peer(vec![LegEvent::Ringing]);
    settle().await;
    assert_eq!(told(&line), [Did::Ring]);
    assert!(line.sources().is_empty());

    leg.peer(vec![LegEvent::EarlyMedia(leg.leg_audio())]);
    settle().await;
    assert_eq!(told(&line)[1..], [Did::PreAnswer(Some(audio()))]);
    assert_eq!((line.sources(), leg.sources()), (vec![leg.heard()], vec![line.heard()]));
    assert!(line.session().snapshot().answered.is_none());

    leg.peer_answers();
    settle().await;
    assert_eq!(line.followed().last(), Some(&Some(audio())), "an earlier answer may have been another");
    assert_eq!(told(&line)[2..], [Did::Answer(Some(audio()))]);
    assert_eq!(line.sources().last(), Some(&leg.heard()));
    assert_eq!(leg.sources().last(), Some(&line.heard()));
    assert_eq!(leg.entered().last(), Some(&State::ExchangeMedia));

    // A conversation has no time-out.
    tokio::time::sleep(Duration::from_secs(86_400)).await;
    assert!(house.ended().is_empty());
    house.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_was_answered_before_is_told_nothing_twice() {
    let house = House::new();
    let (line, leg) = bridged(&house, "answer|bridge sip:1@h").await;
    leg.peer(vec![LegEvent::Ringing, LegEvent::EarlyMedia(leg.leg_audio())]);
    leg.peer_answers();
    settle().await;
    assert_eq!(told(&line), [Did::Answer(None)]);
    assert_eq!(leg.sources().last(), Some(&line.heard()));
    house.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_passes_with_its_cause_and_its_words() {
    let house = House::new();
    let (line, leg) = bridged(&house, "bridge sip:1@h|answer|park").await;
    let status = ProtocolStatus { code: 486, phrase: "Not Now".into() };
    leg.peer(vec![LegEvent::Ended { cause: Cause::UserBusy, status: Some(status.clone()) }]);
    settle().await;
    assert_eq!(house.ended(), [Cause::UserBusy, Cause::UserBusy]);
    assert_eq!(line.status(), Some(status));
    assert!(told(&line).is_empty());
    house.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_may_be_gone_on_after() {
    for (continues, before, option) in [
        (true, "set continue_on_fail=true|", ""),
        (true, "set continue_on_fail=NO_ANSWER,USER_BUSY|", ""),
        (true, "", "{continue_on_fail=USER_BUSY}"),
        (false, "set continue_on_fail=NO_ANSWER|", ""),
        (false, "set continue_on_fail=true|", "{continue_on_fail=false}"),
    ] {
        let house = House::new();
        let (line, leg) = bridged(&house, &format!("{before}bridge {option}sip:1@h|answer|park")).await;
        leg.peer(vec![ended(Cause::UserBusy)]);
        settle().await;
        assert_eq!(told(&line).len(), usize::from(continues), "{before}{option}");
        assert_eq!(house.ended().len(), if continues { 1 } else { 2 });
        house.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn who_does_not_answer_in_time_is_called_no_longer() {
    for (option, seconds) in [("{originate_timeout=20}", 20), ("", 60)] {
        let house = House::new();
        let (_line, leg) = bridged(&house, &format!("bridge {option}sip:1@h")).await;
        leg.peer(vec![LegEvent::Ringing]);
        tokio::time::sleep(Duration::from_secs(seconds) - Duration::from_millis(5)).await;
        assert!(house.ended().is_empty());
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert_eq!(house.ended(), [Cause::NoAnswer, Cause::NoAnswer]);
        assert!(leg.entered().ends_with(&ENDED));
        house.close().await;
    }
    let house = House::new();
    let (line, leg) = bridged(&house, "set continue_on_fail=true|bridge sip:1@h|answer|park").await;
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(house.ended(), [Cause::NoAnswer]);
    assert!(leg.entered().ends_with(&ENDED));
    assert_eq!(told(&line), [Did::Answer(None)]);
    house.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_leg_that_cannot_be_placed_ends_the_call_with_its_cause() {
    for (error, cause) in [
        (OriginateError::Media("none".into()), Cause::SwitchCongestion),
        (OriginateError::Incompatible, Cause::IncompatibleDestination),
        (OriginateError::Target { target: "sip:1@h".into(), why: "x".into() }, Cause::InvalidUrl),
    ] {
        let house = House::new();
        house.lines.refuse(error);
        house.call("bridge sip:1@h").await;
        assert_eq!(house.ended(), [cause]);
        house.close().await;
    }
    let house = House::new();
    house.call("bridge h323:1@h").await;
    assert_eq!(house.ended(), [Cause::ChanNotImplemented]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_cannot_take_the_answer_ends_both_with_88() {
    for early in [false, true] {
        let house = House::new();
        let (line, leg) = bridged(&house, "bridge sip:1@h").await;
        line.refuse(EndpointError::Incompatible);
        if early {
            leg.peer(vec![LegEvent::EarlyMedia(leg.leg_audio())]);
        } else {
            leg.peer_answers();
        }
        settle().await;
        assert_eq!(house.ended(), [Cause::IncompatibleDestination; 2]);
        house.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_gives_up_cancels_the_second_leg() {
    let house = House::new();
    let (line, leg) = bridged(&house, "bridge sip:1@h").await;
    leg.peer(vec![LegEvent::Ringing]);
    settle().await;
    line.peer(vec![ended(Cause::OriginatorCancel)]);
    settle().await;
    assert_eq!(house.ended(), [Cause::OriginatorCancel; 2]);
    house.close().await;
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_the_conversation_ends_it_for_both() {
    let house = House::new();
    let (line, _leg) = answered(&house, "bridge sip:1@h").await;
    line.peer(vec![ended(Cause::NormalClearing)]);
    settle().await;
    assert_eq!(house.ended(), [Cause::NormalClearing; 2]);
    house.close().await;

    let house = House::new();
    let (_line, leg) = answered(&house, "bridge sip:1@h").await;
    leg.peer(vec![ended(Cause::NormalClearing)]);
    settle().await;
    assert_eq!(house.ended(), [Cause::NormalClearing; 2]);
    house.close().await;
}

/// On threads of their own, so that the first may be gone before the second is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_end_with_the_cause_that_ends_all() {
    let until = async |what: &dyn Fn() -> bool| {
        while !what() {
            settle().await;
        }
    };
    for _ in 0..300 {
        let house = House::new();
        let line = house.call("bridge sip:1@h").await;
        until(&|| !house.lines.placed().is_empty()).await;
        let leg = house.placed();
        leg.peer_answers();
        let hears = |one: &Line, other: &Line| one.sources().last() == Some(&other.heard());
        until(&|| hears(&line, &leg) && hears(&leg, &line)).await;
        house.switch.hang_up_all(Cause::SystemShutdown);
        house.switch.until_empty().await;
        assert_eq!(house.ended(), [Cause::SystemShutdown; 2]);
    }
}

#[tokio::test(start_paused = true)]
async fn after_the_conversation_the_extension_goes_on_unless_told_not_to() {
    let house = House::new();
    let (line, leg) = answered(&house, "bridge sip:1@h|sleep 60000").await;
    leg.peer(vec![ended(Cause::UserBusy)]);
    settle().await;
    assert_eq!(line.session().snapshot().application, "sleep");
    assert_eq!(line.sources()[1], "Silence", "nobody hears a leg that is gone");
    assert_eq!(house.ended(), [Cause::UserBusy]);
    house.close().await;

    for (before, option) in [("", "{hangup_after_bridge=true}"), ("set hangup_after_bridge=true|", "")] {
        let house = House::new();
        let (_line, leg) = answered(&house, &format!("{before}bridge {option}sip:1@h|park")).await;
        leg.peer(vec![ended(Cause::MediaTimeout)]);
        settle().await;
        assert_eq!(house.ended(), [Cause::MediaTimeout; 2]);
        house.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_is_moved_or_broken_off_leaves_the_second_leg_behind() {
    let moves =
        [Command::SetState(State::Park), Command::Transfer { destination: "echo".into() }, Command::Break];
    for (leave, is_answered) in moves.iter().flat_map(|leave| [(leave, false), (leave, true)]) {
        let house = House::new();
        let (line, leg) = bridged(&house, "bridge sip:1@h|park").await;
        if is_answered {
            leg.peer_answers();
        }
        settle().await;
        command(&line, leave.clone());
        settle().await;
        let cause = if is_answered { Cause::NormalClearing } else { Cause::OriginatorCancel };
        assert_eq!(house.ended(), [cause], "{leave:?}");
        assert!(leg.entered().ends_with(&ENDED));
        assert_eq!(house.switch.sessions().len(), 1);
        house.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_second_leg_may_stay_when_the_first_leaves() {
    let house = House::new();
    let (line, leg) = answered(&house, "bridge sip:1@h").await;
    leg.set_variable("park_after_bridge", "true");
    settle().await;
    line.peer(vec![ended(Cause::NormalClearing)]);
    settle().await;
    assert_eq!(house.ended(), [Cause::NormalClearing]);
    assert_eq!(leg.entered().last(), Some(&State::Park));
    house.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_route_bridges_who_may_use_it_and_nobody_else() {
    let route = |from: &str| {
        let pattern = regex::Regex::new("^2(\\d{3})$").unwrap();
        Route::new(pattern, "sip:$1@127.0.0.1:5090", vec![from.parse().unwrap()], Duration::from_secs(7))
            .unwrap()
    };
    let counters = Arc::new(Counters::default());
    let with = |from: &str| {
        House::with(ModulesConfig {
            routes: Table::new(vec![route(from)]),
            counters: Arc::clone(&counters),
            ..Default::default()
        })
    };
    let house = with("127.0.0.0/8");
    house.dial("2345", &["numbers", "routes"]).await;
    let (request, _) = house.lines.placed().remove(0);
    assert_eq!(
        (request.target.as_str(), request.timeout),
        ("sip:345@127.0.0.1:5090", Duration::from_secs(7))
    );
    house.close().await;

    let house = with("192.0.2.0/24");
    house.dial("2345", &["numbers", "routes"]).await;
    assert!(house.lines.placed().is_empty());
    assert_eq!(house.ended(), [Cause::NoRouteDestination]);
    assert_eq!(counters.taken.load(Ordering::Relaxed), 1);
    assert_eq!(counters.refused_source.load(Ordering::Relaxed), 1);
}
