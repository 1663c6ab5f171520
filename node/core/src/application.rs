//! What an application is, and the handle through which it works on its call.
//!
//! An application is polled by its session's own task. It never holds the channel: each operation is a
//! closure that the task runs between two polls, so nothing is borrowed across an await and nothing is
//! locked. When the channel leaves EXECUTE every pending operation returns [`Interrupted`].

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::oneshot;

use crate::cause::Cause;
use crate::channel::ProtocolStatus;
pub use crate::desk::{CallEvent, EVENTS, Interrupted};
use crate::desk::{Exchange, Operation};
use crate::endpoint::{EndpointError, Originate, OriginateError};
use crate::handle::SessionHandle;
use crate::id::SessionId;
use crate::media::Source;
use crate::session::Session;

/// How long an application may take to end once its call left it; then its future is dropped.
pub const GRACE: Duration = Duration::from_millis(200);

/// What an application's future comes to.
pub type Outcome = Result<(), Failure>;
/// An application at work.
pub type Running = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// Something a dialplan can name.
pub trait Application: Send + Sync {
    /// FreeSWITCH's name where it has one.
    fn name(&self) -> &str;
    /// Starts it on a call. `data` is its argument, as the dialplan wrote it.
    fn run(&self, call: Call, data: String) -> Running;
}

/// How an application fails.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum Failure {
    /// The call left it: nothing to report.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// The call cannot go on.
    #[error("{why}")]
    HangUp {
        /// The cause it ends with.
        cause: Cause,
        /// How another leg's protocol put it, for this one to repeat.
        status: Option<ProtocolStatus>,
        /// For the log.
        why: String,
    },
}

impl From<EndpointError> for Failure {
    fn from(error: EndpointError) -> Self {
        Self::HangUp { cause: error.cause(), status: None, why: error.to_string() }
    }
}

impl From<OriginateError> for Failure {
    fn from(error: OriginateError) -> Self {
        Self::HangUp { cause: error.cause(), status: None, why: error.to_string() }
    }
}

impl From<crate::media::MediaError> for Failure {
    fn from(error: crate::media::MediaError) -> Self {
        let cause = match error {
            crate::media::MediaError::NotEncodable => Cause::IncompatibleDestination,
            _ => Cause::SwitchCongestion,
        };
        Self::HangUp { cause, status: None, why: error.to_string() }
    }
}

/// An application's hold on its call.
#[derive(Clone)]
pub struct Call {
    pub(crate) id: SessionId,
    pub(crate) exchange: Arc<Exchange>,
}

impl Call {
    /// The session's id.
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// Runs `work` on the session, on its own task, and returns what it returned.
    ///
    /// # Errors
    /// [`Interrupted`] when the call left the application before.
    pub async fn with<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Session) -> R + Send + 'static,
    ) -> Result<R, Interrupted> {
        let (reply, answer) = oneshot::channel();
        let work = Box::new(move |session: &mut Session| {
            // An application that stopped waiting wants no answer.
            _ = reply.send(work(session));
        });
        self.want(Operation::With(work), answer).await
    }

    /// The next thing that happens to the call.
    ///
    /// # Errors
    /// [`Interrupted`].
    pub async fn event(&self) -> Result<CallEvent, Interrupted> {
        self.exchange.event().await
    }

    /// Waits.
    ///
    /// # Errors
    /// [`Interrupted`].
    pub async fn sleep(&self, duration: Duration) -> Result<(), Interrupted> {
        self.unless_interrupted(tokio::time::sleep(duration)).await
    }

    /// Waits until the call leaves the application.
    ///
    /// # Errors
    /// Always: that is what it waits for.
    pub async fn until_interrupted(&self) -> Result<std::convert::Infallible, Interrupted> {
        Err(self.exchange.interrupted().await)
    }

    /// Answers with what this switch can do itself.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn answer(&self) -> Outcome {
        Ok(self.with(|session| session.answer(None)).await??)
    }

    /// Changes what the peer hears.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn hear(&self, source: Source) -> Outcome {
        Ok(self.with(|session| session.hear(source)).await??)
    }

    /// Places a second leg and starts its session; what happens to it comes here as [`CallEvent::Peer`].
    /// The leg this one was joined to before is parted from. The new one does not outlive the application
    /// that placed it: see [`crate::task`].
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn originate(&self, request: Originate) -> Result<SessionHandle, Failure> {
        self.originate_with(move |_| request).await
    }

    /// The same, where what is asked for depends on what the session is at that moment.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn originate_with(
        &self,
        order: impl FnOnce(&Session) -> Originate + Send + 'static,
    ) -> Result<SessionHandle, Failure> {
        let (reply, answer) = oneshot::channel();
        Ok(self.want(Operation::Originate { order: Box::new(order), reply }, answer).await??)
    }

    /// Has it done, and waits for what is answered.
    async fn want<R>(&self, operation: Operation, answer: oneshot::Receiver<R>) -> Result<R, Interrupted> {
        self.exchange.want(operation).await?;
        self.unless_interrupted(answer).await?.map_err(|_| Interrupted::HungUp)
    }

    async fn unless_interrupted<T>(&self, work: impl Future<Output = T>) -> Result<T, Interrupted> {
        tokio::select! {
            biased;
            reason = self.exchange.interrupted() => Err(reason),
            done = work => Ok(done),
        }
    }
}
