//! Builds, moves and connects the switch's containers.
//!
//! The rooms: `cli` is what can be typed, `run` does it with the other rooms; `bridge` is what brctl does, behind a
//! trait for the kernel; `netlink` is that kernel; `error` is how failures are told.

pub mod bridge;
pub mod cli;
pub mod error;
pub mod netlink;
mod output;
pub mod run;
