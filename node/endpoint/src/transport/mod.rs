//! Sockets: they move bytes and decide nothing.

pub(crate) mod tcp;
pub(crate) mod udp;
