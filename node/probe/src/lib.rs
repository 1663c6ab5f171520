//! Places one real call and judges what came back.
//!
//! [`call`] sends a known signal to a number that echoes and compares what returns frame by frame; [`ping`]
//! only asks whether somebody speaks SIP there. Owns a user agent of its own, small and apart from the
//! switch's, so that a fault there cannot hide itself here. Refuses to know configuration, terminals and
//! exit codes: that is the caller's.
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let report = switch_probe::call(&"sip:9196@127.0.0.1".parse()?, Default::default()).await?;
//! println!("{}", report.table());
//! # Ok(()) }
//! ```

mod agent;
mod error;
mod link;
mod options;
mod ports;
mod random;
mod report;
mod rtcp;
mod sdp;
mod signal;
mod stream;
mod tally;
mod target;
mod verdict;

use std::time::Duration;

use switch_media::emodel::{self, Impairment};
use tokio::time::Instant;

use agent::Agent;
use stream::Stream;
use verdict::Facts;

pub use error::{AnswerError, ProbeError};
pub use options::ProbeOptions;
pub use report::{Frames, LossReport, Packets, PingReport, Report, RoundTrip, Table};
pub use target::{ProbeTarget, TargetError, Transport};
pub use verdict::Verdict;

/// Places one call, sends the signal, ends the call, and says what came back.
///
/// # Errors
/// When there was no call to measure: not resolved, not reached, not answered, refused, or answered with
/// SDP that cannot be used. An answered call always gives a report; [`Report::ok`] says whether it is good.
pub async fn call(target: &ProbeTarget, options: ProbeOptions) -> Result<Report, ProbeError> {
    if target.user().is_none() {
        return Err(ProbeError::NoUser { host: target.host().to_owned() });
    }
    let mut agent = Agent::open(target, &options).await?;
    let local = agent.link().local.ip();
    let sockets = ports::pair(local).await.map_err(|source| ProbeError::Socket { local, source })?;
    let rtp = sockets.0.local_addr().map_err(|source| ProbeError::Socket { local, source })?;

    let started = Instant::now();
    let answered = agent.invite(sdp::offer(rtp, random::number() as u32), &options).await?;
    let setup = started.elapsed();
    let answer = match sdp::answer(&answered.body, local) {
        Ok(answer) => answer,
        Err(error) => {
            agent.bye().await;
            return Err(error.into());
        }
    };
    let mut stream = Stream::new(sockets, answer, &options);
    let cut_short = stream.measure(&mut agent, &options).await;
    agent.bye().await;

    let facts = Facts {
        expected: stream.tally.expected(),
        returned: stream.tally.returned(),
        altered: stream.tally.altered(),
        packets: stream.tally.packets,
        foreign_level: stream.foreign_level,
        heard_by_peer: stream.reports.heard_by_peer(),
        cut_short,
        tolerance: options.tolerance,
    };
    let measured = Measured { target, agent: &agent, answer, setup, started, stream: &stream, facts };
    Ok(measured.report())
}

/// Sends OPTIONS and waits for the answer: any answer proves that somebody speaks SIP there.
///
/// # Errors
/// When there was no answer: not resolved, not reached, or silent.
pub async fn ping(target: &ProbeTarget, options: ProbeOptions) -> Result<PingReport, ProbeError> {
    let mut agent = Agent::open(target, &options).await?;
    let started = Instant::now();
    let response = agent.options(&options).await?;
    let server = response.headers.first("Server").or(response.headers.first("User-Agent"));
    Ok(PingReport {
        target: target.to_string(),
        remote: agent.link().remote,
        transport: target.transport(),
        status: response.status,
        ok: response.is_success(),
        response_ms: milliseconds(started.elapsed()),
        server: server.map(str::to_owned),
        reason: response.reason,
    })
}

/// All there is to make a report of.
struct Measured<'a> {
    target: &'a ProbeTarget,
    agent: &'a Agent,
    answer: sdp::Answer,
    setup: Duration,
    started: Instant,
    stream: &'a Stream,
    facts: Facts,
}

impl Measured<'_> {
    fn report(&self) -> Report {
        let Stream { tally, reports, ignored, .. } = self.stream;
        let verdict = self.facts.verdict();
        let round_trip = tally.round_trip();
        let (there, back) = tally.directions(reports.loss());
        let total = tally.loss().ratio();
        let delay = round_trip.map(|[_, median, _]| {
            let network = reports.round_trip().map_or(median, |rtcp| rtcp.min(median)) / 2;
            milliseconds(network + stream::FRAME_TIME + tally.jitter().unwrap_or_default() * 2)
        });
        let rating =
            delay.map(|delay| emodel::rate(Impairment::of(self.answer.codec.name(), 8000), delay, total));
        let percent = |ratio: f64| ratio * 100.0;
        Report {
            target: self.target.to_string(),
            remote: self.agent.link().remote,
            transport: self.target.transport(),
            media: self.answer.rtp,
            codec: self.answer.codec.name().to_owned(),
            ok: verdict == Verdict::AudioBothWays,
            verdict,
            summary: self.facts.sentence(),
            next_step: self.facts.next_step().to_owned(),
            setup_ms: milliseconds(self.setup),
            first_audio_ms: tally
                .first_packet
                .map(|at| milliseconds(at.saturating_duration_since(self.started))),
            frames: Frames {
                expected: self.facts.expected,
                returned: self.facts.returned,
                altered: self.facts.altered,
            },
            packets: Packets {
                sent: tally.frames_sent().into(),
                received: tally.packets,
                duplicates: tally.duplicates,
                foreign: tally.foreign,
                ignored: *ignored,
            },
            loss: LossReport {
                total: percent(total),
                to_remote: there.map(percent),
                from_remote: back.map(percent),
            },
            jitter_ms: tally.jitter().map(milliseconds),
            remote_jitter_ms: reports.jitter().map(milliseconds),
            round_trip: round_trip.map(|times| {
                let [min_ms, median_ms, max_ms] = times.map(milliseconds);
                RoundTrip { min_ms, median_ms, max_ms }
            }),
            rtcp_round_trip_ms: reports.round_trip().map(milliseconds),
            delay_ms: delay,
            r_factor: rating.map(|rating| rating.r),
            mos: rating.map(|rating| rating.mos),
        }
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
