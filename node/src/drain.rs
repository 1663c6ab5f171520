//! How the switch ends. What happens at a signal is a machine of its own, apart from signals, clocks and calls:
//!
//! ```text
//! Serving ──signal──▶ Draining ──deadline──▶ Ending ──▶ Over
//!                        └─────no call left────────────▶
//!                        └──────signal─────────┴───────▶ (at once)
//! ```

use std::future::Future;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long calls that were ended with BYE may take to be gone.
pub const FAREWELL: Duration = Duration::from_millis(1500);

/// The calls of a switch, as its end sees them.
pub trait Drainable: Send + Sync {
    /// Takes no new calls and is no longer ready.
    fn stop_taking(&self);
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

/// Where the switch is on its way to the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// Calls are taken.
    Serving,
    /// Calls go on, none is taken.
    Draining,
    /// Calls were told to end.
    Ending,
    /// The process ends.
    Over(Ended),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Event {
    Signal,
    Empty,
    Timeout,
}

impl Phase {
    /// The one transition function. Entering a phase is what does something; staying in it does not.
    fn next(self, event: Event) -> Self {
        match (self, event) {
            (Self::Serving, Event::Signal) => Self::Draining,
            (Self::Draining | Self::Ending, Event::Signal) => Self::Over(Ended::Forced),
            (Self::Draining | Self::Ending, Event::Empty) => Self::Over(Ended::Empty),
            (Self::Draining, Event::Timeout) => Self::Ending,
            (Self::Ending, Event::Timeout) => Self::Over(Ended::Late),
            (Self::Serving, Event::Empty | Event::Timeout) | (Self::Over(_), _) => self,
        }
    }
}

/// SIGTERM and SIGINT, alike. Made early, so that a signal during the start is not lost.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Takes both signals over.
    ///
    /// # Errors
    /// What the kernel said.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next of either.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Runs until the switch has ended. `next_signal` is waited for again and again.
pub async fn until_ended(
    switch: &impl Drainable,
    deadline: Duration,
    mut next_signal: impl AsyncFnMut(),
) -> Ended {
    let mut phase = Phase::Serving;
    loop {
        let event = match phase {
            Phase::Serving => {
                next_signal().await;
                Event::Signal
            }
            Phase::Draining => {
                switch.stop_taking();
                tracing::info!(calls = switch.calls(), ?deadline, "draining: no new calls are taken");
                wait(switch, deadline, next_signal()).await
            }
            Phase::Ending => {
                tracing::info!(calls = switch.calls(), "the drain deadline is over: the calls are ended");
                switch.end_calls();
                wait(switch, FAREWELL, next_signal()).await
            }
            Phase::Over(ended) => {
                tracing::info!(?ended, calls = switch.calls(), "the switch ends");
                return ended;
            }
        };
        phase = phase.next(event);
    }
}

async fn wait(switch: &impl Drainable, limit: Duration, signal: impl Future<Output = ()>) -> Event {
    tokio::select! {
        biased;
        () = signal => Event::Signal,
        () = switch.until_empty() => Event::Empty,
        () = tokio::time::sleep(limit) => Event::Timeout,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::sync::watch;
    use tokio::time::{Instant, sleep};

    use super::*;

    #[test]
    fn the_machine_as_a_table() {
        use Event::{Empty, Signal, Timeout};
        let over = [Ended::Empty, Ended::Late, Ended::Forced].map(Phase::Over);
        let expected = [
            (Phase::Serving, [Phase::Draining, Phase::Serving, Phase::Serving]),
            (Phase::Draining, [over[2], over[0], Phase::Ending]),
            (Phase::Ending, [over[2], over[0], over[1]]),
            (over[0], [over[0]; 3]),
            (over[1], [over[1]; 3]),
            (over[2], [over[2]; 3]),
        ];
        for (phase, next) in expected {
            assert_eq!([Signal, Empty, Timeout].map(|event| phase.next(event)), next, "{phase:?}");
        }
    }

    /// Calls that end when told, or do not.
    struct Calls {
        up: watch::Sender<usize>,
        obey: bool,
        told: Mutex<Vec<(&'static str, Instant)>>,
    }

    impl Calls {
        fn new(up: usize, obey: bool) -> Self {
            Self { up: watch::Sender::new(up), obey, told: Mutex::default() }
        }

        fn told(&self, since: Instant) -> Vec<(&'static str, u64)> {
            self.told.lock().unwrap().iter().map(|(what, at)| (*what, (*at - since).as_secs())).collect()
        }
    }

    impl Drainable for Calls {
        fn stop_taking(&self) {
            self.told.lock().unwrap().push(("stop", Instant::now()));
        }

        fn calls(&self) -> usize {
            *self.up.borrow()
        }

        async fn until_empty(&self) {
            let _ = self.up.subscribe().wait_for(|up| *up == 0).await;
        }

        fn end_calls(&self) {
            self.told.lock().unwrap().push(("end", Instant::now()));
            if self.obey {
                self.up.send_replace(0);
            }
        }
    }

    /// Signals at these seconds, then never.
    fn signals(at: &[u64]) -> impl AsyncFnMut() {
        let started = Instant::now();
        let mut at = at.iter().copied();
        async move || match at.next() {
            Some(second) => tokio::time::sleep_until(started + Duration::from_secs(second)).await,
            None => std::future::pending().await,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_calls_it_ends_at_once() {
        let (calls, since) = (Calls::new(0, true), Instant::now());
        assert_eq!(until_ended(&calls, Duration::from_secs(8), signals(&[3])).await, Ended::Empty);
        assert_eq!(since.elapsed().as_secs(), 3);
        assert_eq!(calls.told(since), [("stop", 3)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_ends_in_time_is_left_alone() {
        let (calls, since) = (Calls::new(1, true), Instant::now());
        let hang_up = async {
            sleep(Duration::from_secs(5)).await;
            calls.up.send_replace(0);
        };
        let (ended, ()) = tokio::join!(until_ended(&calls, Duration::from_secs(8), signals(&[1])), hang_up);
        assert_eq!(ended, Ended::Empty);
        assert_eq!((since.elapsed().as_secs(), calls.told(since)), (5, vec![("stop", 1)]));
    }

    #[tokio::test(start_paused = true)]
    async fn at_the_deadline_calls_are_ended() {
        let (calls, since) = (Calls::new(2, true), Instant::now());
        assert_eq!(until_ended(&calls, Duration::from_secs(8), signals(&[1])).await, Ended::Empty);
        assert_eq!((since.elapsed().as_secs(), calls.told(since)), (9, vec![("stop", 1), ("end", 9)]));
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_do_not_obey_hold_nobody_up() {
        let (calls, since) = (Calls::new(2, false), Instant::now());
        assert_eq!(until_ended(&calls, Duration::from_secs(8), signals(&[0])).await, Ended::Late);
        assert_eq!(since.elapsed(), Duration::from_secs(8) + FAREWELL);
        // Docker's ten seconds are not reached with the default deadline.
        assert!(since.elapsed() < Duration::from_secs(10));
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_signal_ends_at_once() {
        let (calls, since) = (Calls::new(2, true), Instant::now());
        assert_eq!(until_ended(&calls, Duration::from_secs(8), signals(&[1, 2])).await, Ended::Forced);
        assert_eq!((since.elapsed().as_secs(), calls.told(since)), (2, vec![("stop", 1)]));
    }
}
