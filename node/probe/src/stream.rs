//! The audio of one call: sends the signal every 20 ms, takes what comes, and knows when to stop waiting.

use std::time::Duration;

use bytes::Bytes;
use rtp::header::Header;
use rtp::packet::Packet;
use switch_media::codec::{self, Codec};
use switch_media::detect;
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep_until};
use webrtc_util::marshal::Marshal;

use crate::agent::{Agent, Happening};
use crate::options::ProbeOptions;
use crate::random;
use crate::rtcp::Reports;
use crate::sdp::Answer;
use crate::signal::{FRAME, Recognised, Signal};
use crate::tally::{Arrival, Tally};

/// Frames sent before those that count: they open the path (latching, firewalls, ACK under way).
const LEAD_IN: u32 = 10;
pub(crate) const FRAME_TIME: Duration = Duration::from_millis(20);
/// A measurement is short, so it reports more often than RFC 3550 §6.2 asks; still below 5 % of the audio.
const REPORT_TIME: Duration = Duration::from_millis(800);
/// How much later than the slowest so far a frame may be once some have come back.
const STRAGGLER: Duration = Duration::from_secs(1);

/// How long to wait for a receiver report after the last frame: RFC 3550 §6.2 has one about every 5 s.
const REPORT_PATIENCE: Duration = Duration::from_secs(4);

/// One call's sockets and accounts.
#[derive(Debug)]
pub(crate) struct Stream {
    rtp: UdpSocket,
    rtcp: UdpSocket,
    answer: Answer,
    signal: Signal,
    ssrc: u32,
    first_sequence: u16,
    first_timestamp: u32,
    pub(crate) tally: Tally,
    pub(crate) reports: Reports,
    /// Packets taken for none of ours and not counted as audio.
    pub(crate) ignored: u64,
    /// The loudest packet that is not ours, dBm0.
    pub(crate) foreign_level: f32,
}

impl Stream {
    pub(crate) fn new(sockets: (UdpSocket, UdpSocket), answer: Answer, options: &ProbeOptions) -> Self {
        let (rtp, rtcp) = sockets;
        let frames = options.frames() + LEAD_IN;
        let ssrc = random::number() as u32;
        let first_sequence = random::number() as u16;
        Self {
            rtp,
            rtcp,
            signal: Signal::new(answer.codec, frames, random::number()),
            answer,
            ssrc,
            first_sequence,
            first_timestamp: random::number() as u32,
            tally: Tally::new(frames, LEAD_IN),
            reports: Reports::new(ssrc, first_sequence),
            ignored: 0,
            foreign_level: f32::NEG_INFINITY,
        }
    }

    /// Measures until all is known or waited for. True: the peer ended the call before that.
    pub(crate) async fn measure(&mut self, agent: &mut Agent, options: &ProbeOptions) -> bool {
        let start = Instant::now();
        let mut report_at = start + REPORT_TIME / 4;
        let (mut packet, mut report) = (vec![0; 65_536], vec![0; 65_536]);
        loop {
            let frame_at = (self.tally.frames_sent() < self.signal.len())
                .then(|| start + FRAME_TIME * self.tally.frames_sent());
            let wake = match frame_at {
                Some(at) => at.min(report_at),
                None if self.tally.complete() => return false,
                None => self.patience(options).min(report_at),
            };
            tokio::select! {
                received = self.rtp.recv_from(&mut packet) => {
                    // An error here is an ICMP message about a packet of ours: loss will show.
                    if let Ok((length, _)) = received {
                        self.received(Instant::now(), &packet[..length]);
                    }
                }
                received = self.rtcp.recv_from(&mut report) => {
                    if let Ok((length, _)) = received {
                        self.reports.receive(Instant::now(), &report[..length]);
                    }
                }
                message = agent.receive() => {
                    let Ok(message) = message else { return true };
                    if agent.take(message).await == Happening::Ended {
                        return true;
                    }
                }
                () = sleep_until(wake) => {
                    let now = Instant::now();
                    if frame_at.is_some_and(|at| at <= now) {
                        self.send_frame().await;
                    } else if report_at <= now {
                        self.send_report(now).await;
                        report_at = now + REPORT_TIME;
                    } else if frame_at.is_none() && self.patience(options) <= now {
                        // Where this process was kept waiting itself, what came in time still lies in the socket.
                        self.catch_up(&mut packet);
                        if self.patience(options) <= Instant::now() {
                            return false;
                        }
                    }
                }
            }
        }
    }

    /// Takes what is there already, and no more than may be ours.
    fn catch_up(&mut self, packet: &mut [u8]) {
        for _ in 0..self.signal.len() {
            let Ok((length, _)) = self.rtp.try_recv_from(packet) else { return };
            self.received(Instant::now(), &packet[..length]);
        }
    }

