//! The kernel and /proc: namespaces, what is in them, and sockets.

use std::io;
use std::net::IpAddr;

use ipnet::IpNet;

use super::{Fake, State};
use crate::bridge::{InterfaceName, KernelError};
use crate::network::{Capability, Interface, Pair, Place, Route, Socket, Sockets, Vacant, Wiring};

/// A namespace.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inner {
    interfaces: Vec<Interface>,
    routes: Vec<Route>,
}

impl Inner {
    /// All that is in it.
    pub(crate) fn addresses(&self) -> Vec<IpNet> {
        let routes = self.routes.iter().filter_map(|route| Some(route.gateway?.into()));
        self.interfaces.iter().flat_map(|it| it.addresses.iter().copied()).chain(routes).collect()
    }
}

impl State {
    /// The process whose namespace a container's process is in; none is the host's own.
    fn namespace(&self, pid: u32) -> Option<Option<u32>> {
        let containers = self.containers.borrow();
        let mut container = containers.iter().find(|it| it.pid == Some(pid))?;
        while let Some(owner) = container.network_mode.strip_prefix("container:") {
            container = containers.iter().find(|it| it.id == owner || it.name == owner)?;
        }
        Some(container.pid.filter(|_| container.network_mode != "host"))
    }
}

impl Fake {
    fn inner(&self, pid: u32) -> Inner {
        self.0.inside.borrow().get(&pid).cloned().unwrap_or_default()
    }
}

impl Wiring for Fake {
    async fn interfaces(&self, place: Place) -> Result<Vec<Interface>, KernelError> {
        match place {
            Place::Here => Ok(self.0.interfaces.borrow().clone()),
            Place::Process(pid) => Ok(self.inner(pid).interfaces),
        }
    }
    async fn routes(&self, place: Place) -> Result<Vec<Route>, KernelError> {
        match place {
            Place::Here => Ok(self.0.routes.borrow().clone()),
            Place::Process(pid) => Ok(self.inner(pid).routes),
        }
    }
    async fn add_pair(&self, pair: &Pair, pid: u32) -> Result<(), KernelError> {
        let master = pair.master.unwrap_or_default();
        self.kernel(format!("pair {} on {master} into {pid}", pair.outside), |state| {
            let mut interfaces = state.interfaces.borrow_mut();
            let index = interfaces.iter().map(|it| it.index).max().unwrap_or(0).max(8) + 1;
            let end = |name: &InterfaceName, alias| Interface {
                index,
                name: name.to_string(),
                alias,
                ..Interface::default()
            };
            interfaces.push(end(&pair.outside, Some(pair.alias.clone())));
            let inner = Inner { interfaces: vec![end(&pair.inside, None)], ..Inner::default() };
            state.inside.borrow_mut().insert(pid, inner);
        })
        .await
    }
    async fn delete(&self, index: u32) -> Result<(), KernelError> {
        self.kernel(format!("delete {index}"), |state| {
            state.interfaces.borrow_mut().retain(|it| it.index != index);
            state.inside.borrow_mut().retain(|_, inner| inner.interfaces.iter().all(|it| it.index != index));
        })
        .await
    }
    async fn add_addresses(
        &self,
        place: Place,
        name: &InterfaceName,
        nets: &[IpNet],
    ) -> Result<(), KernelError> {
        let give = |interfaces: &mut [Interface]| {
            let its = interfaces.iter_mut().filter(|it| it.name == name.as_str());
            its.for_each(|it| it.addresses.extend(nets));
        };
        match place {
            Place::Here => {
                let asked = format!("addresses of {name} here: {nets:?}");
                self.kernel(asked, |state| give(&mut state.interfaces.borrow_mut())).await
            }
            Place::Process(pid) => {
                let asked = format!("addresses of {name} in {pid}: {nets:?}");
                let give =
                    |state: &State| give(&mut state.inside.borrow_mut().get_mut(&pid).unwrap().interfaces);
                self.kernel(asked, give).await
            }
        }
    }
    async fn add_namespace(&self) -> Result<Vacant, KernelError> {
        self.kernel("namespace".to_owned(), |_| {}).await?;
        Ok(Vacant { pid: 500, keeper: Box::new(()) })
    }
    async fn add_gateway(&self, pid: u32, gateway: IpAddr) -> Result<(), KernelError> {
        self.kernel(format!("gateway in {pid}: {gateway}"), |state| {
            let route = Route {
                destination: "0.0.0.0/0".parse().unwrap(),
                gateway: Some(gateway),
                metric: 0,
                interface: "eth0".to_owned(),
            };
            state.inside.borrow_mut().get_mut(&pid).unwrap().routes.push(route);
        })
        .await
    }
}

impl Sockets for Fake {
    fn bound(&self, place: Place) -> io::Result<Vec<Socket>> {
        let place = match place {
            Place::Here => Some(None),
            Place::Process(pid) => self.0.namespace(pid),
        };
        // Those that nobody has are everywhere.
        let is_there = |socket: &Socket| {
            let its = socket.holder.as_ref().and_then(|holder| self.0.namespace(holder.pid));
            its.is_none() || its == place
        };
        Ok(self.0.sockets.borrow().iter().filter(|socket| is_there(socket)).cloned().collect())
    }
    fn kin(&self, pid: u32) -> Vec<u32> {
        vec![pid]
    }
    fn namespace(&self, pid: u32) -> Option<u64> {
        Some(self.0.joined.borrow().get(&pid).copied().unwrap_or(pid.into()))
    }
    fn pid_namespace(&self) -> u64 {
        1
    }
    fn filters_bridges(&self) -> bool {
        true
    }
    fn lacks(&self, capability: Capability) -> bool {
        self.0.lacking.get() == Some(capability)
    }
}
