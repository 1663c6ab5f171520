//! `bridge`: places a second leg and joins both.
//!
//! The second leg is offered what the first can do; the first is answered with what the second chose. Parting
//! is the core's: a leg that an application placed does not outlive it.

mod request;

use std::time::Duration;

use switch_core::application::{Call, CallEvent, Failure, Interrupted, Outcome};
use switch_core::audio::{Audio, LegAudio};
use switch_core::cause::Cause;
use switch_core::channel::{CallerProfile, ProtocolStatus};
use switch_core::endpoint::{EndpointError, LegEvent, Originate};
use switch_core::handle::{Command, Message, SessionId};
use switch_core::media::{MediaCommand, MediaError, Source};
use switch_core::session::Session;
use tokio::time::Instant;

use self::request::Request;
use crate::application::unreadable;

/// How long the second leg may ring, unless written.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Bridges the call to what `data` names: see [`Request::parse`].
pub(super) async fn bridge(call: Call, data: String) -> Outcome {
    let request = Request::parse(&data).map_err(|error| unreadable("bridge", &data, error))?;
    match connect(&call, &request).await {
        Ok(peer) => talk(&call, peer, &request).await,
        Err(failure) => go_on(&call, &request, failure).await,
    }
}

/// Places the leg and waits for its answer.
async fn connect(call: &Call, request: &Request) -> Result<SessionId, Failure> {
    let timeout = request.originate_timeout.unwrap_or(TIMEOUT);
    let target = request.target.clone();
    let placed = call.originate_with(move |session| order(session, target, timeout));
    let peer = placed.await?.id();
    let deadline = Instant::now() + timeout;
    loop {
        let event = match tokio::time::timeout_at(deadline, peer_event(call, peer)).await {
            Ok(event) => event?,
            Err(_) => {
                call.with(|session| session.part(Cause::NoAnswer)).await?;
                return Err(failure(Cause::NoAnswer, None));
            }
        };
        match event {
            LegEvent::Ringing => call.with(|session| session.ring()).await??,
            // The core's to pass on.
            LegEvent::Described(_) | LegEvent::Insists(_) => {}
            LegEvent::EarlyMedia(leg) => {
                call.with(move |session| join_and_open(session, &leg, Session::pre_answer)).await??;
            }
            LegEvent::Answered(leg) => {
                call.with(move |session| join_and_open(session, &leg, Session::answer)).await??;
                return Ok(peer);
            }
            LegEvent::Ended { cause, status } => return Err(failure(cause, status)),
        }
    }
}

/// Both talk until one leaves. This leg's own end interrupts.
async fn talk(call: &Call, peer: SessionId, request: &Request) -> Outcome {
    let cause = loop {
        match peer_event(call, peer).await? {
            LegEvent::Ended { cause, .. } => break cause,
            LegEvent::Answered(_)
            | LegEvent::Ringing
            | LegEvent::EarlyMedia(_)
            | LegEvent::Described(_)
            | LegEvent::Insists(_) => {}
        }
    };
    call.hear(Source::Silence).await?;
    if is_set(call, "hangup_after_bridge", request.hangup_after_bridge).await? {
        return Err(Failure::HangUp { cause, status: None, why: "the bridge ended".into() });
    }
    Ok(())
}

/// What becomes of a call whose second leg did not answer: it ends the same way, unless told to go on.
async fn go_on(call: &Call, request: &Request, failure: Failure) -> Outcome {
    let Failure::HangUp { cause, .. } = failure else { return Err(failure) };
    let variable = match &request.continue_on_fail {
        Some(written) => Some(written.clone()),
        None => variable(call, "continue_on_fail").await?,
    };
    let goes_on = variable.is_some_and(|causes| {
        causes == "true" || causes.split(',').any(|name| name.trim().parse() == Ok(cause))
    });
    if goes_on { Ok(()) } else { Err(failure) }
}

fn order(session: &Session, target: String, timeout: Duration) -> Originate {
    let caller = session.channel().profile();
    let called = target.trim_start_matches("sip:").split('@').next().unwrap_or_default();
    let profile =
        CallerProfile { destination_number: called.to_owned(), network_addr: None, ..caller.clone() };
    Originate { profile, target, offer: session.peer_audio().cloned(), beside: session.stream(), timeout }
}

/// Joins the two and opens the first leg's sound: joined first where it has a stream already, so that what its
/// peer says the moment it is answered finds its way.
fn join_and_open(
    session: &mut Session,
    leg: &LegAudio,
    open: fn(&mut Session, Option<&Audio>) -> Result<(), EndpointError>,
) -> Result<(), Failure> {
    // A leg that was answered before may have agreed on something that the other's peer did not choose.
    session.follow(&leg.audio);
    let ready = session.stream().is_some();
    if ready {
        join(session, leg)?;
    }
    open(session, Some(&leg.audio))?;
    if !ready {
        join(session, leg)?;
    }
    Ok(())
}

/// Each hears the other. The first leg may have its stream only since it was answered.
fn join(session: &mut Session, leg: &LegAudio) -> Result<(), MediaError> {
    session.hear(Source::Stream(leg.stream))?;
    let (Some(stream), Some(peer)) = (session.stream(), session.peer()) else { return Ok(()) };
    match peer.media().filter(|media| media.id() == leg.stream) {
        // Here and now: the other session's turn may come later than what the caller says with its ACK.
        Some(media) => media.command(MediaCommand::Source(Source::Stream(stream)))?,
        // Another party took the place meanwhile. One that is gone or does not keep up says so by its end.
        None => _ = peer.send(Message::Command(Command::Hear(Some(stream)))),
    }
    Ok(())
}

async fn peer_event(call: &Call, peer: SessionId) -> Result<LegEvent, Interrupted> {
    loop {
        match call.event().await? {
            CallEvent::Peer(from, event) if from == peer => return Ok(event),
            _ => {}
        }
    }
}

async fn is_set(call: &Call, name: &'static str, written: Option<bool>) -> Result<bool, Interrupted> {
    match written {
        Some(written) => Ok(written),
        None => Ok(variable(call, name).await?.as_deref() == Some("true")),
    }
}

async fn variable(call: &Call, name: &'static str) -> Result<Option<String>, Interrupted> {
    call.with(move |session| session.channel().variable(name).map(str::to_owned)).await
}

fn failure(cause: Cause, status: Option<ProtocolStatus>) -> Failure {
    Failure::HangUp { cause, status, why: "the second leg was not answered".into() }
}
