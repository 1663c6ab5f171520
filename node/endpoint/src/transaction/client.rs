//! Client transactions: INVITE (RFC 3261 §17.1.1, RFC 6026 §8.4) and others (§17.1.2).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use switch_sip::message::{Method, Request, Response};

use super::{ClientId, Event, Flow, Output, T1, T2, T4, TIMEOUT};

/// A request of ours and what became of it.
#[derive(Debug)]
pub(super) struct Client {
    /// The timer entry that counts.
    pub(super) armed: Option<Instant>,
    branch: String,
    request: Request,
    flow: Flow,
    state: State,
    cancel: Cancel,
    /// A CANCEL: nobody asks what becomes of it.
    silent: bool,
}

#[derive(Debug)]
enum State {
    /// Calling, or Trying: not a word yet. Timers A and B, or E and F.
    Calling { repeat: Option<Repeat>, until: Instant },
    /// A provisional response came. An INVITE may ring for as long as its caller wants.
    Proceeding { repeat: Option<Repeat>, until: Option<Instant> },
    /// A 2xx to an INVITE: others may follow until timer M. Our ACK, by the callee's tag.
    Accepted { until: Instant, ack: Option<Request> },
    /// Any other final response: late copies of it are absorbed until timer D or K.
    Completed { until: Instant, ack: Option<Request> },
}

#[derive(Clone, Copy, Debug)]
struct Repeat {
    at: Instant,
    interval: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Cancel {
    No,
    /// Asked for before it may be sent.
    Wanted,
    Sent,
}

impl Client {
    pub(super) fn new(now: Instant, branch: String, request: Request, flow: Flow, silent: bool) -> Self {
        let repeat = (!flow.transport.is_reliable()).then_some(Repeat { at: now + T1, interval: T1 });
        let state = State::Calling { repeat, until: now + TIMEOUT };
        Self { armed: None, branch, request, flow, state, cancel: Cancel::No, silent }
    }

    pub(super) fn key(&self) -> (String, Method) {
        (self.branch.clone(), self.request.method.clone())
    }

    pub(super) fn flow(&self) -> &Flow {
        &self.flow
    }

