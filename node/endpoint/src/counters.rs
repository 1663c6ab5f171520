//! What the endpoint counts: plain atomics, read by whoever shows them.

use std::sync::atomic::{AtomicU64, Ordering};

/// Methods that have a count of their own; others share the last.
pub const METHODS: [&str; 15] = [
    "INVITE",
    "ACK",
    "BYE",
    "CANCEL",
    "OPTIONS",
    "REGISTER",
    "UPDATE",
    "PRACK",
    "INFO",
    "REFER",
    "NOTIFY",
    "SUBSCRIBE",
    "MESSAGE",
    "PUBLISH",
    "other",
];

/// Counts since the start. Gauges are named as such.
#[derive(Debug, Default)]
pub struct Counters {
    requests_received: [AtomicU64; METHODS.len()],
    requests_sent: [AtomicU64; METHODS.len()],
    responses_received: Codes,
    responses_sent: Codes,
    /// SIP transactions, of either side, that are not over (gauge).
    pub transactions: AtomicU64,
    /// Datagrams and streams that held no SIP.
    pub malformed: AtomicU64,
    /// TCP connections that are open (gauge).
    pub connections: AtomicU64,
    /// TCP connections refused, for too many are open.
    pub connections_refused: AtomicU64,
    /// TCP connections closed because half a message stood too long.
    pub connections_stalled: AtomicU64,
    /// TCP connections closed because nothing came for long.
    pub connections_idle: AtomicU64,
    /// Messages not sent: the kernel or the connection's queue did not take them.
    pub send_failures: AtomicU64,
    /// Answers for which no ACK came.
    pub missing_acks: AtomicU64,
    /// Refreshes of sessions sent (RFC 4028).
    pub refreshes: AtomicU64,
    /// Calls ended because their session was not refreshed in time.
    pub expired: AtomicU64,
    /// Names that did not resolve.
    pub unresolved: AtomicU64,
    /// Calls refused for want of a media port.
    pub no_media: AtomicU64,
}

/// One counter a status code.
#[derive(Debug)]
struct Codes(Box<[AtomicU64]>);

impl Default for Codes {
    fn default() -> Self {
        Self((100..700).map(|_| AtomicU64::new(0)).collect())
    }
}

impl Codes {
    fn count(&self, code: u16) {
        if let Some(count) = usize::from(code).checked_sub(100).and_then(|index| self.0.get(index)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn read(&self) -> impl Iterator<Item = (u16, u64)> {
        (100..).zip(self.0.iter().map(|count| count.load(Ordering::Relaxed))).filter(|&(_, count)| count > 0)
    }
}

impl Counters {
    pub(crate) fn request_received(&self, method: &str) {
        self.requests_received[index(method)].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn request_sent(&self, method: &str) {
        self.requests_sent[index(method)].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn response_received(&self, code: u16) {
        self.responses_received.count(code);
    }

    pub(crate) fn response_sent(&self, code: u16) {
        self.responses_sent.count(code);
    }

    /// Requests received, by method, retransmissions included.
    pub fn requests_received(&self) -> impl Iterator<Item = (&'static str, u64)> {
        METHODS.into_iter().zip(self.requests_received.iter().map(|count| count.load(Ordering::Relaxed)))
    }

    /// Requests sent, by method, retransmissions included.
    pub fn requests_sent(&self) -> impl Iterator<Item = (&'static str, u64)> {
        METHODS.into_iter().zip(self.requests_sent.iter().map(|count| count.load(Ordering::Relaxed)))
    }

    /// Responses received, by status code; codes not seen are left out.
    pub fn responses_received(&self) -> impl Iterator<Item = (u16, u64)> {
        self.responses_received.read()
    }

    /// Responses sent, by status code; codes not sent are left out.
    pub fn responses_sent(&self) -> impl Iterator<Item = (u16, u64)> {
        self.responses_sent.read()
    }
}

fn index(method: &str) -> usize {
    METHODS.iter().position(|&known| known == method).unwrap_or(METHODS.len() - 1)
}

/// Adds one.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
