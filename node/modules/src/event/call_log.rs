//! `mod_call_log`: one line in the log at the end of each leg.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use switch_core::channel::Channel;
use switch_core::media::MediaStats;
use switch_core::module::{Interfaces, Module, ModuleError};
use switch_core::{Flow, Session, State, StateHandler};
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
    // Of the whole call, where it is known.
    let jitter = media.quality.map_or(media.jitter, |quality| quality.jitter);
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
        loss = %Percent(media.loss()),
        jitter_ms = %format_args!("{:.1}", 1000.0 * jitter.as_secs_f64()),
        mos = media.quality.map(|quality| (quality.mos * 100.0).round() / 100.0),
        remote_loss = media.remote_loss_overall.map(|loss| tracing::field::display(Percent(loss))),
        "call ended"
    );
}

struct Percent(f64);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}%", 100.0 * self.0)
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
