//! `sleep`, `set`, `hangup`, `park`: what steers a call and makes no sound.

use std::time::Duration;

use switch_core::application::{Call, Failure, Outcome};
use switch_core::{Cause, State};

use crate::application::unreadable;

/// Waits for the milliseconds in `data`.
pub(super) async fn sleep(call: Call, data: String) -> Outcome {
    let milliseconds =
        data.trim().parse().map_err(|_| unreadable("sleep", &data, "it takes a number of milliseconds"))?;
    Ok(call.sleep(Duration::from_millis(milliseconds)).await?)
}

/// Sets a variable: `name=value`; an empty value removes it.
pub(super) async fn set(call: Call, data: String) -> Outcome {
    let (name, value) = data
        .split_once('=')
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .filter(|(name, _)| !name.is_empty())
        .ok_or_else(|| unreadable("set", &data, "it takes NAME=VALUE"))?;
    call.with(move |session| session.channel_mut().set_variable(&name, &value))
        .await?
        .map_err(|error| unreadable("set", &data, error))
}

/// Ends the call with the cause in `data`, by name or number; NORMAL_CLEARING unless written.
pub(super) async fn hangup(_call: Call, data: String) -> Outcome {
    let cause = match data.trim() {
        "" => Cause::NormalClearing,
        text => text.parse().map_err(|error| unreadable("hangup", &data, error))?,
    };
    Err(Failure::HangUp { cause, status: None, why: "the dialplan says so".into() })
}

/// Leaves the call to whoever commands it.
pub(super) async fn park(call: Call, _data: String) -> Outcome {
    call.with(|session| session.channel_mut().set_state(State::Park))
        .await?
        .map_err(|error| unreadable("park", "", error))?;
    match call.until_interrupted().await? {}
}
