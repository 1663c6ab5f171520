//! `watch`: keeps what is declared, by files and by labels, through restarts of containers and of the daemon, a flushed
//! firewall and a reboot.
//!
//! It sleeps until it is told of something. When the daemon tells of a change it looks at everything (`pass`); when the
//! kernel does, at what can be seen without the daemon (`glance`), so that rules that somebody flushed come back while no
//! daemon answers, too. `pace` makes one look of many changes. It makes what a file declares and is not there; it never
//! makes anew and never takes away a switch: that is for `up` and `down`.

mod dockers;
mod glance;
mod pace;
mod pass;
mod sole;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::time::Duration;

use futures_util::stream::BoxStream;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::time::{Instant, sleep_until, timeout};

use self::glance::{Glance, restore};
use self::pace::Pace;
use self::pass::Memory;
use self::sole::Sole;
use super::error::UpError;
use super::turn::Turn;
use crate::docker::{DockerError, Events};
use crate::network::Worldly;

/// How soon is tried again, at first and at most, when the daemon does not answer or something could not be mended.
const SOON: Duration = Duration::from_millis(100);
const LATEST_DAEMON: Duration = Duration::from_secs(1);
const LATEST_MEND: Duration = Duration::from_secs(30);
/// How soon is looked again when somebody else is at it.
const TURN: Duration = Duration::from_millis(200);
/// How often everything is looked at though nothing was told: nobody tells of what is deleted within a container's
/// namespace.
const ANYWAY: Duration = Duration::from_secs(60);
/// How long what is being mended may take when it is told to end; what is not done then is done by the next one.
const GRACE: Duration = Duration::from_secs(2);

/// The kernel, as far as it tells of changes. [`crate::netlink::KernelNews`] is the real one.
pub trait News {
    /// Until it has told of something, since the last time; what it was is not said.
    fn wait(&mut self) -> impl Future<Output = ()>;
}

/// What is watched, and where it is remembered.
#[derive(Clone, Debug)]
pub struct Watch {
    /// Files that declare switches.
    pub files: Vec<PathBuf>,
    /// Where it is kept what is published.
    pub state: PathBuf,
}

/// Keeps it until `interrupted`. `log` is told what was changed, and why.
///
/// # Errors
/// If the state directory cannot be used.
pub async fn watch<W: Worldly<Docker: Events>>(
    what: &Watch,
    connect: impl AsyncFn() -> Result<W, DockerError>,
    news: &mut impl News,
    interrupted: impl Future<Output = ()>,
    log: &mut impl FnMut(&str),
) -> Result<(), UpError> {
    let mut interrupted = pin!(interrupted);
    let sole = tokio::select! {
        biased;
        () = &mut interrupted => return Ok(()),
        sole = Sole::wait(&what.state, log) => sole,
    };
    let _sole = sole.map_err(|source| UpError::State { path: what.state.clone(), source })?;
    let mut last: Option<W> = None;
    let (mut wait, mut told) = (SOON, String::new());
    loop {
        let connected = tokio::select! {
            biased;
            () = &mut interrupted => return Ok(()),
            connected = connect() => connected,
        };
        match connected {
            Ok(world) => {
                log("the daemon answers");
                (wait, told) = (SOON, String::new());
                let ended = session(what, &world, news, interrupted.as_mut(), log).await;
                last = Some(world);
                match ended {
                    Ended::Interrupted => return Ok(()),
                    Ended::DaemonAway(why) => log(&format!("the daemon went away: {why}")),
                }
            }
            Err(error) => {
                let text = crate::error::report(&error);
                if text != told {
                    log(text.trim_end().trim_start_matches("netctl: "));
                    told = text;
                }
            }
        }
        // The rules of containers that outlive the daemon are kept meanwhile.
        tokio::select! {
            () = keep_rules(last.as_ref(), news, Instant::now() + wait, log) => {}
            () = &mut interrupted => return Ok(()),
        }
        wait = (wait * 2).min(LATEST_DAEMON);
    }
}

async fn keep_rules<W: Worldly>(
    world: Option<&W>,
    news: &mut impl News,
    until: Instant,
    log: &mut impl FnMut(&str),
) {
    let mut pace = Pace::default();
    // What was told of till now may have been heard by nobody.
    pace.told(Instant::now());
    loop {
        tokio::select! {
            biased;
            () = sleep_until(until) => return,
            () = pace.wait() => if let Some(world) = world {
                let _ = restore(world, log).await;
            },
            () = news.wait() => pace.told(Instant::now()),
        }
    }
}

enum Ended {
    Interrupted,
    DaemonAway(String),
}

/// As long as the daemon answers.
async fn session<W: Worldly<Docker: Events>>(
    what: &Watch,
    world: &W,
    news: &mut impl News,
    mut interrupted: Pin<&mut impl Future<Output = ()>>,
    log: &mut impl FnMut(&str),
) -> Ended {
    let mut events = world.docker().events();
    let mut memory = Memory::new(&what.files);
    let (mut kernel, mut daemon) = (Pace::default(), Pace::default());
    let (mut due, mut wait) = (Instant::now(), SOON);
    loop {
        tokio::select! {
            // What is due before what is told: somebody may never stop telling.
            biased;
            () = &mut interrupted => return Ended::Interrupted,
            () = daemon.wait() => (due, wait) = (Instant::now(), SOON),
            () = kernel.wait() => {
                if Glance::take(world, &memory.interfaces, log).await != memory.glance {
                    due = Instant::now();
                }
            }
            () = sleep_until(due) => {
                let Some(turn) = turn(&what.state, log) else {
                    due = Instant::now() + TURN;
                    continue;
                };
                let mut pass = pin!(pass::pass(world, &mut memory, log));
                let passed = tokio::select! {
                    passed = &mut pass => passed,
                    () = &mut interrupted => {
                        let _ = timeout(GRACE, pass).await;
                        return Ended::Interrupted;
                    }
                };
                match passed {
                    Ok(true) => (due, wait) = (Instant::now() + ANYWAY, SOON),
                    // Something could not be mended now.
                    Ok(false) => (due, wait) = (Instant::now() + wait, (wait * 2).min(LATEST_MEND)),
                    Err(error) => return Ended::DaemonAway(error.to_string()),
                }
                drop(turn);
            }
            event = events.next() => match event {
                Some(Ok(())) => {
                    drain(&mut events);
                    daemon.told(Instant::now());
                }
                Some(Err(error)) => return Ended::DaemonAway(error.to_string()),
                None => return Ended::DaemonAway("it tells no more".to_owned()),
            },
            () = news.wait() => kernel.told(Instant::now()),
        }
    }
}

/// One look serves for all that has been told of till now.
fn drain(events: &mut BoxStream<'_, Result<(), DockerError>>) {
    while let Some(Some(Ok(()))) = events.next().now_or_never() {}
}

fn turn(state: &Path, log: &mut impl FnMut(&str)) -> Option<Turn> {
    Turn::try_alone(state).unwrap_or_else(|error| {
        log(&format!("cannot use {}: {error}", state.display()));
        None
    })
}
