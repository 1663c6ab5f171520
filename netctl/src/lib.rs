//! Builds, moves and connects the switch's containers.
//!
//! The rooms: `cli` is what can be typed, `run` does it with the other rooms; `bridge` is what brctl does, behind a
//! trait for the kernel; `image` is what concerns images, behind a trait for Docker; `network` is how a switch's container
//! is connected, and Docker's networks, behind traits for both; `netlink` and `procfs` are that kernel, `docker` is that
//! daemon; `error` is how failures are told.

pub mod bridge;
pub mod cli;
mod columns;
pub mod docker;
pub mod error;
pub mod image;
pub mod netlink;
pub mod network;
mod output;
pub mod procfs;
pub mod run;
