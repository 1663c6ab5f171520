//! Containers and networks, as the real daemon tells of them.

use std::net::IpAddr;

use bollard::models::{EndpointSettings, Network as Told};
use bollard::query_parameters::{InspectContainerOptions, ListNetworksOptions};

use super::client::Client;
use super::error::DockerError;
use super::workload::{Attachment, BridgeNetwork, Workload, Workloads};

impl Workloads for Client {
    async fn rootless(&self) -> Result<bool, DockerError> {
        let options = self.docker.info().await?.security_options.unwrap_or_default();
        Ok(options.iter().any(|option| option.split(',').any(|part| part == "name=rootless")))
    }

    async fn workload(&self, name: &str) -> Result<Workload, DockerError> {
        let told = match self.docker.inspect_container(name, None::<InspectContainerOptions>).await {
            Ok(told) => told,
            Err(error) => {
                return Err(match DockerError::from(error) {
                    DockerError::Refused { status: 404, .. } => DockerError::NoSuchContainer(name.to_owned()),
                    other => other,
                });
            }
        };
        let state = told.state.unwrap_or_default();
        let pid = state.pid.and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid > 0);
        let networks = told.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
        Ok(Workload {
            id: told.id.unwrap_or_default(),
            name: told.name.unwrap_or_default().trim_start_matches('/').to_owned(),
            pid: pid.filter(|_| state.running == Some(true)),
            mode: told.host_config.and_then(|config| config.network_mode).unwrap_or_default(),
            attachments: networks.into_values().map(attachment).collect(),
        })
    }

    async fn bridge_networks(&self) -> Result<Vec<BridgeNetwork>, DockerError> {
        let told = self.docker.list_networks(None::<ListNetworksOptions>).await?;
        Ok(told
            .into_iter()
            .filter(|network| network.driver.as_deref() == Some("bridge"))
            .map(network)
            .collect())
    }
}

fn attachment(told: EndpointSettings) -> Attachment {
    let texts = [told.ip_address, told.global_ipv6_address];
    // What it has not is told as an empty text.
    let addresses: Vec<IpAddr> = texts.into_iter().flatten().filter_map(|text| text.parse().ok()).collect();
    Attachment { network: told.network_id.unwrap_or_default(), addresses }
}

fn network(told: Told) -> BridgeNetwork {
    const NAME: &str = "com.docker.network.bridge.name";
    let id = told.id.unwrap_or_default();
    let named = told.options.unwrap_or_default().remove(NAME).filter(|name| !name.is_empty());
    // Docker's own name for it has the beginning of the id.
    let bridge = named.unwrap_or_else(|| format!("br-{}", id.get(..12).unwrap_or(&id)));
    let configured = told.ipam.and_then(|ipam| ipam.config).unwrap_or_default();
    let subnets = configured.into_iter().filter_map(|config| config.subnet?.parse().ok());
    BridgeNetwork { subnets: subnets.collect(), bridge, id }
}
