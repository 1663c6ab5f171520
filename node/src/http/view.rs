//! What the HTTP server may know about the switch and ask of it.

use std::time::Duration;

use serde::Serialize;

use crate::config::Change;

/// The switch, as the HTTP server sees it. Nothing here blocks or waits.
pub trait SwitchView: Send + Sync + 'static {
    /// Every call that is up.
    fn calls(&self) -> Vec<CallView>;
    /// Hangs up the call that has this id or a leg with it. False where there is none.
    fn hang_up(&self, id: &str) -> bool;
    /// How far the switch is on its way out.
    fn drain(&self) -> DrainView;
    /// Takes no new calls; those that are up may go on for this long, or for as long as is configured.
    fn begin_drain(&self, deadline: Option<Duration>) -> DrainView;
    /// Takes calls again; None where a signal ends the process.
    fn take_back_drain(&self) -> Option<DrainView>;
    /// Reads the configuration anew. This alone may block, for it reads files.
    ///
    /// # Errors
    /// [`RefusedView`]: nothing has changed.
    fn reload(&self) -> Result<ReloadView, RefusedView>;
    /// Whether new calls are taken.
    fn readiness(&self) -> Readiness;
    /// Whether the process does its work at all.
    fn liveness(&self) -> Liveness;
    /// The text of `/metrics`; None where it cannot be made.
    fn metrics(&self) -> Option<String>;
}

/// The answer of `/readyz`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Readiness {
    /// New calls are taken.
    Ready,
    /// They are not, and why.
    NotReady(&'static str),
}

/// The answer of `/livez`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Liveness {
    /// It does.
    Alive,
    /// It does not and will not: what runs it should start it again.
    Dead(&'static str),
}

/// How far the switch is on its way out.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct DrainView {
    /// No new calls are taken.
    pub draining: bool,
    /// A signal came: the process ends with the last call.
    pub leaving: bool,
    /// Calls that are up.
    pub calls: usize,
    /// When those that are left then are ended, in seconds since the Unix epoch; null while calls are taken.
    pub deadline: Option<f64>,
    /// Until then; zero once it is over.
    pub seconds_left: Option<f64>,
}

/// What a new configuration changed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ReloadView {
    /// In force.
    pub changed: Vec<Change>,
    /// Left as it was until the next start.
    pub needs_restart: Vec<Change>,
}

/// Why a new configuration changed nothing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct RefusedView {
    /// All of it, as text.
    pub error: String,
    /// Each of what is wrong; empty where the file cannot be read at all.
    pub problems: Vec<ProblemView>,
}

/// One thing that is wrong, and where.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ProblemView {
    /// For instance `rtp.ports`; empty where the file as a whole cannot be read as TOML.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// As it was named on the command line; null for what a file did not say.
    pub file: Option<String>,
    /// From 1.
    pub line: Option<usize>,
    /// From 1, in characters.
    pub column: Option<usize>,
    /// The environment variable that said it.
    pub variable: Option<String>,
}

/// One call.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct CallView {
    /// The id of its first leg; what the log calls `call`.
    pub id: String,
    /// Who calls.
    pub caller: String,
    /// What was dialled.
    pub destination: String,
    /// Since the first leg began.
    pub age_seconds: f64,
    /// Since the first leg was answered; null before.
    pub answered_seconds: Option<f64>,
    /// First the one that began the call.
    pub legs: Vec<LegView>,
}

/// One leg of a call.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct LegView {
    /// The session's id.
    pub id: String,
    /// The channel's name.
    pub name: String,
    /// `inbound` or `outbound`.
    pub direction: &'static str,
    /// With its name as FreeSWITCH has it, for instance `CS_EXECUTE`.
    pub state: String,
    /// The application that runs; empty for none.
    pub application: String,
    /// Null for a leg without media.
    pub media: Option<MediaView>,
}

/// What a leg's stream has counted since it was opened.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct MediaView {
    /// Our RTP address.
    pub local: String,
    /// The source the stream locked to.
    pub remote: Option<String>,
    /// RTP packets from the peer.
    pub received_packets: u64,
    /// Their payload.
    pub received_bytes: u64,
    /// RTP packets to the peer.
    pub sent_packets: u64,
    /// Their payload.
    pub sent_bytes: u64,
    /// Lost on the way to us.
    pub lost_packets: u64,
    /// The same of all the peer sent, 0 to 1.
    pub loss_ratio: f64,
    /// Of what the peer sends.
    pub jitter_seconds: f64,
    /// Mean opinion score of what the peer sends, 1 to 4.5; null before a second of it came.
    pub mos: Option<f64>,
    /// 0 to 1, of what we send, as the peer last reported it.
    pub remote_loss_ratio: Option<f32>,
    /// Of what we send, as the peer last reported it.
    pub remote_jitter_seconds: Option<f64>,
    /// By RTCP.
    pub round_trip_seconds: Option<f64>,
    /// Dropped: from a third party.
    pub dropped_foreign_packets: u64,
    /// Dropped: malformed or not agreed on.
    pub dropped_invalid_packets: u64,
    /// Not sent for want of the peer's consent.
    pub withheld_packets: u64,
}
