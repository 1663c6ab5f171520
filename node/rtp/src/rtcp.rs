//! RTCP (RFC 3550 §6): the reports we send, and what we read from those of the peer.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use thiserror::Error;

/// Bytes that hold every report [`compose`] makes.
pub const MAX: usize = 128;
/// Seconds from 1900 to 1970.
const NTP_TO_UNIX: u64 = 2_208_988_800;
const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;

/// A wall-clock time in NTP format: 32 bits of seconds, 32 of fraction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ntp(pub u64);

impl Ntp {
    /// The same in NTP's era.
    pub fn from_system(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = since.as_secs().wrapping_add(NTP_TO_UNIX) << 32;
        Self(seconds | ((u64::from(since.subsec_nanos()) << 32) / 1_000_000_000))
    }

    /// The middle 32 bits, in 1/65536 s: what LSR and DLSR count in.
    pub fn middle(self) -> u32 {
        (self.0 >> 16) as u32
    }
}

/// What a sender tells of itself (§6.4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sender {
    /// Now.
    pub ntp: Ntp,
    /// Now, on the timeline of its packets.
    pub timestamp: u32,
    /// Packets sent.
    pub packets: u32,
    /// Payload bytes sent.
    pub bytes: u32,
}

/// What one end tells of what it gets from the other (§6.4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Block {
    /// Whom it is about.
    pub ssrc: u32,
    /// Lost since the report before, in 1/256.
    pub fraction_lost: u8,
    /// Lost since the beginning; 23 bits go on the wire. Fewer than none, where packets came twice, are none.
    pub lost: u32,
    /// Extended highest sequence number.
    pub highest: u32,
    /// In timestamp units.
    pub jitter: u32,
    /// Middle bits of the last sender report, 0 for none.
    pub last_report: u32,
    /// Time since it came, in 1/65536 s.
    pub delay: u32,
}

/// Writes a compound packet (report and CNAME, §6.1) into `buffer`; gives its length, or `None` without room.
pub fn compose(
    buffer: &mut [u8],
    ssrc: u32,
    sender: Option<Sender>,
    block: Option<Block>,
    cname: &[u8],
) -> Option<usize> {
    let mut out = Writer { buffer, at: 0 };
    let count = u8::from(block.is_some());
    let words = 1 + if sender.is_some() { 5 } else { 0 } + if block.is_some() { 6 } else { 0 };
    let kind = if sender.is_some() { SENDER_REPORT } else { RECEIVER_REPORT };
    out.put(&[0x80 | count, kind, 0, words])?;
    out.put(&ssrc.to_be_bytes())?;
    if let Some(sender) = sender {
        out.put(&sender.ntp.0.to_be_bytes())?;
        for word in [sender.timestamp, sender.packets, sender.bytes] {
            out.put(&word.to_be_bytes())?;
        }
    }
    if let Some(block) = block {
        let lost = (u32::from(block.fraction_lost) << 24) | block.lost.min(0x7f_ffff);
        for word in [block.ssrc, lost, block.highest, block.jitter, block.last_report, block.delay] {
            out.put(&word.to_be_bytes())?;
        }
    }
    let cname = &cname[..cname.len().min(40)];
    // The item, at least one zero byte to end the chunk, then up to a whole word (§6.5).
    let padding = 4 - (2 + cname.len()) % 4;
    let words = (4 + 2 + cname.len() + padding) / 4;
    out.put(&[0x81, SOURCE_DESCRIPTION, 0, u8::try_from(words).ok()?])?;
    out.put(&ssrc.to_be_bytes())?;
    out.put(&[1, u8::try_from(cname.len()).ok()?])?;
    out.put(cname)?;
    out.put(&[0; 4][..padding])?;
    Some(out.at)
}

struct Writer<'a> {
    buffer: &'a mut [u8],
    at: usize,
}

impl Writer<'_> {
    fn put(&mut self, bytes: &[u8]) -> Option<()> {
        self.buffer.get_mut(self.at..self.at + bytes.len())?.copy_from_slice(bytes);
        self.at += bytes.len();
        Some(())
    }
}

