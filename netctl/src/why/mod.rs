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
pub use report::{Conclusion, Report};
pub use subject::{Reach, Subject};
pub use trail::Trail;
pub use watch::{Counts, host_table, inside_table, table_name};

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

/// Looks, judges, and finds the cause.
///
/// # Errors
/// Where it cannot be looked; that audio does not pass is no error, but what the report says.
pub async fn why<M: Machine>(
    machine: &M,
    subject: &Subject,
    caller: Option<&Caller>,
    options: &Options,
) -> Result<Report, WhyError> {
    if subject.pid.is_none() {
        return Ok(Report::stopped(subject));
    }
    let happens = async {
        match caller {
            Some(caller) => Some(caller.call(options.seconds).await),
            None => {
                tokio::time::sleep(options.seconds).await;
                None
            }
        }
    };
    let peer = options.peer.or_else(|| caller?.address);
    let seen = look(machine, subject, peer, happens).await?;
    let scene = Scene { machine, subject, seen: &seen, peer, options: &options.publish };
    let judgement = judge(&seen.counts, caller.is_some());
    let conclusion = match judgement {
        Judgement::Dead(hop, stream) => Conclusion::Broken(hop, stream, scene.cause(hop, stream).await),
        Judgement::Lossy(hop, stream) => Conclusion::Lossy(hop, stream, scene.cause(hop, stream).await),
        Judgement::Nothing | Judgement::Passes => match (&seen.call, scene.refusal()) {
            (Some(Err(_)) | None, Some(refusal)) => Conclusion::Refused(refusal),
            (Some(Err(error)), None) => Conclusion::NoCall(error.clone()),
            (Some(Ok(report)), _) if !report.ok => Conclusion::BadAudio(report.summary.clone()),
            _ if judgement == Judgement::Nothing => Conclusion::Nothing,
            _ => Conclusion::Passes,
        },
    };
    Ok(Report::new(subject, &seen, conclusion, caller, options))
}
