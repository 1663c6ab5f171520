//! `netctl image` with real daemons. They have a socket and a directory of their own and no network, so every image
//! is built FROM scratch.

mod build;
mod daemon;
#[path = "../shared/dockerd.rs"]
mod dockerd;
mod exchange;
#[path = "../shared/image.rs"]
mod image;
mod refusal;
mod switch;
