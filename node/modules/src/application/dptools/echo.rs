//! `echo` and `delay_echo`: the caller hears what it sends.

use std::ops::RangeInclusive;
use std::time::Duration;

use switch_core::application::{Call, Outcome};
use switch_core::media::Source;

use crate::application::unreadable;

/// Milliseconds, as FreeSWITCH bounds them: what is on its way is kept in memory.
const DELAY: RangeInclusive<u64> = 1..=10_000;
const DEFAULT_DELAY: u64 = 1000;

/// Sends every packet back at once, until the call leaves it.
pub(super) async fn echo(call: Call, _data: String) -> Outcome {
    echo_after(call, Duration::ZERO).await
}

/// Sends every packet back after the milliseconds in `data`; a second unless written.
pub(super) async fn delay_echo(call: Call, data: String) -> Outcome {
    let delay = match data.trim() {
        "" => DEFAULT_DELAY,
        text => text
            .parse()
            .ok()
            .filter(|delay| DELAY.contains(delay))
            .ok_or_else(|| unreadable("delay_echo", &data, "it takes 1 to 10000 milliseconds"))?,
    };
    echo_after(call, Duration::from_millis(delay)).await
}

async fn echo_after(call: Call, delay: Duration) -> Outcome {
    call.answer().await?;
    call.hear(Source::Echo { delay }).await?;
    match call.until_interrupted().await? {}
}
