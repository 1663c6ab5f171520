//! One direction of a stream: what we send ([`Outgoing`]), what we get ([`Incoming`]).

use std::time::Instant;

/// A step in the source's sequence beyond which it is taken for a new start (RFC 3550 §A.1, MAX_DROPOUT).
const MAX_STEP: i16 = 3000;

/// Names a source of packets: what sends, and its SSRC. A change of either is a change of source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SourceKey {
    /// Chosen by the caller: another number for another source.
    pub source: u64,
    /// Its SSRC; any constant for what is generated.
    pub ssrc: u32,
}

/// The numbers a packet goes out with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mapped {
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp.
    pub timestamp: u32,
    /// The source changed: the marker bit tells the peer to resynchronise its playout.
    pub restarted: bool,
}

/// What a peer hears from us: one SSRC, one sequence, one timeline, whatever the source.
#[derive(Debug)]
pub struct Outgoing {
    ssrc: u32,
    highest: u16,
    /// When the newest timestamp was first sent, and what it was.
    newest: Option<(Instant, u32)>,
    first_timestamp: u32,
    anchor: Option<Anchor>,
}

#[derive(Debug)]
struct Anchor {
    key: SourceKey,
    first: u16,
    last: u16,
    count: u16,
    sequence_offset: u16,
    timestamp_offset: u32,
}

impl Outgoing {
    /// All three should be random (RFC 3550 §5.1).
    pub fn new(ssrc: u32, sequence: u16, timestamp: u32) -> Self {
        Self { ssrc, highest: sequence, newest: None, first_timestamp: timestamp, anchor: None }
    }

    /// Our SSRC.
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// The numbers for a packet of `key`; `clock_rate` in hertz. `None` for a packet that is older than the
    /// change to its source: its place is taken.
    pub fn map(
        &mut self,
        now: Instant,
        key: SourceKey,
        sequence: u16,
        timestamp: u32,
        clock_rate: u32,
    ) -> Option<Mapped> {
        let known = self.anchor.as_mut().filter(|anchor| {
            let step = sequence.wrapping_sub(anchor.last).cast_signed();
            anchor.key == key && (-MAX_STEP..=MAX_STEP).contains(&step)
        });
        let restarted = known.is_none();
        let anchor = match known {
            Some(anchor) => anchor,
            None => {
                let next = self.timestamp_at(now, clock_rate);
                self.anchor.insert(Anchor {
                    key,
                    first: sequence,
                    last: sequence,
                    count: 0,
                    sequence_offset: self.highest.wrapping_add(1).wrapping_sub(sequence),
                    timestamp_offset: next.wrapping_sub(timestamp),
                })
            }
        };
        let before_change = sequence.wrapping_sub(anchor.first).cast_signed() < 0;
        if before_change && anchor.count < MAX_STEP.unsigned_abs() {
            return None;
        }
        anchor.count = anchor.count.saturating_add(1);
        if sequence.wrapping_sub(anchor.last).cast_signed() > 0 {
            anchor.last = sequence;
        }
        let mapped = Mapped {
            sequence: sequence.wrapping_add(anchor.sequence_offset),
            timestamp: timestamp.wrapping_add(anchor.timestamp_offset),
            restarted,
        };
        if restarted || mapped.sequence.wrapping_sub(self.highest).cast_signed() > 0 {
            self.highest = mapped.sequence;
            if self.newest.is_none_or(|(_, newest)| newest != mapped.timestamp) {
                self.newest = Some((now, mapped.timestamp));
            }
        }
        Some(mapped)
    }

    /// Lets go of the source: its next packet follows our last, whatever was left out meanwhile.
    pub fn release(&mut self) {
        self.anchor = None;
    }

    /// Our timestamp at `now`: the newest, moved on by wall time.
    pub fn timestamp_at(&self, now: Instant, clock_rate: u32) -> u32 {
        let Some((when, newest)) = self.newest else { return self.first_timestamp };
        let ticks = now.saturating_duration_since(when).as_micros() * u128::from(clock_rate) / 1_000_000;
        // Truncation is meant: timestamps count modulo 2^32. At least one on, for it is another packet.
        newest.wrapping_add(ticks.max(1) as u32)
    }
}

/// What a peer sends us: loss and jitter (RFC 3550 §A.1, §A.3, §A.8).
#[derive(Debug)]
pub struct Incoming {
    epoch: Instant,
    ssrc: Option<u32>,
    base: u16,
    highest: u16,
    cycles: u32,
    received: u32,
    lost_before: u64,
    expected_prior: u32,
    received_prior: u32,
    resync: Option<u16>,
    transit: Option<u32>,
    /// In timestamp units, times sixteen.
    jitter: u32,
    clock_rate: u32,
}

impl Incoming {
    /// Nothing was received yet.
    pub fn new(now: Instant) -> Self {
        Self {
            epoch: now,
            ssrc: None,
            base: 0,
            highest: 0,
            cycles: 0,
            received: 0,
            lost_before: 0,
            expected_prior: 0,
            received_prior: 0,
            resync: None,
            transit: None,
            jitter: 0,
            clock_rate: 8000,
        }
    }

    /// Counts one packet.
    pub fn take(&mut self, now: Instant, ssrc: u32, sequence: u16, timestamp: u32, clock_rate: u32) {
        if self.ssrc != Some(ssrc) {
            self.restart(ssrc, sequence);
        }
        let step = sequence.wrapping_sub(self.highest).cast_signed();
        if !(-MAX_STEP..=MAX_STEP).contains(&step) {
            // §A.1: two packets in sequence are a new start, one is a stray.
            if self.resync != Some(sequence) {
                self.resync = Some(sequence.wrapping_add(1));
                return;
            }
            self.restart(ssrc, sequence);
        } else if step > 0 {
            if sequence < self.highest {
                self.cycles = self.cycles.wrapping_add(1 << 16);
            }
            self.highest = sequence;
        }
        self.resync = None;
        self.received = self.received.saturating_add(1);
        self.measure(now, timestamp, clock_rate);
    }

