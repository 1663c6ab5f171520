//! Modules that listen to what calls do.

pub mod call_log;
