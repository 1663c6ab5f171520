//! Events, through bollard.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use bollard::query_parameters::EventsOptions;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};

use super::Client;
use crate::docker::error::DockerError;
use crate::docker::events::Events;

/// What is worth a look; health checks and the like are not.
const ACTIONS: [&str; 6] = ["start", "die", "destroy", "rename", "connect", "disconnect"];
/// The request is on its way only when the first event is waited for; what happens till then is told, too. In seconds.
const BEFORE: u64 = 2;

impl Events for Client {
    fn events(&self) -> BoxStream<'_, Result<(), DockerError>> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let list = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let filters = HashMap::from([
            ("type".to_owned(), list(&["container", "network"])),
            ("event".to_owned(), list(&ACTIONS)),
        ]);
        let options = EventsOptions {
            since: Some(now.saturating_sub(BEFORE).to_string()),
            until: None,
            filters: Some(filters),
        };
        self.docker.events(Some(options)).map_ok(drop).map_err(DockerError::from).boxed()
    }
}
