//! One road for every change: all steps are looked through, then done one after the other; when one fails, or a signal
//! comes, those done and the one begun are taken back, last first, past every failure.

use std::future::Future;

use super::error::{CheckError, RunError};
use super::step::Step;
use super::world::Worldly;

/// Looks through all steps.
pub(super) async fn validate(world: &impl Worldly, steps: &[Step]) -> Result<(), CheckError> {
    for step in steps {
        step.validate(world).await?;
    }
    Ok(())
}

/// Does all steps, or none.
pub(super) async fn apply(
    world: &impl Worldly,
    steps: &[Step],
    interrupted: impl Future<Output = ()>,
) -> Result<(), Vec<RunError>> {
    let mut interrupted = std::pin::pin!(interrupted);
    for (index, step) in steps.iter().enumerate() {
        let failure = tokio::select! {
            // A signal that is there already comes first.
            biased;
            () = &mut interrupted => RunError::Interrupted,
            done = step.apply(world) => match done {
                Ok(()) => continue,
                Err(source) => RunError::Step { step: step.to_string(), source },
            },
        };
        let mut failures = vec![failure];
        failures.extend(roll_back(world, &steps[..=index]).await);
        return Err(failures);
    }
    Ok(())
}

async fn roll_back(world: &impl Worldly, steps: &[Step]) -> Vec<RunError> {
    let mut failures = Vec::new();
    for step in steps.iter().rev() {
        if let Err(source) = step.undo(world).await {
            failures.push(RunError::Undo { step: step.to_string(), source });
        }
    }
    failures
}
