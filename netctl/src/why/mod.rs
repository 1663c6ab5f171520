//! `why`: where on its way to the switch and back a packet ends, and what mends it.
//!
//! From the ground up, each floor knowing only those below it:
//!
//! - The words: `hop` (the stations of the way), `counts`, `metrics` (what the switch tells), `cause` (what is wrong, and what
//!   mends it), `conclusion` (what a look comes to), `error`.
//! - Whose way it is and what is asked: `joint` and `subject`; `call` and `asked`.
//! - What is seen: `trail` is what the kernel told of single packets, `watch` a table of counters for the seconds of a look.
//!   The `machine` stands behind a narrow trait, `local` is the real one. `look` takes it all, with a call of its own where
//!   one can be placed.
//! - What it means: `judge` finds the station from the counts alone. `scene` is all that a cause is found by, `diagnosis`
//!   finds it, `mend` has the commands against it.
//! - `report` tells it; what all of that comes to is decided here, on top.

mod asked;
mod call;
mod cause;
mod conclusion;
mod counts;
mod diagnosis;
mod error;
mod hop;
mod joint;
mod judge;
mod local;
mod look;
mod machine;
mod mend;
mod metrics;
mod report;
mod scene;
mod subject;
#[cfg(test)]
mod tests;
mod trail;
mod watch;

pub use asked::{Asked, Options};
pub use call::Caller;
pub use cause::Cause;
pub use conclusion::Conclusion;
pub use counts::{ByFamily, Counts};
pub use error::WhyError;
pub use hop::{Hop, Stream};
pub use joint::Joint;
pub use judge::{Judgement, judge};
pub use local::Local;
pub use look::{Seen, look};
pub use machine::{Machine, Question, Routing, UdpLosses, Watch};
pub use metrics::Metrics;
pub use report::{Passage, Report};
pub use scene::Scene;
pub use subject::{Owner, Reach, Subject};
pub use trail::Trail;
pub use watch::{Scope, host_table, inside_table, table_name};

use self::cause::cause;
use crate::firewall::Family;

/// Looks, judges, and finds the cause.
///
/// # Errors
/// Where it cannot be looked; that audio does not pass is no error, but what the report says.
pub async fn why<M: Machine>(
    machine: &M,
    subject: &Subject,
    asked: &Asked,
    options: &Options,
) -> Result<Report, WhyError> {
    if let Some(conclusion) = unreachable(subject) {
        return Ok(Report::at_once(subject, conclusion));
    }
    let mut looks = Vec::new();
    if asked.callers.is_empty() {
        looks.push(passages(machine, subject, None, options).await?);
    }
    for caller in &asked.callers {
        looks.push(passages(machine, subject, Some(caller), options).await?);
    }
    Ok(Report::new(subject, looks, asked, options))
}

/// Why nothing can reach a switch, where that is known without a look.
fn unreachable(subject: &Subject) -> Option<Conclusion> {
    let name = &subject.name;
    if subject.pid.is_none() {
        let text = format!("Docker says that {name} is {}", subject.status);
        return Some(Conclusion::Stopped(cause("stopped", text, format!("docker start {name}"))));
    }
    let Owner { name: owner, runs } = subject.left_by.as_ref()?;
    let (why, first) = match runs {
        true => ("was started anew since, in another one", String::new()),
        false => ("does not run", format!("docker start {owner} && ")),
    };
    let text = format!("{name} shares the network of {owner}, which {why}: nothing leads to where {name} is");
    let cause = cause("left", text, format!("{first}docker restart {name}"));
    Some(Conclusion::Broken(Hop::Entered, Stream::Signalling, cause))
}

/// One look: at the caller's family, or at those of which something passes.
async fn passages<M: Machine>(
    machine: &M,
    subject: &Subject,
    caller: Option<&Caller>,
    options: &Options,
) -> Result<(Seen, Vec<Passage>), WhyError> {
    let peer = options.peer.or_else(|| caller?.address);
    let families = match (caller, peer) {
        (Some(caller), _) => vec![caller.family],
        (None, Some(peer)) => vec![Family::of(peer)],
        (None, None) => subject.families(),
    };
    let scope = Scope { families, peer };
    let happens = async {
        match caller {
            Some(caller) => Some(caller.call(options.seconds).await),
            None => {
                tokio::time::sleep(options.seconds).await;
                None
            }
        }
    };
    let seen = look(machine, subject, &scope, happens).await?;
    let busy = seen.busy();
    // Where nothing came at all that is said once.
    let families = if busy.is_empty() { &scope.families[..scope.families.len().min(1)] } else { &busy[..] };
    let mut passages = Vec::new();
    for family in families.iter().copied() {
        let scene = Scene { machine, subject, seen: &seen, family, peer, options: &options.publish };
        let counts = seen.counts.get(&family).cloned().unwrap_or_default();
        let conclusion = conclude(&scene, &counts, caller.is_some()).await;
        passages.push(Passage { family, on_host: matches!(subject.reach, Reach::Host), counts, conclusion });
    }
    Ok((seen, passages))
}

async fn conclude<M: Machine>(scene: &Scene<'_, M>, counts: &Counts, called: bool) -> Conclusion {
    let judgement = judge(counts, called);
    match judgement {
        Judgement::Dead(hop, stream) => Conclusion::Broken(hop, stream, scene.cause(hop, stream).await),
        Judgement::Lossy(hop, stream) => Conclusion::Lossy(hop, stream, scene.cause(hop, stream).await),
        Judgement::Nothing | Judgement::Passes => match (&scene.seen.call, scene.refusal()) {
            (Some(Err(_)) | None, Some(refusal)) => Conclusion::Refused(refusal),
            (Some(Err(error)), None) => Conclusion::NoCall(error.clone()),
            (Some(Ok(report)), _) if !report.ok => Conclusion::BadAudio(report.summary.clone()),
            _ if judgement == Judgement::Nothing => Conclusion::Nothing(scene.kept_away().await),
            _ => Conclusion::Passes,
        },
    }
}
