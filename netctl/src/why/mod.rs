//! `why`: where on its way to the switch and back a packet ends, and what mends it.
//!
//! `subject` is whose way it is, `hop` its stations. `watch` is a table of counters for the seconds of a look, `look`
//! takes it, with a call of its own where one can be placed; `trail` is what the kernel told of single packets.
//! `judge` finds the station from the counts alone, `cause` what is wrong there, `mend` the command against it. The
//! machine stands behind a narrow trait; `local` is the real one.

mod call;
mod cause;
mod error;
mod hop;
mod judge;
mod local;
mod look;
mod machine;
mod mend;
mod metrics;
mod report;
mod subject;
#[cfg(test)]
mod tests;
mod trail;
mod watch;

use std::net::IpAddr;
use std::time::Duration;

pub use call::Caller;
pub use cause::{Cause, Scene};
pub use error::WhyError;
pub use hop::{Hop, Stream};
pub use judge::{Judgement, judge};
pub use local::Local;
pub use look::{Seen, look};
pub use machine::{Machine, Question, Routing, UdpLosses, Watch};
pub use metrics::Metrics;
pub use report::{Conclusion, Passage, Report};
pub use subject::{Joint, Owner, Reach, Subject};
pub use trail::Trail;
pub use watch::{ByFamily, Counts, Scope, host_table, inside_table, table_name};

use crate::firewall::Family;

/// How to look.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long to wait where no call is placed, and how long the call's signal is.
    pub seconds: Duration,
    /// Only packets of this peer.
    pub peer: Option<IpAddr>,
    /// What the command needs that publishes again, for instance ` --state-dir /tmp/x`.
    pub publish: String,
}

/// Who calls, while it is looked.
#[derive(Debug, Default)]
pub struct Asked {
    /// One after the other; nobody where somebody else is to.
    pub callers: Vec<Caller>,
    /// Why some others do not.
    pub not_called: Vec<String>,
}

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
    if let Some(conclusion) = subject.unreachable() {
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
