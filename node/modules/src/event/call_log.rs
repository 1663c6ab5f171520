//! `mod_call_log`: one line in the log at the end of each leg.

use std::sync::Arc;
use std::time::Duration;

use switch_core::channel::Channel;
use switch_core::handler::{Flow, StateHandler};
use switch_core::media::MediaStats;
use switch_core::module::{Interfaces, Module, ModuleError};
use switch_core::{Session, State};
use tokio::time::Instant;

/// The module, and its handler for every channel's REPORTING.
#[derive(Clone, Copy, Debug)]
pub struct CallLog;

impl Module for CallLog {
    fn name(&self) -> &'static str {
        "mod_call_log"
    }

    fn load(&self, interfaces: &mut Interfaces) -> Result<(), ModuleError> {
        interfaces.handler(Arc::new(*self));
        Ok(())
    }
}

impl StateHandler for CallLog {
    fn on_state(&self, session: &mut Session, state: State) -> Flow {
        if state == State::Reporting {
            log(session.channel(), session.media_stats().unwrap_or_default());
        }
        Flow::Continue
    }
}

fn log(channel: &Channel, media: MediaStats) {
    let now = Instant::now();
    let profile = channel.profile();
    tracing::info!(
        cause = %channel.cause().unwrap_or(switch_core::Cause::None),
        direction = channel.direction().name(),
        caller = %profile.caller_id_number,
        destination = %profile.destination_number,
        total_ms = milliseconds(channel.times().total(now)),
        talk_ms = milliseconds(channel.times().talk(now)),
        received = media.received_packets,
        sent = media.sent_packets,
        lost = media.lost_packets,
        loss = %format_args!("{:.2}%", 100.0 * loss(&media)),
        jitter_ms = %format_args!("{:.1}", 1000.0 * media.jitter.as_secs_f64()),
        "call ended"
    );
}

/// Of the packets the peer sent, those that did not arrive: 0.0 to 1.0.
#[allow(clippy::cast_precision_loss, reason = "a ratio for people")]
fn loss(media: &MediaStats) -> f64 {
    let sent = media.received_packets + media.lost_packets;
    if sent == 0 { 0.0 } else { media.lost_packets as f64 / sent as f64 }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_is_told_of_what_was_sent() {
        let media = MediaStats { received_packets: 95, lost_packets: 5, ..MediaStats::default() };
        assert!((loss(&media) - 0.05).abs() < 1e-9);
        assert!(loss(&MediaStats::default()).abs() < 1e-9);
    }
}
