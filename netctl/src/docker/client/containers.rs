//! Containers, through bollard.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{
    ContainerCreateBody, ContainerInspectResponse, EndpointIpamConfig, EndpointSettings, HostConfig,
    HostConfigLogConfig, NetworkingConfig, ResourcesUlimits, RestartPolicy, RestartPolicyNameEnum,
};
use bollard::query_parameters::{
    CreateContainerOptions, InspectContainerOptions, ListContainersOptions, LogsOptions,
    RemoveContainerOptions, RenameContainerOptions, RestartContainerOptions, StartContainerOptions,
    StopContainerOptions,
};
use futures_util::{StreamExt as _, TryStreamExt as _};

use super::{Client, found, whereabouts};
use crate::docker::containers::{Container, ContainerOrder, Containers, Endpoint, Restart, Whereabouts};
use crate::docker::error::DockerError;

/// How the names of the labels begin that mean something here.
const LABELS: &str = "io.switch.";

/// About how many containers is asked at the same time.
const AT_ONCE: usize = 8;

impl Containers for Client {
    async fn whereabouts(&self) -> Result<Whereabouts, DockerError> {
        Ok(whereabouts::judge(&self.endpoint, &self.docker.info().await?).await)
    }

    async fn image_id(&self, name: &str) -> Result<Option<String>, DockerError> {
        Ok(found(self.docker.inspect_image(name).await)?.and_then(|image| image.id))
    }

    async fn container(&self, name: &str) -> Result<Option<Container>, DockerError> {
        let asked = self.docker.inspect_container(name, None::<InspectContainerOptions>).await;
        let Some(mut container) = found(asked)?.map(container) else { return Ok(None) };
        if container.labels.keys().any(|label| label.starts_with(LABELS)) {
            let image = found(self.docker.inspect_image(&container.image).await)?;
            let its = image.and_then(|image| image.config?.labels).unwrap_or_default();
            container.labels = without_the_images(container.labels, &its);
        }
        Ok(Some(container))
    }

    async fn containers(&self) -> Result<Vec<Container>, DockerError> {
        let options = ListContainersOptions { all: true, ..ListContainersOptions::default() };
        let listed = self.docker.list_containers(Some(options)).await?;
        let asked = listed.into_iter().map(|it| async { self.container(&it.id.unwrap_or_default()).await });
        let found = futures_util::stream::iter(asked).buffered(AT_ONCE).try_collect::<Vec<_>>().await?;
        // One that went meanwhile is not there any more.
        Ok(found.into_iter().flatten().collect())
    }

    async fn create(&self, order: &ContainerOrder) -> Result<String, DockerError> {
        let options =
            CreateContainerOptions { name: Some(order.name.clone()), ..CreateContainerOptions::default() };
        Ok(self.docker.create_container(Some(options), body(order)).await?.id)
    }

    async fn start(&self, name: &str) -> Result<(), DockerError> {
        Ok(self.docker.start_container(name, None::<StartContainerOptions>).await?)
    }

    async fn stop(&self, name: &str) -> Result<(), DockerError> {
        // Without a time the container's own counts.
        Ok(self.docker.stop_container(name, None::<StopContainerOptions>).await?)
    }

    async fn restart(&self, name: &str) -> Result<(), DockerError> {
        let options = RestartContainerOptions { t: Some(1), ..RestartContainerOptions::default() };
        Ok(self.docker.restart_container(name, Some(options)).await?)
    }

    async fn rename(&self, id: &str, name: &str) -> Result<(), DockerError> {
        let options = RenameContainerOptions { name: name.to_owned() };
        Ok(self.docker.rename_container(id, options).await?)
    }

    async fn remove(&self, name: &str) -> Result<(), DockerError> {
        let options = RemoveContainerOptions { force: true, v: true, ..RemoveContainerOptions::default() };
        Ok(self.docker.remove_container(name, Some(options)).await?)
    }

    async fn last_words(&self, name: &str, lines: u32) -> Result<String, DockerError> {
        let options =
            LogsOptions { stdout: true, stderr: true, tail: lines.to_string(), ..LogsOptions::default() };
        let chunks: Vec<_> = self.docker.logs(name, Some(options)).try_collect().await?;
        Ok(chunks.iter().map(ToString::to_string).collect())
    }
}

/// What netctl goes by is what whoever started a container says of it. An image brings labels along, too, and whoever made
/// that has no say in what of the host is published, joined to a bridge or taken away.
fn without_the_images(
    mut labels: BTreeMap<String, String>,
    images: &HashMap<String, String>,
) -> BTreeMap<String, String> {
    labels.retain(|name, value| !(name.starts_with(LABELS) && images.get(name) == Some(value)));
    labels
}

