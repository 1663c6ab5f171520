//! Codecs, tones and music: pure functions over frames of sound.
//!
//! Owns what a sample is worth: how it is coded ([`codec`]), made ([`tone`], [`tune`], [`hold`]) and
//! recognised ([`detect`]), and what becomes of it on the way ([`emodel`]). Refuses to know packets, sockets, time and calls. Everywhere a sample is 16-bit
//! linear, and a level in dBm0 is relative to the digital milliwatt of ITU-T G.711 ([`tone::peak`]).

pub mod codec;
pub mod detect;
pub mod emodel;
pub mod hold;
pub mod tone;
pub mod tune;

mod voice;
