//! How far it is, on standard error: one line that is written over on a terminal, a line now and then in a log.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// Bytes that move.
pub(super) struct Progress {
    what: String,
    /// Bytes; an estimate may be passed.
    total: Option<u64>,
    done: u64,
    /// When the first bytes came: what the daemon needed to prepare them says nothing of their rate.
    started: Option<Instant>,
    shown: Option<Instant>,
    terminal: bool,
}

/// How often a terminal's line is written over.
const TERMINAL: Duration = Duration::from_millis(200);
/// How often a log gets a line.
const LOG: Duration = Duration::from_secs(10);

/// Before that a rate is no ground for a forecast.
const SETTLED: Duration = Duration::from_secs(1);

impl Progress {
    pub(super) fn new(what: impl Into<String>, total: Option<u64>) -> Self {
        let terminal = io::stderr().is_terminal();
        Self { what: what.into(), total, done: 0, started: None, shown: None, terminal }
    }

    pub(super) fn add(&mut self, bytes: u64) {
        self.done += bytes;
        let now = Instant::now();
        let started = *self.started.get_or_insert(now);
        if now - self.shown.unwrap_or(started) >= if self.terminal { TERMINAL } else { LOG } {
            self.shown = Some(now);
            let line = line(&self.what, self.done, self.total, now - started);
            if self.terminal { say(&format!("\r{line}\x1b[K")) } else { say(&format!("{line}\n")) }
        }
    }

    /// The last line, which stays.
    pub(super) fn finish(self) {
        let taken = self.started.map_or(Duration::ZERO, |started| started.elapsed());
        let line = line(&self.what, self.done, None, taken);
        if self.terminal { say(&format!("\r{line}\x1b[K\n")) } else { say(&format!("{line}\n")) }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        // An error must not be written behind half a line.
        if self.terminal && self.shown.is_some() {
            say("\r\x1b[K");
        }
    }
}

/// Nobody can be told that standard error is closed.
pub(super) fn say(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

fn line(what: &str, done: u64, total: Option<u64>, taken: Duration) -> String {
    let seconds = taken.as_secs_f64().max(0.001);
    let rate = done as f64 / seconds;
    let mut line = format!("{what}: {}", size(done));
    if let Some(total) = total.filter(|total| *total >= done && *total > 0) {
        line.push_str(&format!(" of {} ({}%)", size(total), done * 100 / total));
    }
    line.push_str(&format!(", {}/s", size(rate as u64)));
    if let Some(left) =
        total.and_then(|total| total.checked_sub(done)).filter(|_| rate >= 1.0 && taken >= SETTLED)
    {
        line.push_str(&format!(", {} left", span(left as f64 / rate)));
    }
    line
}

/// Bytes in the units of Docker's client (powers of 1000).
pub(super) fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if value < 999.5 {
            let digits = if unit == "B" || value >= 99.95 { 0 } else { 1 };
            return format!("{value:.digits$}{unit}");
        }
        value /= 1000.0;
    }
    format!("{value:.1}TB")
}

fn span(seconds: f64) -> String {
    let seconds = seconds.ceil() as u64;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_and_time_left() {
        let after = |done, total, seconds| line("load", done, total, Duration::from_secs(seconds));
        assert_eq!(after(10_000_000, Some(40_000_000), 2), "load: 10.0MB of 40.0MB (25%), 5.0MB/s, 6s left");
        assert_eq!(after(1_000, None, 1), "load: 1.0kB, 1.0kB/s");
        let early = line("load", 1_000, Some(9_000), Duration::from_millis(500));
        assert_eq!(early, "load: 1.0kB of 9.0kB (11%), 2.0kB/s");
        // The size of what is saved is an estimate.
        assert_eq!(after(50_000_000, Some(40_000_000), 1), "load: 50.0MB, 50.0MB/s");
        assert_eq!(
            after(1_000_000, Some(1_000_000_000), 10),
            "load: 1.0MB of 1.0GB (0%), 100kB/s, 2h46m left"
        );
    }
}