    /// Until when to wait for frames, once all are sent.
    fn patience(&self, options: &ProbeOptions) -> Instant {
        let end = self.tally.last_sent();
        let Some([_, _, slowest]) = self.tally.round_trip() else { return end + options.delay };
        let frames = end + (slowest + STRAGGLER).min(options.delay.max(STRAGGLER));
        // Where only a report can tell which way the loss happened, it is given a little longer.
        match self.tally.directions(self.reports.loss()) {
            (None, _) => frames.max(end + REPORT_PATIENCE.min(options.delay)),
            _ => frames,
        }
    }

    async fn send_frame(&mut self) {
        let number = self.tally.frames_sent();
        let header = Header {
            version: 2,
            marker: number == 0,
            payload_type: self.answer.payload_type,
            sequence_number: self.first_sequence.wrapping_add(number as u16),
            timestamp: self.timestamp(number),
            ssrc: self.ssrc,
            ..Header::default()
        };
        let payload = Bytes::copy_from_slice(self.signal.payload(number));
        let bytes = Packet { header, payload }.marshal().expect("a frame fits a packet");
        self.tally.sent(Instant::now());
        // What cannot be sent is lost on the way there, like any other loss.
        _ = self.rtp.send_to(&bytes, self.answer.rtp).await;
    }

    async fn send_report(&mut self, now: Instant) {
        let frames = self.tally.frames_sent();
        let timestamp = self.timestamp(frames);
        let report = self.reports.sender_report(now, timestamp, frames, frames * FRAME as u32);
        _ = self.rtcp.send_to(&report, self.answer.rtcp).await;
    }

    fn timestamp(&self, number: u32) -> u32 {
        self.first_timestamp.wrapping_add(number * FRAME as u32)
    }

    fn received(&mut self, at: Instant, datagram: &[u8]) {
        let Some(packet) = read(datagram) else {
            self.ignored += 1;
            return;
        };
        let Some(codec) =
            codec::by_payload_type(packet.payload_type).filter(|codec| codec.sample_rate() == 8000)
        else {
            self.ignored += 1;
            return;
        };
        let what = self.signal.recognise(codec, packet.payload);
        if what == Recognised::Foreign {
            self.foreign_level = self.foreign_level.max(level(codec, packet.payload));
        }
        let Incoming { ssrc, sequence, timestamp, .. } = packet;
        self.tally.received(Arrival { at, ssrc, sequence, timestamp, what });
    }
}

/// An RTP packet, as far as a probe cares.
struct Incoming<'a> {
    payload_type: u8,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
    payload: &'a [u8],
}

/// Reads a packet (RFC 3550 §5.1, §5.3.1). None: it is no RTP, or says it is longer than it is.
fn read(datagram: &[u8]) -> Option<Incoming<'_>> {
    let (head, rest) = datagram.split_at_checked(12)?;
    if head[0] >> 6 != 2 {
        return None;
    }
    let mut payload = rest.get(4 * usize::from(head[0] & 15)..)?;
    if head[0] & 0x10 != 0 {
        let (extension, after) = payload.split_at_checked(4)?;
        payload = after.get(4 * usize::from(u16::from_be_bytes([extension[2], extension[3]]))..)?;
    }
    if head[0] & 0x20 != 0 {
        let padding = usize::from(*payload.last()?);
        payload = payload.get(..payload.len().checked_sub(padding)?)?;
    }
    Some(Incoming {
        payload_type: head[1] & 0x7f,
        sequence: u16::from_be_bytes([head[2], head[3]]),
        timestamp: u32::from_be_bytes([head[4], head[5], head[6], head[7]]),
        ssrc: u32::from_be_bytes([head[8], head[9], head[10], head[11]]),
        payload,
    })
}

fn level(codec: &dyn Codec, payload: &[u8]) -> f32 {
    let mut pcm = vec![0; codec.sample_len(payload.len())];
    match codec.decoder().decode(payload, &mut pcm) {
        Ok(_) => detect::level(&pcm),
        Err(_) => f32::NEG_INFINITY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_read_whatever_it_carries_around_its_payload() {
        let plain = [0x80, 8, 1, 2, 0, 0, 0, 5, 0, 0, 0, 9, 1, 2, 3];
        let packet = read(&plain).unwrap();
        assert_eq!((packet.payload_type, packet.sequence, packet.timestamp, packet.ssrc), (8, 0x102, 5, 9));
        assert_eq!(packet.payload, [1, 2, 3]);
        // One CSRC, an extension of one word, two bytes of padding.
        let full =
            [0xb1, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 7, 7, 7, 0xbe, 0xde, 0, 1, 1, 1, 1, 1, 5, 0, 2];
        assert_eq!(read(&full).unwrap().payload, [5]);
        for length in 0..full.len() - 3 {
            assert!(read(&full[..length]).is_none_or(|packet| packet.payload.len() < length));
        }
        // Known to make others panic.
        let hostile = [0x90, 8, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xbe, 0xde, 0, 1, 0x1f, 1, 3, 3];
        assert_eq!(read(&hostile).unwrap().payload, []);
        assert!(read(&[0x40; 20]).is_none());
        assert!(read(&[0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 200]).is_none());
    }
}
