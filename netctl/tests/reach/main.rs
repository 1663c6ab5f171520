//! The ways to a daemon, with real daemons at their ends: TLS, ssh, contexts; and Docker's own client beside netctl.

mod contexts;
#[path = "../shared/dockerd.rs"]
mod dockerd;
mod like_docker;
mod pki;
mod refusal;
mod ssh;
mod sshd;
mod tls;
mod world;
