//! `netctl why` with a real daemon, a real switch and real calls: the path broken on purpose at each station in turn.
//!
//! Each test has a host of its own, as in tests/modes: the caller is in a namespace beyond the host's bridge.

#[path = "../shared/dockerd.rs"]
mod dockerd;
#[path = "../modes/site.rs"]
#[allow(dead_code, reason = "each test program takes what it needs of it")]
mod site;

mod broken;
mod modes;
mod scene;
