//! The world as it will be when some containers have made room: what takes their place is looked through against that, before
//! any of them is stopped. Nothing is changed through it.

use std::future::Future;
use std::io;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::bridge::{InterfaceName, KernelError};
use crate::docker::{
    Container, ContainerOrder, Containers, DockerError, Network, NetworkOrder, Networks, Whereabouts,
};
use crate::firewall::Family;
use crate::network::labels;
use crate::network::{
    Capability, Interface, Pair, Place, Publisher, Route, Socket, Sockets, Vacant, Wiring, World, Worldly,
};
use crate::publish::{Astray, Counted, DockersRules, Foreseen, Publication, PublishError, Request};

/// One of the four parts of a world, without what belongs to some containers.
pub(super) struct Without<'a, T> {
    inner: &'a T,
    gone: &'a [Container],
}

/// A world of such parts.
pub(super) type AsIf<'a, W> = World<
    Without<'a, <W as Worldly>::Docker>,
    Without<'a, <W as Worldly>::Kernel>,
    Without<'a, <W as Worldly>::Proc>,
    Without<'a, <W as Worldly>::Publisher>,
>;

/// The world without some containers.
pub(super) fn without<'a, W: Worldly>(world: &'a W, gone: &'a [Container]) -> AsIf<'a, W> {
    World {
        docker: Without { inner: world.docker(), gone },
        kernel: Without { inner: world.kernel(), gone },
        proc: Without { inner: world.proc(), gone },
        publisher: Without { inner: world.publisher(), gone },
    }
}

impl<T> Without<'_, T> {
    fn is_gone(&self, container: &Container) -> bool {
        self.gone.iter().any(|gone| gone.id == container.id)
    }
}

/// What only a change would ask.
fn looked_at_only() -> ! {
    unreachable!("steps are only looked through in a world that is not yet so")
}

impl<D: Containers> Containers for Without<'_, D> {
    fn whereabouts(&self) -> impl Future<Output = Result<Whereabouts, DockerError>> {
        self.inner.whereabouts()
    }
    fn image_id(&self, name: &str) -> impl Future<Output = Result<Option<String>, DockerError>> {
        self.inner.image_id(name)
    }
    async fn container(&self, name: &str) -> Result<Option<Container>, DockerError> {
        Ok(self.inner.container(name).await?.filter(|container| !self.is_gone(container)))
    }
    async fn containers(&self) -> Result<Vec<Container>, DockerError> {
        let all = self.inner.containers().await?;
        Ok(all.into_iter().filter(|container| !self.is_gone(container)).collect())
    }
    async fn create(&self, _: &ContainerOrder) -> Result<String, DockerError> {
        looked_at_only()
    }
    async fn start(&self, _: &str) -> Result<(), DockerError> {
        looked_at_only()
    }
    async fn stop(&self, _: &str) -> Result<(), DockerError> {
        looked_at_only()
    }
    async fn restart(&self, _: &str) -> Result<(), DockerError> {
        looked_at_only()
    }
    async fn rename(&self, _: &str, _: &str) -> Result<(), DockerError> {
        looked_at_only()
    }
    async fn remove(&self, _: &str) -> Result<(), DockerError> {
        looked_at_only()
    }
    fn last_words(&self, name: &str, lines: u32) -> impl Future<Output = Result<String, DockerError>> {
        self.inner.last_words(name, lines)
    }
}

impl<D: Networks> Networks for Without<'_, D> {
    fn networks(&self) -> impl Future<Output = Result<Vec<Network>, DockerError>> {
        self.inner.networks()
    }
    fn network(&self, name: &str) -> impl Future<Output = Result<Option<Network>, DockerError>> {
        self.inner.network(name)
    }
    async fn create_network(&self, _: &NetworkOrder) -> Result<String, DockerError> {
        looked_at_only()
    }
    async fn remove_network(&self, _: &str) -> Result<(), DockerError> {
        looked_at_only()
    }
}

