//! A stream's clock: when it wants to be looked at next, and what is done then. Above all that a stream can do,
//! for it has each of them do its part.

use std::time::Instant;

use crate::stream::{Play, Stream};

impl Stream {
    /// When [`Stream::tick`] wants to be called.
    pub(crate) fn due(&self) -> Option<Instant> {
        let play = match &self.play {
            Play::Echo(Some(store)) => store.due(),
            Play::Frames(_, Some(voice)) => Some(voice.due),
            Play::Frames(_, None) | Play::Silence | Play::Echo(None) | Play::Stream(_) => None,
        };
        [play, self.digits.due(), self.reports.due(), self.silence_due()].into_iter().flatten().min()
    }

    /// Does what is due.
    pub(crate) fn tick(&mut self, now: Instant, buffer: &mut [u8]) {
        self.play_digits(now);
        self.play_echo(now, buffer);
        self.play_frame(now);
        self.send_report(now, buffer);
        self.check_silence(now);
    }
}
