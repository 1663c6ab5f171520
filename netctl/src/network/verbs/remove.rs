//! `network rm`.

use super::error::NetworkError;
use crate::docker::Networks;

/// Those that Docker makes itself.
const BUILT_IN: [&str; 3] = ["bridge", "host", "none"];

/// Removes a network that nobody uses.
///
/// # Errors
/// [`NetworkError::NoSuchNetwork`], [`NetworkError::BuiltIn`], [`NetworkError::InUse`], and those of the daemon.
pub async fn remove(docker: &impl Networks, name: &str) -> Result<(), NetworkError> {
    let network = docker.network(name).await?.ok_or_else(|| NetworkError::NoSuchNetwork(name.to_owned()))?;
    if BUILT_IN.contains(&network.name.as_str()) {
        return Err(NetworkError::BuiltIn(network.name));
    }
    if !network.members.is_empty() {
        let containers = network.members.into_iter().map(|member| member.name).collect();
        return Err(NetworkError::InUse { network: network.name, containers });
    }
    Ok(docker.remove_network(&network.id).await?)
}
