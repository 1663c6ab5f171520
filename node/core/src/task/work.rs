//! The application that runs: polled by the session's own task, which it tells what it wants done.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

use tokio::time::Instant;

use crate::application::{GRACE, Outcome, Running};
use crate::desk::{CallEvent, Desk, Full, Interrupted, Operation};
use crate::dialplan::Action;

/// An extension, and the application of it that runs.
pub(super) struct Work {
    future: Running,
    desk: Desk,
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
    /// An application that was started, those behind it, and the desk it was given the other side of.
    pub(super) fn new(future: Running, desk: Desk, rest: std::vec::IntoIter<Action>) -> Self {
        Self { future, desk, patience: None, rest }
    }

    /// Tells the application.
    pub(super) fn tell(&self, event: CallEvent) -> Result<(), Full> {
        self.desk.tell(event)
    }

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

    /// The call leaves the application for this reason: it may end, then it is dropped. A panic is told as text.
    pub(super) async fn end(mut self, reason: Interrupted) -> Result<(), String> {
        self.desk.interrupt(reason);
        let Ok(outcome) = tokio::time::timeout(GRACE, poll(&mut self.future)).await else {
            tracing::warn!("the application did not end when its call left it; dropped");
            return Ok(());
        };
        outcome.map(drop)
    }

    /// The applications behind one that ended.
    pub(super) fn rest(self) -> std::vec::IntoIter<Action> {
        self.rest
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

/// What a panic said.
pub(super) fn message(panic: Box<dyn std::any::Any + Send>) -> String {
    match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => panic.downcast_ref::<&str>().map_or("no message", |text| text).to_owned(),
    }
}

pub(super) async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
