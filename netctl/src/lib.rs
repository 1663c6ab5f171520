//! Builds, moves and connects the switch's containers.
//!
//! The rooms: `cli` is what can be typed, `run` does it with the other rooms; `bridge` is what brctl does, behind a
//! trait for the kernel; `network` is what concerns Docker's networks and a switch in each of their modes; `publish`
//! is what concerns ports, `firewall` the words for the rules it needs, behind a trait for the kernel; `netlink` is
//! that kernel; `procfs` is what the kernel tells in files; `image` is what concerns images, behind a trait for Docker;
//! `docker` is that daemon; `why` follows a packet's way to a switch and back, `doctor` looks
//! at what a host and its Docker have; `error` is how failures are told.

#![forbid(unsafe_code)]

pub mod bridge;
pub mod cli;
mod columns;
pub mod docker;
pub mod doctor;
pub mod error;
pub mod firewall;
pub mod image;
pub mod netlink;
pub mod network;
mod output;
pub mod ports;
pub mod procfs;
pub mod publish;
pub mod reconcile;
pub mod run;
mod visible;
pub mod why;
