//! The mailbox: bounded, and nobody waits for it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{House, settle};
use crate::cause::Cause;
use crate::handle::{Command, MAILBOX, Message, SendError, SessionHandle};
use crate::state::State;

#[tokio::test(start_paused = true)]
async fn a_full_mailbox_hangs_up_and_is_counted_once() {
    let house = House::new();
    let line = house.call("wait").await;
    let handle = line.session();
    for _ in 0..MAILBOX {
        handle.send(Message::Command(Command::Hear(None))).unwrap();
    }
    for _ in 0..3 {
        assert_eq!(handle.send(Message::Command(Command::Break)), Err(SendError::Full));
    }
    settle().await;
    assert_eq!(house.ended(), [(Cause::SwitchCongestion, 1)]);
    assert_eq!(house.switch.counters().mailbox_overflows.load(Ordering::Relaxed), 1);
    assert_eq!(handle.send(Message::Command(Command::Break)), Err(SendError::Gone));
    house.assert_empty();
}

/// Sends commands as fast as it can until the other is gone.
async fn command_without_end(other: SessionHandle) -> u64 {
    let mut sent = 0;
    loop {
        for state in [State::Park, State::SoftExecute] {
            match other.send(Message::Command(Command::SetState(state))) {
                Ok(()) => sent += 1,
                Err(SendError::Full) => {}
                Err(SendError::Gone) => return sent,
            }
        }
        if sent % 7 == 0 {
            tokio::task::yield_now().await;
        }
    }
}

/// On two threads, so that the two really meet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_sessions_that_command_each_other_at_once_both_end() {
    for _ in 0..20 {
        let house = House::new();
        let (first, second) = (house.dialled("wait"), house.dialled("wait"));
        let (a, b) = (Arc::clone(&first.1), Arc::clone(&second.1));
        tokio::spawn(first.0.run());
        tokio::spawn(second.0.run());
        let storms = [
            tokio::spawn(command_without_end(a.session().clone())),
            tokio::spawn(command_without_end(b.session().clone())),
        ];
        // Should neither overflow, this ends them.
        tokio::time::sleep(Duration::from_millis(5)).await;
        house.switch.hang_up_all(Cause::ManagerRequest);
        tokio::time::timeout(Duration::from_secs(60), house.switch.until_empty()).await.unwrap();
        for storm in storms {
            tokio::time::timeout(Duration::from_secs(60), storm).await.unwrap().unwrap();
        }
        house.assert_empty();
    }
}

#[tokio::test(start_paused = true)]
async fn two_sessions_with_full_mailboxes_that_end_at_once_both_end() {
    let house = House::new();
    let line = house.call("answer|place sip:1@h").await;
    let leg = house.placed();
    leg.peer_answers();
    settle().await;
    for handle in [line.session(), leg.session()] {
        for _ in 0..MAILBOX {
            handle.send(Message::Command(Command::Hear(None))).unwrap();
        }
    }
    // Each wants to tell the other, and neither can.
    line.session().hang_up(Cause::UserBusy);
    leg.session().hang_up(Cause::NoAnswer);
    settle().await;
    assert_eq!(house.ended(), [(Cause::UserBusy, 1), (Cause::NoAnswer, 1)]);
    house.assert_empty();
}
