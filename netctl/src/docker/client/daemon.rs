//! What the daemon says of itself, through bollard; which process it is, the socket's other end tells.

use bollard::models::PortSummaryTypeEnum;
use bollard::query_parameters::ListContainersOptions;
use tokio::net::UnixStream;

use super::Client;
use crate::docker::daemon::Daemon;
use crate::docker::error::DockerError;
use crate::docker::host::Host;
use crate::ports::{Ports, Protocol};
use crate::procfs;

impl Client {
    /// Asks it.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn daemon(&self) -> Result<Daemon, DockerError> {
        let info = self.docker.info().await?;
        let pid = match &self.endpoint.host {
            Host::Unix(socket) => {
                let stream = UnixStream::connect(socket).await.ok();
                let peer = stream.and_then(|stream| stream.peer_cred().ok()?.pid());
                // With systemd's socket it is 1, which made the socket.
                peer.and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid > 1)
            }
            Host::Tcp(_) | Host::Https(_) | Host::Ssh(_) => None,
        };
        Ok(Daemon {
            version: info.server_version.unwrap_or_default(),
            firewall: info.firewall_backend.and_then(|backend| backend.driver),
            live_restore: info.live_restore_enabled.unwrap_or_default(),
            security: info.security_options.unwrap_or_default(),
            cgroup: info.cgroup_version.map(|version| version.to_string()).unwrap_or_default(),
            pid,
            published: self.publishes().await?,
            proxies: procfs::named("docker-proxy"),
        })
    }

    /// Ports that it publishes itself.
    async fn publishes(&self) -> Result<Vec<(String, Ports)>, DockerError> {
        let mut found = Vec::new();
        for summary in self.docker.list_containers(None::<ListContainersOptions>).await? {
            let names = summary.names.unwrap_or_default();
            let name = names.first().map_or("", |name| name.trim_start_matches('/'));
            for port in summary.ports.unwrap_or_default() {
                let protocol = match port.typ {
                    Some(PortSummaryTypeEnum::UDP) => Protocol::Udp,
                    Some(PortSummaryTypeEnum::TCP) => Protocol::Tcp,
                    _ => continue,
                };
                let ports = port.public_port.map(|public| Ports::one(public, protocol));
                // One for each family.
                found.extend(ports.map(|ports| (name.to_owned(), ports)).filter(|new| !found.contains(new)));
            }
        }
        Ok(found)
    }
}