    pub(super) fn is_silent(&self) -> bool {
        self.silent
    }

    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.state, State::Calling { .. } | State::Proceeding { .. })
    }

    /// Whether a CANCEL may go out now; else it is remembered where it still makes sense.
    pub(super) fn wants_cancel(&mut self) -> bool {
        match (&self.state, self.cancel) {
            (State::Proceeding { .. }, Cancel::No) => true,
            (State::Calling { .. }, Cancel::No) => {
                self.cancel = Cancel::Wanted;
                false
            }
            _ => false,
        }
    }

    /// The CANCEL (§9.1): same branch. From now on the final response has only so long to come.
    pub(super) fn cancel(&mut self, now: Instant) -> (String, Request, Flow) {
        self.cancel = Cancel::Sent;
        if let State::Proceeding { until, .. } = &mut self.state {
            *until = Some(now + TIMEOUT);
        }
        let mut cancel = self.like_request(Method::Cancel);
        cancel.headers.remove("To");
        cancel.headers.push("To", self.request.headers.first("To").unwrap_or_default());
        (self.branch.clone(), cancel, self.flow.clone())
    }

    pub(super) fn remember_ack(&mut self, request: &Request) {
        if let State::Accepted { ack, .. } = &mut self.state {
            ack.get_or_insert_with(|| request.clone());
        }
    }

    /// Takes a response; true when a CANCEL that was asked for may go out now.
    pub(super) fn receive(
        &mut self,
        now: Instant,
        id: ClientId,
        response: Response,
        flow: Flow,
        outputs: &mut VecDeque<Output>,
    ) -> bool {
        let is_invite = self.request.method == Method::Invite;
        match &mut self.state {
            State::Calling { .. } | State::Proceeding { .. } => {}
            State::Accepted { ack, .. } => {
                if response.is_success() {
                    match ack {
                        // The same callee again: our ACK was lost.
                        Some(ack)
                            if tag(&response)
                                == ack.headers.to().ok().and_then(|to| to.tag().map(str::to_owned)) =>
                        {
                            outputs.push_back(Output::Transmit { flow, message: ack.clone().into() });
                        }
                        _ => outputs.push_back(Output::Event(Event::Response { id, response, flow })),
                    }
                }
                return false;
            }
            State::Completed { ack, .. } => {
                if let Some(ack) = ack
                    && !response.is_provisional()
                {
                    outputs
                        .push_back(Output::Transmit { flow: self.flow.clone(), message: ack.clone().into() });
                }
                return false;
            }
        }
        let reliable = self.flow.transport.is_reliable();
        if response.is_provisional() {
            let until = match &self.state {
                State::Calling { until, .. } if !is_invite => Some(*until),
                State::Proceeding { until, .. } => *until,
                _ => None,
            };
            let repeat = (!is_invite && !reliable).then_some(Repeat { at: now + T2, interval: T2 });
            self.state = State::Proceeding { repeat, until };
        } else if is_invite && response.is_success() {
            self.state = State::Accepted { until: now + TIMEOUT, ack: None };
        } else if is_invite {
            let mut ack = self.like_request(Method::Ack);
            ack.headers.push("To", response.headers.first("To").unwrap_or_default());
            outputs.push_back(Output::Transmit { flow: self.flow.clone(), message: ack.clone().into() });
            let until = if reliable { now } else { now + TIMEOUT };
            self.state = State::Completed { until, ack: Some(ack) };
        } else {
            self.state = State::Completed { until: if reliable { now } else { now + T4 }, ack: None };
        }
        let rings = response.is_provisional();
        if !self.silent {
            outputs.push_back(Output::Event(Event::Response { id, response, flow }));
        }
        rings && self.cancel == Cancel::Wanted
    }

    /// Runs what is due; true when the transaction is over.
    pub(super) fn timeout(&mut self, now: Instant, id: ClientId, outputs: &mut VecDeque<Output>) -> bool {
        let is_invite = self.request.method == Method::Invite;
        let (repeat, until) = match &mut self.state {
            State::Accepted { until, .. } | State::Completed { until, .. } => return now >= *until,
            State::Calling { repeat, until } => (repeat, Some(*until)),
            State::Proceeding { repeat, until } => (repeat, *until),
        };
        if until.is_some_and(|until| now >= until) {
            if !self.silent {
                outputs.push_back(Output::Event(Event::Timeout { id }));
            }
            return true;
        }
        if let Some(repeat) = repeat
            && now >= repeat.at
        {
            repeat.interval *= 2;
            if !is_invite {
                repeat.interval = repeat.interval.min(T2);
            }
            repeat.at = now + repeat.interval;
            outputs.push_back(Output::Transmit {
                flow: self.flow.clone(),
                message: self.request.clone().into(),
            });
        }
        false
    }

    /// When something is due next.
    pub(super) fn due(&self) -> Option<Instant> {
        match &self.state {
            State::Accepted { until, .. } | State::Completed { until, .. } => Some(*until),
            State::Calling { repeat, until } => Some(repeat.map_or(*until, |repeat| repeat.at.min(*until))),
            State::Proceeding { repeat, until } => {
                [repeat.map(|repeat| repeat.at), *until].into_iter().flatten().min()
            }
        }
    }

    /// ACK of a failure and CANCEL share the INVITE's identity (§17.1.1.3, §9.1).
    fn like_request(&self, method: Method) -> Request {
        let mut request = Request::new(method.clone(), self.request.uri.clone());
        if let Some(via) = self.request.headers.first("Via") {
            request.headers.push("Via", via);
        }
        request.headers.push("Max-Forwards", "70");
        for route in self.request.headers.all("Route") {
            request.headers.push("Route", route);
        }
        for name in ["From", "Call-ID"] {
            request.headers.push(name, self.request.headers.first(name).unwrap_or_default());
        }
        let number = self.request.headers.cseq().map_or(1, |cseq| cseq.number);
        request.headers.push("CSeq", format!("{number} {method}"));
        request
    }
}

fn tag(response: &Response) -> Option<String> {
    response.headers.to().ok()?.tag().map(str::to_owned)
}
