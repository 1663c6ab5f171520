//! The RTCP a probe sends and reads: sender reports out, report blocks in (RFC 3550 §6.4).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::tally::Loss;

/// What the peer's reports say about what we send.
#[derive(Debug)]
pub(crate) struct Reports {
    ssrc: u32,
    first_sequence: u16,
    /// Whether any RTCP came at all.
    heard: bool,
    latest: Option<Block>,
    round_trip: Option<Duration>,
    /// The sender reports we sent: middle 32 bits of their NTP time, and when that was.
    sent: Vec<(u32, Instant)>,
}

/// A report block (RFC 3550 §6.4.1) about us.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Block {
    lost: i32,
    highest: u32,
    jitter: u32,
    last_report: u32,
    delay: u32,
}

impl Reports {
    /// We send as `ssrc`, beginning with this sequence number.
    pub(crate) fn new(ssrc: u32, first_sequence: u16) -> Self {
        Self { ssrc, first_sequence, heard: false, latest: None, round_trip: None, sent: Vec::new() }
    }

    /// Loss on the way to the peer, as far as it reported.
    pub(crate) fn loss(&self) -> Option<Loss> {
        let block = self.latest?;
        let expected = block.highest.wrapping_sub(u32::from(self.first_sequence)) + 1;
        let lost = u32::try_from(block.lost).unwrap_or(0).min(expected);
        Some(Loss { lost, expected })
    }

    /// Jitter of what we send. At 8 kHz.
    pub(crate) fn jitter(&self) -> Option<Duration> {
        self.latest.map(|block| Duration::from_secs_f64(f64::from(block.jitter) / 8000.0))
    }

    /// The shortest round trip seen.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// Whether our packets reach the peer. None: it sends no RTCP.
    pub(crate) fn heard_by_peer(&self) -> Option<bool> {
        self.heard.then_some(self.latest.is_some())
    }

    /// A sender report about `packets` packets of `octets` payload bytes, of which the next has `timestamp`,
    /// with the CNAME that every compound needs (§6.1).
    pub(crate) fn sender_report(
        &mut self,
        now: Instant,
        timestamp: u32,
        packets: u32,
        octets: u32,
    ) -> Vec<u8> {
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = (time.as_secs() + NTP_TO_UNIX) as u32;
        let fraction = ((u64::from(time.subsec_nanos()) << 32) / 1_000_000_000) as u32;
        self.sent.push((seconds << 16 | fraction >> 16, now));
        let words = [0x80c8_0006, self.ssrc, seconds, fraction, timestamp, packets, octets];
        // One chunk: our SSRC, CNAME (1) of 5 letters, the end and padding to a whole word.
        let cname =
            [0x81ca_0003, self.ssrc, u32::from_be_bytes(*b"\x01\x05pr"), u32::from_be_bytes(*b"obe\0")];
        words.into_iter().chain(cname).flat_map(u32::to_be_bytes).collect()
    }

    /// Reads a compound packet from the peer. What is malformed ends the reading.
    pub(crate) fn receive(&mut self, now: Instant, compound: &[u8]) {
        let mut rest = compound;
        while let [first, kind, high, low, ..] = *rest {
            let length = 4 * (usize::from(u16::from_be_bytes([high, low])) + 1);
            if first >> 6 != 2 || length > rest.len() {
                return;
            }
            let (packet, after) = rest.split_at(length);
            rest = after;
            let head = match kind {
                SENDER_REPORT => 28,
                RECEIVER_REPORT => 8,
                _ => continue,
            };
            self.heard = true;
            let blocks =
                packet.get(head..).unwrap_or_default().chunks_exact(24).take(usize::from(first & 31));
            for block in blocks {
                self.block(now, block);
            }
        }
    }

    fn block(&mut self, now: Instant, bytes: &[u8]) {
        let word = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        if word(0) != self.ssrc {
            return;
        }
        let block = Block {
            // 24 bits, signed.
            lost: (word(4) << 8).cast_signed() >> 8,
            highest: word(8),
            jitter: word(12),
            last_report: word(16),
            delay: word(20),
        };
        self.latest = Some(block);
        let sent = self.sent.iter().find(|(middle, _)| *middle == block.last_report);
        let Some((_, at)) = sent.filter(|_| block.last_report != 0) else { return };
        let held = Duration::from_secs_f64(f64::from(block.delay) / 65_536.0);
        let round_trip = now.saturating_duration_since(*at).saturating_sub(held);
        self.round_trip = Some(self.round_trip.map_or(round_trip, |least| least.min(round_trip)));
    }
}

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;

/// Seconds from NTP's epoch (1900) to Unix's (1970).
const NTP_TO_UNIX: u64 = 2_208_988_800;

#[cfg(test)]
mod tests {
    use super::*;

    fn report(ssrc: u32, lost: u32, highest: u32, last: u32, delay: u32) -> Vec<u8> {
        let words = [0x81c9_0007, 99, ssrc, lost, highest, 80, last, delay];
        words.into_iter().flat_map(u32::to_be_bytes).collect()
    }

    #[test]
    fn loss_is_counted_from_our_first_packet_on_and_across_a_wrap() {
        let mut reports = Reports::new(7, 65_500);
        assert_eq!((reports.heard_by_peer(), reports.loss()), (None, None));
        reports.receive(Instant::now(), &report(8, 3, 65_600, 0, 0));
        assert_eq!((reports.heard_by_peer(), reports.loss()), (Some(false), None));
        reports.receive(Instant::now(), &report(7, 5, 65_536 + 63, 0, 0));
        assert_eq!(reports.loss(), Some(Loss { lost: 5, expected: 100 }));
        assert_eq!(reports.heard_by_peer(), Some(true));
        // Duplicates make the count negative.
        reports.receive(Instant::now(), &report(7, 0xff_ffff, 65_536 + 63, 0, 0));
        assert_eq!(reports.loss(), Some(Loss { lost: 0, expected: 100 }));
        assert_eq!(reports.jitter(), Some(Duration::from_millis(10)));
    }

    #[test]
    fn the_round_trip_leaves_out_what_the_peer_held_the_report() {
        let mut reports = Reports::new(7, 0);
        let start = Instant::now();
        let sent = reports.sender_report(start, 0, 1, 160);
        assert_eq!((sent[1], sent.len()), (200, 44));
        let last = u32::from_be_bytes(sent[10..14].try_into().unwrap());
        reports.receive(start + Duration::from_millis(540), &report(7, 0, 9, last, 32_768));
        assert_eq!(reports.round_trip(), Some(Duration::from_millis(40)));
        reports.receive(start + Duration::from_millis(999), &report(7, 0, 9, last ^ 1, 0));
        assert_eq!(reports.round_trip(), Some(Duration::from_millis(40)));
    }

    #[test]
    fn any_bytes_are_read_without_harm() {
        let good = report(7, 5, 100, 1, 1);
        for length in 0..good.len() {
            Reports::new(7, 0).receive(Instant::now(), &good[..length]);
        }
        let mut state = 1u32;
        for _ in 0..20_000 {
            let mut bytes = good.repeat(2);
            for _ in 0..4 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let at = state as usize % bytes.len();
                bytes[at] = (state >> 24) as u8;
            }
            let mut reports = Reports::new(7, 50_000);
            reports.receive(Instant::now(), &bytes);
            _ = (reports.loss().map(Loss::ratio), reports.jitter());
        }
    }
}
