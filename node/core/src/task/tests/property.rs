//! Whatever happens to a call, hung up it ends in DESTROY and gives everything back.

use std::time::Duration;

use proptest::prelude::*;

use super::{Does, House, Noting, turns};
use crate::cause::Cause;
use crate::handle::{Command, Message};
use crate::leg::LegEvent;
use crate::media::{MediaEvent, StreamId};
use crate::state::{STATES, State};
use crate::switch::SwitchConfig;
use crate::testing::Line;

/// One thing that happens, to the first leg or to the one placed last.
#[derive(Clone, Debug)]
enum Happens {
    Command(Command),
    Media(MediaEvent),
    Leg(Leg),
    HangUp(Cause),
    Panic,
    Passes(u64),
}

#[derive(Clone, Copy, Debug)]
enum Leg {
    Rings,
    EarlyMedia,
    Answers,
    Ends,
}

fn state() -> impl Strategy<Value = State> {
    prop_oneof![10 => prop::sample::select(&STATES[..]), 1 => Just(State::None)]
}

fn actions() -> impl Strategy<Value = String> {
    let action = prop::sample::select(vec![
        "done",
        "wait",
        "events",
        "place sip:1@h",
        "place other:1@h",
        "place_two sip:1@h",
        "forget sip:1@h",
        "answer",
        "sleep 50",
        "panic",
        "panic_inside",
        "panic_late",
        "stubborn",
        "frantic",
        "unknown",
    ]);
    prop_oneof![
        8 => prop::collection::vec(action, 1..5).prop_map(|actions| actions.join("|")),
        1 => Just("nowhere".to_owned()),
    ]
}

fn happens() -> impl Strategy<Value = (bool, Happens)> {
    let command = prop_oneof![
        state().prop_map(Command::SetState),
        actions().prop_map(|destination| Command::Transfer { destination }),
        Just(Command::Break),
        Just(Command::Hear(None)),
        (0..4u64).prop_map(|stream| Command::Hear(Some(StreamId(stream)))),
    ];
    let media = prop::sample::select(vec![
        MediaEvent::PlaybackEnded,
        MediaEvent::Dtmf { digit: '1', duration: Duration::ZERO },
        MediaEvent::Silence,
        MediaEvent::WorkerLost,
    ]);
    let leg = prop::sample::select(vec![Leg::Rings, Leg::EarlyMedia, Leg::Answers, Leg::Ends]);
    let cause = prop::sample::select(vec![Cause::NormalClearing, Cause::UserBusy]);
    let happens = prop_oneof![
        12 => command.prop_map(Happens::Command),
        4 => media.prop_map(Happens::Media),
        8 => leg.prop_map(Happens::Leg),
        1 => cause.prop_map(Happens::HangUp),
        1 => Just(Happens::Panic),
        8 => (0..300u64).prop_map(Happens::Passes),
    ];
    (any::<bool>(), happens)
}

fn does() -> impl Strategy<Value = Does> {
    prop_oneof![4 => Just(Does::Veto), 4 => state().prop_map(Does::Set), 1 => Just(Does::Panic)]
}

/// Who objects to what: kind of handler, state, what it does there.
fn objections() -> impl Strategy<Value = Vec<(usize, State, Does)>> {
    prop::collection::vec((0..3usize, state(), does()), 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn every_call_ends_and_gives_everything_back(
        dialled in actions(),
        objections in objections(),
        story in prop::collection::vec(happens(), 0..25),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(live(&dialled, &objections, story));
    }
}

async fn live(dialled: &str, objections: &[(usize, State, Does)], story: Vec<(bool, Happens)>) {
    let of = |kind: usize| objections.iter().filter(move |(of, ..)| *of == kind);
    // A global handler that sends every channel round would keep a second leg from hearing of the end.
    let global = of(2).filter(|(.., does)| !matches!(does, Does::Set(_)));
    let global = global.map(|&(_, at, does)| Noting::new("global", at, does)).collect();
    let house = House::with(SwitchConfig::default(), global);
    let (mut session, line) = house.dialled(dialled);
    for &(_, at, does) in of(0) {
        match does {
            Does::Veto => line.veto(at),
            Does::Set(to) => line.jump(at, to),
            Does::Panic => line.panic_in(at),
            Does::Nothing => {}
        }
    }
    for &(_, at, does) in of(1) {
        session.add_handler(Noting::new("own", at, does).writing(&house.noted));
    }
    tokio::spawn(session.run());
    turns().await;

    for (second, happens) in story {
        let leg = house.lines.placed().last().map(|(_, leg)| leg.clone());
        let on = if second { leg.unwrap_or_else(|| line.clone()) } else { line.clone() };
        happen(&on, happens).await;
        turns().await;
    }

    line.session().hang_up(Cause::NormalClearing);
    // The clock is moved by hand: a channel that goes round is never at rest.
    for _ in 0..20 {
        turns().await;
        tokio::time::advance(Duration::from_millis(100)).await;
    }
    // Whoever was parted from goes on by itself.
    house.switch.hang_up_all(Cause::NormalClearing);
    for _ in 0..20 {
        turns().await;
        tokio::time::advance(Duration::from_millis(100)).await;
    }
    house.assert_empty();
    let panics = objections.iter().any(|(.., does)| matches!(does, Does::Panic));
    for line in house.lines.placed().iter().map(|(_, line)| line).chain([&line]) {
        let crashed = panics || line.did().contains(&crate::testing::Did::Noted("panic".into()));
        assert!(crashed || line.entered().last() == Some(&State::Destroy), "{:?}", line.did());
    }
}

async fn happen(line: &Line, happens: Happens) {
    let handle = line.session();
    match happens {
        // A call that has ended takes no message.
        Happens::Command(command) => _ = handle.send(Message::Command(command)),
        Happens::Media(event) => crate::media::MediaSink::deliver(handle, StreamId(0), event),
        Happens::Leg(Leg::Ends) => {
            line.peer(vec![LegEvent::Ended { cause: Cause::UserBusy, status: None }]);
        }
        Happens::Leg(Leg::Rings) => line.peer(vec![LegEvent::Ringing]),
        Happens::Leg(leg) => {
            let audio = crate::audio::LegAudio { audio: crate::testing::audio(), stream: StreamId(0) };
            line.peer(vec![match leg {
                Leg::EarlyMedia => LegEvent::EarlyMedia(audio),
                _ => LegEvent::Answered(audio),
            }]);
        }
        Happens::HangUp(cause) => _ = handle.hang_up(cause),
        Happens::Panic => {
            line.note("panic");
            line.panics_next();
        }
        Happens::Passes(milliseconds) => tokio::time::advance(Duration::from_millis(milliseconds)).await,
    }
}
