//! RTP without sockets: headers, streams, RTCP, latching, telephone-event.
//!
//! Owns what the bytes of RTP and RTCP mean (RFC 3550, RFC 5761, RFC 4733). Refuses to know sockets, threads
//! and clocks: time and randomness come in as arguments.

pub mod event;
pub mod header;
pub mod latch;
pub mod rtcp;
pub mod stream;
