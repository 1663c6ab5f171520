//! Docker's contexts: what `docker context create` writes, read.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::choice::NO_CONTEXT;
use super::error::EndpointError;
use super::surroundings::Surroundings;
use super::{By, Endpoint, Source, Tls};
use crate::docker::host::Host;

/// A context's file, as far as it matters here.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Meta {
    name: String,
    #[serde(default)]
    endpoints: HashMap<String, Docker>,
}

/// What it says of Docker.
#[derive(Deserialize)]
struct Docker {
    #[serde(default, rename = "Host")]
    host: String,
    #[serde(default, rename = "SkipTLSVerify")]
    skip_verify: bool,
}

/// Flags and variables for TLS mean nothing beside a context: it has its own.
pub(super) fn load(
    surroundings: &impl Surroundings,
    name: String,
    by: By,
) -> Result<Endpoint, EndpointError> {
    let Some(store) = surroundings.directory().map(|directory| directory.join("contexts")) else {
        return Err(EndpointError::NoContext { name, by, known: vec![NO_CONTEXT.to_owned()], store: None });
    };
    let id = format!("{:x}", Sha256::digest(name.as_bytes()));
    let path = meta_of(&store, &id);
    let meta = match surroundings.read(&path) {
        Ok(content) => serde_json::from_slice::<Meta>(&content)
            .map_err(|error| EndpointError::NotJson { path, error })?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(EndpointError::NoContext {
                name,
                by,
                known: known(surroundings, &store),
                store: Some(store),
            });
        }
        Err(error) => return Err(EndpointError::Unreadable { path, error }),
    };
    let Some(docker) = meta.endpoints.get("docker") else {
        return Err(EndpointError::NoDocker { name });
    };
    let source = Source::Context { name, by };
    let host: Host = docker.host.parse().map_err(|error| EndpointError::Host {
        text: docker.host.clone(),
        source_name: source.to_string(),
        error,
    })?;
    let tls = match host {
        Host::Tcp(_) | Host::Https(_) => {
            tls(surroundings, &store.join("tls").join(id).join("docker"), docker)
        }
        Host::Unix(_) | Host::Ssh(_) => None,
    };
    let tls = match host {
        Host::Https(_) => Some(tls.unwrap_or(Tls { verify: true, ..Tls::default() })),
        _ => tls,
    };
    Ok(Endpoint { host, tls, source })
}

fn meta_of(store: &Path, id: &str) -> PathBuf {
    store.join("meta").join(id).join("meta.json")
}

/// Without a file and without a word about it there is no TLS.
fn tls(surroundings: &impl Surroundings, directory: &Path, docker: &Docker) -> Option<Tls> {
    let file = |name| Some(directory.join(name)).filter(|path| surroundings.exists(path));
    let tls =
        Tls { verify: !docker.skip_verify, ca: file("ca.pem"), cert: file("cert.pem"), key: file("key.pem") };
    let is_any = tls.ca.is_some() || tls.cert.is_some() || tls.key.is_some() || docker.skip_verify;
    is_any.then_some(tls)
}

/// The contexts that there are.
fn known(surroundings: &impl Surroundings, store: &Path) -> Vec<String> {
    let name = |directory: PathBuf| {
        let content = surroundings.read(&directory.join("meta.json")).ok()?;
        Some(serde_json::from_slice::<Meta>(&content).ok()?.name)
    };
    let mut names: Vec<String> =
        surroundings.entries(&store.join("meta")).into_iter().filter_map(name).collect();
    names.sort();
    names.insert(0, NO_CONTEXT.to_owned());
    names
}
