//! The extension that was found: which application runs, what is done for it, and what follows its end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

use super::SessionTask;
use super::work::{Progress, Work, message};
use crate::application::{Call, Failure, Outcome};
use crate::cause::Cause;
use crate::channel::ChannelDirection;
use crate::desk::{Desk, Interrupted, Operation};
use crate::dialplan::Action;
use crate::endpoint::{Originate, OriginateError};
use crate::handle::SessionHandle;
use crate::media::Source;
use crate::session::NewSession;
use crate::state::State;

impl SessionTask {
    /// Runs the extension that was found.
    pub(super) fn execute(&mut self) {
        let Some(extension) = self.extension.take() else {
            tracing::info!("nothing to execute");
            self.session.hang_up(Cause::NormalClearing, None);
            return;
        };
        self.next_application(extension.actions.into_iter());
    }

    /// Starts the next application; behind the last the call ends.
    fn next_application(&mut self, mut rest: std::vec::IntoIter<Action>) {
        let Some(action) = rest.next() else {
            self.session.hang_up(Cause::NormalClearing, None);
            return;
        };
        let interfaces = self.switch.interfaces();
        let Some(application) = interfaces.find_application(&action.application).cloned() else {
            tracing::error!(application = %action.application, "no such application");
            self.session.hang_up(Cause::DestinationOutOfOrder, None);
            return;
        };
        // A desk of its own, so that no application takes an event for its own that was another's.
        let desk = Desk::default();
        let call = Call { id: self.session.handle().id(), exchange: desk.exchange() };
        tracing::debug!(application = %action.application, data = %action.data, "execute");
        self.session.handle().publish(|snapshot| snapshot.application.clone_from(&action.application));
        match catch_unwind(AssertUnwindSafe(|| application.run(call, action.data))) {
            Ok(future) => self.running = Some(Work::new(future, desk, rest)),
            Err(panic) => self.crashed(&message(panic)),
        }
    }

    /// Does what the application wants, or goes on where it ended.
    pub(super) fn work(&mut self, step: Progress) {
        match step {
            Progress::Operation(operation) => {
                if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.operate(operation))) {
                    self.crashed(&message(panic));
                }
            }
            Progress::Ended(outcome) => self.application_ended(outcome),
            Progress::Overdue => {
                tracing::warn!("the application did not end when it was broken off; dropped");
                self.application_ended(Ok(Err(Interrupted::Break.into())));
            }
        }
    }

    fn operate(&mut self, operation: Operation) {
        match operation {
            Operation::With(work) => work(&mut self.session),
            Operation::Originate { order, reply } => {
                let placed = self.originate(order(&self.session));
                // An application that stopped waiting wants no answer.
                _ = reply.send(placed);
            }
        }
    }

    /// Places a second leg, joined to this one, and starts its session.
    fn originate(&mut self, request: Originate) -> Result<SessionHandle, OriginateError> {
        let interfaces = self.switch.interfaces();
        let interface = interfaces
            .find_endpoint(&request.target)
            .ok_or_else(|| OriginateError::NoEndpoint(request.target.chars().take(256).collect()))?;
        let endpoint = interface.outgoing(&request)?;
        self.session.part(Cause::NormalClearing);
        let mut leg = self.switch.session(NewSession {
            name: format!("sofia/external/{}", request.target.trim_start_matches("sip:")),
            direction: ChannelDirection::Outbound,
            profile: request.profile,
            endpoint,
            permit: None,
        });
        let handle = leg.handle().clone();
        leg.session.join(self.session.handle().clone());
        self.session.join(handle.clone());
        tokio::spawn(leg.run());
        Ok(handle)
    }

    fn application_ended(&mut self, outcome: Result<Outcome, String>) {
        // A future that ended is never polled again.
        let Some(rest) = self.running.take().map(Work::rest) else { return };
        match outcome {
            Ok(Ok(())) => {
                self.session.part(Cause::NormalClearing);
                self.next_application(rest);
            }
            Ok(Err(Failure::Interrupted(_))) => {
                self.let_go();
                self.next_application(rest);
            }
            Ok(Err(Failure::HangUp { cause, status, why })) => {
                tracing::info!(%cause, %why, "the application ended the call");
                self.session.hang_up(cause, status);
            }
            Err(panic) => self.crashed(&panic),
        }
    }

    /// The channel leaves a state for another: what it did there ends.
    pub(super) async fn leave(&mut self, from: State, next: State) {
        if let Some(work) = self.running.take() {
            let reason = if next.is_ending() { Interrupted::HungUp } else { Interrupted::Moved };
            if let Err(panic) = work.end(reason).await {
                self.crashed(&panic);
            }
        }
        if matches!(from, State::Execute | State::ExchangeMedia) && !next.is_ending() {
            self.let_go();
        }
    }

    /// Nothing of what was going on goes on: neither the other leg nor the sound.
    fn let_go(&mut self) {
        self.session.part(Cause::NormalClearing);
        // Without a stream there is nothing to be heard either.
        _ = self.session.hear(Source::Silence);
    }

    fn crashed(&mut self, panic: &str) {
        tracing::error!(%panic, "an application panicked; its call ends");
        self.switch.counters().application_panics.fetch_add(1, Ordering::Relaxed);
        self.session.hang_up(Cause::Crash, None);
    }
}
