//! The bounded store of a delayed echo.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Bytes kept for a second of delay: linear sound at 48 kHz in 10 ms packets, headers included.
const BYTES_A_SECOND: u128 = 128 * 1024;
/// Bytes kept at most.
const MAX_BYTES: usize = 512 * 1024;
/// Packets kept for a second of delay.
const PACKETS_A_SECOND: u128 = 120;
/// A longer delay is cut to this.
const MAX_DELAY: Duration = Duration::from_secs(60);
/// Packets kept at most.
const MAX_PACKETS: usize = 4096;

/// Packets that wait for their time. Allocated once; what does not fit is refused.
#[derive(Debug)]
pub(crate) struct Store {
    delay: Duration,
    bytes: VecDeque<u8>,
    max_bytes: usize,
    packets: VecDeque<(Instant, usize)>,
    max_packets: usize,
}

impl Store {
    pub(crate) fn new(delay: Duration) -> Self {
        let share = |a_second: u128, max: usize| {
            usize::try_from(a_second * (delay.as_millis() + 200) / 1000).unwrap_or(max).min(max)
        };
        let max_bytes = share(BYTES_A_SECOND, MAX_BYTES);
        let max_packets = share(PACKETS_A_SECOND, MAX_PACKETS);
        let bytes = VecDeque::with_capacity(max_bytes);
        let delay = delay.min(MAX_DELAY);
        Self { delay, bytes, max_bytes, packets: VecDeque::with_capacity(max_packets), max_packets }
    }

    /// How long each packet is kept.
    pub(crate) fn delay(&self) -> Duration {
        self.delay
    }

    /// Keeps a packet; false if there is no room.
    pub(crate) fn push(&mut self, now: Instant, packet: &[u8]) -> bool {
        let room = self.bytes.len() + packet.len() <= self.max_bytes && self.packets.len() < self.max_packets;
        if room {
            self.bytes.extend(packet);
            self.packets.push_back((now + self.delay, packet.len()));
        }
        room
    }

    /// When the oldest packet is due.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.packets.front().map(|&(due, _)| due)
    }

    /// Copies the oldest packet into `buffer` if it is due; gives its length.
    pub(crate) fn pop(&mut self, now: Instant, buffer: &mut [u8]) -> Option<usize> {
        let &(due, length) = self.packets.front()?;
        if due > now {
            return None;
        }
        self.packets.pop_front();
        for (to, byte) in buffer.iter_mut().zip(self.bytes.drain(..length)) {
            *to = byte;
        }
        Some(length.min(buffer.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pushed_comes_out_after_the_delay_and_no_more_fits_than_the_bound() {
        let now = Instant::now();
        let mut store = Store::new(Duration::from_millis(100));
        assert!(store.push(now, b"one") && store.push(now, b"three"));
        let mut buffer = [0; 8];
        assert_eq!(store.pop(now, &mut buffer), None);
        let later = now + Duration::from_millis(100);
        assert_eq!(store.pop(later, &mut buffer), Some(3));
        assert_eq!((store.pop(later, &mut buffer), &buffer[..5]), (Some(5), &b"three"[..]));
        assert_eq!((store.pop(later, &mut buffer), store.due()), (None, None));
        assert_eq!((0..1000).filter(|_| store.push(now, &[0; 200])).count(), store.max_packets);
        assert!(Store::new(Duration::MAX).max_bytes == MAX_BYTES);
    }
}
