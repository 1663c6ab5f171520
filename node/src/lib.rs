//! The switch's binary, as a library so that its parts can be tested: command line, configuration, logging,
//! HTTP, metrics, limits of the process, start and end. Wiring only: what a call is, no module here knows.
//!
//! From the bottom up: what can be written (`config`, `cli`); what it means to the log (`logging`) and to the rooms
//! of the house (`rooms`); a configuration that can be run with (`load`) and what is shown of it (`check`); a switch
//! that is up and what can be asked and changed of it (`drain`, `http`, `reload`, `metrics`, `running`); its `start`.
//! What asks a running switch from outside (`client`, `health`, `operate`, `probe`) stands beside.

pub mod banner;
pub mod check;
pub mod cli;
pub mod client;
pub mod config;
pub mod drain;
pub mod health;
pub mod http;
pub mod limits;
pub mod load;
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
