//! Session timers (RFC 4028): what two sides agree on, when this one refreshes, and when it gives up.
//!
//! ```text
//!                          agreement                      half the interval: Refresh
//! OFF ──────────────────────────────▶ RUNNING ◀──────────────────────────────▶ (its answer: agreement,
//!  ▲                                    │  │                                     retry, or End)
//!  └── an answer without an agreement ──┘  └── shortly before the interval ends: End
//! ```
//!
//! Owns the arithmetic and the headers' meaning. Refuses to know how a refresh is sent.

use std::time::{Duration, Instant};

use crate::message::{Request, Response, SessionExpires};

/// The longest a side gives up before the interval ends (§10).
const MARGIN: Duration = Duration::from_secs(32);
/// A refresh that failed is tried again while at least this much is left.
const RETRY: Duration = Duration::from_millis(500);

/// What this side wants of every session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The interval asked for. None: sessions are timed only where the peer asks.
    pub interval: Option<Duration>,
    /// Shortest interval taken; a shorter one is refused with 422.
    pub shortest: Duration,
}

impl Default for Policy {
    /// Half an hour, as §4 recommends, and not below 90 s, which §5 makes the least.
    fn default() -> Self {
        Self { interval: Some(Duration::from_secs(1800)), shortest: Duration::from_secs(90) }
    }
}

/// A request asks for too short an interval: 422, with this as Min-SE (§6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooBrief(pub Duration);

impl Policy {
    /// What a 2xx to this INVITE or UPDATE of the peer's says in Session-Expires; none: the session is not
    /// timed. With `refresher=uac` the 2xx needs `Require: timer` (§9).
    ///
    /// # Errors
    /// [`TooBrief`], only for a peer that supports timers: others do not know 422.
    pub fn answer(&self, request: &Request) -> Result<Option<SessionExpires>, TooBrief> {
        let headers = &request.headers;
        let supports = headers.lists("Supported", "timer") || headers.lists("Require", "timer");
        // What cannot be read is not there: the call matters more than its timer.
        let least = headers.min_se().ok().flatten().unwrap_or_default().max(self.shortest);
        let timed = |interval, refresher_is_uac| {
            Ok(Some(SessionExpires { interval, refresher_is_uac: Some(refresher_is_uac) }))
        };
        match headers.session_expires().ok().flatten() {
            Some(asked) if asked.interval < self.shortest && supports => Err(TooBrief(self.shortest)),
            Some(asked) if asked.interval < self.shortest => Ok(None),
            Some(asked) => {
                // It may be shortened, never below Min-SE, and not lengthened (§9).
                let ours = self.interval.unwrap_or(asked.interval).max(least);
                timed(asked.interval.min(ours), supports && asked.refresher_is_uac != Some(false))
            }
            None => match self.interval {
                Some(ours) if supports => timed(ours.max(least), true),
                _ => Ok(None),
            },
        }
    }
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send an UPDATE or a re-INVITE.
    Refresh,
    /// Nobody refreshed: end the session with BYE.
    End,
}

/// How long after a 491 the request may be sent again (RFC 3261 §14.1): in steps of 10 ms, and so that the
/// two sides do not meet again.
pub fn glare_delay(owns_call_id: bool, random: u64) -> Duration {
    let steps = if owns_call_id { 210 + random % 191 } else { random % 201 };
    Duration::from_millis(10 * steps)
}

/// The timer of one session, from this side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionTimer {
    /// What the next request of ours asks for.
    interval: Option<Duration>,
    /// The largest Min-SE a 422 told us.
    min_se: Option<Duration>,
    running: Option<Running>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Running {
    we_refresh: bool,
    interval: Duration,
    refresh_at: Option<Instant>,
    end_at: Instant,
}

impl SessionTimer {
    /// One that does not run yet.
    pub fn new(policy: Policy) -> Self {
        Self { interval: policy.interval, min_se: None, running: None }
    }

    /// What a request of ours says: Session-Expires and, after a 422, Min-SE (§7.1, §7.4).
    pub fn ask(&self) -> Option<(SessionExpires, Option<Duration>)> {
        let interval = self.running.map(|running| running.interval).or(self.interval)?;
        let interval = self.min_se.map_or(interval, |least| interval.max(least));
        // The refresher stays who it is; in the first request the callee may choose.
        let refresher_is_uac = self.running.map(|running| running.we_refresh);
        Some((SessionExpires { interval, refresher_is_uac }, self.min_se))
    }

    /// We answered the peer's request with this agreement: it is the UAC of its refresher.
    pub fn answered(&mut self, now: Instant, agreement: Option<&SessionExpires>) {
        self.agree(now, agreement, |agreement| agreement.refresher_is_uac == Some(false));
    }

    /// The peer answered a request of ours 2xx: we are the UAC of its refresher. Without Session-Expires the
    /// session is not timed any more (§7.2).
    pub fn refreshed(&mut self, now: Instant, response: &Response) {
        let agreement = response.headers.session_expires().ok().flatten();
        self.agree(now, agreement.as_ref(), |agreement| agreement.refresher_is_uac != Some(false));
    }

    /// Takes the Min-SE of a 422; false where sending again would bring nothing new.
    pub fn too_brief(&mut self, response: &Response) -> bool {
        let Some(least) = response.headers.min_se().ok().flatten() else { return false };
        let asked = self.ask().map_or(Duration::ZERO, |(asked, _)| asked.interval);
        if least <= asked {
            return false;
        }
        self.min_se = Some(least);
        true
    }

    /// A refresh of ours failed with this status (408 where nothing came, §10). `again` is how long to wait
    /// where the status says that trying again may help at once.
    pub fn failed(&mut self, now: Instant, status: u16, again: Option<Duration>) -> Option<Action> {
        let running = self.running.as_mut()?;
        if matches!(status, 408 | 481) {
            return Some(Action::End);
        }
        // Otherwise the session goes on until it expires (RFC 3261 §14.1): there may be time for another one.
        let left = running.end_at.saturating_duration_since(now);
        let wait = again.unwrap_or(left / 2);
        running.refresh_at = (again.is_some() || wait >= RETRY).then(|| now + wait);
        None
    }

    /// When [`Self::handle_timeout`] is due.
    pub fn next_timeout(&self) -> Option<Instant> {
        let running = self.running?;
        Some(running.refresh_at.map_or(running.end_at, |at| at.min(running.end_at)))
    }

    /// Time has come to [`Self::next_timeout`].
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Action> {
        let running = self.running.as_mut()?;
        if now >= running.end_at {
            self.running = None;
            return Some(Action::End);
        }
        running.refresh_at.take_if(|at| *at <= now).map(|_| Action::Refresh)
    }

    fn agree(
        &mut self,
        now: Instant,
        agreement: Option<&SessionExpires>,
        we_refresh: impl Fn(&SessionExpires) -> bool,
    ) {
        self.running = agreement.filter(|agreement| !agreement.interval.is_zero()).map(|agreement| {
            let (interval, we_refresh) = (agreement.interval, we_refresh(agreement));
            Running {
                we_refresh,
                interval,
                refresh_at: we_refresh.then(|| now + interval / 2),
                end_at: now + interval - MARGIN.min(interval / 3),
            }
        });
    }
}
