//! `netctl run`, `rm`, `inspect`, `probe` and `network` with a real daemon, real switches and real calls.
//!
//! Each test has a host of its own: a network namespace with a bridge br0 (198.51.100.1/24) and a daemon in it, and a
//! second namespace beyond that bridge (198.51.100.2/24) that calls.

mod conflict;
#[path = "../shared/dockerd.rs"]
mod dockerd;
mod failure;
mod inspect;
mod modes;
mod network;
mod published;
mod refusal;
#[allow(dead_code, reason = "each test program takes what it needs of it")]
mod site;
