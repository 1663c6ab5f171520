//! Networks, through bollard.

use bollard::models::{EndpointResource, Ipam, IpamConfig, NetworkCreateRequest};
use bollard::query_parameters::{InspectNetworkOptions, ListNetworksOptions};

use super::{Client, found};
use crate::docker::error::DockerError;
use crate::docker::networks::{Member, Network, NetworkOrder, Networks, Pool};

impl Networks for Client {
    async fn networks(&self) -> Result<Vec<Network>, DockerError> {
        let networks = self.docker.list_networks(None::<ListNetworksOptions>).await?;
        Ok(networks
            .into_iter()
            .map(|network| Network {
                id: network.id.unwrap_or_default(),
                name: network.name.unwrap_or_default(),
                driver: network.driver.unwrap_or_default(),
                scope: network.scope.unwrap_or_default(),
                ipv6: network.enable_ipv6.unwrap_or_default(),
                internal: network.internal.unwrap_or_default(),
                pools: pools(network.ipam),
                options: network.options.unwrap_or_default().into_iter().collect(),
                labels: network.labels.unwrap_or_default().into_iter().collect(),
                members: Vec::new(),
            })
            .collect())
    }

    async fn network(&self, name: &str) -> Result<Option<Network>, DockerError> {
        let asked = self.docker.inspect_network(name, None::<InspectNetworkOptions>).await;
        Ok(found(asked)?.map(|network| Network {
            id: network.id.unwrap_or_default(),
            name: network.name.unwrap_or_default(),
            driver: network.driver.unwrap_or_default(),
            scope: network.scope.unwrap_or_default(),
            ipv6: network.enable_ipv6.unwrap_or_default(),
            internal: network.internal.unwrap_or_default(),
            pools: pools(network.ipam),
            options: network.options.unwrap_or_default().into_iter().collect(),
            labels: network.labels.unwrap_or_default().into_iter().collect(),
            members: members(network.containers.unwrap_or_default()),
        }))
    }

    async fn create_network(&self, order: &NetworkOrder) -> Result<String, DockerError> {
        let config = |pool: &Pool| IpamConfig {
            subnet: pool.subnet.clone(),
            ip_range: pool.ip_range.clone(),
            gateway: pool.gateway.clone(),
            auxiliary_addresses: None,
        };
        let request = NetworkCreateRequest {
            name: order.name.clone(),
            driver: Some(order.driver.clone()),
            internal: Some(order.internal),
            enable_ipv6: Some(order.ipv6),
            ipam: (!order.pools.is_empty())
                .then(|| Ipam { config: Some(order.pools.iter().map(config).collect()), ..Ipam::default() }),
            options: Some(order.options.clone()),
            labels: Some(order.labels.clone()),
            ..NetworkCreateRequest::default()
        };
        Ok(self.docker.create_network(request).await?.id)
    }

    async fn remove_network(&self, name: &str) -> Result<(), DockerError> {
        Ok(self.docker.remove_network(name).await?)
    }
}

fn pools(ipam: Option<Ipam>) -> Vec<Pool> {
    let some = |text: Option<String>| text.filter(|text| !text.is_empty());
    let configs = ipam.and_then(|ipam| ipam.config).unwrap_or_default();
    let pool = |config: IpamConfig| Pool {
        subnet: some(config.subnet),
        ip_range: some(config.ip_range),
        gateway: some(config.gateway),
    };
    configs.into_iter().map(pool).collect()
}

fn members(containers: std::collections::HashMap<String, EndpointResource>) -> Vec<Member> {
    let member = |(id, endpoint): (String, EndpointResource)| Member {
        id,
        name: endpoint.name.unwrap_or_default(),
        ipv4: endpoint.ipv4_address.unwrap_or_default(),
        ipv6: endpoint.ipv6_address.unwrap_or_default(),
        mac: endpoint.mac_address.unwrap_or_default(),
    };
    let mut members: Vec<Member> = containers.into_iter().map(member).collect();
    members.sort();
    members
}
