//! `netctl port` with real daemons and real datagrams. Each test has a host of its own: a network namespace with its
//! own dockerd, bridges and iptables, and a neighbour's namespace joined by a veth pair.

mod answer;
mod daemon;
#[path = "../shared/dockerd.rs"]
mod dockerd;
mod faults;
mod host;
mod inside;
#[path = "../shared/namespace.rs"]
mod namespace;
mod others;
mod outside;
mod six;
mod soak;
mod state;
mod versions;
