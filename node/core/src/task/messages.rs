//! What a session does with its messages: from its leg, its stream, its peer, and whoever commands it.

use std::sync::atomic::Ordering;

use super::SessionTask;
use crate::cause::Cause;
use crate::channel::ChannelDirection;
use crate::desk::{CallEvent, Full};
use crate::handle::{Command, Message};
use crate::id::SessionId;
use crate::leg::LegEvent;
use crate::media::Source;
use crate::state::State;

impl SessionTask {
    pub(super) fn receive(&mut self, message: Message) {
        match message {
            Message::Endpoint(message) => {
                for event in self.session.receive(message) {
                    self.leg_event(event);
                }
            }
            Message::Media(stream, event) => {
                if self.session.stream() == Some(stream) {
                    self.application_event(CallEvent::Media(event));
                }
            }
            Message::Peer(from, event) => self.peer_event(from, event),
            Message::Command(command) => self.command(command),
        }
    }

    /// What this leg's own peer did.
    fn leg_event(&mut self, event: LegEvent) {
        self.session.hear_of_callee(&event);
        match &event {
            LegEvent::Ringing | LegEvent::EarlyMedia(_) => self.session.channel_mut().mark_progress(),
            LegEvent::Described(_) | LegEvent::Insists(_) => {}
            LegEvent::Answered(_) => {
                self.session.mark_answered();
                if self.session.peer().is_some() && self.running.is_none() {
                    self.session.go(State::ExchangeMedia);
                }
            }
            LegEvent::Ended { cause, status } => {
                // The peer is told by HANGUP's standard behaviour, as after any other end.
                return self.session.hang_up(*cause, status.clone());
            }
        }
        self.session.tell_peer(event);
    }

    fn peer_event(&mut self, from: SessionId, event: LegEvent) {
        if self.session.peer().is_none_or(|peer| peer.id() != from) {
            return;
        }
        if let LegEvent::Described(audio) = &event {
            return self.session.follow(audio);
        }
        if let LegEvent::Insists(audio) = &event {
            return self.session.restore(audio);
        }
        if matches!(event, LegEvent::Ended { .. }) {
            self.session.lose_peer();
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
        _ = self.session.hear(Source::Silence);
        let called = self.session.channel().direction() == ChannelDirection::Outbound;
        if called && !self.session.channel().is_answered() && cause == Cause::NormalClearing {
            // Whoever placed this leg left before it was answered.
            self.session.hang_up(Cause::OriginatorCancel, None);
            return;
        }
        if self.session.channel().variable("park_after_bridge") == Some("true") {
            self.session.go(State::Park);
        } else {
            self.session.hang_up(cause, None);
        }
    }

    fn application_event(&mut self, event: CallEvent) {
        let Some(work) = &self.running else { return };
        let expendable = event.is_expendable();
        if let Err(Full) = work.tell(event) {
            self.switch.counters().events_dropped.fetch_add(1, Ordering::Relaxed);
            if !expendable {
                self.session.hang_up(Cause::SwitchCongestion, None);
            }
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Hear(stream) => {
                let source = stream.map_or(Source::Silence, Source::Stream);
                if let Err(error) = self.session.hear(source) {
                    tracing::warn!(%error, "cannot join media");
                    self.session.hang_up(Cause::IncompatibleDestination, None);
                }
            }
            Command::SetState(state) => self.session.go(state),
            Command::Break => {
                if let Some(work) = &mut self.running {
                    work.break_off();
                }
            }
            Command::Transfer { destination } => {
                self.session.channel_mut().profile_mut().destination_number = destination;
                self.extension = None;
                self.session.go(State::Routing);
            }
        }
    }
}
