//! What a channel is to do, as a dialplan decides it.

use crate::channel::{CallerProfile, Channel};

/// One application to run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Action {
    /// The application's name.
    pub application: String,
    /// Its argument.
    pub data: String,
}

impl Action {
    /// For instance `Action::new("bridge", "sip:1000@10.0.0.5")`.
    pub fn new(application: &str, data: &str) -> Self {
        Self { application: application.into(), data: data.into() }
    }
}

/// What a dialplan found: applications, run in order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Extension {
    /// For logs.
    pub name: String,
    /// In order.
    pub actions: Vec<Action>,
}

/// Decides what a channel does.
pub trait Dialplan: Send + Sync {
    /// The name by which a caller profile asks for it.
    fn name(&self) -> &str;

    /// The extension for this channel, none when the dialplan has nothing for it.
    fn route(&self, channel: &Channel) -> Option<Extension>;

    /// Whether it would take a call of this caller, whatever it then did with it. Who may place a call may take
    /// its caller's place, too; nobody else may.
    fn admits(&self, _caller: &CallerProfile) -> bool {
        false
    }
}
