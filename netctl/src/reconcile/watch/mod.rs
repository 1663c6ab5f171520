//! `watch`: keeps what is declared, by files and by labels, through restarts of containers and of the daemon, a flushed
//! firewall and a reboot.
//!
//! It looks at everything (`pass`) when the daemon tells of a change, and twice a second at the kernel alone, so that rules
//! that somebody flushed come back while no daemon answers, too. It makes what a file declares and is not there; it never
//! makes anew and never takes away a switch: that is for `up` and `down`.

mod pass;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::time::Duration;

use futures_util::stream::BoxStream;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use self::pass::Memory;
use super::turn::Turn;
use crate::docker::{DockerError, Events};
use crate::network::{Publisher as _, Worldly};

/// How often the kernel is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// How soon is tried again, at first and at most, when the daemon does not answer or something could not be mended.
const SOON: Duration = Duration::from_millis(100);
const LATEST_DAEMON: Duration = Duration::from_secs(1);
const LATEST_MEND: Duration = Duration::from_secs(30);
/// How soon is looked again when somebody else is at it.
const TURN: Duration = Duration::from_millis(200);
/// How often everything is looked at though nothing was told.
const ANYWAY: Duration = Duration::from_secs(30);

/// What is watched, and where it is remembered.
#[derive(Clone, Debug)]
pub struct Watch {
    /// Files that declare switches.
    pub files: Vec<PathBuf>,
    /// Where it is kept what is published.
    pub state: PathBuf,
}

/// Keeps it until `interrupted`. `log` is told what was changed, and why.
pub async fn watch<W: Worldly<Docker: Events>>(
    what: &Watch,
    connect: impl AsyncFn() -> Result<W, DockerError>,
    interrupted: impl Future<Output = ()>,
    log: &mut impl FnMut(&str),
) {
    let mut interrupted = pin!(interrupted);
    let mut last: Option<W> = None;
    let (mut wait, mut told) = (SOON, String::new());
    loop {
        match connect().await {
            Ok(world) => {
                log("the daemon answers");
                (wait, told) = (SOON, String::new());
                let ended = session(what, &world, interrupted.as_mut(), log).await;
                last = Some(world);
                match ended {
                    Ended::Interrupted => return,
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
            () = kept_rules(last.as_ref(), Instant::now() + wait, log) => {}
            () = &mut interrupted => return,
        }
        wait = (wait * 2).min(LATEST_DAEMON);
    }
}

async fn kept_rules<W: Worldly>(world: Option<&W>, until: Instant, log: &mut impl FnMut(&str)) {
    if let Some(world) = world {
        restore(world, log).await;
    }
    sleep_until(until).await;
}

enum Ended {
    Interrupted,
    DaemonAway(String),
}

/// As long as the daemon answers.
async fn session<W: Worldly<Docker: Events>>(
    what: &Watch,
    world: &W,
    mut interrupted: Pin<&mut impl Future<Output = ()>>,
    log: &mut impl FnMut(&str),
) -> Ended {
    let mut events = world.docker().events();
    let mut memory = Memory::new(&what.files);
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut due, mut wait) = (Instant::now(), SOON);
    loop {
        tokio::select! {
            biased;
            () = &mut interrupted => return Ended::Interrupted,
            event = events.next() => match event {
                Some(Ok(())) => {
                    drain(&mut events);
                    (due, wait) = (Instant::now(), SOON);
                }
                Some(Err(error)) => return Ended::DaemonAway(error.to_string()),
                None => return Ended::DaemonAway("it tells no more".to_owned()),
            },
            _ = ticks.tick() => {
                restore(world, log).await;
                if memory.misses_an_interface(world).await {
                    due = Instant::now();
                }
            }
            () = sleep_until(due) => {
                let Some(turn) = turn(&what.state, log) else {
                    due = Instant::now() + TURN;
                    continue;
                };
                match pass::pass(world, &mut memory, log).await {
                    Ok(true) => (due, wait) = (Instant::now() + ANYWAY, SOON),
                    // Something could not be mended now.
                    Ok(false) => (due, wait) = (Instant::now() + wait, (wait * 2).min(LATEST_MEND)),
                    Err(error) => return Ended::DaemonAway(error.to_string()),
                }
                drop(turn);
            }
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

async fn restore(world: &impl Worldly, log: &mut impl FnMut(&str)) {
    // Where it fails, the next pass finds the same, and tells of it once.
    for name in world.publisher().restore().await.unwrap_or_default() {
        log(&format!("{name}: its rules were missing; they are back"));
    }
}
