//! Two legs: who is told what of the other, and who outlives whom.

use super::{House, settle};
use crate::cause::Cause;
use crate::channel::ProtocolStatus;
use crate::handle::{Command, Message};
use crate::leg::LegEvent;
use crate::media::Source;
use crate::state::State;
use crate::testing::Line;

const ENDED: [State; 3] = [State::Hangup, State::Reporting, State::Destroy];

fn command(line: &Line, command: Command) {
    line.session().send(Message::Command(command)).unwrap();
}

fn transfer(line: &Line, destination: &str) {
    command(line, Command::Transfer { destination: destination.into() });
}

/// A call whose application placed a leg, answered or ringing, and the leg.
async fn placed(house: &House, after: &str, answered: bool) -> (std::sync::Arc<Line>, std::sync::Arc<Line>) {
    let line = house.call(&format!("answer|place sip:1@h|{after}")).await;
    let leg = house.placed();
    if answered {
        leg.peer_answers();
    }
    settle().await;
    house.log.take();
    (line, leg)
}

#[tokio::test(start_paused = true)]
async fn what_the_second_leg_does_reaches_the_first() {
    let house = House::new();
    let line = house.call("place sip:1@h|wait").await;
    let leg = house.placed();
    assert_eq!(leg.entered(), [State::Init, State::Routing, State::ConsumeMedia]);
    assert_eq!(line.session().snapshot().peer, Some(leg.session().id()));

    let busy = Some(ProtocolStatus { code: 486, phrase: "Busy Here".into() });
    let did = [
        LegEvent::Ringing,
        LegEvent::EarlyMedia(leg.leg_audio()),
        LegEvent::Answered(leg.leg_audio()),
        LegEvent::Ended { cause: Cause::UserBusy, status: busy },
    ];
    for event in &did {
        leg.peer(vec![event.clone()]);
        settle().await;
        if matches!(event, LegEvent::Answered(_)) {
            assert_eq!(leg.entered().last(), Some(&State::ExchangeMedia));
        }
    }
    assert_eq!(house.log.take(), did.map(|event| format!("peer {event:?}")));
    assert!(leg.entered().ends_with(&ENDED));
    assert_eq!(house.ended(), [(Cause::UserBusy, 1)]);
    assert_eq!(line.session().snapshot().peer, None);
}

#[tokio::test(start_paused = true)]
async fn each_leg_follows_what_the_other_says_it_can_do_while_they_are_joined() {
    let house = House::new();
    let (line, leg) = placed(&house, "wait|wait", true).await;
    let pcmu = crate::testing::audio();
    line.peer(vec![LegEvent::Described(pcmu.clone())]);
    settle().await;
    leg.peer(vec![LegEvent::Described(pcmu.clone())]);
    settle().await;
    assert_eq!((line.followed(), leg.followed()), (vec![Some(pcmu.clone())], vec![Some(pcmu.clone())]));
    assert!(house.log.take().is_empty(), "no application's business");
    leg.session().hang_up(Cause::NormalClearing);
    settle().await;
    assert_eq!(line.followed(), [Some(pcmu), None]);
}

