//! Where the switch is on its way out: a machine of its own, apart from signals, clocks and calls.
//!
//! ```text
//!            ┌──────────────────── taken back ───────────────────┐
//!            ▼                                                   │
//! Serving ──begun──▶ Draining(Maintenance) ──deadline──▶ Ending(Maintenance)
//!    │                       │                                   │
//!  signal                  signal                              signal
//!    ▼                       ▼                                   │
//!    └────────────▶ Draining(Leaving) ◀──────────────────────────┘
//!                        │       └──────deadline──▶ Ending(Leaving)
//!                        └── no call left, or a signal ──▶ Over ◀──┘ (late, too)
//! ```

use super::Ended;

/// For what the switch drains.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Why {
    /// Somebody asked for it, and may take it back.
    Maintenance,
    /// A signal: the process ends.
    Leaving,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    /// Calls are taken.
    Serving,
    /// Calls go on, none is taken.
    Draining(Why),
    /// Calls were told to end.
    Ending(Why),
    /// The process ends.
    Over(Ended),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Event {
    /// By HTTP; again it sets another deadline.
    Begun,
    /// By HTTP.
    TakenBack,
    Signal,
    Empty,
    Timeout,
}

impl Phase {
    /// The one transition function. Coming from an event to `Draining`, or into any other phase, is what does
    /// something; staying does not.
    pub(super) fn next(self, event: Event) -> Self {
        use Why::{Leaving, Maintenance};
        match (self, event) {
            (Self::Serving | Self::Draining(Maintenance) | Self::Ending(Maintenance), Event::Begun) => {
                Self::Draining(Maintenance)
            }
            (Self::Draining(Maintenance) | Self::Ending(Maintenance), Event::TakenBack) => Self::Serving,
            (Self::Serving | Self::Draining(Maintenance) | Self::Ending(Maintenance), Event::Signal) => {
                Self::Draining(Leaving)
            }
            (Self::Draining(why), Event::Timeout) => Self::Ending(why),
            (Self::Draining(Leaving) | Self::Ending(Leaving), Event::Signal) => Self::Over(Ended::Forced),
            (Self::Draining(Leaving) | Self::Ending(Leaving), Event::Empty) => Self::Over(Ended::Empty),
            (Self::Ending(Leaving), Event::Timeout) => Self::Over(Ended::Late),
            (
                Self::Serving
                | Self::Draining(_)
                | Self::Ending(_)
                | Self::Over(Ended::Empty | Ended::Late | Ended::Forced),
                _,
            ) => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Event::{Begun, Empty, Signal, TakenBack, Timeout};
    use super::Phase::{Draining, Ending, Over, Serving};
    use super::Why::{Leaving, Maintenance};
    use super::*;

    #[test]
    fn the_machine_as_a_table() {
        let [empty, late, forced] = [Ended::Empty, Ended::Late, Ended::Forced].map(Over);
        let [maintained, leaving] = [Draining(Maintenance), Draining(Leaving)];
        let expected = [
            // Begun, TakenBack, Signal, Empty, Timeout
            (Serving, [maintained, Serving, leaving, Serving, Serving]),
            (maintained, [maintained, Serving, leaving, maintained, Ending(Maintenance)]),
            (Ending(Maintenance), [maintained, Serving, leaving, Ending(Maintenance), Ending(Maintenance)]),
            (leaving, [leaving, leaving, forced, empty, Ending(Leaving)]),
            (Ending(Leaving), [Ending(Leaving), Ending(Leaving), forced, empty, late]),
            (empty, [empty; 5]),
            (late, [late; 5]),
            (forced, [forced; 5]),
        ];
        for (phase, next) in expected {
            assert_eq!(
                [Begun, TakenBack, Signal, Empty, Timeout].map(|event| phase.next(event)),
                next,
                "{phase:?}"
            );
        }
    }
}
