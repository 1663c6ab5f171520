//! `mod_dptools`: the applications every dialplan uses, under FreeSWITCH's names.

mod answer;
mod bridge;
mod control;
mod echo;
mod playback;

use switch_core::module::{Interfaces, Module, ModuleError};

use super::plain;

/// The module.
#[derive(Clone, Copy, Debug)]
pub struct DpTools;

impl Module for DpTools {
    fn name(&self) -> &'static str {
        "mod_dptools"
    }

    fn load(&self, interfaces: &mut Interfaces) -> Result<(), ModuleError> {
        let applications = [
            plain("answer", answer::answer),
            plain("pre_answer", answer::pre_answer),
            plain("ring_ready", answer::ring_ready),
            plain("echo", echo::echo),
            plain("delay_echo", echo::delay_echo),
            plain("playback", playback::playback),
            plain("bridge", bridge::bridge),
            plain("sleep", control::sleep),
            plain("set", control::set),
            plain("hangup", control::hangup),
            plain("park", control::park),
        ];
        applications.into_iter().try_for_each(|application| interfaces.application(application))
    }
}
