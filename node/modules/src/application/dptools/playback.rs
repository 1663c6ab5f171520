//! `playback`: the caller hears a sound until it ends.

use switch_core::application::{Call, CallEvent, Outcome};
use switch_core::media::{MediaEvent, Source};

use crate::application::unreadable;
use crate::sound;

/// Plays what `data` names; opens early media where nothing was opened yet, as FreeSWITCH does.
pub(super) async fn playback(call: Call, data: String) -> Outcome {
    let sound = sound::open(&data).map_err(|error| unreadable("playback", &data, error))?;
    call.with(|session| session.pre_answer(None)).await??;
    call.hear(Source::Frames(sound)).await?;
    while call.event().await? != CallEvent::Media(MediaEvent::PlaybackEnded) {}
    Ok(())
}
