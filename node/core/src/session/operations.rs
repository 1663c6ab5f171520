//! What handlers and applications may do with a session.

use std::sync::Arc;

use super::{Session, StateHandler};
use crate::audio::{Audio, LegAudio};
use crate::cause::Cause;
use crate::channel::{Channel, ProtocolStatus};
use crate::endpoint::EndpointError;
use crate::handle::{Message, SessionHandle};
use crate::leg::LegEvent;
use crate::media::{MediaCommand, MediaError, MediaStats, Source, StreamId};

impl Session {
    /// The session's channel.
    pub fn channel(&self) -> &Channel {
        &self.channel
    }

    /// The session's channel.
    pub fn channel_mut(&mut self) -> &mut Channel {
        &mut self.channel
    }

    /// Reaches this session from anywhere.
    pub fn handle(&self) -> &SessionHandle {
        &self.handle
    }

    /// The session this one is joined to.
    pub fn peer(&self) -> Option<&SessionHandle> {
        self.peer.as_ref()
    }

    /// Adds a handler for this channel's states, behind those it has.
    pub fn add_handler(&mut self, handler: Arc<dyn StateHandler>) {
        self.handlers.push(handler);
    }

    /// Ends the call. `status` is how another leg's protocol put it.
    pub fn hang_up(&mut self, cause: Cause, status: Option<ProtocolStatus>) {
        if self.channel.hang_up(cause)
            && let Some(status) = status
        {
            self.channel.set_protocol_status(status);
        }
    }

    /// Tells the caller that somebody is being alerted; once the call is answered this changes nothing.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub fn ring(&mut self) -> Result<(), EndpointError> {
        if self.channel.is_answered() {
            return Ok(());
        }
        self.endpoint.ring(&mut self.channel)?;
        self.channel.mark_progress();
        Ok(())
    }

    /// Opens early media; once the call is answered this changes nothing. `choice` is what the other leg
    /// chose; none: whatever this switch can do itself.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub fn pre_answer(&mut self, choice: Option<&Audio>) -> Result<(), EndpointError> {
        if self.channel.is_answered() {
            return Ok(());
        }
        self.endpoint.pre_answer(&mut self.channel, choice)?;
        self.channel.mark_progress();
        Ok(())
    }

    /// Answers the call; once it is answered this changes nothing. `choice` as for `pre_answer`.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub fn answer(&mut self, choice: Option<&Audio>) -> Result<(), EndpointError> {
        if self.channel.is_answered() {
            return Ok(());
        }
        self.endpoint.answer(&mut self.channel, choice)?;
        self.mark_answered();
        Ok(())
    }

    /// Tells the leg what the other leg's peer can receive: see [`crate::Endpoint::follow`].
    pub fn follow(&mut self, other: &Audio) {
        self.endpoint.follow(Some(other));
    }

    /// Changes what the peer hears.
    ///
    /// # Errors
    /// [`MediaError`]; [`MediaError::Gone`] where the leg has no stream.
    pub fn hear(&mut self, source: Source) -> Result<(), MediaError> {
        self.endpoint.media().ok_or(MediaError::Gone)?.command(MediaCommand::Source(source))
    }

    /// What the peer can receive, and its stream; none before either is known.
    pub fn leg_audio(&self) -> Option<LegAudio> {
        let stream = self.endpoint.media()?.id();
        Some(LegAudio { audio: self.endpoint.peer_audio()?.clone(), stream })
    }

    /// What the peer said it can receive.
    pub fn peer_audio(&self) -> Option<&Audio> {
        self.endpoint.peer_audio()
    }

    /// The leg's stream.
    pub fn stream(&self) -> Option<StreamId> {
        self.endpoint.media().map(|media| media.id())
    }

    /// What the leg's stream counted.
    pub fn media_stats(&self) -> Option<MediaStats> {
        self.endpoint.media().map(|media| media.stats())
    }

    /// Parts from the other leg: it is told that its bridge ended, with this cause.
    pub fn part(&mut self, cause: Cause) {
        if let Some(peer) = self.peer.take() {
            // Gone is what it should be; full has hung it up.
            _ = peer.send(Message::Peer(self.handle.id(), LegEvent::Ended { cause, status: None }));
            self.endpoint.follow(None);
        }
    }
}