    fn restart(&mut self, ssrc: u32, sequence: u16) {
        self.lost_before = self.lost();
        self.ssrc = Some(ssrc);
        (self.base, self.highest, self.cycles) = (sequence, sequence, 0);
        (self.received, self.expected_prior, self.received_prior) = (0, 0, 0);
        self.transit = None;
    }

    fn measure(&mut self, now: Instant, timestamp: u32, clock_rate: u32) {
        let micros = now.saturating_duration_since(self.epoch).as_micros();
        let arrival = (micros * u128::from(clock_rate) / 1_000_000) as u32;
        let transit = arrival.wrapping_sub(timestamp);
        if self.clock_rate != clock_rate {
            (self.clock_rate, self.transit) = (clock_rate, None);
        }
        if let Some(before) = self.transit.replace(transit) {
            let difference = transit.wrapping_sub(before).cast_signed().unsigned_abs();
            // A jump of more than a second is a new timeline, not jitter.
            if difference < clock_rate {
                let decay = (self.jitter + 8) >> 4;
                self.jitter = (self.jitter + difference).saturating_sub(decay);
            }
        }
    }

    /// The SSRC last heard.
    pub fn ssrc(&self) -> Option<u32> {
        self.ssrc
    }

    /// Packets lost since the beginning, over all SSRCs.
    pub fn lost(&self) -> u64 {
        let lost = i64::from(self.expected()) - i64::from(self.received);
        self.lost_before + lost.max(0).unsigned_abs()
    }

    /// Jitter in timestamp units of [`Incoming::clock_rate`].
    pub fn jitter(&self) -> u32 {
        self.jitter >> 4
    }

    /// Hertz of the packets last heard.
    pub fn clock_rate(&self) -> u32 {
        self.clock_rate
    }

    /// Cycles and highest sequence number, as a report block has them.
    pub fn extended_highest(&self) -> u32 {
        self.cycles.wrapping_add(u32::from(self.highest))
    }

    /// The fraction lost since the last call, in 1/256 (RFC 3550 §A.3).
    pub fn fraction_lost(&mut self) -> u8 {
        let expected = self.expected().wrapping_sub(self.expected_prior);
        let received = self.received.wrapping_sub(self.received_prior);
        (self.expected_prior, self.received_prior) = (self.expected(), self.received);
        let lost = i64::from(expected) - i64::from(received);
        if expected == 0 || lost <= 0 {
            return 0;
        }
        u8::try_from(lost * 256 / i64::from(expected)).unwrap_or(u8::MAX)
    }

    fn expected(&self) -> u32 {
        match self.ssrc {
            Some(_) => self.extended_highest().wrapping_sub(u32::from(self.base)).wrapping_add(1),
            None => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[allow(clippy::disallowed_methods)]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn a_change_of_source_goes_on_in_sequence_and_time() {
        let mut out = Outgoing::new(1, 65_533, 1000);
        let t0 = start();
        let a = SourceKey { source: 1, ssrc: 7 };
        let b = SourceKey { source: 2, ssrc: 8 };
        let at = |ms| t0 + Duration::from_millis(ms);
        let first = out.map(at(0), a, 500, 0, 8000).unwrap();
        assert_eq!((first.sequence, first.timestamp, first.restarted), (65_534, 1000, true));
        assert_eq!(out.map(at(20), a, 501, 160, 8000).unwrap().sequence, 65_535);
        // One lost at the source stays lost, and comes late.
        assert_eq!(out.map(at(60), a, 503, 480, 8000).unwrap().sequence, 1);
        assert_eq!(out.map(at(61), a, 502, 320, 8000).unwrap().sequence, 0);
        let other = out.map(at(100), b, 9, 77_777, 8000).unwrap();
        assert_eq!((other.sequence, other.timestamp, other.restarted), (2, 1000 + 480 + 320, true));
        assert_eq!(out.map(at(101), b, 8, 77_617, 8000), None);
        let next = out.map(at(120), b, 10, 77_937, 8000).unwrap();
        assert_eq!((next.sequence, next.timestamp, next.restarted), (3, 1960, false));
    }

    #[test]
    fn a_source_that_starts_anew_does_not_jump() {
        let mut out = Outgoing::new(1, 0, 0);
        let t0 = start();
        let key = SourceKey { source: 1, ssrc: 7 };
        out.map(t0, key, 1, 0, 8000).unwrap();
        assert_eq!(out.map(t0, key, 30_000, 5, 8000).unwrap().sequence, 2);
    }

    #[test]
    fn loss_is_counted_through_the_wrap_and_jitter_measured() {
        let t0 = start();
        let mut incoming = Incoming::new(t0);
        for i in 0..100u32 {
            if i % 10 != 5 {
                let now = t0 + Duration::from_millis(u64::from(i) * 20 + u64::from(i % 2) * 4);
                incoming.take(now, 1, 65_500u16.wrapping_add(i as u16), i * 160, 8000);
            }
        }
        assert_eq!(incoming.lost(), 10);
        assert_eq!(incoming.fraction_lost(), 25);
        assert_eq!(incoming.fraction_lost(), 0);
        assert!((20..=40).contains(&incoming.jitter()), "{}", incoming.jitter());
        incoming.take(t0, 2, 40_000, 0, 8000);
        assert_eq!(incoming.lost(), 10);
    }
}
