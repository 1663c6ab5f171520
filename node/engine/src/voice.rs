//! What the switch itself says to a peer: frames of sound, encoded and packed, one a packet time.

use std::time::{Duration, Instant};

use switch_core::media::{Fill, Format, FrameSource, PayloadType, StreamConfig};
use switch_media::codec::{self, Codec, Encoder};
use switch_rtp::header::FIXED;

/// How far behind its time a voice may be before it lets the missed frames go.
const LATE: Duration = Duration::from_millis(100);

/// The first codec of the peer's list that sound can be encoded with.
pub(crate) fn codec(config: &StreamConfig) -> Option<(&PayloadType, &'static dyn Codec)> {
    config.send.iter().find_map(|payload| {
        let format = &payload.format;
        Some((payload, codec::find(format.name(), format.clock_rate(), format.channels())?))
    })
}

/// An encoder, its buffers and its clock.
#[derive(Debug)]
pub(crate) struct Voice {
    format: Format,
    ptime: Duration,
    encoder: Box<dyn Encoder>,
    rate: u32,
    channels: usize,
    /// Samples of one channel in a frame.
    frame: usize,
    pcm: Vec<i16>,
    pub(crate) packet: Vec<u8>,
    pub(crate) payload_type: u8,
    pub(crate) clock_rate: u32,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) due: Instant,
}

/// One frame that was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    /// Bytes of the payload, behind [`FIXED`] in the packet; none if it could not be encoded.
    pub(crate) payload: Option<usize>,
    pub(crate) fill: Fill,
}

impl Voice {
    /// Begins to speak at `now`; `None` if the peer takes nothing that can be encoded.
    pub(crate) fn new(config: &StreamConfig, now: Instant) -> Option<Self> {
        let (payload, codec) = codec(config)?;
        let ptime = ptime(config);
        let channels = usize::from(codec.channels());
        let frame = usize::try_from(u128::from(codec.sample_rate()) * ptime.as_millis() / 1000).ok()?;
        Some(Self {
            format: payload.format.clone(),
            ptime,
            encoder: codec.encoder(),
            rate: codec.sample_rate(),
            channels,
            frame,
            pcm: vec![0; frame * channels],
            packet: vec![0; FIXED + codec.payload_len(frame * channels)],
            payload_type: payload.number,
            clock_rate: codec.clock_rate(),
            sequence: 0,
            timestamp: 0,
            due: now,
        })
    }

    /// Goes on under a new configuration; gives false if that takes another voice.
    pub(crate) fn follow(&mut self, config: &StreamConfig) -> bool {
        match codec(config) {
            Some((payload, _)) if payload.format == self.format && ptime(config) == self.ptime => {
                self.payload_type = payload.number;
                true
            }
            _ => false,
        }
    }

    /// Makes the next frame, and moves the clock on by one packet time.
    pub(crate) fn speak(&mut self, now: Instant, source: &mut dyn FrameSource) -> Frame {
        let fill = source.fill(self.rate, &mut self.pcm[..self.frame]);
        if self.channels > 1 {
            for sample in (0..self.frame).rev() {
                let value = self.pcm[sample];
                self.pcm[sample * self.channels..][..self.channels].fill(value);
            }
        }
        let payload = self.encoder.encode(&self.pcm, &mut self.packet[FIXED..]).ok();
        self.sequence = self.sequence.wrapping_add(1);
        let step = u128::from(self.clock_rate) * self.ptime.as_millis() / 1000;
        self.timestamp = self.timestamp.wrapping_add(step as u32);
        self.due += self.ptime;
        if self.due + LATE < now {
            self.due = now + self.ptime;
        }
        Frame { payload, fill }
    }
}

/// 10 to 60 ms in whole milliseconds; 20 where nothing was said.
pub(crate) fn ptime(config: &StreamConfig) -> Duration {
    match u64::try_from(config.ptime.as_millis()) {
        Ok(0) | Err(_) => Duration::from_millis(20),
        Ok(millis) => Duration::from_millis(millis.clamp(10, 60)),
    }
}
