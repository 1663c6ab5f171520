//! What the endpoint is told: at its start, and what of it may change while calls are up. Each message, and each
//! call where it begins, reads what holds then.

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use switch_sip::session_timer::Policy;
use switch_sip::transaction::Timers;

use crate::advertise::Advertise;

/// What the endpoint is told at its start.
#[derive(Clone, Debug)]
pub struct EndpointConfig {
    /// Where to listen.
    pub listen: Vec<Listen>,
    /// Retransmission timers.
    pub timers: Timers,
    /// The differentiated services code point of what is sent: 0 to 63 (RFC 2474).
    pub dscp: u8,
    /// What may change later.
    pub settings: Settings,
}

/// One listening socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Listen {
    /// TCP rather than UDP.
    pub tcp: bool,
    /// Where.
    pub address: SocketAddr,
    /// Whether the switch runs without it: IPv6 is missing on many hosts.
    pub optional: bool,
}

/// What holds until it is changed.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which of our addresses a peer is told.
    pub advertise: Advertise,
    /// Writes every message to the log.
    pub trace: bool,
    /// What User-Agent and Server say.
    pub user_agent: String,
    /// A TCP connection that is silent for this long is closed.
    pub tcp_idle: Duration,
    /// Dialplans an inbound call is routed by, in order.
    pub dialplans: Vec<String>,
    /// Session timers.
    pub session: Policy,
    /// No media for this long while the peer should be sending ends the call. None: never.
    pub silence: Option<Duration>,
    /// The same for a call on hold.
    pub silence_held: Option<Duration>,
    /// When somebody who was refused with 503 may ask again.
    pub retry_after: Duration,
}

/// The settings in force.
#[derive(Debug)]
pub struct Live(RwLock<Arc<Settings>>);

impl Live {
    /// These.
    pub fn new(settings: Settings) -> Arc<Self> {
        Arc::new(Self(RwLock::new(Arc::new(settings))))
    }

    /// Those of this moment.
    pub fn read(&self) -> Arc<Settings> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on these.
    pub fn replace(&self, settings: Settings) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }
}

impl Settings {
    /// The value of Retry-After (RFC 3261 §20.33): whole seconds, one at least.
    pub(crate) fn retry_after(&self) -> String {
        self.retry_after.as_millis().div_ceil(1000).max(1).to_string()
    }
}
