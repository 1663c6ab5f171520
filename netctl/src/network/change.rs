//! One road for every change: all steps are looked through, then done one after the other; when one fails, or a signal
//! comes, those done and the one begun are taken back, last first, past every failure.

use std::future::{Future, poll_fn};
use std::task::Poll;

use super::apply;
use super::error::{CheckError, RunError};
use super::step::Step;
use super::undo;
use super::validate;
use super::world::Worldly;

/// Looks through all steps.
pub(crate) async fn validate(world: &impl Worldly, steps: &[Step]) -> Result<(), CheckError> {
    for step in steps {
        validate::step(world, step).await?;
    }
    Ok(())
}

/// Does all steps, or none.
pub(crate) async fn apply(
    world: &impl Worldly,
    steps: &[Step],
    interrupted: impl Future<Output = ()>,
) -> Result<(), Vec<RunError>> {
    let mut interrupted = std::pin::pin!(interrupted);
    for (index, step) in steps.iter().enumerate() {
        let signal = poll_fn(|context| Poll::Ready(interrupted.as_mut().poll(context).is_ready()));
        if signal.await {
            return Err(fail(world, RunError::Interrupted, &steps[..index]).await);
        }
        let mut work = std::pin::pin!(apply::step(world, step));
        let failure = tokio::select! {
            done = &mut work => match done {
                Ok(()) => continue,
                Err(source) => RunError::Step { step: step.to_string(), source },
            },
            () = &mut interrupted => {
                // What was asked of Docker or the kernel is done even if nobody waits for it; it is taken back when it is.
                if step.changes() {
                    let _ = work.await;
                }
                RunError::Interrupted
            }
        };
        return Err(fail(world, failure, &steps[..=index]).await);
    }
    Ok(())
}

/// The failure, and those of taking back.
async fn fail(world: &impl Worldly, failure: RunError, begun: &[Step]) -> Vec<RunError> {
    let mut failures = vec![failure];
    failures.extend(roll_back(world, begun).await);
    failures
}

/// Takes steps back, last first, past every failure.
pub(crate) async fn roll_back(world: &impl Worldly, steps: &[Step]) -> Vec<RunError> {
    let mut failures = Vec::new();
    for step in steps.iter().rev() {
        if let Err(source) = undo::step(world, step).await {
            failures.push(RunError::Undo { step: step.to_string(), source });
        }
    }
    failures
}