/// Why a datagram is no RTCP packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum RtcpError {
    /// A packet of the compound is longer than the rest of the datagram, or too short for what it holds.
    #[error("malformed RTCP at byte {0}")]
    Malformed(usize),
}

/// What a compound packet says to us.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Feedback {
    /// SSRC of the sender report and the middle bits of its time.
    pub report: Option<(u32, u32)>,
    /// What the peer gets from us.
    pub block: Option<Block>,
}

/// Reads a compound packet; `about` is our SSRC. Types other than reports are stepped over.
///
/// # Errors
/// [`RtcpError::Malformed`] for a length that does not fit.
pub fn parse(datagram: &[u8], about: u32) -> Result<Feedback, RtcpError> {
    let mut feedback = Feedback::default();
    let mut at = 0;
    while at < datagram.len() {
        let malformed = RtcpError::Malformed(at);
        let rest = &datagram[at..];
        let &[first, kind, high, low] = rest.first_chunk().ok_or(malformed)?;
        let length = 4 + 4 * usize::from(u16::from_be_bytes([high, low]));
        let packet = rest.get(..length).ok_or(malformed)?;
        if first >> 6 != 2 {
            return Err(malformed);
        }
        let blocks = match kind {
            SENDER_REPORT => {
                let middle = word(packet, 10).ok_or(malformed)?;
                feedback.report = Some((word(packet, 4).ok_or(malformed)?, middle));
                28
            }
            RECEIVER_REPORT => 8,
            _ => length,
        };
        let count = if blocks == length { 0 } else { usize::from(first & 0x1f) };
        for i in 0..count {
            let block = block(packet, blocks + 24 * i).ok_or(malformed)?;
            if block.ssrc == about {
                feedback.block = Some(block);
            }
        }
        at += length;
    }
    Ok(feedback)
}

fn block(packet: &[u8], at: usize) -> Option<Block> {
    let lost = word(packet, at + 4)?;
    Some(Block {
        ssrc: word(packet, at)?,
        fraction_lost: (lost >> 24) as u8,
        lost: if lost & 0x80_0000 == 0 { lost & 0x7f_ffff } else { 0 },
        highest: word(packet, at + 8)?,
        jitter: word(packet, at + 12)?,
        last_report: word(packet, at + 16)?,
        delay: word(packet, at + 20)?,
    })
}

