//! The extension at work: one application after the other, each polled by the session's own task.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::task::Poll;

use tokio::time::Instant;

use super::{Session, sleep_until};
use crate::application::{Call, Failure, GRACE, Outcome, Running};
use crate::cause::Cause;
use crate::desk::{Desk, Interrupted, Operation};
use crate::dialplan::Action;
use crate::media::Source;
use crate::state::State;

/// An extension, and the application of it that runs.
pub(super) struct Work {
    future: Running,
    pub(super) desk: Desk,
    /// When the application that was broken off is dropped, should it not end by itself.
    patience: Option<Instant>,
    rest: std::vec::IntoIter<Action>,
}

/// What an application gives its session to do.
pub(super) enum Progress {
    /// It wants this done.
    Operation(Operation),
    /// It ended; a panic is told as text.
    Ended(Result<Outcome, String>),
    /// It was broken off and did not end.
    Overdue,
}

impl Work {
    /// Waits for what the application wants, or does.
    pub(super) async fn step(&mut self) -> Progress {
        tokio::select! {
            biased;
            operation = self.desk.operation() => Progress::Operation(operation),
            outcome = poll(&mut self.future) => Progress::Ended(outcome),
            () = sleep_until(self.patience) => Progress::Overdue,
        }
    }

    /// Asks the application to make way for the next.
    pub(super) fn break_off(&mut self) {
        self.desk.interrupt(Interrupted::Break);
        self.patience.get_or_insert_with(|| Instant::now() + GRACE);
    }
}

impl Session {
    /// Runs the extension that was found.
    pub(super) fn execute(&mut self) {
        let Some(extension) = self.extension.take() else {
            tracing::info!("nothing to execute");
            self.channel.hang_up(Cause::NormalClearing);
            return;
        };
        self.next_application(extension.actions.into_iter());
    }

    /// Starts the next application; behind the last the call ends.
    fn next_application(&mut self, mut rest: std::vec::IntoIter<Action>) {
        let Some(action) = rest.next() else {
            self.channel.hang_up(Cause::NormalClearing);
            return;
        };
        let interfaces = self.switch.interfaces();
        let Some(application) = interfaces.find_application(&action.application).cloned() else {
            tracing::error!(application = %action.application, "no such application");
            self.channel.hang_up(Cause::DestinationOutOfOrder);
            return;
        };
        // A desk of its own, so that no application takes an event for its own that was another's.
        let desk = Desk::default();
        let call = Call { id: self.handle.id(), exchange: desk.exchange() };
        tracing::debug!(application = %action.application, data = %action.data, "execute");
        self.handle.publish(|snapshot| snapshot.application.clone_from(&action.application));
        match catch_unwind(AssertUnwindSafe(|| application.run(call, action.data))) {
            Ok(future) => self.running = Some(Work { future, desk, patience: None, rest }),
            Err(panic) => self.crashed(&message(panic)),
        }
    }

    /// Does what the application wants, or goes on where it ended.
    pub(super) fn work(&mut self, step: Progress) {
        match step {
            Progress::Operation(operation) => {
                if let Err(panic) = catch_unwind(AssertUnwindSafe(|| operation(self))) {
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

    fn application_ended(&mut self, outcome: Result<Outcome, String>) {
        // A future that ended is never polled again.
        let Some(Work { rest, .. }) = self.running.take() else { return };
        match outcome {
            Ok(Ok(())) => {
                self.part(Cause::NormalClearing);
                self.next_application(rest);
            }
            Ok(Err(Failure::Interrupted(_))) => {
                self.let_go();
                self.next_application(rest);
            }
            Ok(Err(Failure::HangUp { cause, status, why })) => {
                tracing::info!(%cause, %why, "the application ended the call");
                self.hang_up(cause, status);
            }
            Err(panic) => self.crashed(&panic),
        }
    }

    /// The channel leaves a state for another: what it did there ends.
    pub(super) async fn leave(&mut self, from: State, next: State) {
        if let Some(mut work) = self.running.take() {
            let reason = if next.is_ending() { Interrupted::HungUp } else { Interrupted::Moved };
            work.desk.interrupt(reason);
            match tokio::time::timeout(GRACE, poll(&mut work.future)).await {
                Ok(Ok(_)) => {}
                Ok(Err(panic)) => self.crashed(&panic),
                Err(_) => tracing::warn!("the application did not end when its call left it; dropped"),
            }
        }
        if matches!(from, State::Execute | State::ExchangeMedia) && !next.is_ending() {
            self.let_go();
        }
    }

    /// Nothing of what was going on goes on: neither the other leg nor the sound.
    fn let_go(&mut self) {
        self.part(Cause::NormalClearing);
        // Without a stream there is nothing to be heard either.
        _ = self.hear(Source::Silence);
    }

    fn crashed(&mut self, panic: &str) {
        tracing::error!(%panic, "an application panicked; its call ends");
        self.switch.counters().application_panics.fetch_add(1, Ordering::Relaxed);
        self.channel.hang_up(Cause::Crash);
    }
}

/// Polls the application until it ends; a panic in it is an end like others, told as text.
async fn poll(future: &mut Running) -> Result<Outcome, String> {
    std::future::poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(outcome)) => Poll::Ready(Ok(outcome)),
        Err(panic) => Poll::Ready(Err(message(panic))),
    })
    .await
}

fn message(panic: Box<dyn std::any::Any + Send>) -> String {
    match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => panic.downcast_ref::<&str>().map_or("no message", |text| text).to_owned(),
    }
}
