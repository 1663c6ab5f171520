//! What can be seen without the daemon. A pass is due when it is otherwise than when the last one began: what could not be
//! mended then is tried again in its own time, however much the kernel tells.

use std::net::IpAddr;

use crate::error::report;
use crate::network::{Place, Publisher as _, Wiring as _, Worldly};
use crate::publish::{Astray, DockersRules};

/// All that is otherwise than it should be, and how [`DockersRules`] and default routes stand.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Glance {
    /// Why rules that are missing could not be put back.
    unrestored: Option<String>,
    /// Interfaces that are gone though no container was told to have ended.
    missing: Vec<String>,
    /// Whose addresses of this host are not what they should be.
    pub(super) astray: Vec<(String, Astray)>,
    /// The addresses that face default routes: for what could not be published without one.
    facing: Vec<IpAddr>,
    /// Docker's own rules.
    pub(super) dockers: DockersRules,
}

impl Glance {
    /// Puts back rules that are missing, and looks at the rest; `interfaces` are those that shall be there, by name and
    /// alias.
    pub(super) async fn take(
        world: &impl Worldly,
        interfaces: &[(String, String)],
        log: &mut impl FnMut(&str),
    ) -> Self {
        let unrestored = restore(world, log).await.err();
        let astray = world.publisher().astray().await.unwrap_or_default();
        let facing = world.publisher().facing();
        let dockers = world.publisher().dockers_rules().await.unwrap_or_default();
        let mut missing = Vec::new();
        if !interfaces.is_empty()
            && let Ok(there) = world.kernel().interfaces(Place::Here).await
        {
            let is_missing = |(name, alias): &&(String, String)| {
                !there.iter().any(|it| it.name == *name && it.alias.as_ref() == Some(alias))
            };
            missing = interfaces.iter().filter(is_missing).map(|(name, _)| name.clone()).collect();
        }
        Self { unrestored, missing, astray, facing, dockers }
    }

    /// What has become of a container's addresses of the host.
    pub(super) fn astray(&self, name: &str) -> Vec<Astray> {
        self.astray.iter().filter(|(whose, _)| whose == name).map(|(_, astray)| *astray).collect()
    }
}

/// Puts back the rules that are missing. Why it could not be done is told by the pass that finds the same.
pub(super) async fn restore(world: &impl Worldly, log: &mut impl FnMut(&str)) -> Result<(), String> {
    let restored = world.publisher().restore().await.map_err(|error| report(&error))?;
    restored.iter().for_each(|name| log(&format!("{name}: its rules were missing; they are back")));
    Ok(())
}
