//! The modules a switch loads: one folder a kind, one file a module.
//!
//! Each is built on the core's vocabulary and on pure sound alone: no module here knows a socket, a packet
//! or a SIP message. What they are called in a configuration is [`switch_core::module::Module::name`].

pub mod application;
pub mod dialplan;
pub mod event;

mod sound;

use std::sync::Arc;

use switch_core::module::Module;

use crate::application::dptools::DpTools;
use crate::dialplan::numbers::Numbers;
use crate::dialplan::route::{Counters, Routes, Table};
use crate::event::call_log::CallLog;

/// What the built-in modules need to be told.
#[derive(Clone, Debug, Default)]
pub struct ModulesConfig {
    /// Whether the numbers that need no route answer.
    pub numbers: bool,
    /// Kept by whoever exchanges them.
    pub routes: Arc<Table>,
    /// Where the routes count; kept by whoever shows it.
    pub counters: Arc<Counters>,
}

/// Every built-in module, in the order to load them.
pub fn modules(config: ModulesConfig) -> Vec<Box<dyn Module>> {
    let mut modules: Vec<Box<dyn Module>> = vec![Box::new(CallLog), Box::new(DpTools)];
    if config.numbers {
        modules.push(Box::new(Numbers));
    }
    modules.push(Box::new(Routes::new(config.routes, config.counters)));
    modules
}
