//! What leaves a stream: relayed and echoed packets, frames, digits. Direction and consent stand in its way.

use std::time::Instant;

use rustix::net::{SendFlags, sendto};
use switch_core::media::{Fill, MediaEvent};
use switch_rtp::header::{FIXED, Fields, Header};
use switch_rtp::stream::SourceKey;

use crate::counters::add;
use crate::stream::{Play, Stream, UNMAPPED};

/// The source number of digits; streams count from one, frames from 2^63.
const DIGITS: u64 = 0;

impl Stream {
    /// Sends a packet that arrived at stream `source` on to our peer; rewrites it in place.
    pub(crate) fn relay(
        &mut self,
        now: Instant,
        source: u64,
        datagram: &mut [u8],
        header: &Header,
        clock_rate: u32,
    ) {
        let payload_type = self.map[usize::from(header.payload_type & 0x7f)];
        if payload_type == UNMAPPED {
            return add(&self.counters.dropped_unmapped, 1);
        }
        if self.digits.speaking() || !self.may_send(now) {
            return;
        }
        let key = SourceKey { source, ssrc: header.ssrc };
        let Some(mapped) = self.outgoing.map(now, key, header.sequence, header.timestamp, clock_rate) else {
            return;
        };
        let fields = Fields {
            marker: header.marker || mapped.restarted,
            payload_type,
            sequence: mapped.sequence,
            timestamp: mapped.timestamp,
            ssrc: self.outgoing.ssrc(),
        };
        if fields.rewrite(datagram) {
            self.transmit(datagram, header.payload.len());
        }
    }

    /// Gives a packet back to the peer that sent it, now or later.
    pub(crate) fn echo(&mut self, now: Instant, datagram: &mut [u8], header: &Header) {
        match &mut self.play {
            Play::Echo(None) => {
                let clock_rate = self.clock(header.payload_type);
                self.relay(now, self.id().0, datagram, header, clock_rate);
            }
            Play::Echo(Some(store)) => {
                if !store.push(now, datagram) {
                    add(&self.counters.dropped_full, 1);
                }
            }
            Play::Silence | Play::Frames(..) | Play::Stream(_) => {}
        }
    }

    /// Sends the packets of digits that are due.
    pub(crate) fn play_digits(&mut self, now: Instant) {
        while let Some(packet) = self.digits.next(now) {
            let mut datagram = [0; FIXED + 4];
            datagram[FIXED..].copy_from_slice(&packet.payload);
            let fields = Fields {
                marker: packet.marker,
                payload_type: packet.payload_type,
                sequence: packet.sequence,
                timestamp: packet.timestamp,
                ssrc: 0,
            };
            self.generated(now, DIGITS, fields, packet.clock_rate, &mut datagram, false);
        }
    }

    /// Gives back what an echo has kept for long enough.
    pub(crate) fn play_echo(&mut self, now: Instant, buffer: &mut [u8]) {
        while let Play::Echo(Some(store)) = &mut self.play {
            let Some(length) = store.pop(now, buffer) else { return };
            let datagram = &mut buffer[..length];
            if let Ok(header) = Header::parse(datagram) {
                let clock_rate = self.clock(header.payload_type);
                self.relay(now, self.id().0, datagram, &header, clock_rate);
            }
        }
    }

    /// Sends the next frame, if it is due.
    pub(crate) fn play_frame(&mut self, now: Instant) {
        let Play::Frames(source, Some(voice)) = &mut self.play else { return };
        if voice.due > now {
            return;
        }
        let frame = voice.speak(now, &mut **source);
        if let Some(payload) = frame.payload {
            let fields = Fields {
                marker: false,
                payload_type: voice.payload_type,
                sequence: voice.sequence,
                timestamp: voice.timestamp,
                ssrc: 0,
            };
            let (clock_rate, mut packet) = (voice.clock_rate, std::mem::take(&mut voice.packet));
            if !self.digits.speaking() {
                let end = packet.len().min(FIXED + payload);
                self.generated(now, self.generation, fields, clock_rate, &mut packet[..end], true);
            }
            if let Play::Frames(_, Some(voice)) = &mut self.play {
                voice.packet = packet;
            }
        }
        if frame.fill == Fill::Last {
            self.play = Play::Silence;
            self.tell(MediaEvent::PlaybackEnded);
        }
    }

    /// Sends what we made; a new source of sound is marked, as the begin of a talkspurt is.
    fn generated(
        &mut self,
        now: Instant,
        source: u64,
        fields: Fields,
        rate: u32,
        datagram: &mut [u8],
        mark: bool,
    ) {
        if !self.may_send(now) {
            return;
        }
        let key = SourceKey { source, ssrc: 0 };
        let Some(mapped) = self.outgoing.map(now, key, fields.sequence, fields.timestamp, rate) else {
            return;
        };
        let fields = Fields {
            marker: fields.marker || (mark && mapped.restarted),
            sequence: mapped.sequence,
            timestamp: mapped.timestamp,
            ssrc: self.outgoing.ssrc(),
            ..fields
        };
        if fields.write(datagram) {
            self.transmit(datagram, datagram.len() - FIXED);
        }
    }

    /// Whether RTP may go to the peer now. While it may not, the source's packets leave no gap.
    fn may_send(&mut self, now: Instant) -> bool {
        if !self.direction.sends() {
            self.outgoing.release();
            return false;
        }
        if !self.consents(now) {
            self.outgoing.release();
            add(&self.counters.withheld_packets, 1);
            add(&self.figures().withheld_packets, 1);
            return false;
        }
        true
    }

    fn transmit(&self, datagram: &[u8], payload: usize) {
        let Some(target) = self.latch.as_ref().map(|latch| latch.target()) else { return };
        if !sendable(target) {
            return add(&self.counters.send_errors, 1);
        }
        match sendto(&self.pair.rtp, datagram, SendFlags::empty(), &target) {
            Ok(_) => {
                add(&self.counters.sent_packets, 1);
                add(&self.counters.sent_bytes, payload as u64);
                add(&self.figures().sent_packets, 1);
                add(&self.figures().sent_bytes, payload as u64);
            }
            Err(_) => add(&self.counters.send_errors, 1),
        }
    }
}

/// Whether an address can be one peer's: port and host given, not a group.
pub(crate) fn sendable(target: std::net::SocketAddr) -> bool {
    target.port() != 0 && !target.ip().is_unspecified() && !target.ip().is_multicast()
}
