//! `mod_dialplan_route`: numbers that lead to another party, as the configuration lists them.
//!
//! Nothing is an open relay: a route takes calls only from the networks it names, judged by the address the
//! call's packets came from, never by what a header says.

mod template;

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use ipnet::IpNet;
use regex::Regex;
use switch_core::channel::{CallerProfile, Channel};
use switch_core::dialplan::{Action, Dialplan, Extension};
use switch_core::module::{Interfaces, Module, ModuleError};

use self::template::Template;
pub use self::template::TemplateError;

/// Where numbers that match lead, and who may call them.
#[derive(Clone, Debug)]
pub struct Route {
    pattern: Regex,
    bridge: Template,
    from: Vec<IpNet>,
    timeout: Duration,
}

impl Route {
    /// Numbers that match `pattern` are bridged to `bridge`, a SIP URI in which `$1` or `${1}` is the
    /// pattern's first group, `$0` all it matched and `$$` a dollar sign; calls are taken from `from` alone,
    /// from nobody where it is empty. The called side may ring for `timeout`, whole seconds, at least one.
    ///
    /// # Errors
    /// [`TemplateError`].
    pub fn new(
        pattern: Regex,
        bridge: &str,
        from: Vec<IpNet>,
        timeout: Duration,
    ) -> Result<Self, TemplateError> {
        let bridge = Template::parse(bridge, pattern.captures_len() - 1)?;
        Ok(Self { pattern, bridge, from, timeout })
    }

    fn admits(&self, source: Option<IpAddr>) -> bool {
        source.is_some_and(|source| {
            let source = source.to_canonical();
            self.from.iter().any(|network| network.contains(&source))
        })
    }
}

/// What the routes count.
#[derive(Debug, Default)]
pub struct Counters {
    /// Calls that took a route.
    pub taken: AtomicU64,
    /// Calls whose number some route matched, but from whose source none takes calls.
    pub refused_source: AtomicU64,
    /// Calls whose number some route matched, but with a character no URI can carry.
    pub refused_number: AtomicU64,
}

/// The routes in force. They can be exchanged while calls are up: a call looks once, when it is routed.
#[derive(Debug, Default)]
pub struct Table(RwLock<Arc<[Route]>>);

impl Table {
    /// Tried in order.
    pub fn new(routes: Vec<Route>) -> Arc<Self> {
        Arc::new(Self(RwLock::new(routes.into())))
    }

    /// From now on these, all at once.
    pub fn replace(&self, routes: Vec<Route>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = routes.into();
    }

    fn read(&self) -> Arc<[Route]> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The module, and its dialplan `routes`.
#[derive(Clone, Debug)]
pub struct Routes {
    table: Arc<Table>,
    counters: Arc<Counters>,
}

impl Routes {
    /// Tried in order; the first that matches and takes calls from the source is taken.
    pub fn new(table: Arc<Table>, counters: Arc<Counters>) -> Self {
        Self { table, counters }
    }

    fn find<'a>(
        &self,
        routes: &'a [Route],
        number: &str,
        source: Option<IpAddr>,
    ) -> Option<(&'a Route, String)> {
        let mut refused = None;
        for route in routes {
            let Some(groups) = route.pattern.captures(number) else { continue };
            if !route.admits(source) {
                refused.get_or_insert((&self.counters.refused_source, "not from this source"));
                continue;
            }
            let Some(target) = route.bridge.expand(&groups) else {
                refused.get_or_insert((&self.counters.refused_number, "not with these characters"));
                continue;
            };
            return Some((route, target));
        }
        if let Some((counter, why)) = refused {
            counter.fetch_add(1, Ordering::Relaxed);
            let number: String = number.chars().take(64).collect();
            tracing::warn!(?number, ?source, why, "a route matches but does not take the call");
        }
        None
    }
}

impl Module for Routes {
    fn name(&self) -> &'static str {
        "mod_dialplan_route"
    }

    fn load(&self, interfaces: &mut Interfaces) -> Result<(), ModuleError> {
        interfaces.dialplan(Arc::new(self.clone()))
    }
}

impl Dialplan for Routes {
    fn name(&self) -> &str {
        "routes"
    }

    fn route(&self, channel: &Channel) -> Option<Extension> {
        let profile = channel.profile();
        let routes = self.table.read();
        let (route, target) = self.find(&routes, &profile.destination_number, profile.network_addr)?;
        self.counters.taken.fetch_add(1, Ordering::Relaxed);
        let seconds = route.timeout.as_secs().max(1);
        let actions = vec![
            // Who may use the route is trusted with where its sound shall go.
            Action::new("set", "media_trusted=true"),
            Action::new("bridge", &format!("{{originate_timeout={seconds}}}{target}")),
        ];
        Some(Extension { name: route.pattern.as_str().to_owned(), actions })
    }

    fn admits(&self, caller: &CallerProfile) -> bool {
        let matches = |route: &&Route| route.pattern.is_match(&caller.destination_number);
        self.table.read().iter().filter(matches).any(|route| route.admits(caller.network_addr))
    }
}

#[cfg(test)]
mod tests;
