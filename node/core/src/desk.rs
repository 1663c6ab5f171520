//! Between an application and its session's task: what the one wants done, what the other has to tell.
//!
//! Every call has one for as long as it lasts, so it is a lock and two signals, not a queue of the kind that
//! has room for what never comes. Both queues are bounded.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use thiserror::Error;
use tokio::sync::{Notify, oneshot};

use crate::endpoint::{Originate, OriginateError};
use crate::handle::SessionHandle;
use crate::id::SessionId;
use crate::leg::LegEvent;
use crate::media::MediaEvent;
use crate::session::Session;

/// Events an application may be behind.
pub const EVENTS: usize = 64;
/// Operations of an application that may wait: it awaits each, so more is an application gone astray.
const OPERATIONS: usize = 8;

/// What happens to a call while an application has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CallEvent {
    /// From the stream.
    Media(MediaEvent),
    /// From a leg that this call placed or is joined to.
    Peer(SessionId, LegEvent),
}

impl CallEvent {
    /// Whether an application can do without it.
    pub(crate) fn is_expendable(&self) -> bool {
        matches!(
            self,
            Self::Media(MediaEvent::Dtmf { .. } | MediaEvent::FirstPacket(_))
                | Self::Peer(_, LegEvent::Ringing)
        )
    }
}

/// Why a pending operation of an application came to nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum Interrupted {
    /// The call ended.
    #[error("the call was hung up")]
    HungUp,
    /// The channel went to another state.
    #[error("the call was moved")]
    Moved,
    /// Somebody asked for the next application.
    #[error("the application was broken off")]
    Break,
}

/// What an application wants done, by its session's own task.
pub(crate) enum Operation {
    /// Something on the session.
    With(Box<dyn FnOnce(&mut Session) + Send>),
    /// A second leg, which the session is joined to.
    Originate {
        /// What is asked for, as the session then is.
        order: Box<dyn FnOnce(&Session) -> Originate + Send>,
        /// Told what came of it.
        reply: oneshot::Sender<Result<SessionHandle, OriginateError>>,
    },
}

/// The session's side of it. Dropped, whoever still waits at the other side is told that the call ended.
#[derive(Default)]
pub(crate) struct Desk(Arc<Exchange>);

/// The application's side of it.
#[derive(Default)]
pub(crate) struct Exchange {
    inside: Mutex<Inside>,
    /// There is an operation.
    wanted: Notify,
    /// There is an event, room, or an end to all waiting.
    told: Notify,
}

#[derive(Default)]
struct Inside {
    operations: VecDeque<Operation>,
    events: VecDeque<CallEvent>,
    interrupt: Option<Interrupted>,
}

/// [`EVENTS`] wait already.
pub(crate) struct Full;

impl Desk {
    /// For the application.
    pub(crate) fn exchange(&self) -> Arc<Exchange> {
        Arc::clone(&self.0)
    }

    /// Whatever the application waits for comes to nothing, for this reason.
    pub(crate) fn interrupt(&self, reason: Interrupted) {
        self.0.inside().interrupt = Some(reason);
        self.0.told.notify_waiters();
    }

    /// Tells the application.
    pub(crate) fn tell(&self, event: CallEvent) -> Result<(), Full> {
        let mut inside = self.0.inside();
        if inside.events.len() >= EVENTS {
            return Err(Full);
        }
        inside.events.push_back(event);
        drop(inside);
        self.0.told.notify_waiters();
        Ok(())
    }

    /// What the application wants done next.
    pub(crate) async fn operation(&self) -> Operation {
        loop {
            let wanted = self.0.wanted.notified();
            let next = self.0.inside().operations.pop_front();
            if let Some(operation) = next {
                // Somebody may wait for the room.
                self.0.told.notify_waiters();
                return operation;
            }
            wanted.await;
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let mut inside = self.0.inside();
        inside.interrupt.get_or_insert(Interrupted::HungUp);
        // Dropped behind the lock: with them go the answers that are waited for.
        let operations = std::mem::take(&mut inside.operations);
        drop(inside);
        drop(operations);
        self.0.told.notify_waiters();
    }
}

impl Exchange {
    /// Has it done by the session's task.
    pub(crate) async fn want(&self, operation: Operation) -> Result<(), Interrupted> {
        let mut operation = Some(operation);
        self.wait(|inside| {
            let room = inside.operations.len() < OPERATIONS;
            if room {
                inside.operations.extend(operation.take());
            }
            room.then_some(())
        })
        .await?;
        self.wanted.notify_one();
        Ok(())
    }

    /// The next event.
    pub(crate) async fn event(&self) -> Result<CallEvent, Interrupted> {
        self.wait(|inside| {
            let event = inside.events.pop_front();
            if inside.events.is_empty() {
                inside.events.shrink_to_fit();
            }
            event
        })
        .await
    }

    /// Waits until the call leaves the application.
    pub(crate) async fn interrupted(&self) -> Interrupted {
        let Err(reason) = self.wait(|_| None::<std::convert::Infallible>).await;
        reason
    }

    /// Waits for something inside. One that never has to wait leaves others their turn all the same.
    async fn wait<T>(&self, mut ready: impl FnMut(&mut Inside) -> Option<T>) -> Result<T, Interrupted> {
        tokio::task::coop::consume_budget().await;
        loop {
            // Made before looking: what is told from here on wakes it.
            let told = self.told.notified();
            {
                let mut inside = self.inside();
                if let Some(reason) = inside.interrupt {
                    return Err(reason);
                }
                if let Some(found) = ready(&mut inside) {
                    return Ok(found);
                }
            }
            told.await;
        }
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing() -> Operation {
        Operation::With(Box::new(|_| ()))
    }

    #[tokio::test(start_paused = true)]
    async fn an_operation_too_many_waits_for_room() {
        let desk = Desk::default();
        let exchange = desk.exchange();
        for _ in 0..OPERATIONS {
            exchange.want(nothing()).await.unwrap();
        }
        let late = tokio::spawn(async move { exchange.want(nothing()).await });
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        assert!(!late.is_finished());
        drop(desk.operation().await);
        assert_eq!(late.await.unwrap(), Ok(()));
        for _ in 0..OPERATIONS {
            drop(desk.operation().await);
        }
    }

    #[tokio::test]
    async fn events_come_in_order_and_their_number_is_bounded() {
        let desk = Desk::default();
        let exchange = desk.exchange();
        let event = |port: u16| {
            let source = ([127, 0, 0, 1], port).into();
            CallEvent::Media(MediaEvent::FirstPacket(source))
        };
        for port in 0..EVENTS as u16 {
            assert!(desk.tell(event(port)).is_ok());
        }
        let more = CallEvent::Peer(SessionId::random(), LegEvent::Ringing);
        assert!(desk.tell(more).is_err());
        for port in 0..EVENTS as u16 {
            assert_eq!(exchange.event().await, Ok(event(port)));
        }
    }

    #[tokio::test]
    async fn whoever_waits_when_the_session_is_gone_is_told_so() {
        let desk = Desk::default();
        let exchange = desk.exchange();
        let waiting = tokio::spawn(async move { exchange.event().await });
        tokio::task::yield_now().await;
        let exchange = desk.exchange();
        drop(desk);
        assert_eq!(waiting.await.unwrap(), Err(Interrupted::HungUp));
        assert_eq!(exchange.want(nothing()).await, Err(Interrupted::HungUp));
        assert_eq!(exchange.interrupted().await, Interrupted::HungUp);
    }
}
