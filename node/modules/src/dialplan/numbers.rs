//! `mod_dialplan_numbers`: the numbers FreeSWITCH's users know, without any configuration.
//!
//! They answer anybody: nothing here reaches a third party.

use std::sync::Arc;

use switch_core::channel::{CallerProfile, Channel};
use switch_core::dialplan::{Action, Dialplan, Extension};
use switch_core::module::{Interfaces, Module, ModuleError};

/// Number, application, its data, and what it is.
pub const NUMBERS: [(&str, &str, &str, &str); 5] = [
    ("9195", "delay_echo", "5000", "delayed echo"),
    ("9196", "echo", "", "echo"),
    // 0 dBm0, where FreeSWITCH's tone scripts begin at -7.
    ("9197", "playback", "tone_stream://v=0;%(10000,0,1004);loops=-1", "milliwatt tone"),
    ("9198", "playback", "tune://ode;loops=-1", "a tune"),
    ("9664", "playback", "local_stream://moh", "music on hold"),
];

/// The module, and its dialplan `numbers`.
#[derive(Clone, Copy, Debug)]
pub struct Numbers;

impl Module for Numbers {
    fn name(&self) -> &'static str {
        "mod_dialplan_numbers"
    }

    fn load(&self, interfaces: &mut Interfaces) -> Result<(), ModuleError> {
        interfaces.dialplan(Arc::new(*self))
    }
}

impl Dialplan for Numbers {
    fn name(&self) -> &str {
        "numbers"
    }

    fn route(&self, channel: &Channel) -> Option<Extension> {
        let dialled = &channel.profile().destination_number;
        let (number, application, data, _) = NUMBERS.iter().find(|(number, ..)| number == dialled)?;
        // An echo answers by itself, once it stands; to play before the answer would be early media.
        let answer = (application == &"playback").then(|| Action::new("answer", ""));
        let actions = answer.into_iter().chain([Action::new(application, data)]).collect();
        Some(Extension { name: (*number).to_owned(), actions })
    }

    fn admits(&self, caller: &CallerProfile) -> bool {
        NUMBERS.iter().any(|(number, ..)| *number == caller.destination_number)
    }
}
