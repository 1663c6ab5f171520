//! `answer`, `pre_answer`, `ring_ready`: what the caller is told before and when the call is taken.

use switch_core::application::{Call, Outcome};

/// Answers with what this switch can do itself.
pub(super) async fn answer(call: Call, _data: String) -> Outcome {
    call.answer().await
}

/// Opens early media.
pub(super) async fn pre_answer(call: Call, _data: String) -> Outcome {
    Ok(call.with(|session| session.pre_answer(None)).await??)
}

/// Tells the caller that somebody is being alerted.
pub(super) async fn ring_ready(call: Call, _data: String) -> Outcome {
    Ok(call.with(|session| session.ring()).await??)
}
