//! Media workers, sockets, the port allocator and flows: what runs behind a MediaHandle.
//!
//! Owns threads, sockets and ports; implements [`switch_core::media`]. What bytes mean is `switch_rtp`'s, what
//! samples mean `switch_media`'s, and what a call is, nobody's here. A stream lives on one worker, which
//! alone touches its packets: no lock and no allocation is on their way.
//!
//! From the bottom up: what a stream is made of (`digits`, `echo`, `voice`, `report`, `quality`, `ports`,
//! `counters`), the `handle` a session has of it, the `stream` itself with what arrives, what it can do (`send`,
//! `rtcp`), when (`due`), the `worker` that owns it, the `engine` that owns the workers.

mod counters;
mod digits;
mod due;
mod echo;
mod engine;
mod handle;
mod heartbeat;
mod ports;
mod prefetch;
mod quality;
mod report;
mod rtcp;
mod send;
mod stream;
mod voice;
mod worker;

pub use counters::{Board, Totals};
pub use engine::{Engine, EngineConfig, StartError};
