//! `echo` and `delay_echo`: the caller hears what it sends.

use std::ops::RangeInclusive;
use std::time::Duration;

use switch_core::application::{Call, Failure, Outcome};
use switch_core::media::Source;
use switch_core::session::Session;

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
    call.with(move |session| answer_into(session, delay)).await??;
    match call.until_interrupted().await? {}
}

/// The echo stands before the answer is sent where the stream does: a caller may speak the moment it has the 200.
fn answer_into(session: &mut Session, delay: Duration) -> Result<(), Failure> {
    let ready = session.stream().is_some();
    if ready {
        session.hear(Source::Echo { delay })?;
    }
    session.answer(None)?;
    if !ready {
        session.hear(Source::Echo { delay })?;
    }
    Ok(())
}