fn word(packet: &[u8], at: usize) -> Option<u32> {
    packet.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

/// What the blocks of a peer say together: a block tells of the time since the peer began to listen, and the peer
/// may begin anew, for instance when another takes its place.
#[derive(Clone, Copy, Debug)]
pub struct Overall {
    /// Packets of ours reported on.
    pub expected: u64,
    /// Of these, lost on the way.
    pub lost: u64,
    /// Highest sequence number and loss of the block before.
    last: (u32, u32),
    first: bool,
}

/// Further than this a peer does not come between two of its blocks: it counts from elsewhere.
const MAX_PROGRESS: u32 = 1 << 20;

impl Overall {
    /// `first` is the sequence number of our first packet.
    pub fn new(first: u16) -> Self {
        Self { expected: 0, lost: 0, last: (u32::from(first).wrapping_sub(1), 0), first: true }
    }

    /// Adds what a block says beyond the one before. One that repeats it, or comes late, adds nothing.
    pub fn take(&mut self, block: &Block) {
        let (highest, lost) = self.last;
        let mut progress = block.highest.wrapping_sub(highest);
        if self.first || progress >= MAX_PROGRESS {
            // The peer counts the cycles it has seen itself: only the sequence number is ours.
            progress = u32::from((block.highest as u16).wrapping_sub(highest as u16));
            if progress > u32::from(u16::MAX / 2) {
                return;
            }
        }
        if progress == 0 {
            return;
        }
        let more = match block.lost.checked_sub(lost) {
            Some(more) if more <= progress => more,
            // It began anew.
            _ => progress * u32::from(block.fraction_lost) / 256,
        };
        self.expected += u64::from(progress);
        self.lost += u64::from(more);
        (self.last, self.first) = ((block.highest, block.lost), false);
    }
}

/// The round trip a report block of the peer tells (§6.4.1); `None` if it had no report of ours, or if the
/// numbers make no sense (negative, or more than a minute).
pub fn round_trip(now: Ntp, block: &Block) -> Option<Duration> {
    if block.last_report == 0 {
        return None;
    }
    let ticks = now.middle().wrapping_sub(block.last_report).wrapping_sub(block.delay);
    (ticks < 60 << 16).then(|| Duration::from_micros(u64::from(ticks) * 1_000_000 / 65_536))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BLOCK: Block =
        Block { ssrc: 9, fraction_lost: 64, lost: 5, highest: 70_000, jitter: 8, last_report: 1, delay: 2 };

    #[test]
    fn what_is_composed_is_read() {
        for cname in ["", "a", "ab", "abc", "abcd"] {
            let mut buffer = [0; MAX];
            let sender = Sender { ntp: Ntp(0x1122_3344_5566_7788), timestamp: 1, packets: 2, bytes: 3 };
            let length = compose(&mut buffer, 7, Some(sender), Some(BLOCK), cname.as_bytes()).unwrap();
            assert_eq!(length % 4, 0);
            let feedback = parse(&buffer[..length], 9).unwrap();
            assert_eq!(feedback, Feedback { report: Some((7, 0x3344_5566)), block: Some(BLOCK) });
            assert_eq!(parse(&buffer[..length], 10).unwrap().block, None);
            assert!(parse(&buffer[..length - 1], 9).is_err());
        }
        assert_eq!(compose(&mut [0; 20], 7, None, Some(BLOCK), b""), None);
    }

    #[test]
    fn blocks_add_up_through_the_wrap_and_a_new_beginning() {
        let block = |highest, lost, fraction_lost| Block { highest, lost, fraction_lost, ..BLOCK };
        let mut overall = Overall::new(65_500);
        // 100 packets, 10 of them lost; its cycles begin with what it heard first.
        overall.take(&block((1 << 16) + 63, 10, 25));
        assert_eq!((overall.expected, overall.lost), (100, 10));
        // Once more, and an earlier one that comes late.
        overall.take(&block((1 << 16) + 63, 10, 25));
        overall.take(&block((1 << 16) + 60, 9, 25));
        assert_eq!((overall.expected, overall.lost), (100, 10));
        overall.take(&block((1 << 16) + 263, 12, 2));
        assert_eq!((overall.expected, overall.lost), (300, 12));
        // Another takes its place, and has seen no cycle: a quarter of the next 100.
        overall.take(&block(363, 3, 64));
        assert_eq!((overall.expected, overall.lost), (400, 37));
        overall.take(&block(463, 3, 0));
        assert_eq!((overall.expected, overall.lost), (500, 37));
    }

    #[test]
    fn less_than_nothing_lost_is_nothing() {
        let mut buffer = [0; MAX];
        let length = compose(&mut buffer, 7, None, Some(BLOCK), b"").unwrap();
        buffer[13..16].copy_from_slice(&[0xff, 0xff, 0xfe]);
        assert_eq!(parse(&buffer[..length], 9).unwrap().block.unwrap().lost, 0);
    }

    #[test]
    fn the_round_trip_is_what_is_left_of_the_time() {
        let block = Block { last_report: 10 << 16, delay: 2 << 16, ..BLOCK };
        let now = |seconds: u64| Ntp(seconds << 32);
        assert_eq!(round_trip(now(13), &block), Some(Duration::from_secs(1)));
        assert_eq!(round_trip(now(11), &block), None);
        assert_eq!(round_trip(now(13), &Block { last_report: 0, ..block }), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = parse(&bytes, 1);
        }

        #[test]
        fn any_body_of_a_report_is_read_or_refused(
            count in 0u8..32, kind in 200u8..203, words in 0u8..20,
            body in proptest::collection::vec(any::<u8>(), 0..80),
        ) {
            let mut bytes = vec![0x80 | count, kind, 0, words];
            bytes.extend(body);
            let _ = parse(&bytes, 1);
        }
    }
}
