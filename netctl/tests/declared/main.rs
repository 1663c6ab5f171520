//! `netctl plan`, `up`, `down` and `watch` with a real daemon, real switches and real calls.

mod addresses;
mod declaration;
#[path = "../shared/dockerd.rs"]
mod dockerd;
mod dockers;
mod ended;
mod families;
mod flushed;
mod news;
#[path = "../modes/site.rs"]
#[allow(dead_code, reason = "each test program takes what it needs of it")]
mod site;
mod up;
mod watch;
mod watching;
