//! `netctl plan`, `up`, `down` and `watch` with a real daemon, real switches and real calls.

#[path = "../shared/dockerd.rs"]
mod dockerd;
#[path = "../modes/site.rs"]
#[allow(dead_code, reason = "each test program takes what it needs of it")]
mod site;
mod up;
mod watch;
