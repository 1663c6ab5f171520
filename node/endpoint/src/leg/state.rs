//! What a leg is, and what each of its sides does alike: where its dialog goes, what its stream is told.

use std::sync::Arc;

use switch_core::audio::{Audio, LegAudio};
use switch_core::media::{MediaCommand, MediaHandle, StreamConfig};
use switch_core::{Cause, SessionHandle};
use switch_sip::dialog::Dialog;
use switch_sip::message::{Method, Request};
use switch_sip::sdp::{Description, NegotiationError};
use switch_sip::transaction::{Flow, Transport};

use super::pending::{Refresh, Reinvited, Succession};
use super::role::{OutboundStage, Role};
use crate::agent::{Agent, Local};
use crate::description::{self, Local as LocalDescription};
use crate::directory::{DialogKey, Recipient};
use crate::reason::reason;
use crate::route::Outgoing;
use crate::way::Way;

/// One SIP leg.
pub(crate) struct Leg {
    pub(super) agent: Arc<Agent>,
    pub(super) recipient: Option<Recipient>,
    pub(super) key: Arc<DialogKey>,
    pub(super) dialog: Option<Dialog>,
    /// None before the peer's name was looked up.
    pub(super) path: Option<Path>,
    pub(super) media: Option<MediaHandle>,
    pub(super) description: LocalDescription,
    pub(super) refresh: Refresh,
    pub(super) reinvited: Option<Reinvited>,
    /// What the two sides agreed on last.
    pub(super) agreed: Option<StreamConfig>,
    /// What the peer said it can receive.
    pub(super) peer_audio: Option<Audio>,
    /// What the other leg's peer can; none where this leg is joined to none.
    pub(super) other: Option<Audio>,
    /// What the peer refused, not to be offered again before it says something new.
    pub(super) refused: Option<Box<Audio>>,
    /// What the peer is to be brought back to, though it has named something else since.
    pub(super) restoring: Option<Box<Audio>>,
    /// It took another leg's place, and what is to be told of it is not known before the ACK.
    pub(super) succeeds: Option<Succession>,
    pub(super) role: Role,
}

/// Where the peer was seen last, and who we are there.
#[derive(Clone, Debug)]
pub(super) struct Path {
    pub(super) flow: Flow,
    pub(super) local: Local,
}

impl Leg {
    /// Of which nothing is known but whose it is.
    pub(super) fn new(agent: &Arc<Agent>, key: DialogKey, role: Role) -> Self {
        Self {
            agent: Arc::clone(agent),
            recipient: None,
            key: Arc::new(key),
            dialog: None,
            path: None,
            media: None,
            description: LocalDescription::new(),
            refresh: Refresh::new(agent),
            reinvited: None,
            agreed: None,
            peer_audio: None,
            other: None,
            refused: None,
            restoring: None,
            succeeds: None,
            role,
        }
    }

    /// Belongs to this session from now on, and is told through it what concerns its dialog.
    pub(super) fn enter(&mut self, session: SessionHandle) {
        let recipient = Recipient::new(session, Arc::clone(&self.key));
        self.agent.directory.add_dialog(recipient.clone());
        self.recipient = Some(recipient);
    }

    /// What names its dialog, and itself.
    pub(crate) fn key(&self) -> Arc<DialogKey> {
        Arc::clone(&self.key)
    }

    /// Sends BYE in the dialog.
    pub(super) fn say_goodbye(&mut self, cause: Cause) {
        if let Some((bye, way)) = self.goodbye(cause) {
            self.agent.deliver(Outgoing::Request { request: bye, leg: None }, way);
        }
    }

    pub(super) fn goodbye(&mut self, cause: Cause) -> Option<(Request, Way)> {
        let mut bye = self.dialog.as_mut()?.request(Method::Bye);
        bye.headers.push("Reason", reason(cause));
        Some((bye, self.way()?))
    }

    /// Neither answered nor over.
    pub(super) fn is_early(&self) -> bool {
        match &self.role {
            Role::Inbound(inbound) => inbound.is_early(),
            Role::Outbound(outbound) => outbound.is_early(),
        }
    }

    /// Where the dialog's next request goes.
    pub(super) fn way(&self) -> Option<Way> {
        Some(Way::of(self.dialog.as_ref()?, self.path.as_ref()?.flow.clone()))
    }

    /// Answers an offer and sets the stream to what was agreed.
    pub(super) fn negotiate(
        &mut self,
        offer: &Description,
        choice: Option<&Audio>,
        path: &Path,
    ) -> Result<String, NegotiationError> {
        let Some(media) = &self.media else { return Err(NegotiationError::NoAudio) };
        let (ip, port) = (path.local.advertised.ip(), media.local().port());
        let (body, config) = self.description.answer(offer, choice, ip, port)?;
        self.configure(config);
        self.peer_audio = description::audio(offer);
        Ok(body)
    }

    pub(super) fn configure(&mut self, mut config: StreamConfig) {
        // What a call began with, it keeps: a setting that changed since must not look like something new.
        (config.silence, config.silence_held) = match &self.agreed {
            Some(agreed) => (agreed.silence, agreed.silence_held),
            None => {
                let settings = self.agent.settings();
                (settings.silence, settings.silence_held)
            }
        };
        // What is said again changes nothing, least of all whom the stream listens to.
        if self.agreed.as_ref() == Some(&config) {
            return;
        }
        if let Some(media) = &self.media
            && let Err(error) = media.command(MediaCommand::Configure(config.clone()))
        {
            tracing::warn!(%error, "stream not configured");
        }
        self.agreed = Some(config);
    }

    pub(super) fn contact(&self, path: &Path) -> String {
        let transport = match path.flow.transport {
            Transport::Udp => "",
            Transport::Tcp => ";transport=tcp",
        };
        format!("<sip:switch@{}{transport}>", path.local.advertised)
    }

    pub(super) fn leg_audio(&self) -> Option<LegAudio> {
        Some(LegAudio { audio: self.peer_audio.clone()?, stream: self.media.as_ref()?.id() })
    }

    pub(super) fn forget_reinvite(&mut self) {
        if let Some(reinvited) = self.reinvited.take() {
            self.agent.directory.remove_server(reinvited.server);
        }
    }

    pub(super) fn set_outbound_stage(&mut self, next: OutboundStage) {
        if let Role::Outbound(outbound) = &mut self.role {
            outbound.stage = next;
        }
    }
}
