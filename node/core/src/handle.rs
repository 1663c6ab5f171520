//! How everybody else reaches a session: a bounded mailbox, and beside it a sticky signal to hang up.
//!
//! Nobody waits here. A mailbox that is full means a session that cannot keep up with what it is told:
//! it is hung up and counted, for a lost message would leave it in a state nobody knows.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::SystemTime;

use thiserror::Error;
use tokio::sync::Notify;

use crate::cause::Cause;
use crate::channel::ChannelDirection;
use crate::counters::Counters;
pub use crate::id::SessionId;
use crate::leg::LegEvent;
use crate::media::{MediaEvent, MediaPort, MediaSink, StreamId};
use crate::state::State;

/// Messages a session may be behind.
pub const MAILBOX: usize = 64;

/// What a session is told.
pub enum Message {
    /// From the leg's own room, opaque to the core: given to [`crate::Endpoint::receive`].
    Endpoint(Box<dyn Any + Send>),
    /// From a stream of the leg.
    Media(StreamId, MediaEvent),
    /// From the session it is joined to.
    Peer(SessionId, LegEvent),
    /// From whoever commands it.
    Command(Command),
}

/// What a session may be commanded to do. Hanging up is not among them: see [`SessionHandle::hang_up`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// Its peer hears this stream from now on, or nothing.
    Hear(Option<StreamId>),
    /// Go to this state.
    SetState(State),
    /// End the application that runs; the next of the extension follows.
    Break,
    /// Leave what it does and route anew to this destination.
    Transfer {
        /// The new destination number.
        destination: String,
    },
}

/// Why a message did not arrive.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum SendError {
    /// The mailbox was full: the session is being hung up.
    #[error("the session does not keep up")]
    Full,
    /// The session has ended.
    #[error("the session has ended")]
    Gone,
}

/// What others may know of a session without asking it. As old as its last turn.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The session's id.
    pub id: SessionId,
    /// The channel's name.
    pub name: String,
    /// Who began the leg.
    pub direction: ChannelDirection,
    /// The state that was set.
    pub state: State,
    /// Caller's number.
    pub caller: String,
    /// What was dialled.
    pub destination: String,
    /// Application that runs, or ran last; empty before the first.
    pub application: String,
    /// The session it is joined to.
    pub peer: Option<SessionId>,
    /// When it was made.
    pub created: SystemTime,
    /// When it was answered.
    pub answered: Option<SystemTime>,
    /// Its stream: ask it for what it counted.
    pub media: Option<Arc<dyn MediaPort>>,
}

/// Reaches a session from anywhere. Holding it keeps nothing of the call alive.
#[derive(Clone)]
pub struct SessionHandle(Arc<Shared>);

struct Shared {
    id: SessionId,
    mailbox: Mutex<Mailbox>,
    hangup: OnceLock<Cause>,
    /// There is a message, or a cause to hang up.
    woken: Notify,
    snapshot: Mutex<Snapshot>,
    counters: Arc<Counters>,
}

/// Takes no more room than its messages do: most of the time there are none.
#[derive(Default)]
struct Mailbox {
    messages: VecDeque<Message>,
    is_closed: bool,
}

/// What a session turns to next.
pub(crate) enum Next {
    HangUp(Cause),
    Message(Message),
}

impl SessionHandle {
    pub(crate) fn new(snapshot: Snapshot, counters: Arc<Counters>) -> Self {
        Self(Arc::new(Shared {
            id: snapshot.id,
            mailbox: Mutex::default(),
            hangup: OnceLock::new(),
            woken: Notify::new(),
            snapshot: Mutex::new(snapshot),
            counters,
        }))
    }

    /// The session's id.
    pub fn id(&self) -> SessionId {
        self.0.id
    }

    /// Puts a message into the mailbox. Never waits.
    ///
    /// # Errors
    /// [`SendError`]; when the mailbox is full the session is hung up and counted.
    pub fn send(&self, message: Message) -> Result<(), SendError> {
        let mut mailbox = self.mailbox();
        if mailbox.is_closed {
            return Err(SendError::Gone);
        }
        if mailbox.messages.len() < MAILBOX {
            mailbox.messages.push_back(message);
            drop(mailbox);
            self.0.woken.notify_one();
            return Ok(());
        }
        drop(mailbox);
        if self.hang_up(Cause::SwitchCongestion) {
            self.0.counters.mailbox_overflows.fetch_add(1, Ordering::Relaxed);
        }
        Err(SendError::Full)
    }

    fn mailbox(&self) -> MutexGuard<'_, Mailbox> {
        self.0.mailbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the session, however busy it is. The first cause stays. Returns whether this was it.
    pub fn hang_up(&self, cause: Cause) -> bool {
        let first = self.doom(cause);
        self.wake();
        first
    }

    /// The same, which it finds at its next turn; [`SessionHandle::wake`] gives it one.
    pub(crate) fn doom(&self, cause: Cause) -> bool {
        self.0.hangup.set(cause).is_ok()
    }

    pub(crate) fn wake(&self) {
        self.0.woken.notify_one();
    }

    /// The session as it was at its last turn.
    pub fn snapshot(&self) -> Snapshot {
        self.0.snapshot.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Its stream, as of its last turn.
    pub fn media(&self) -> Option<Arc<dyn MediaPort>> {
        self.0.snapshot.lock().unwrap_or_else(PoisonError::into_inner).media.clone()
    }

    pub(crate) fn publish(&self, change: impl FnOnce(&mut Snapshot)) {
        change(&mut self.0.snapshot.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The cause, once somebody asked for the end.
    pub(crate) fn hangup_cause(&self) -> Option<Cause> {
        self.0.hangup.get().copied()
    }

    /// Waits for the next thing; being hung up comes first. For the session's own task alone.
    pub(crate) async fn next(&self) -> Next {
        loop {
            if let Some(cause) = self.hangup_cause() {
                return Next::HangUp(cause);
            }
            if let Some(message) = self.take_message() {
                return Next::Message(message);
            }
            self.0.woken.notified().await;
        }
    }

    fn take_message(&self) -> Option<Message> {
        let mut mailbox = self.mailbox();
        let message = mailbox.messages.pop_front();
        if mailbox.messages.is_empty() {
            mailbox.messages.shrink_to_fit();
        }
        message
    }

    /// The session has ended: nothing arrives any more, and what nobody read is dropped.
    pub(crate) fn close(&self) {
        let mut mailbox = self.mailbox();
        mailbox.is_closed = true;
        let unread = std::mem::take(&mut mailbox.messages);
        drop(mailbox);
        drop(unread);
    }
}

impl MediaSink for SessionHandle {
    fn deliver(&self, stream: StreamId, event: MediaEvent) {
        match event {
            MediaEvent::Silence => _ = self.hang_up(Cause::MediaTimeout),
            MediaEvent::WorkerLost => _ = self.hang_up(Cause::NormalTemporaryFailure),
            // A full mailbox hangs the session up; one that has ended needs no event.
            _ => _ = self.send(Message::Media(stream, event)),
        }
    }
}

impl fmt::Debug for SessionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SessionHandle").field(&self.0.id).finish()
    }
}
