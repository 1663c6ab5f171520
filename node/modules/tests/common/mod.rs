//! A switch with every built-in module, fake legs, and a dialplan that takes what was dialled for what to do.

#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, reason = "only tests are here")]

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use switch_core::Cause;
use switch_core::channel::Channel;
use switch_core::dialplan::{Action, Dialplan, Extension};
use switch_core::handle::{Command, Message};
use switch_core::module::{Interfaces, Module, ModuleError};
use switch_core::switch::{Switch, SwitchConfig};
use switch_core::testing::{Line, Lines, profile};
use switch_modules::ModulesConfig;

pub(crate) struct House {
    pub(crate) switch: Arc<Switch>,
    pub(crate) lines: Lines,
}

impl House {
    pub(crate) fn new() -> Self {
        Self::with(ModulesConfig { numbers: true, ..ModulesConfig::default() })
    }

    pub(crate) fn with(config: ModulesConfig) -> Self {
        let (switch, lines) = (Switch::new(SwitchConfig::default()), Lines::default());
        for module in switch_modules::modules(config) {
            switch.load(&*module).unwrap();
        }
        switch.load(&Contents(lines.clone())).unwrap();
        Self { switch, lines }
    }

    /// A call from loopback that came to rest; `answer|sleep 5` runs two applications.
    pub(crate) async fn call(&self, actions: &str) -> Arc<Line> {
        self.dial(actions, &["literal"]).await
    }

    /// The same by way of these dialplans.
    pub(crate) async fn dial(&self, number: &str, dialplans: &[&str]) -> Arc<Line> {
        let (session, line) = self.lines.inbound(&self.switch, profile(number, dialplans), None);
        tokio::spawn(session.run());
        settle().await;
        line
    }

    /// The leg that was placed last.
    pub(crate) fn placed(&self) -> Arc<Line> {
        Arc::clone(&self.lines.placed().last().expect("a leg was placed").1)
    }

    /// Causes of the sessions that ended, each as often as it ended one.
    pub(crate) fn ended(&self) -> Vec<Cause> {
        let ended = self.switch.counters().ended();
        ended.flat_map(|(_, cause, count)| std::iter::repeat_n(cause, count as usize)).collect()
    }

    /// Ends what is up and looks whether anything stays behind.
    pub(crate) async fn close(&self) {
        self.switch.hang_up_all(Cause::NormalClearing);
        self.switch.until_empty().await;
        assert_eq!(self.lines.held(), (0, 0));
        assert_eq!(self.switch.counters().application_panics.load(Ordering::Relaxed), 0);
    }
}

pub(crate) fn command(line: &Line, command: Command) {
    line.session().send(Message::Command(command)).unwrap();
}

/// Lets every task come to rest; takes a millisecond of the paused clock.
pub(crate) async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

struct Contents(Lines);

impl Module for Contents {
    fn name(&self) -> &'static str {
        "mod_test"
    }

    fn load(&self, interfaces: &mut Interfaces) -> Result<(), ModuleError> {
        interfaces.endpoint(Arc::new(self.0.clone()))?;
        interfaces.dialplan(Arc::new(Literal))
    }
}

struct Literal;

impl Dialplan for Literal {
    fn name(&self) -> &str {
        "literal"
    }

    fn route(&self, channel: &Channel) -> Option<Extension> {
        let actions = channel.profile().destination_number.split('|').map(|text| {
            let (application, data) = text.split_once(' ').unwrap_or((text, ""));
            Action::new(application, data)
        });
        Some(Extension { name: "literal".into(), actions: actions.collect() })
    }
}
