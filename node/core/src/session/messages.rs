//! What a session does with its messages: from its leg, its stream, its peer, and whoever commands it.

use std::sync::atomic::Ordering;

use super::Session;
use crate::cause::Cause;
use crate::channel::ChannelDirection;
use crate::desk::{CallEvent, Full};
use crate::handle::{Command, Message};
use crate::id::SessionId;
use crate::leg::LegEvent;
use crate::media::Source;
use crate::state::State;

impl Session {
    pub(super) fn receive(&mut self, message: Message) {
        match message {
            Message::Endpoint(message) => {
                for event in self.endpoint.receive(&mut self.channel, message) {
                    self.leg_event(event);
                }
            }
            Message::Media(stream, event) => {
                if self.endpoint.media().is_some_and(|media| media.id() == stream) {
                    self.application_event(CallEvent::Media(event));
                }
            }
            Message::Peer(from, event) => self.peer_event(from, event),
            Message::Command(command) => self.command(command),
        }
    }

    /// What this leg's own peer did.
    fn leg_event(&mut self, event: LegEvent) {
        self.hear_of_callee(&event);
        match &event {
            LegEvent::Ringing | LegEvent::EarlyMedia(_) => self.channel.mark_progress(),
            LegEvent::Described(_) | LegEvent::Insists(_) => {}
            LegEvent::Answered(_) => {
                self.mark_answered();
                if self.peer.is_some() && self.running.is_none() {
                    self.go(State::ExchangeMedia);
                }
            }
            LegEvent::Ended { cause, status } => {
                // The peer is told by HANGUP's standard behaviour, as after any other end.
                return self.hang_up(*cause, status.clone());
            }
        }
        if let Some(peer) = &self.peer {
            // A peer that has ended or is ending tells us so itself.
            _ = peer.send(Message::Peer(self.handle.id(), event));
        }
    }

    fn peer_event(&mut self, from: SessionId, event: LegEvent) {
        if self.peer.as_ref().is_none_or(|peer| peer.id() != from) {
            return;
        }
        if let LegEvent::Described(audio) = &event {
            return self.endpoint.follow(Some(audio));
        }
        if let LegEvent::Insists(audio) = &event {
            return self.endpoint.restore(audio);
        }
        if matches!(event, LegEvent::Ended { .. }) {
            self.peer = None;
            self.endpoint.follow(None);
        }
        if self.running.is_some() {
            return self.application_event(CallEvent::Peer(from, event));
        }
        if let LegEvent::Ended { cause, .. } = event {
            self.after_bridge(cause);
        }
    }

    /// The other leg is gone. Ending this one is only the default.
    fn after_bridge(&mut self, cause: Cause) {
        // Without a stream there is nothing to be heard either.
        _ = self.hear(Source::Silence);
        let called = self.channel.direction() == ChannelDirection::Outbound;
        if called && !self.channel.is_answered() && cause == Cause::NormalClearing {
            // Whoever placed this leg left before it was answered.
            self.channel.hang_up(Cause::OriginatorCancel);
            return;
        }
        if self.channel.variable("park_after_bridge") == Some("true") {
            self.go(State::Park);
        } else {
            self.channel.hang_up(cause);
        }
    }

    fn application_event(&mut self, event: CallEvent) {
        let Some(work) = &self.running else { return };
        let expendable = event.is_expendable();
        if let Err(Full) = work.desk.tell(event) {
            self.switch.counters().events_dropped.fetch_add(1, Ordering::Relaxed);
            if !expendable {
                self.channel.hang_up(Cause::SwitchCongestion);
            }
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Hear(stream) => {
                let source = stream.map_or(Source::Silence, Source::Stream);
                if let Err(error) = self.hear(source) {
                    tracing::warn!(%error, "cannot join media");
                    self.channel.hang_up(Cause::IncompatibleDestination);
                }
            }
            Command::SetState(state) => self.go(state),
            Command::Break => {
                if let Some(work) = &mut self.running {
                    work.break_off();
                }
            }
            Command::Transfer { destination } => {
                self.channel.profile_mut().destination_number = destination;
                self.extension = None;
                self.go(State::Routing);
            }
        }
    }
}