impl<K: Wiring> Wiring for Without<'_, K> {
    async fn interfaces(&self, place: Place) -> Result<Vec<Interface>, KernelError> {
        let mut interfaces = self.inner.interfaces(place).await?;
        let runs: Vec<_> = self.gone.iter().filter_map(|gone| gone.labels.get(labels::RUN)).collect();
        interfaces.retain(|interface| interface.alias.as_ref().is_none_or(|alias| !runs.contains(&alias)));
        Ok(interfaces)
    }
    fn routes(&self, place: Place) -> impl Future<Output = Result<Vec<Route>, KernelError>> {
        self.inner.routes(place)
    }
    async fn add_pair(&self, _: &Pair, _: u32) -> Result<(), KernelError> {
        looked_at_only()
    }
    async fn delete(&self, _: u32) -> Result<(), KernelError> {
        looked_at_only()
    }
    async fn add_addresses(&self, _: Place, _: &InterfaceName, _: &[IpNet]) -> Result<(), KernelError> {
        looked_at_only()
    }
    async fn add_namespace(&self) -> Result<Vacant, KernelError> {
        looked_at_only()
    }
    async fn add_gateway(&self, _: u32, _: IpAddr) -> Result<(), KernelError> {
        looked_at_only()
    }
}

impl<S: Sockets> Sockets for Without<'_, S> {
    fn bound(&self, place: Place) -> io::Result<Vec<Socket>> {
        let kin: Vec<u32> =
            self.gone.iter().filter_map(|gone| gone.pid).flat_map(|pid| self.inner.kin(pid)).collect();
        let mut sockets = self.inner.bound(place)?;
        sockets.retain(|socket| socket.holder.as_ref().is_none_or(|holder| !kin.contains(&holder.pid)));
        Ok(sockets)
    }
    fn kin(&self, pid: u32) -> Vec<u32> {
        self.inner.kin(pid)
    }
    fn namespace(&self, pid: u32) -> Option<u64> {
        self.inner.namespace(pid)
    }
    fn pid_namespace(&self) -> u64 {
        self.inner.pid_namespace()
    }
    fn filters_bridges(&self) -> bool {
        self.inner.filters_bridges()
    }
    fn lacks(&self, capability: Capability) -> bool {
        self.inner.lacks(capability)
    }
}

impl<P: Publisher> Publisher for Without<'_, P> {
    async fn foresee(
        &self,
        request: &Request,
        families: &[Family],
        gone: &[&str],
    ) -> Result<Foreseen, PublishError> {
        let names = self.gone.iter().map(|gone| gone.name.as_str());
        let gone: Vec<&str> = gone.iter().copied().chain(names).collect();
        self.inner.foresee(request, families, &gone).await
    }
    fn published(&self, name: &str) -> impl Future<Output = Result<Option<Publication>, PublishError>> {
        self.inner.published(name)
    }
    fn counted(&self, name: &str) -> impl Future<Output = Result<Option<Counted>, PublishError>> {
        self.inner.counted(name)
    }
    fn stands(&self, request: &Request) -> impl Future<Output = Result<bool, PublishError>> {
        self.inner.stands(request)
    }
    async fn all(&self) -> Result<Vec<Publication>, PublishError> {
        let all = self.inner.all().await?;
        Ok(all.into_iter().filter(|its| !self.gone.iter().any(|gone| gone.name == its.name)).collect())
    }
    async fn restore(&self) -> Result<Vec<String>, PublishError> {
        looked_at_only()
    }
    fn astray(&self) -> impl Future<Output = Result<Vec<(String, Astray)>, PublishError>> {
        self.inner.astray()
    }
    fn facing(&self) -> Vec<IpAddr> {
        self.inner.facing()
    }
    fn dockers_rules(&self) -> impl Future<Output = Result<DockersRules, PublishError>> {
        self.inner.dockers_rules()
    }
    async fn publish(&self, _: &Request) -> Result<(), PublishError> {
        looked_at_only()
    }
    async fn unpublish(&self, _: &str) -> Result<(), PublishError> {
        looked_at_only()
    }
}
