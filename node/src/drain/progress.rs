//! What the log hears while calls end: each minute, and whenever they have halved.

use std::time::Duration;

use tokio::time::Instant;

const MINUTE: Duration = Duration::from_secs(60);

/// What was told last.
#[derive(Debug)]
pub(super) struct Progress {
    /// Of which drain.
    turn: u64,
    began: Instant,
    told: Instant,
    calls: usize,
}

impl Default for Progress {
    fn default() -> Self {
        let now = Instant::now();
        Self { turn: 0, began: now, told: now, calls: 0 }
    }
}

impl Progress {
    /// Tells how far it is, where that is due. The beginning is told by whoever began it.
    pub(super) fn look(&mut self, turn: u64, calls: usize, deadline: Option<Instant>) {
        let now = Instant::now();
        if turn != self.turn {
            *self = Self { turn, began: now, told: now, calls };
            return;
        }
        if !self.is_due(now, calls) {
            return;
        }
        (self.told, self.calls) = (now, calls);
        let left = deadline.map_or(Duration::ZERO, |end| end.saturating_duration_since(now));
        tracing::info!(calls, seconds_left = left.as_secs(), "draining: calls are left");
    }

    /// Since this drain began.
    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    fn is_due(&self, now: Instant, calls: usize) -> bool {
        // That none is left has a line of its own.
        calls > 0 && (calls <= self.calls / 2 || now - self.told >= MINUTE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_minute_and_each_half() {
        let mut progress = Progress::default();
        progress.look(1, 200, None);
        let told = |progress: &mut Progress, calls| {
            let before = (progress.told, progress.calls);
            progress.look(1, calls, None);
            (progress.told, progress.calls) != before
        };
        assert!(!told(&mut progress, 101));
        assert!(told(&mut progress, 100));
        assert!(!told(&mut progress, 51));
        tokio::time::advance(MINUTE).await;
        assert!(told(&mut progress, 51));
        assert!(!told(&mut progress, 26));
        assert!(told(&mut progress, 25));
        assert!(!told(&mut progress, 0));
    }
}
