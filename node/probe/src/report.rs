//! What a call or a ping found out: for machines by serde, for people as a table.

use std::fmt;
use std::net::SocketAddr;

use serde::Serialize;

use crate::target::Transport;
use crate::verdict::Verdict;

/// What an answered call found out. Times are milliseconds, ratios 0 to 100 percent.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Report {
    /// Whom we called, as written.
    pub target: String,
    /// Where the signalling went.
    pub remote: SocketAddr,
    /// What carried it.
    pub transport: Transport,
    /// Where our audio went.
    pub media: SocketAddr,
    /// The codec both agreed on.
    pub codec: String,
    /// Whether audio came back intact both ways.
    pub ok: bool,
    /// What became of the audio.
    pub verdict: Verdict,
    /// The verdict in a sentence.
    pub summary: String,
    /// What to look at next; empty when all is well.
    pub next_step: String,
    /// From sending INVITE to its 200.
    pub setup_ms: f64,
    /// From sending INVITE to the first RTP packet. None: none came.
    pub first_audio_ms: Option<f64>,
    /// How the frames fared.
    pub frames: Frames,
    /// RTP packets.
    pub packets: Packets,
    /// Frames lost, in percent.
    pub loss: LossReport,
    /// Interarrival jitter of what came (RFC 3550 §6.4.1). None: fewer than two packets came.
    pub jitter_ms: Option<f64>,
    /// Interarrival jitter of what we sent, as the other side's RTCP reports it.
    pub remote_jitter_ms: Option<f64>,
    /// How long sound takes there and back. None: nothing came back.
    pub round_trip: Option<RoundTrip>,
    /// Round trip by RTCP (RFC 3550 §6.4.1): without what the other side does to the audio.
    pub rtcp_round_trip_ms: Option<f64>,
    /// Delay from mouth to ear the rating assumes: half the shorter round trip, a frame, and a jitter buffer
    /// of twice the jitter.
    pub delay_ms: Option<f64>,
    /// Rating factor R (ITU-T G.107), of the loss there and back together. None: nothing came back.
    pub r_factor: Option<f64>,
    /// Mean opinion score the rating means, 1 to 4.5.
    pub mos: Option<f64>,
}

/// How the frames of the signal fared. The lead-in that opens the path is not among them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Frames {
    /// Sent, so that their return could be expected.
    pub expected: u32,
    /// Came back.
    pub returned: u32,
    /// Came back, but not bit for bit.
    pub altered: u32,
}

/// RTP packets, lead-in included.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Packets {
    /// Sent.
    pub sent: u64,
    /// Received, ours or not.
    pub received: u64,
    /// Frames that came back again.
    pub duplicates: u64,
    /// Received, with something else in them.
    pub foreign: u64,
    /// Received on the RTP port, but no RTP, of another payload type, or from another host.
    pub ignored: u64,
}

/// Frames lost, in percent. A direction is None where it cannot be known: a peer that keeps our sequence
/// numbers shows the same gap for either way, and then only its RTCP can tell.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct LossReport {
    /// There and back together, counted frame by frame.
    pub total: f64,
    /// On the way to the other side.
    pub to_remote: Option<f64>,
    /// On the way back.
    pub from_remote: Option<f64>,
}

/// How long sound takes there and back, milliseconds.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct RoundTrip {
    /// Shortest.
    pub min_ms: f64,
    /// Median.
    pub median_ms: f64,
    /// Longest.
    pub max_ms: f64,
}

/// What a ping found out: the target answered. Times are milliseconds.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct PingReport {
    /// Whom we asked, as written.
    pub target: String,
    /// Where the request went.
    pub remote: SocketAddr,
    /// What carried it.
    pub transport: Transport,
    /// Status of the answer. Any answer proves that somebody speaks SIP there.
    pub status: u16,
    /// Its reason phrase.
    pub reason: String,
    /// Whether the status is a success.
    pub ok: bool,
    /// From OPTIONS to its answer.
    pub response_ms: f64,
    /// What the other side says it is (Server or User-Agent).
    pub server: Option<String>,
}

impl Report {
    /// The report for people: one line a figure, the verdict last. Ends without a line break.
    pub fn table(&self) -> Table {
        let ms = |value: Option<f64>| value.map_or_else(unknown, |value| format!("{value:.1} ms"));
        let percent = |value: Option<f64>| value.map_or_else(unknown, |value| format!("{value:.2} %"));
        let Self { frames, packets, loss, .. } = self;
        let mut rows = vec![
            ("call", format!("{} ({} {})", self.target, self.transport, self.remote)),
            ("media", format!("{} at {}", self.codec, self.media)),
            ("set-up", ms(Some(self.setup_ms))),
            ("first audio", ms(self.first_audio_ms)),
            (
                "frames",
                format!("{} of {} came back, {} altered", frames.returned, frames.expected, frames.altered),
            ),
            (
                "packets",
                format!("{} sent, {} received, {} foreign", packets.sent, packets.received, packets.foreign),
            ),
            ("loss", percent(Some(loss.total))),
            ("  there", percent(loss.to_remote)),
            ("  back", percent(loss.from_remote)),
            ("jitter", ms(self.jitter_ms)),
        ];
        let round_trip = self.round_trip.map_or_else(unknown, |time| {
            format!("{:.1} ms (least {:.1}, most {:.1})", time.median_ms, time.min_ms, time.max_ms)
        });
        rows.push(("round trip", round_trip));
        if self.rtcp_round_trip_ms.is_some() {
            rows.push(("  by RTCP", ms(self.rtcp_round_trip_ms)));
        }
        rows.push(("R-factor", self.r_factor.map_or_else(unknown, |r| format!("{r:.1}"))));
        rows.push(("MOS", self.mos.map_or_else(unknown, |mos| format!("{mos:.2}"))));
        rows.push(("verdict", self.summary.clone()));
        if !self.next_step.is_empty() {
            rows.push(("next", self.next_step.clone()));
        }
        Table { rows }
    }
}

impl PingReport {
    /// The report for people: one line a figure. Ends without a line break.
    pub fn table(&self) -> Table {
        let mut rows = vec![
            ("ping", format!("{} ({} {})", self.target, self.transport, self.remote)),
            ("answer", format!("{} {}", self.status, self.reason)),
            ("after", format!("{:.1} ms", self.response_ms)),
        ];
        if let Some(server) = &self.server {
            rows.push(("server", server.clone()));
        }
        Table { rows }
    }
}

/// Labels and values in two columns; [`Display`](fmt::Display) draws it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Table {
    rows: Vec<(&'static str, String)>,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
        for (number, (label, value)) in self.rows.iter().enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            write!(f, "{label:width$}  ")?;
            // A peer's words (reason phrase, server name) must not drive the terminal.
            for c in value.chars().filter(|c| !c.is_control()) {
                write!(f, "{c}")?;
            }
        }
        Ok(())
    }
}

fn unknown() -> String {
    "unknown".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ping_is_drawn_in_columns_and_without_control_characters() {
        let report = PingReport {
            target: "sip:[::1]".into(),
            remote: "[::1]:5060".parse().unwrap(),
            transport: Transport::Udp,
            status: 200,
            reason: "OK\x1b[2J".into(),
            ok: true,
            response_ms: 1.26,
            server: None,
        };
        let expected = "ping    sip:[::1] (udp [::1]:5060)\nanswer  200 OK[2J\nafter   1.3 ms";
        assert_eq!(report.table().to_string(), expected);
    }
}
