//! Builds, moves and connects the switch's containers.
//!
//! The rooms: `cli` is what can be typed, `run` does it with the other rooms; `bridge` is what brctl does, behind a
//! trait for the kernel; `netlink` is that kernel; `network` is what concerns Docker's networks; `image` is what concerns images, behind a trait for Docker; `docker`
//! is that daemon; `error` is how failures are told.

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
