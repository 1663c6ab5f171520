//! The switch's binary, as a library so that its parts can be tested: command line, configuration, logging,
//! HTTP, metrics, limits of the process, start and end. Wiring only: what a call is, no module here knows.

pub mod banner;
pub mod check;
pub mod cli;
pub mod client;
pub mod config;
pub mod drain;
pub mod health;
pub mod http;
pub mod limits;
pub mod logging;
pub mod memory;
pub mod metrics;
pub mod operate;
pub mod probe;
pub mod reload;
pub mod rooms;
pub mod running;
pub mod start;
pub mod steps;
