//! Telephone-events that we send (RFC 4733 §2.5.1).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use switch_core::media::StreamConfig;
use switch_rtp::event::{Event, code};

/// Digits that wait at most.
const WAITING: usize = 64;
/// Between two packets of an event.
const STEP: Duration = Duration::from_millis(20);
/// Between two events.
const GAP: Duration = Duration::from_millis(60);
/// How often the end is said.
const ENDS: u8 = 3;
/// An event lasts at least this long, to be recognised.
const SHORTEST: Duration = Duration::from_millis(40);

/// The queue of digits, and the one being sent.
#[derive(Debug)]
pub(crate) struct Digits {
    epoch: Instant,
    waiting: VecDeque<(u8, Duration)>,
    current: Option<Current>,
    due: Instant,
    sequence: u16,
    /// Payload type and clock rate, if the peer takes events.
    pub(crate) format: Option<(u8, u32)>,
}

#[derive(Debug)]
struct Current {
    event: Event,
    /// In timestamp units.
    total: u16,
    timestamp: u32,
    ends: u8,
    fresh: bool,
}

/// One packet of an event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet {
    pub(crate) payload: [u8; 4],
    pub(crate) marker: bool,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) payload_type: u8,
    pub(crate) clock_rate: u32,
}

impl Digits {
    pub(crate) fn new(now: Instant) -> Self {
        Self { epoch: now, waiting: VecDeque::new(), current: None, due: now, sequence: 0, format: None }
    }

    /// Takes the peer's payload type: of the clock of its first codec, else any.
    pub(crate) fn configure(&mut self, config: &StreamConfig) {
        let clock =
            config.send.iter().find(|p| !p.format.is_telephone_event()).map(|p| p.format.clock_rate());
        let events = || config.send.iter().filter(|p| p.format.is_telephone_event());
        let chosen = events().find(|p| Some(p.format.clock_rate()) == clock).or_else(|| events().next());
        self.format = chosen.map(|p| (p.number, p.format.clock_rate()));
        if self.format.is_none() {
            self.waiting.clear();
            self.current = None;
        }
    }

    /// Queues a digit; false if it is none, the peer takes no events, or the queue is full.
    pub(crate) fn push(&mut self, now: Instant, digit: char, duration: Duration) -> bool {
        let (Some(code), true) = (code(digit), self.format.is_some() && self.waiting.len() < WAITING) else {
            return false;
        };
        if self.current.is_none() && self.waiting.is_empty() {
            self.due = self.due.max(now);
        }
        self.waiting.push_back((code, duration));
        true
    }

    /// Whether an event holds the stream: sound keeps silent meanwhile.
    pub(crate) fn speaking(&self) -> bool {
        self.current.is_some()
    }

    /// When the next packet is due.
    pub(crate) fn due(&self) -> Option<Instant> {
        (self.current.is_some() || !self.waiting.is_empty()).then_some(self.due)
    }

    /// The next packet, if it is due.
    pub(crate) fn next(&mut self, now: Instant) -> Option<Packet> {
        let (payload_type, clock_rate) = self.format?;
        if self.due > now {
            return None;
        }
        let units = |time: Duration| {
            u16::try_from(time.as_micros().saturating_mul(u128::from(clock_rate)) / 1_000_000)
                .unwrap_or(u16::MAX)
        };
        if self.current.is_none() {
            let (code, duration) = self.waiting.pop_front()?;
            let ticks = now.saturating_duration_since(self.epoch).as_micros() * u128::from(clock_rate);
            self.current = Some(Current {
                event: Event { code, end: false, duration: 0 },
                total: units(duration.max(SHORTEST)),
                timestamp: (ticks / 1_000_000) as u32,
                ends: 0,
                fresh: true,
            });
        }
        let current = self.current.as_mut()?;
        let marker = std::mem::take(&mut current.fresh);
        current.event.duration = current.event.duration.saturating_add(units(STEP)).min(current.total);
        current.event.end = current.event.duration == current.total;
        let (payload, timestamp) = (current.event.compose(), current.timestamp);
        current.ends += u8::from(current.event.end);
        self.due = if current.ends >= ENDS { now + GAP } else { (self.due + STEP).max(now) };
        if current.ends >= ENDS {
            self.current = None;
        }
        self.sequence = self.sequence.wrapping_add(1);
        Some(Packet { payload, marker, sequence: self.sequence, timestamp, payload_type, clock_rate })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digit_grows_then_ends_three_times_and_the_next_waits() {
        let t0 = Instant::now();
        let mut digits = Digits::new(t0);
        assert!(!digits.push(t0, '5', Duration::from_millis(60)), "the peer takes none");
        digits.format = Some((101, 8000));
        assert!(digits.push(t0, '5', Duration::from_millis(60)) && digits.push(t0, '#', Duration::ZERO));
        assert!(!digits.push(t0, 'x', Duration::ZERO));
        let mut packets = Vec::new();
        while let Some(due) = digits.due() {
            let packet = digits.next(due).unwrap();
            let event = Event::parse(&packet.payload).unwrap();
            packets.push((due - t0, event.code, event.duration, event.end, packet.marker));
        }
        let ms = Duration::from_millis;
        let five =
            [(ms(0), 5, 160, false, true), (ms(20), 5, 320, false, false), (ms(40), 5, 480, true, false)];
        assert_eq!(packets[..3], five);
        assert_eq!(packets[4], (ms(80), 5, 480, true, false));
        assert_eq!(packets[5], (ms(140), 11, 160, false, true));
        assert_eq!(packets.len(), 9);
    }
}
