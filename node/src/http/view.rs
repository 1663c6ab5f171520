//! What the HTTP server may know about the switch and ask of it.

use serde::Serialize;

/// The switch, as the HTTP server sees it. Nothing here blocks or waits.
pub trait SwitchView: Send + Sync + 'static {
    /// Every call that is up.
    fn calls(&self) -> Vec<CallView>;
    /// Hangs up the call that has this id or a leg with it. False where there is none.
    fn hang_up(&self, id: &str) -> bool;
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
