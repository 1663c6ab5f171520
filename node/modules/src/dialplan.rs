//! Dialplans: what decides which applications a channel runs.

pub mod numbers;
pub mod route;
