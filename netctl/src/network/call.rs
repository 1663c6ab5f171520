//! One call from a namespace.

use std::io;

use switch_probe::{ProbeError, ProbeOptions, ProbeTarget, Report};

use super::sockets::Place;
use crate::bridge::KernelError;
use crate::netlink;

/// Why no call was placed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says it")]
pub enum CallError {
    #[error(transparent)]
    Target(#[from] switch_probe::TargetError),
    #[error(transparent)]
    Probe(#[from] ProbeError),
    #[error("the namespace cannot be entered")]
    Namespace(#[from] io::Error),
    #[error("the namespace that the call came from cannot be taken away")]
    Neighbour(#[from] KernelError),
}

/// Calls.
///
/// # Errors
/// Where there was no call. One that brought no audio is none.
pub async fn call(target: &str, from: Place, options: ProbeOptions) -> Result<Report, CallError> {
    let target: ProbeTarget = target.parse()?;
    match from {
        Place::Here => Ok(switch_probe::call(&target, options).await?),
        Place::Process(pid) => {
            let inside = move || {
                netlink::inside(pid, || {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                    Ok(runtime.block_on(switch_probe::call(&target, options))?)
                })
            };
            tokio::task::spawn_blocking(inside).await.map_err(io::Error::other)??
        }
    }
}
