//! What a session's task has it say to the session that it is joined to, and hear from it.

use super::Session;
use crate::audio::Audio;
use crate::cause::Cause;
use crate::handle::{Message, SessionHandle};
use crate::leg::LegEvent;

impl Session {
    /// What happens to this leg is told to that session from now on.
    pub(crate) fn join(&mut self, peer: SessionHandle) {
        self.peer = Some(peer);
    }

    /// This leg's own peer did something.
    pub(crate) fn tell_peer(&self, event: LegEvent) {
        if let Some(peer) = &self.peer {
            // A peer that has ended or is ending tells us so itself.
            _ = peer.send(Message::Peer(self.handle.id(), event));
        }
    }

    pub(crate) fn tell_peer_of_the_end(&mut self) {
        let Some(peer) = self.peer.take() else { return };
        let cause = self.channel.cause().unwrap_or(Cause::Crash);
        let status = self.channel.protocol_status().cloned();
        // Gone is what it should be; full has hung it up.
        _ = peer.send(Message::Peer(self.handle.id(), LegEvent::Ended { cause, status }));
    }

    /// The other leg keeps to what was agreed on: see [`crate::Endpoint::restore`].
    pub(crate) fn restore(&mut self, other: &Audio) {
        self.endpoint.restore(other);
    }

    /// The other leg is gone.
    pub(crate) fn lose_peer(&mut self) {
        self.peer = None;
        self.endpoint.follow(None);
    }
}
