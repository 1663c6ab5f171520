//! When to look, told of many changes at once: a little after the last of them, and not long after the first.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How long nothing more has to be told. Docker starts a container, and iptables restores a table, by many changes.
pub(super) const QUIET: Duration = Duration::from_millis(20);
/// How long after the first is looked in any case.
pub(super) const LATEST: Duration = Duration::from_millis(200);

/// What has been told of and not yet looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    /// The first and the last of it.
    told: Option<(Instant, Instant)>,
}

impl Pace {
    /// Something was told.
    pub(super) fn told(&mut self, now: Instant) {
        self.told = Some((self.told.map_or(now, |(first, _)| first), now));
    }

    /// When to look; not at all while there is nothing to look for.
    pub(super) fn due(&self) -> Option<Instant> {
        self.told.map(|(first, last)| (last + QUIET).min(first + LATEST))
    }

    /// Waits for that, and forgets: what is told from now on is for the next look.
    pub(super) async fn wait(&mut self) {
        match self.due() {
            Some(due) => sleep_until(due).await,
            None => std::future::pending().await,
        }
        self.told = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_look_for_many_and_none_too_late() {
        let (mut pace, begin) = (Pace::default(), Instant::now());
        assert_eq!(pace.due(), None);
        let after = |milliseconds| begin + Duration::from_millis(milliseconds);
        pace.told(after(0));
        assert_eq!(pace.due(), Some(after(20)));
        pace.told(after(15));
        assert_eq!(pace.due(), Some(after(35)));
        // Whoever never stops cannot put it off.
        (30..=300).step_by(15).for_each(|at| pace.told(after(at)));
        assert_eq!(pace.due(), Some(after(200)));
    }

    #[tokio::test]
    async fn what_was_looked_at_is_forgotten() {
        let mut pace = Pace::default();
        pace.told(Instant::now());
        pace.wait().await;
        assert_eq!(pace.due(), None);
    }
}
