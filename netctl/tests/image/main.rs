//! `netctl image` with real daemons. They have a socket and a directory of their own and no network, so every image
//! is built FROM scratch.

mod build;
mod daemon;
mod exchange;
mod refusal;