fn body(order: &ContainerOrder) -> ContainerCreateBody {
    let pinned = EndpointIpamConfig {
        ipv4_address: order.pinned.ipv4.map(|ip| ip.to_string()),
        ipv6_address: order.pinned.ipv6.map(|ip| ip.to_string()),
        link_local_ips: None,
    };
    let is_pinned = order.pinned != Endpoint::default();
    let endpoint =
        EndpointSettings { ipam_config: is_pinned.then_some(pinned), ..EndpointSettings::default() };
    let network = HashMap::from([(order.network_mode.clone(), endpoint)]);
    let ulimit = |limit: &crate::docker::Ulimit| ResourcesUlimits {
        name: Some(limit.name.clone()),
        soft: Some(limit.soft),
        hard: Some(limit.hard),
    };
    // The daemon's own driver.
    let log = HostConfigLogConfig { typ: Some(String::new()), config: Some(order.log_options.clone()) };
    ContainerCreateBody {
        image: Some(order.image.clone()),
        cmd: (!order.arguments.is_empty()).then(|| order.arguments.clone()),
        env: Some(order.environment.clone()),
        labels: Some(order.labels.clone()),
        stop_timeout: Some(i64::try_from(order.stop_timeout.as_millis().div_ceil(1000)).unwrap_or(i64::MAX)),
        host_config: Some(HostConfig {
            binds: Some(order.volumes.clone()),
            restart_policy: Some(restart(order.restart)),
            ulimits: Some(order.ulimits.iter().map(ulimit).collect()),
            cpuset_cpus: order.cpus.clone(),
            log_config: (!order.log_options.is_empty()).then_some(log),
            network_mode: Some(order.network_mode.clone()),
            sysctls: (!order.sysctls.is_empty()).then(|| order.sysctls.clone()),
            ..HostConfig::default()
        }),
        networking_config: is_pinned.then_some(NetworkingConfig { endpoints_config: Some(network) }),
        ..ContainerCreateBody::default()
    }
}

fn restart(restart: Restart) -> RestartPolicy {
    let (name, count) = match restart {
        Restart::No => (RestartPolicyNameEnum::NO, None),
        Restart::Always => (RestartPolicyNameEnum::ALWAYS, None),
        Restart::UnlessStopped => (RestartPolicyNameEnum::UNLESS_STOPPED, None),
        Restart::OnFailure(count) => (RestartPolicyNameEnum::ON_FAILURE, count.map(i64::from)),
    };
    RestartPolicy { name: Some(name), maximum_retry_count: count }
}

fn container(told: ContainerInspectResponse) -> Container {
    let state = told.state.unwrap_or_default();
    let config = told.config.unwrap_or_default();
    let networks = told.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
    Container {
        id: told.id.unwrap_or_default(),
        name: told.name.unwrap_or_default().trim_start_matches('/').to_owned(),
        image: told.image.unwrap_or_default(),
        // 0 while it does not run.
        pid: state.pid.and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid != 0),
        status: state.status.map(|status| status.to_string()).unwrap_or_default(),
        exit_code: state.exit_code.unwrap_or_default(),
        network_mode: told.host_config.and_then(|config| config.network_mode).unwrap_or_default(),
        environment: config.env.unwrap_or_default(),
        labels: config.labels.unwrap_or_default().into_iter().collect(),
        endpoints: networks.into_iter().map(|(name, settings)| (name, endpoint(settings))).collect(),
    }
}

fn endpoint(settings: EndpointSettings) -> Endpoint {
    fn address<A: std::str::FromStr>(now: Option<String>, pinned: Option<String>) -> Option<A> {
        now.and_then(|text| text.parse().ok()).or_else(|| pinned?.parse().ok())
    }
    let pinned = settings.ipam_config.unwrap_or_default();
    Endpoint {
        ipv4: address(settings.ip_address, pinned.ipv4_address),
        ipv6: address(settings.global_ipv6_address, pinned.ipv6_address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_publishes_nothing() {
        let of = |labels: &[(&str, &str)]| -> BTreeMap<String, String> {
            labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let image =
            [("io.switch.publish", "1-65535/udp"), ("io.switch.netctl.run", "abc"), ("maintainer", "x")];
        let images: HashMap<String, String> = of(&image).into_iter().collect();
        assert_eq!(without_the_images(of(&image), &images), of(&[("maintainer", "x")]));
        // What stands on the container itself counts.
        let own = of(&[("io.switch.publish", "5060/udp"), ("io.switch.host-ip", "192.0.2.7")]);
        assert_eq!(without_the_images(own.clone(), &images), own);
    }
}
