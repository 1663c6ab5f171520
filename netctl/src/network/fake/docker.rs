//! The daemon: containers that begin and end, and networks.

use std::collections::BTreeMap;

use super::{Fake, State, socket};
use crate::docker::{
    Container, ContainerOrder, Containers, DockerError, Network, NetworkOrder, Networks, Whereabouts,
};
use crate::network::{Holder, Socket, labels};

impl State {
    /// A process ends, and with it its sockets, its namespace and the interfaces that lead there.
    pub(crate) fn ends(&self, id: &str) {
        let mut containers = self.containers.borrow_mut();
        let Some(container) = containers.iter_mut().find(|it| it.id == id || it.name == id) else { return };
        let Some(pid) = container.pid.take() else { return };
        self.sockets.borrow_mut().retain(|it| it.holder.as_ref().is_none_or(|holder| holder.pid != pid));
        if !self.held_open.get()
            && self.inside.borrow_mut().remove(&pid).is_some()
            && let Some(run) = container.labels.get(labels::RUN)
        {
            self.interfaces.borrow_mut().retain(|it| it.alias.as_ref() != Some(run));
        }
    }

    /// `switch-id`, and where another one has that (it is put aside) the next.
    fn free_id(&self, name: &str) -> String {
        let containers = self.containers.borrow();
        let mut ids = (1..).map(|number| match number {
            1 => format!("{name}-id"),
            _ => format!("{name}-id{number}"),
        });
        ids.find(|id| containers.iter().all(|it| it.id != *id)).unwrap()
    }

    /// A process begins.
    pub(crate) fn begins(&self, name: &str) {
        let mut containers = self.containers.borrow_mut();
        let container = containers.iter_mut().find(|it| it.name == name || it.id == name).unwrap();
        let pid = self.next.replace(self.next.get() + 1);
        container.pid = (!self.ends_at_once.get()).then_some(pid);
        let owner = container.network_mode.strip_prefix("container:").map(str::to_owned);
        let owner =
            owner.and_then(|owner| containers.iter().find(|it| it.id == owner || it.name == owner)?.pid);
        if let Some(owner) = owner {
            let namespace = self.joined.borrow().get(&owner).copied().unwrap_or(owner.into());
            self.joined.borrow_mut().insert(pid, namespace);
        }
        let container = containers.iter().find(|it| it.name == name || it.id == name).unwrap();
        let claims = labels::read_claims(&container.labels).unwrap_or_default();
        self.sockets.borrow_mut().extend(claims.iter().map(|claim| Socket {
            holder: Some(Holder { pid, name: "switch-node".to_owned() }),
            ..socket(claim.ports.protocol, "0.0.0.0", claim.ports.first)
        }));
    }
}

impl Networks for Fake {
    async fn networks(&self) -> Result<Vec<Network>, DockerError> {
        Ok(self.0.networks.borrow().clone())
    }
    async fn network(&self, name: &str) -> Result<Option<Network>, DockerError> {
        Ok(self.0.networks.borrow().iter().find(|it| it.name == name || it.id == name).cloned())
    }
    async fn create_network(&self, order: &NetworkOrder) -> Result<String, DockerError> {
        self.docker(format!("create network {}", order.name), |state| {
            state.networks.borrow_mut().push(Network {
                id: format!("{}-id", order.name),
                name: order.name.clone(),
                driver: order.driver.clone(),
                pools: order.pools.clone(),
                labels: order.labels.clone().into_iter().collect(),
                ..Network::default()
            });
        })
        .await?;
        Ok(format!("{}-id", order.name))
    }
    async fn remove_network(&self, name: &str) -> Result<(), DockerError> {
        self.docker(format!("remove network {name}"), |state| {
            state.networks.borrow_mut().retain(|it| it.id != name)
        })
        .await
    }
}

impl Containers for Fake {
    async fn whereabouts(&self) -> Result<Whereabouts, DockerError> {
        Ok(self.0.whereabouts.borrow().clone())
    }
    async fn image_id(&self, name: &str) -> Result<Option<String>, DockerError> {
        Ok((name == "switch:v1").then(|| self.0.image.borrow().clone()))
    }
    async fn container(&self, name: &str) -> Result<Option<Container>, DockerError> {
        Ok(self.0.containers.borrow().iter().find(|it| it.name == name || it.id == name).cloned())
    }
    async fn containers(&self) -> Result<Vec<Container>, DockerError> {
        Ok(self.0.containers.borrow().clone())
    }
    async fn create(&self, order: &ContainerOrder) -> Result<String, DockerError> {
        self.docker(format!("create {} on {}", order.name, order.network_mode), |state| {
            let id = state.free_id(&order.name);
            state.containers.borrow_mut().push(Container {
                id,
                image: state.image.borrow().clone(),
                name: order.name.clone(),
                network_mode: order.network_mode.clone(),
                environment: order.environment.clone(),
                labels: order.labels.clone().into_iter().collect(),
                endpoints: BTreeMap::from([(order.network_mode.clone(), order.pinned)]),
                ..Container::default()
            });
        })
        .await?;
        Ok(format!("{}-id", order.name))
    }
    async fn start(&self, name: &str) -> Result<(), DockerError> {
        self.docker(format!("start {name}"), |state| state.begins(name)).await
    }
    async fn stop(&self, name: &str) -> Result<(), DockerError> {
        self.docker(format!("stop {name}"), |state| state.ends(name)).await
    }
    async fn restart(&self, name: &str) -> Result<(), DockerError> {
        self.docker(format!("restart {name}"), |state| {
            state.ends(name);
            state.begins(name);
        })
        .await
    }
    async fn rename(&self, id: &str, name: &str) -> Result<(), DockerError> {
        self.docker(format!("rename {id} to {name}"), |state| {
            state
                .containers
                .borrow_mut()
                .iter_mut()
                .filter(|it| it.id == id)
                .for_each(|it| name.clone_into(&mut it.name));
        })
        .await
    }
    async fn remove(&self, name: &str) -> Result<(), DockerError> {
        self.docker(format!("remove {name}"), |state| {
            state.ends(name);
            state.containers.borrow_mut().retain(|it| it.id != name);
        })
        .await
    }
    async fn last_words(&self, _name: &str, _lines: u32) -> Result<String, DockerError> {
        Ok("farewell\n".to_owned())
    }
}
