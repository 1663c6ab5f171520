//! Server transactions: INVITE (RFC 3261 §17.2.1, RFC 6026 §8.5) and others (§17.2.2). The 2xx of an INVITE is
//! repeated here too, until its ACK (§13.3.1.4), so that nobody above keeps a timer.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use switch_sip::message::{Method, Request, Response};
use switch_sip::response;

use super::{Event, Flow, Key, Origin, Output, ServerId, T1, T2, T4, TIMEOUT};

/// A request of a peer's and what it was answered.
#[derive(Debug)]
pub(super) struct Server {
    /// The timer entry that counts.
    pub(super) armed: Option<Instant>,
    key: Key,
    origin: Origin,
    flow: Flow,
    is_invite: bool,
    last: Option<Response>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Trying or Proceeding: the final answer is due.
    Proceeding,
    /// A 2xx to an INVITE, repeated until its ACK; then kept until timer L for late copies.
    Accepted { repeat: Option<Repeat>, until: Instant, acknowledged: bool },
    /// Another final answer: that of an INVITE is repeated until its ACK (timers G and H), that of another
    /// request is kept for late copies (timer J).
    Completed { repeat: Option<Repeat>, until: Instant },
    /// The ACK came; late copies of it are absorbed (timer I).
    Confirmed { until: Instant },
}

#[derive(Clone, Copy, Debug)]
struct Repeat {
    at: Instant,
    interval: Duration,
}

impl Server {
    pub(super) fn new(key: Key, origin: Origin, request: &Request, flow: Flow) -> Self {
        let is_invite = request.method == Method::Invite;
        let last = is_invite.then(|| response::to(request, 100, None));
        Self { armed: None, key, origin, flow, is_invite, last, state: State::Proceeding }
    }

    pub(super) fn key(&self) -> &Key {
        &self.key
    }

    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    pub(super) fn is_unanswered(&self) -> bool {
        matches!(self.state, State::Proceeding)
    }

    /// The request came again: so does our answer. A 2xx is repeated by its own timer.
    pub(super) fn repeat(&self, outputs: &mut VecDeque<Output>) {
        if matches!(self.state, State::Proceeding | State::Completed { .. }) {
            self.transmit(outputs);
        }
    }

    /// False when it has been answered already.
    pub(super) fn respond(
        &mut self,
        now: Instant,
        response: Response,
        outputs: &mut VecDeque<Output>,
    ) -> bool {
        if !self.is_unanswered() {
            return false;
        }
        let reliable = self.flow.transport.is_reliable();
        let repeat = Some(Repeat { at: now + T1, interval: T1 });
        if !response.is_provisional() {
            self.state = if self.is_invite && response.is_success() {
                State::Accepted { repeat, until: now + TIMEOUT, acknowledged: false }
            } else if self.is_invite {
                State::Completed { repeat: repeat.filter(|_| !reliable), until: now + TIMEOUT }
            } else {
                State::Completed { repeat: None, until: if reliable { now } else { now + TIMEOUT } }
            };
        }
        self.last = Some(response);
        self.transmit(outputs);
        true
    }

    /// An ACK came; true when it is the first one of a 2xx.
    pub(super) fn acknowledged(&mut self, now: Instant) -> bool {
        match &mut self.state {
            State::Accepted { repeat, acknowledged, .. } => {
                *repeat = None;
                !std::mem::replace(acknowledged, true)
            }
            State::Completed { .. } if self.is_invite => {
                let wait = if self.flow.transport.is_reliable() { Duration::ZERO } else { T4 };
                self.state = State::Confirmed { until: now + wait };
                false
            }
            _ => false,
        }
    }

    /// Runs what is due; true when the transaction is over.
    pub(super) fn timeout(&mut self, now: Instant, id: ServerId, outputs: &mut VecDeque<Output>) -> bool {
        let (repeat, until) = match &mut self.state {
            State::Proceeding => return false,
            State::Confirmed { until } => return now >= *until,
            State::Accepted { until, acknowledged, .. } if now >= *until => {
                if !*acknowledged {
                    outputs.push_back(Output::Event(Event::AckMissing { id }));
                }
                return true;
            }
            State::Accepted { repeat, until, .. } | State::Completed { repeat, until } => (repeat, *until),
        };
        if now >= until {
            return true;
        }
        if let Some(due) = repeat
            && now >= due.at
        {
            due.interval = (due.interval * 2).min(T2);
            due.at = now + due.interval;
            self.transmit(outputs);
        }
        false
    }

    /// When something is due next.
    pub(super) fn due(&self) -> Option<Instant> {
        match &self.state {
            State::Proceeding => None,
            State::Confirmed { until } => Some(*until),
            State::Accepted { repeat, until, .. } | State::Completed { repeat, until } => {
                Some(repeat.map_or(*until, |repeat| repeat.at.min(*until)))
            }
        }
    }

    fn transmit(&self, outputs: &mut VecDeque<Output>) {
        if let Some(last) = &self.last {
            outputs.push_back(Output::Transmit { flow: self.flow.clone(), message: last.clone().into() });
        }
    }
}
