//! Leaving without cutting a call. New calls are refused, those that are up go on until they end or the deadline
//! comes, then they are ended with BYE. Asked for by HTTP, the switch stays up and may take it back; after a
//! signal the process ends with the last call.
//!
//! What happens when is `phase`'s; here clocks, signals and calls meet it.

mod phase;
mod progress;
mod signals;

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use self::phase::{Event, Phase, Why};
use self::progress::Progress;
pub use self::signals::{HangUps, Signals};

/// How long calls that were ended with BYE may take to be gone.
pub const FAREWELL: Duration = Duration::from_millis(1500);
/// How often the calls that are left are counted, for the log.
const LOOK: Duration = Duration::from_secs(1);

/// The calls of a switch, as its end sees them.
pub trait Drainable: Send + Sync {
    /// Takes no new calls and is no longer ready, or is as before.
    fn set_draining(&self, draining: bool);
    /// Calls that are up.
    fn calls(&self) -> usize;
    /// Waits until none is up.
    fn until_empty(&self) -> impl Future<Output = ()> + Send;
    /// Ends every call with BYE, or as it has to be ended.
    fn end_calls(&self);
}

/// Why the process ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// Every call is gone.
    Empty,
    /// Calls were ended, and some did not say that they were gone in time.
    Late,
    /// A second signal.
    Forced,
}

/// How far the switch is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Status {
    /// No new calls are taken.
    pub draining: bool,
    /// The process ends with the last call: that is not taken back.
    pub leaving: bool,
    /// Calls that are up.
    pub calls: usize,
    /// When those that are left then are ended; none while the switch does not drain. It may be over.
    pub deadline: Option<SystemTime>,
    /// Until then.
    pub left: Option<Duration>,
}

/// A signal is on its way through the switch: what it began ends with the process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Leaving;

/// Drains these calls, or does not.
#[derive(Debug)]
pub struct Drain<S> {
    calls: S,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    deadline: Option<(Instant, SystemTime)>,
    /// Counts how often it began.
    turn: u64,
}

impl<S: Drainable> Drain<S> {
    /// Takes calls.
    pub fn new(calls: S) -> Self {
        let state = State { phase: Phase::Serving, deadline: None, turn: 0 };
        Self { calls, state: Mutex::new(state), changed: Notify::new() }
    }

    /// Begins, or sets another deadline; from when it returns no new call is taken. After a signal nothing
    /// changes: what it set stands.
    pub fn begin(&self, deadline: Duration) -> Status {
        self.step(Event::Begun, deadline);
        self.status()
    }

    /// Takes calls again.
    ///
    /// # Errors
    /// [`Leaving`] after a signal.
    pub fn take_back(&self) -> Result<Status, Leaving> {
        self.step(Event::TakenBack, Duration::ZERO);
        let status = self.status();
        if status.leaving { Err(Leaving) } else { Ok(status) }
    }

    /// How far it is.
    pub fn status(&self) -> Status {
        let state = self.state();
        let (draining, leaving) = match state.phase {
            Phase::Serving => (false, false),
            Phase::Draining(why) | Phase::Ending(why) => (true, why == Why::Leaving),
            Phase::Over(_) => (true, true),
        };
        Status {
            draining,
            leaving,
            calls: self.calls.calls(),
            deadline: state.deadline.map(|(_, time)| time),
            left: state.deadline.map(|(at, _)| at.saturating_duration_since(Instant::now())),
        }
    }

    /// Runs until the switch has ended. `next_signal` is waited for again and again, and may be dropped while it
    /// waits; `deadline` is asked at a signal.
    pub async fn until_ended(&self, deadline: impl Fn() -> Duration, mut signal: impl AsyncFnMut()) -> Ended {
        let mut progress = Progress::default();
        // The turn whose last call is known to be gone.
        let mut emptied = 0;
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Registered before looking, so that no change in between is missed.
            changed.as_mut().enable();
            let (phase, end, turn) = {
                let state = self.state();
                (state.phase, state.deadline.map(|(at, _)| at), state.turn)
            };
            let (timeout, waits) = match phase {
                Phase::Over(ended) => return ended,
                Phase::Serving => (None, false),
                Phase::Draining(why) => (end, why == Why::Leaving || emptied != turn),
                Phase::Ending(Why::Maintenance) => (None, emptied != turn),
                Phase::Ending(Why::Leaving) => (end.map(|end| end + FAREWELL), true),
            };
            if waits {
                progress.look(turn, self.calls.calls(), end);
            }
            tokio::select! {
                biased;
                () = signal() => self.step(Event::Signal, deadline()),
                () = self.calls.until_empty(), if waits => {
                    emptied = turn;
                    tracing::info!(took_s = progress.elapsed().as_secs(), "drained: the last call has ended");
                    self.step(Event::Empty, Duration::ZERO);
                }
                () = at(timeout) => self.step(Event::Timeout, Duration::ZERO),
                () = changed => {}
                () = sleep(LOOK), if waits => {}
            }
        }
    }

    /// One event; what entering a phase does is done before anybody sees it.
    fn step(&self, event: Event, deadline: Duration) {
        let mut state = self.state();
        let before = state.phase;
        let next = before.next(event);
        // Begun once more sets another deadline.
        let begins = event == Event::Begun && next == Phase::Draining(Why::Maintenance);
        if next == before && !begins {
            return;
        }
        state.phase = next;
        match next {
            Phase::Serving => {
                state.deadline = None;
                self.calls.set_draining(false);
                tracing::info!(calls = self.calls.calls(), "the drain is taken back: calls are taken");
            }
            Phase::Draining(why) => {
                let now = Instant::now();
                let never = now + Duration::from_secs(86_400 * 365);
                let at = now.checked_add(deadline).unwrap_or(never);
                state.deadline = Some((at, SystemTime::now() + (at - now)));
                state.turn += 1;
                self.calls.set_draining(true);
                let leaving = why == Why::Leaving;
                tracing::info!(
                    calls = self.calls.calls(),
                    ?deadline,
                    leaving,
                    "draining: no new calls are taken"
                );
            }
            Phase::Ending(_) => {
                tracing::info!(calls = self.calls.calls(), "the drain deadline is over: the calls are ended");
                self.calls.end_calls();
            }
            Phase::Over(ended) => {
                tracing::info!(?ended, calls = self.calls.calls(), "the switch ends");
            }
        }
        drop(state);
        self.changed.notify_waiters();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
