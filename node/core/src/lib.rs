//! Sessions, channels, their state machine, and the vocabulary every other room speaks.

pub mod media;