#[tokio::test(start_paused = true)]
async fn a_leg_goes_back_to_what_the_other_insists_on() {
    let house = House::new();
    let (line, leg) = placed(&house, "wait|wait", true).await;
    let pcmu = crate::testing::audio();
    leg.peer(vec![LegEvent::Insists(pcmu.clone())]);
    settle().await;
    assert_eq!((line.restored(), leg.restored()), (vec![pcmu.clone()], vec![]));
    line.peer(vec![LegEvent::Insists(pcmu.clone())]);
    settle().await;
    assert_eq!((line.restored(), leg.restored()), (vec![pcmu.clone()], vec![pcmu]));
    assert!(house.log.take().is_empty(), "no application's business");
    assert!(line.followed().is_empty() && leg.followed().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_second_leg_ends_with_the_first_for_the_same_cause() {
    for (answered, cause, told) in [
        (true, Cause::UserBusy, Cause::UserBusy),
        (true, Cause::NormalClearing, Cause::NormalClearing),
        (false, Cause::UserBusy, Cause::UserBusy),
        (false, Cause::NormalClearing, Cause::OriginatorCancel),
    ] {
        let house = House::new();
        let (line, leg) = placed(&house, "wait", answered).await;
        line.session().hang_up(cause);
        settle().await;
        let mut ended = house.ended();
        ended.sort_by_key(|(cause, _)| *cause == told);
        assert_eq!(ended.last().map(|(cause, _)| *cause), Some(told));
        assert_eq!(ended.iter().map(|(_, count)| count).sum::<u64>(), 2);
        assert!(leg.entered().ends_with(&ENDED));
        house.assert_empty();
    }
}

#[tokio::test(start_paused = true)]
async fn a_leg_does_not_outlive_the_application_that_placed_it() {
    for answered in [false, true] {
        let cause = if answered { Cause::NormalClearing } else { Cause::OriginatorCancel };
        let leaves: [fn(&Line); 4] = [
            |line| command(line, Command::Break),
            |line| transfer(line, "wait"),
            |line| command(line, Command::SetState(State::Park)),
            |line| command(line, Command::SetState(State::Hibernate)),
        ];
        for leave in leaves {
            let house = House::new();
            let (line, leg) = placed(&house, "wait", answered).await;
            leave(&line);
            settle().await;
            assert!(leg.entered().ends_with(&ENDED));
            assert_eq!(house.ended(), [(cause, 1)]);
            // The first leg goes on by itself, and the second's end does not reach it.
            assert!(house.log.take().is_empty());
            assert_eq!(line.session().snapshot().peer, None);
            assert_eq!(house.switch.sessions().len(), 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_application_has_one_leg_and_takes_it_along() {
    let house = House::new();
    let line = house.call("forget sip:1@h|wait").await;
    assert!(house.placed().entered().ends_with(&ENDED));
    assert_eq!(line.session().snapshot().peer, None);

    let house = House::new();
    let line = house.call("place_two sip:1@h").await;
    let [(_, first), (_, second)] = <[_; 2]>::try_from(house.lines.placed()).unwrap();
    assert!(first.entered().ends_with(&ENDED));
    assert_eq!(second.entered().last(), Some(&State::ConsumeMedia));
    assert_eq!(line.session().snapshot().peer, Some(second.session().id()));
}

/// The window in which the application was moved before it learned that its leg was placed.
#[tokio::test(start_paused = true)]
async fn a_leg_placed_for_an_application_that_is_gone_ends_too() {
    let house = House::new();
    let (session, line) = house.dialled("place sip:1@h");
    tokio::spawn(session.run());
    while house.lines.placed().is_empty() {
        tokio::task::yield_now().await;
    }
    transfer(&line, "wait");
    settle().await;
    assert!(house.placed().entered().ends_with(&ENDED));
    assert_eq!(line.session().snapshot().state, State::Execute);
    assert_eq!(house.switch.sessions().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn ending_the_other_leg_is_only_the_default() {
    let house = House::new();
    let (line, leg) = placed(&house, "wait", true).await;
    leg.set_variable("park_after_bridge", "true");
    transfer(&line, "wait");
    settle().await;
    assert_eq!(leg.entered().last(), Some(&State::Park));
    assert_eq!(leg.sources().last().map(String::as_str), Some("Silence"));
    assert!(house.ended().is_empty());
    // Parted for good: neither end reaches the other.
    line.session().hang_up(Cause::UserBusy);
    settle().await;
    assert_eq!(leg.entered().last(), Some(&State::Park));
}

#[tokio::test(start_paused = true)]
async fn a_transferred_second_leg_runs_what_it_was_sent_to() {
    let house = House::new();
    let (line, leg) = placed(&house, "wait", true).await;
    command(&leg, Command::Hear(Some(line.stream())));
    transfer(&leg, "done leg|wait");
    settle().await;
    assert_eq!(leg.sources().last().map(String::as_str), Some("Silence"));
    let log = house.log.take();
    assert_eq!(log[0], "done leg");
    assert!(log[1].starts_with("peer Ended"), "{log:?}");
    assert_eq!(leg.session().snapshot().destination, "done leg|wait");
    assert_eq!(line.session().snapshot().state, State::Execute);
    // A ringing leg has nobody to run anything for: it goes on ringing.
    let (line, leg) = placed(&house, "wait", false).await;
    transfer(&leg, "done leg");
    settle().await;
    leg.peer_answers();
    settle().await;
    assert_eq!(leg.entered().last(), Some(&State::ExchangeMedia));
    assert_eq!(line.session().snapshot().peer, Some(leg.session().id()));
}

#[tokio::test(start_paused = true)]
async fn a_second_transfer_forgets_what_the_first_found() {
    let house = House::new();
    let (session, line) = house.dialled("done first|wait");
    line.veto(State::Execute);
    tokio::spawn(session.run());
    settle().await;
    assert_eq!(line.entered().last(), Some(&State::Execute));
    transfer(&line, "nowhere");
    settle().await;
    assert_eq!(house.ended(), [(Cause::NoRouteDestination, 1)]);
    assert!(house.log.take().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_endpoint_frees_everything_and_tells_the_peer() {
    let house = House::new();
    let (line, leg) = placed(&house, "wait", true).await;
    line.panics_next();
    settle().await;
    assert_eq!(house.ended(), [(Cause::Crash, 2)]);
    house.assert_empty();

    let (line, leg2) = placed(&house, "wait", true).await;
    leg2.panics_next();
    settle().await;
    assert!(house.log.take()[0].contains("Crash"));
    line.session().hang_up(Cause::NormalClearing);
    settle().await;
    house.assert_empty();
    drop(leg);
}

#[tokio::test(start_paused = true)]
async fn only_the_peer_is_listened_to() {
    let house = House::new();
    let (line, leg) = placed(&house, "wait", true).await;
    let stranger = house.call("wait").await;
    let ended = LegEvent::Ended { cause: Cause::UserBusy, status: None };
    for of in [&line, &leg] {
        of.session().send(Message::Peer(stranger.session().id(), ended.clone())).unwrap();
    }
    settle().await;
    assert!(house.log.take().is_empty());
    assert!(house.ended().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_leg_hears_what_it_is_told_to() {
    let house = House::new();
    let (line, leg) = placed(&house, "wait", true).await;
    command(&leg, Command::Hear(Some(line.stream())));
    settle().await;
    assert_eq!(leg.sources(), [format!("{:?}", Source::Stream(line.stream()))]);
    command(&leg, Command::Hear(None));
    settle().await;
    assert_eq!(leg.sources().last().map(String::as_str), Some("Silence"));
}
