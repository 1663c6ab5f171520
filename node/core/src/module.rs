//! What a module brings, and the table of what all of them brought.
//!
//! A module is loaded whole or not at all: what it registers is taken over only when its load succeeded.

use std::collections::HashMap;
use std::sync::Arc;

use thiserror::Error;

use crate::application::Application;
use crate::dialplan::Dialplan;
use crate::endpoint::EndpointInterface;
use crate::session::StateHandler;

/// Something loadable: its load function registers what it brings.
pub trait Module: Send + Sync {
    /// FreeSWITCH's name where it has one, for instance `mod_dptools`.
    fn name(&self) -> &'static str;

    /// Registers what the module brings.
    ///
    /// # Errors
    /// Whatever keeps it from working, as a sentence.
    fn load(&self, interfaces: &mut Interfaces) -> Result<(), ModuleError>;

    /// Called once when the switch ends, in reverse order of loading.
    fn shutdown(&self) {}
}

/// Why a module did not load.
#[derive(Debug, Error)]
pub enum ModuleError {
    /// It registers a name another one has.
    #[error("{kind} {name:?} is registered already")]
    Taken {
        /// For instance `application`.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// Something of its own.
    #[error("{0}")]
    Failed(String),
}

/// What modules registered, by kind and name.
#[derive(Clone, Default)]
pub struct Interfaces {
    applications: HashMap<String, Arc<dyn Application>>,
    dialplans: HashMap<String, Arc<dyn Dialplan>>,
    endpoints: HashMap<&'static str, Arc<dyn EndpointInterface>>,
    handlers: Vec<Arc<dyn StateHandler>>,
}

impl Interfaces {
    /// Loads a module: all of what it registers is taken over, or nothing.
    ///
    /// # Errors
    /// [`ModuleError`].
    pub fn load(&mut self, module: &dyn Module) -> Result<(), ModuleError> {
        let mut with = self.clone();
        module.load(&mut with)?;
        *self = with;
        Ok(())
    }

    /// Registers an application.
    ///
    /// # Errors
    /// [`ModuleError::Taken`].
    pub fn application(&mut self, application: Arc<dyn Application>) -> Result<(), ModuleError> {
        let name = application.name().to_owned();
        insert(&mut self.applications, "application", name, application)
    }

    /// Registers a dialplan.
    ///
    /// # Errors
    /// [`ModuleError::Taken`].
    pub fn dialplan(&mut self, dialplan: Arc<dyn Dialplan>) -> Result<(), ModuleError> {
        let name = dialplan.name().to_owned();
        insert(&mut self.dialplans, "dialplan", name, dialplan)
    }

    /// Registers an endpoint under its scheme.
    ///
    /// # Errors
    /// [`ModuleError::Taken`].
    pub fn endpoint(&mut self, endpoint: Arc<dyn EndpointInterface>) -> Result<(), ModuleError> {
        insert(&mut self.endpoints, "endpoint", endpoint.scheme(), endpoint)
    }

    /// Registers a handler for every channel's states, behind those registered before.
    pub fn handler(&mut self, handler: Arc<dyn StateHandler>) {
        self.handlers.push(handler);
    }

    pub(crate) fn find_application(&self, name: &str) -> Option<&Arc<dyn Application>> {
        self.applications.get(name)
    }

    pub(crate) fn find_dialplan(&self, name: &str) -> Option<&Arc<dyn Dialplan>> {
        self.dialplans.get(name)
    }

    pub(crate) fn find_endpoint(&self, target: &str) -> Option<&Arc<dyn EndpointInterface>> {
        self.endpoints.get(target.split_once(':')?.0)
    }

    pub(crate) fn handlers(&self) -> &[Arc<dyn StateHandler>] {
        &self.handlers
    }

    /// Names of the applications, sorted.
    pub fn applications(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.applications.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }
}

fn insert<K: std::hash::Hash + Eq + ToString, V>(
    map: &mut HashMap<K, V>,
    kind: &'static str,
    name: K,
    value: V,
) -> Result<(), ModuleError> {
    match map.entry(name) {
        std::collections::hash_map::Entry::Occupied(taken) => {
            Err(ModuleError::Taken { kind, name: taken.key().to_string() })
        }
        std::collections::hash_map::Entry::Vacant(free) => {
            free.insert(value);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::application::{Call, Running};
    use crate::testing::Lines;

    struct Nothing(&'static str);

    impl Application for Nothing {
        fn name(&self) -> &str {
            self.0
        }

        fn run(&self, _call: Call, _data: String) -> Running {
            Box::pin(async { Ok(()) })
        }
    }

    /// Registers applications by these names and an endpoint.
    struct Brings(&'static [&'static str]);

    impl Module for Brings {
        fn name(&self) -> &'static str {
            "mod_test"
        }

        fn load(&self, interfaces: &mut Interfaces) -> Result<(), ModuleError> {
            self.0.iter().try_for_each(|name| interfaces.application(Arc::new(Nothing(name))))?;
            interfaces.endpoint(Arc::new(Lines::default()))
        }
    }

    #[test]
    fn a_module_is_loaded_whole_or_not_at_all() {
        let mut interfaces = Interfaces::default();
        let error = interfaces.load(&Brings(&["a", "b", "a"])).unwrap_err();
        assert_eq!(error.to_string(), "application \"a\" is registered already");
        assert!(interfaces.applications().is_empty());

        interfaces.load(&Brings(&["a", "b"])).unwrap();
        assert_eq!(interfaces.applications(), ["a", "b"]);
        // The last thing it registers is taken: what it registered before goes too.
        let error = interfaces.load(&Brings(&["c"])).unwrap_err();
        assert_eq!(error.to_string(), "endpoint \"sip\" is registered already");
        assert_eq!(interfaces.applications(), ["a", "b"]);
        assert!(interfaces.find_endpoint("sip:1@h").is_some());
        assert!(interfaces.find_endpoint("sips:1@h").is_none());
    }
}
