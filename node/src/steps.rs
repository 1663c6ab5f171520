//! The steps of the start: each named and timed in the log, the first that fails ends the start.

use std::error::Error;
use std::fmt::Write as _;
use std::time::Instant;

use switch_core::Switch;
use switch_core::module::{Module, ModuleError};
use thiserror::Error;

use crate::config::Modules;

/// Why the switch does not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// A step failed.
    #[error("{step} failed")]
    Step {
        /// The step.
        step: &'static str,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A module that must load did not.
    #[error("the required module {module} cannot load")]
    Module {
        /// Its name.
        module: &'static str,
        /// Why.
        source: ModuleError,
    },
}

/// Goes through the start.
#[derive(Debug)]
pub struct Steps {
    started: Instant,
}

impl Steps {
    /// From `started` on the whole is timed.
    pub fn new(started: Instant) -> Self {
        Self { started }
    }

    /// Does one step.
    ///
    /// # Errors
    /// [`StartError::Step`].
    pub fn step<T, E: Into<Box<dyn Error + Send + Sync>>>(
        &self,
        step: &'static str,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, StartError> {
        let began = Instant::now();
        let done = work().map_err(|error| StartError::Step { step, source: error.into() })?;
        tracing::info!(step, took_ms = millis(began), "start");
        Ok(done)
    }

    /// Does one step that waits.
    ///
    /// # Errors
    /// [`StartError::Step`].
    pub async fn step_async<T, E: Into<Box<dyn Error + Send + Sync>>>(
        &self,
        step: &'static str,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, StartError> {
        let began = Instant::now();
        let done = work.await.map_err(|error| StartError::Step { step, source: error.into() })?;
        tracing::info!(step, took_ms = millis(began), "start");
        Ok(done)
    }

    /// Loads the modules the configuration asks for, in their order. Gives those that loaded, for their shutdown.
    ///
    /// # Errors
    /// [`StartError::Module`] at the first required one that cannot load. An optional one is reported and left out.
    pub fn load(
        &self,
        switch: &Switch,
        modules: Vec<Box<dyn Module>>,
        config: &Modules,
    ) -> Result<Loaded, StartError> {
        let mut loaded = Loaded(Vec::new());
        for module in modules {
            let name = module.name();
            let Some(need) = need(config, name) else {
                tracing::info!(module = name, "module not asked for");
                continue;
            };
            let began = Instant::now();
            match (switch.load(&*module), need) {
                (Ok(()), _) => {
                    tracing::info!(module = name, took_ms = millis(began), "module loaded");
                    loaded.0.push(module);
                }
                (Err(source), Need::Required) => return Err(StartError::Module { module: name, source }),
                (Err(error), Need::Optional) => {
                    tracing::warn!(module = name, %error, "an optional module cannot load: running without it");
                }
            }
        }
        Ok(loaded)
    }

    /// Says that the start is over, and how long it took.
    pub fn finish(&self) {
        tracing::info!(
            took_ms = millis(self.started),
            version = env!("CARGO_PKG_VERSION"),
            "ready: calls are taken"
        );
    }
}

/// The modules that loaded.
pub struct Loaded(Vec<Box<dyn Module>>);

impl Loaded {
    /// Ends them, the last first.
    pub fn shutdown(self) {
        for module in self.0.iter().rev() {
            module.shutdown();
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Need {
    Required,
    Optional,
}

/// Whether a module is asked for, and how much. With none required by name, all are.
fn need(config: &Modules, name: &str) -> Option<Need> {
    let named = |list: &[String]| list.iter().any(|named| named == name);
    if named(&config.optional) {
        Some(Need::Optional)
    } else {
        (config.required.is_empty() || named(&config.required)).then_some(Need::Required)
    }
}

/// An error and all that caused it, in one line.
pub fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let _ = write!(line, ": {cause}");
        source = cause.source();
    }
    line
}

fn millis(since: Instant) -> f64 {
    (since.elapsed().as_secs_f64() * 1_000_000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use switch_core::module::Interfaces;

    use super::*;

    struct Fake {
        name: &'static str,
        works: bool,
        ended: Arc<AtomicUsize>,
    }

    impl Module for Fake {
        fn name(&self) -> &'static str {
            self.name
        }

        fn load(&self, _: &mut Interfaces) -> Result<(), ModuleError> {
            if self.works { Ok(()) } else { Err(ModuleError::Failed("its licence is missing".into())) }
        }

        fn shutdown(&self) {
            self.ended.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn load(required: &[&str], optional: &[&str]) -> (Result<Vec<&'static str>, String>, usize) {
        let ended = Arc::new(AtomicUsize::new(0));
        let fake =
            |name, works| -> Box<dyn Module> { Box::new(Fake { name, works, ended: Arc::clone(&ended) }) };
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let config = Modules { required: list(required), optional: list(optional) };
        let switch = Switch::new(Default::default());
        let modules = vec![fake("mod_a", true), fake("mod_broken", false), fake("mod_c", true)];
        let loaded =
            Steps::new(Instant::now()).load(&switch, modules, &config).map_err(|error| chain(&error));
        let names = loaded.map(|loaded| {
            let names = loaded.0.iter().map(|module| module.name()).collect();
            loaded.shutdown();
            names
        });
        (names, ended.load(Ordering::Relaxed))
    }

    #[test]
    fn a_required_module_that_cannot_load_stops_the_start_with_name_and_cause() {
        let error = "the required module mod_broken cannot load: its licence is missing".to_owned();
        assert_eq!(load(&[], &[]).0, Err(error.clone()));
        assert_eq!(load(&["mod_broken"], &[]).0, Err(error));
    }

    #[test]
    fn an_optional_one_is_left_out_and_what_loaded_is_ended() {
        assert_eq!(load(&[], &["mod_broken"]), (Ok(vec!["mod_a", "mod_c"]), 2));
        assert_eq!(load(&["mod_c"], &["mod_broken"]), (Ok(vec!["mod_c"]), 1));
    }

    #[test]
    fn a_step_that_fails_says_which_and_why() {
        let steps = Steps::new(Instant::now());
        let error = steps.step::<(), _>("http", || Err(std::io::Error::other("in use"))).unwrap_err();
        assert_eq!(chain(&error), "http failed: in use");
    }
}
