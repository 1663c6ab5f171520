//! SIP without sockets: framing, transactions, dialogs, digest, SDP.
//!
//! Everything here is a function of bytes, time and randomness handed in: no socket, no clock, no task. What
//! comes from outside is read leniently (RFC 4475) and kept verbatim; what goes out is written strictly.
//! `rsip` lends its vocabulary (methods, status codes, transports); it never decides whether a message passes.

pub mod auth;
pub mod dialog;
pub mod frame;
pub mod hop;
pub mod message;
pub mod response;
pub mod sdp;
pub mod session_timer;
pub mod token;
pub mod transaction;
