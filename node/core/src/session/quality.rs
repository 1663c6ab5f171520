//! What a leg tells of itself for good: how long it took, how its sound was. Counted for everybody, and set as
//! FreeSWITCH's channel variables for those who report.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::Session;
use crate::channel::ChannelDirection;
use crate::leg::LegEvent;
use crate::media::{ENOUGH, MediaStats};

/// Within this sound begins, once a call is answered and its direction agreed on: what was wanted for less need not
/// have carried any.
const BEGINS_WITHIN: Duration = Duration::from_secs(2);

impl Session {
    /// The leg was answered.
    pub(super) fn count_answer(&self) {
        let counters = &self.counters;
        counters.count_answer(self.channel.direction());
        if let Some(setup) = self.channel.times().setup() {
            counters.setup.observe(setup.as_secs_f64());
        }
    }

    /// The callee shows for the first time that it was reached: it rings, or answers, whatever it answers. An end
    /// without its words is an end of our own making.
    pub(crate) fn hear_of_callee(&self, event: &LegEvent) {
        let times = self.channel.times();
        let is_its_own = match event {
            LegEvent::Ringing | LegEvent::EarlyMedia(_) | LegEvent::Answered(_) => true,
            LegEvent::Ended { status, .. } => status.is_some(),
            LegEvent::Described(_) | LegEvent::Insists(_) => false,
        };
        if let (Some(placed), None, None, true) = (times.placed, times.progress, times.answered, is_its_own) {
            self.counters.ringing_delay.observe(placed.elapsed().as_secs_f64());
        }
    }

    /// The leg has ended: its sound is as good as it will ever be. Before the handlers of REPORTING.
    pub(crate) fn account(&mut self) {
        let talk = self.channel.times().talk(Instant::now());
        if self.channel.is_answered() && self.channel.direction() == ChannelDirection::Inbound {
            self.counters.duration.observe(talk.as_secs_f64());
        }
        if let Some(media) = self.media_stats() {
            self.count_quality(&media);
            self.count_silence(&media, talk);
            self.set_variables(&media);
        }
    }

    pub(super) fn count_quality(&self, media: &MediaStats) {
        let counters = &self.counters;
        if let Some(quality) = media.quality {
            counters.mos.observe(quality.mos);
            counters.loss.observe(media.loss());
            counters.jitter.observe(quality.jitter.as_secs_f64());
        }
        if let Some(loss) = media.remote_loss_overall {
            counters.remote_loss.observe(loss);
        }
    }

    fn count_silence(&self, media: &MediaStats, talk: Duration) {
        let wanted = |agreed: Duration| agreed.min(talk) >= BEGINS_WITHIN;
        let (receive, send) = (wanted(media.receiving), wanted(media.sending));
        let counters = &self.counters;
        for (is_so, counter) in [
            (receive || send, &counters.streams),
            (receive && media.received_packets == 0, &counters.nothing_received),
            (send && media.sent_packets == 0, &counters.nothing_sent),
        ] {
            counter.fetch_add(u64::from(is_so), Ordering::Relaxed);
        }
    }

    /// FreeSWITCH's names, for what means the same there; what it has beyond is not known here, and not made up.
    fn set_variables(&mut self, media: &MediaStats) {
        let mut variables = vec![
            ("rtp_audio_in_packet_count", media.received_packets.to_string()),
            ("rtp_audio_in_flaw_total", media.lost_packets.to_string()),
            ("rtp_audio_out_packet_count", media.sent_packets.to_string()),
        ];
        if media.expected_packets() >= ENOUGH {
            variables.push(("rtp_audio_in_jitter_loss_rate", format!("{:.4}", media.loss())));
        }
        if let Some(quality) = media.quality {
            variables.push(("rtp_audio_in_quality_percentage", format!("{:.2}", quality.rating)));
            variables.push(("rtp_audio_in_mos", format!("{:.2}", quality.mos)));
        }
        for (name, value) in variables {
            if let Err(error) = self.channel.set_variable(name, &value) {
                tracing::warn!(%error, name, "a figure of the leg's sound is not among its variables");
            }
        }
    }
}
