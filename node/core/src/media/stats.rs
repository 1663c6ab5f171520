//! What a stream counts, and how what its peer sends is judged by it.

use std::net::SocketAddr;
use std::time::Duration;

/// What a stream has counted: since it was opened, never reset.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct MediaStats {
    /// RTP packets taken from the peer.
    pub received_packets: u64,
    /// Their payload bytes, RTP headers excluded.
    pub received_bytes: u64,
    /// RTP packets sent to the peer.
    pub sent_packets: u64,
    /// Their payload bytes, RTP headers excluded.
    pub sent_bytes: u64,
    /// Packets the peer's sequence numbers say were lost on the way to us (RFC 3550 §A.3).
    pub lost_packets: u64,
    /// Interarrival jitter of what the peer sends (RFC 3550 §6.4.1).
    pub jitter: Duration,
    /// Loss of what we send, as the peer last reported it, 0.0 to 1.0.
    pub remote_loss: Option<f32>,
    /// Jitter of what we send, as the peer last reported it.
    pub remote_jitter: Option<Duration>,
    /// Round trip by RTCP (RFC 3550 §6.4.1).
    pub round_trip: Option<Duration>,
    /// Packets dropped: from a third party.
    pub dropped_foreign: u64,
    /// Packets dropped: not RTP, not agreed on, or malformed.
    pub dropped_invalid: u64,
    /// Packets not sent, for the peer's consent was missing.
    pub withheld_packets: u64,
    /// The source the stream locked to.
    pub latched: Option<SocketAddr>,
    /// How what the peer sends would be judged; none before enough of it came: see [`ENOUGH`].
    pub quality: Option<Quality>,
    /// Loss of all we sent, as the peer reported it, 0.0 to 1.0; none before it reported on [`ENOUGH`] packets.
    pub remote_loss_overall: Option<f64>,
    /// How long the peer was to send, by what offer and answer said.
    pub receiving: Duration,
    /// How long we were to send.
    pub sending: Duration,
}

/// Packets below which a stream is not judged: a second of speech. A single one lost of fewer is more than two
/// in a hundred.
pub const ENOUGH: u64 = 50;

impl MediaStats {
    /// Packets the peer sent, as far as its sequence numbers say.
    pub fn expected_packets(&self) -> u64 {
        self.received_packets + self.lost_packets
    }

    /// Of the packets the peer sent, those that did not arrive: 0.0 to 1.0.
    #[allow(clippy::cast_precision_loss, reason = "a ratio for people")]
    pub fn loss(&self) -> f64 {
        match self.expected_packets() {
            0 => 0.0,
            expected => self.lost_packets as f64 / expected as f64,
        }
    }
}

/// A judgement of what a peer sends, by the E-model: ITU-T G.107, or G.107.1 for a wide-band codec.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Quality {
    /// Mean of the interarrival jitter, looked at each time a report was due.
    pub jitter: Duration,
    /// Rating factor R as a share of its scale, 0 to 100.
    pub rating: f64,
    /// Mean opinion score that the rating means, 1 to 4.5.
    pub mos: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_is_told_of_what_was_sent() {
        let media = MediaStats { received_packets: 95, lost_packets: 5, ..MediaStats::default() };
        assert!((media.loss() - 0.05).abs() < 1e-9);
        assert!(MediaStats::default().loss().abs() < 1e-9);
    }
}
