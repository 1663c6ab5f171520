//! Waits until a switch listens for SIP, and says why when it does not.

use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::error::StepError;
use super::ports::{Claim, Purpose};
use super::sockets::{Place, Sockets as _};
use super::world::Worldly;
use crate::docker::{Container, Containers as _};

/// How long a switch may take to its first listener. It needs a fraction of a second on an idle machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often is looked.
const INTERVAL: Duration = Duration::from_millis(100);
/// How long Docker may take to notice that a container's process ended.
const NOTICE: Duration = Duration::from_secs(2);
/// How many lines of its log are shown.
const LINES: u32 = 8;

pub(super) async fn wait(world: &impl Worldly, name: &str, claims: &[Claim]) -> Result<(), StepError> {
    let since = Instant::now();
    loop {
        let container = world.docker().container(name).await?;
        let Some(pid) = container.as_ref().and_then(|container| container.pid) else {
            return Err(ended(world, name, container).await);
        };
        let Some(missing) = missing(world, pid, claims).await? else { return Ok(()) };
        if since.elapsed() > PATIENCE {
            let words = words(world, name).await;
            return Err(StepError::Silent {
                name: name.to_owned(),
                claim: missing,
                seconds: PATIENCE.as_secs(),
                words,
            });
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

/// The first SIP listener that is not there yet.
async fn missing(world: &impl Worldly, pid: u32, claims: &[Claim]) -> Result<Option<Claim>, StepError> {
    let kin = world.proc().kin(pid);
    let bound = match world.proc().bound(Place::Process(pid)) {
        Ok(bound) => bound,
        // It ended between two looks; the next look says so.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(claims.first().copied()),
        Err(error) => return Err(StepError::Sockets(error)),
    };
    let listens = |claim: &Claim| {
        bound.iter().any(|socket| {
            // Where holders cannot be seen, anybody's socket counts.
            let its = socket.holder.as_ref().is_none_or(|holder| kin.contains(&holder.pid));
            its && claim.meets(socket.ports(), Some(socket.local.ip()))
        })
    };
    Ok(claims.iter().find(|claim| claim.purpose == Purpose::Sip && !listens(claim)).copied())
}

/// A container may end while it is furnished. The kernel knows before Docker does, and its refusal says nothing of
/// why: where the process is gone, Docker's word is waited for.
pub(super) async fn or_ended(world: &impl Worldly, name: &str, refusal: StepError) -> StepError {
    let gone = match &refusal {
        StepError::Kernel(error) => {
            [Errno::SRCH, Errno::NOENT].iter().any(|errno| error.errno() == Some(errno.raw_os_error()))
        }
        StepError::Publish(error) => error.is_gone(),
        _ => false,
    };
    let since = Instant::now();
    while gone && since.elapsed() < NOTICE {
        match world.docker().container(name).await {
            Ok(Some(container)) if container.pid.is_some() => tokio::time::sleep(INTERVAL).await,
            Ok(container) => return ended(world, name, container).await,
            Err(_) => break,
        }
    }
    refusal
}

pub(super) async fn ended(world: &impl Worldly, name: &str, container: Option<Container>) -> StepError {
    match container {
        Some(container) => StepError::Ended {
            name: name.to_owned(),
            code: container.exit_code,
            words: words(world, name).await,
        },
        None => StepError::Gone(name.to_owned()),
    }
}

async fn words(world: &impl Worldly, name: &str) -> String {
    let words = world.docker().last_words(name, LINES).await.unwrap_or_default();
    match words.trim() {
        "" => "nothing".to_owned(),
        // A container's words must not drive the terminal.
        words => words.chars().filter(|c| *c == '\n' || !c.is_control()).collect(),
    }
}
