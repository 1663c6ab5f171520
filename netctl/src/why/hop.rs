//! The stations of a packet's way to the switch and back, in order.

use serde::Serialize;

/// A station. What was counted at one and not at the next died between them.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Hop {
    /// At the host, before any rule.
    Arrived,
    /// Bound for the container: the destination is rewritten, and no rule at prerouting took it.
    Rewritten,
    /// The host's routing sends it on.
    Routed,
    /// No rule at forward took it.
    Forwarded,
    /// It leaves toward the container.
    Handed,
    /// In the container's namespace, before any rule.
    Entered,
    /// No rule there took it, and it is for an address there.
    Admitted,
    /// It is in the queue of a socket.
    Queued,
    /// The switch has taken it.
    Taken,
    /// The switch has sent something.
    Sent,
    /// Out of the socket, before any rule.
    Emitted,
    /// No rule there took it: it leaves the namespace.
    Left,
    /// Back at the host, before any rule.
    Returned,
    /// The host's routing sends it on.
    RoutedBack,
    /// No rule at forward took it.
    ForwardedBack,
    /// It leaves the host with the host's address.
    Departed,
    /// The caller got it.
    Heard,
}

impl Hop {
    /// All of them, in order.
    pub const ALL: [Self; 17] = [
        Self::Arrived,
        Self::Rewritten,
        Self::Routed,
        Self::Forwarded,
        Self::Handed,
        Self::Entered,
        Self::Admitted,
        Self::Queued,
        Self::Taken,
        Self::Sent,
        Self::Emitted,
        Self::Left,
        Self::Returned,
        Self::RoutedBack,
        Self::ForwardedBack,
        Self::Departed,
        Self::Heard,
    ];

    /// What it is called in tables and as a chain.
    pub fn word(self) -> &'static str {
        match self {
            Self::Arrived => "arrived",
            Self::Rewritten => "rewritten",
            Self::Routed => "routed",
            Self::Forwarded => "forwarded",
            Self::Handed => "handed",
            Self::Entered => "entered",
            Self::Admitted => "admitted",
            Self::Queued => "queued",
            Self::Taken => "taken",
            Self::Sent => "sent",
            Self::Emitted => "emitted",
            Self::Left => "left",
            Self::Returned => "returned",
            Self::RoutedBack => "routed-back",
            Self::ForwardedBack => "forwarded-back",
            Self::Departed => "departed",
            Self::Heard => "heard",
        }
    }

    /// The same for people.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Arrived => "arrived at the host",
            Self::Rewritten => "rewritten to the container's address",
            Self::Routed => "routed by the host",
            Self::Forwarded => "let through by the host's firewalls",
            Self::Handed => "left the host toward the container",
            Self::Entered => "entered the container",
            Self::Admitted => "let in by the container's firewalls",
            Self::Queued => "reached the socket",
            Self::Taken => "taken by the switch",
            Self::Sent => "sent by the switch",
            Self::Emitted => "left the socket",
            Self::Left => "left the container",
            Self::Returned => "came back to the host",
            Self::RoutedBack => "routed by the host",
            Self::ForwardedBack => "let through by the host's firewalls",
            Self::Departed => "left the host by its address",
            Self::Heard => "heard by the caller",
        }
    }

    /// Whether it is on the way back.
    pub fn is_back(self) -> bool {
        self >= Self::Sent
    }

    /// Whether packets come into a namespace there, and some are marked.
    pub fn marks(self) -> bool {
        matches!(self, Self::Arrived | Self::Entered | Self::Emitted | Self::Returned)
    }

    /// Whether what is before it happens in the container's namespace.
    pub fn is_inside(self) -> bool {
        (Self::Admitted..=Self::Left).contains(&self)
    }
}

/// What travels.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// SIP.
    Signalling,
    /// RTP and RTCP.
    Media,
}

impl Stream {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Signalling, Self::Media];

    /// What a reader calls it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Signalling => "signalling",
            Self::Media => "media",
        }
    }
}
