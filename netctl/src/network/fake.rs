//! Docker, the kernel, /proc and a publisher that note what they are asked, keep what they are given, and can be made to
//! fail at any call.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::IpAddr;
use std::rc::Rc;

use ipnet::IpNet;

use super::*;
use crate::bridge::{InterfaceName, KernelError};
use crate::docker::Network;
use crate::docker::{
    Container, ContainerOrder, Containers, DockerError, Endpoint, NetworkOrder, Networks, Pool, Restart,
    Whereabouts,
};
use crate::firewall::Family;
use crate::publish::{self, PublishError};

/// All four in one.
#[derive(Clone)]
pub(super) struct Fake(pub(super) Rc<State>);

pub(super) struct State {
    pub(super) whereabouts: RefCell<Whereabouts>,
    pub(super) containers: RefCell<Vec<Container>>,
    pub(super) networks: RefCell<Vec<Network>>,
    pub(super) interfaces: RefCell<Vec<Interface>>,
    pub(super) routes: RefCell<Vec<Route>>,
    pub(super) sockets: RefCell<Vec<Socket>>,
    pub(super) published: RefCell<Vec<Publication>>,
    pub(super) cannot_publish: Cell<bool>,
    pub(super) lacking: Cell<Option<Capability>>,
    /// Every change that was asked for.
    pub(super) asked: RefCell<Vec<String>>,
    /// The change that fails, and whether it is done all the same.
    pub(super) fail: Cell<Option<(usize, Done)>>,
    /// The last container made, while it has not ended.
    pub(super) ends_at_once: Cell<bool>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Done {
    No,
    Yes,
}

pub(super) fn order(net: &str) -> Order {
    Order {
        name: "switch".to_owned(),
        mode: net.parse().unwrap(),
        ports: Vec::new(),
        host_ips: Vec::new(),
        advertise: None,
        from: Vec::new(),
        bridge: None,
        addresses: Vec::new(),
        gateways: Vec::new(),
        environment: Vec::new(),
        volumes: Vec::new(),
        restart: Restart::No,
        ulimits: Vec::new(),
        cpus: None,
        log_options: HashMap::new(),
        image: "switch:v1".to_owned(),
        arguments: Vec::new(),
    }
}

impl Fake {
    /// br0 with 10.1.0.1/24, a container `other` that runs with pid 77, and the network `voice` with a range.
    pub(super) fn new() -> Self {
        let interface = |index, name: &str, kind: Option<&str>, addresses: &[&str]| Interface {
            index,
            name: name.to_owned(),
            kind: kind.map(str::to_owned),
            flags: vec!["UP"],
            addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(),
            ..Interface::default()
        };
        let interfaces = vec![
            interface(1, "lo", None, &["127.0.0.1/8"]),
            interface(2, "eth0", None, &["192.0.2.5/24"]),
            interface(3, "br0", Some("bridge"), &["10.1.0.1/24"]),
        ];
        let route = |to: &str, interface: &str| Route {
            destination: to.parse().unwrap(),
            gateway: None,
            metric: 0,
            interface: interface.to_owned(),
        };
        let text = |text: &str| Some(text.to_owned());
        let voice = Network {
            id: "voice-id".to_owned(),
            name: "voice".to_owned(),
            driver: "bridge".to_owned(),
            pools: vec![Pool {
                subnet: text("10.9.0.0/29"),
                ip_range: text("10.9.0.4/30"),
                gateway: text("10.9.0.1"),
            }],
            ..Network::default()
        };
        let other = Container {
            id: "other-id".to_owned(),
            name: "other".to_owned(),
            pid: Some(77),
            network_mode: "voice".to_owned(),
            endpoints: BTreeMap::from([(
                "voice".to_owned(),
                Endpoint { ipv4: "10.9.0.2".parse().ok(), ipv6: None },
            )]),
            ..Container::default()
        };
        Self(Rc::new(State {
            whereabouts: RefCell::new(Whereabouts::Here),
            containers: RefCell::new(vec![other]),
            networks: RefCell::new(vec![voice]),
            interfaces: RefCell::new(interfaces),
            routes: RefCell::new(vec![
                route("0.0.0.0/0", "eth0"),
                route("10.1.0.0/24", "br0"),
                route("10.219.0.0/24", "eth0"),
            ]),
            sockets: RefCell::default(),
            published: RefCell::default(),
            cannot_publish: Cell::new(false),
            lacking: Cell::new(None),
            asked: RefCell::default(),
            fail: Cell::new(None),
            ends_at_once: Cell::new(false),
        }))
    }

    pub(super) fn world(&self) -> World<Self, Self, Self, Self> {
        World { docker: self.clone(), kernel: self.clone(), proc: self.clone(), publisher: self.clone() }
    }

    /// All that could be left behind.
    pub(super) fn snapshot(&self) -> String {
        let Self(state) = self;
        format!("{:#?}{:#?}{:#?}{:#?}", state.containers, state.networks, state.interfaces, state.published)
    }

    /// Notes a change, does it unless it is to fail, and fails if it is.
    fn change(&self, asked: String, work: impl FnOnce(&State)) -> Result<(), io::Error> {
        let number = self.0.asked.borrow().len();
        self.0.asked.borrow_mut().push(asked);
        match self.0.fail.get().filter(|(at, _)| *at == number) {
            Some((_, Done::No)) => Err(io::Error::from_raw_os_error(5)),
            Some((_, Done::Yes)) => {
                work(&self.0);
                Err(io::Error::from_raw_os_error(5))
            }
            None => {
                work(&self.0);
                Ok(())
            }
        }
    }

    fn docker(&self, asked: String, work: impl FnOnce(&State)) -> Result<(), DockerError> {
        self.change(asked, work).map_err(|error| DockerError::Failed(error.to_string()))
    }

    fn kernel(&self, asked: String, work: impl FnOnce(&State)) -> Result<(), KernelError> {
        self.change(asked, work).map_err(KernelError::Refused)
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
        })?;
        Ok(format!("{}-id", order.name))
    }
    async fn remove_network(&self, name: &str) -> Result<(), DockerError> {
        self.docker(format!("remove network {name}"), |state| {
            state.networks.borrow_mut().retain(|it| it.id != name)
        })
    }
}

impl Containers for Fake {
    async fn whereabouts(&self) -> Result<Whereabouts, DockerError> {
        Ok(self.0.whereabouts.borrow().clone())
    }
    async fn has_image(&self, name: &str) -> Result<bool, DockerError> {
        Ok(name == "switch:v1")
    }
    async fn container(&self, name: &str) -> Result<Option<Container>, DockerError> {
        Ok(self.0.containers.borrow().iter().find(|it| it.name == name || it.id == name).cloned())
    }
    async fn containers(&self) -> Result<Vec<Container>, DockerError> {
        Ok(self.0.containers.borrow().clone())
    }
    async fn create(&self, order: &ContainerOrder) -> Result<String, DockerError> {
        self.docker(format!("create {} on {}", order.name, order.network_mode), |state| {
            state.containers.borrow_mut().push(Container {
                id: format!("{}-id", order.name),
                name: order.name.clone(),
                network_mode: order.network_mode.clone(),
                environment: order.environment.clone(),
                labels: order.labels.clone().into_iter().collect(),
                endpoints: BTreeMap::from([(order.network_mode.clone(), order.pinned)]),
                ..Container::default()
            });
        })?;
        Ok(format!("{}-id", order.name))
    }
    async fn start(&self, name: &str) -> Result<(), DockerError> {
        self.docker(format!("start {name}"), |state| {
            let mut containers = state.containers.borrow_mut();
            let container = containers.iter_mut().find(|it| it.name == name).unwrap();
            container.pid = (!state.ends_at_once.get()).then_some(100);
            let claims = labels::read_claims(&container.labels).unwrap();
            state.sockets.borrow_mut().extend(claims.iter().map(|claim| Socket {
                holder: Some(Holder { pid: 100, name: "switch-node".to_owned() }),
                ..socket(claim.ports.protocol, "0.0.0.0", claim.ports.first)
            }));
        })
    }
    async fn stop(&self, name: &str) -> Result<(), DockerError> {
        self.docker(format!("stop {name}"), |state| {
            state.containers.borrow_mut().iter_mut().filter(|it| it.id == name).for_each(|it| it.pid = None);
            state.sockets.borrow_mut().clear();
        })
    }
    async fn remove(&self, name: &str) -> Result<(), DockerError> {
        self.docker(format!("remove {name}"), |state| {
            state.containers.borrow_mut().retain(|it| it.id != name);
            state.sockets.borrow_mut().clear();
        })
    }
    async fn last_words(&self, _name: &str, _lines: u32) -> Result<String, DockerError> {
        Ok("farewell\n".to_owned())
    }
}

impl Wiring for Fake {
    async fn interfaces(&self, place: Place) -> Result<Vec<Interface>, KernelError> {
        match place {
            Place::Here => Ok(self.0.interfaces.borrow().clone()),
            Place::Process(_) => Ok(Vec::new()),
        }
    }
    async fn routes(&self, _place: Place) -> Result<Vec<Route>, KernelError> {
        Ok(self.0.routes.borrow().clone())
    }
    async fn add_pair(&self, pair: &Pair, pid: u32) -> Result<(), KernelError> {
        self.kernel(format!("pair {} on {} into {pid}", pair.outside, pair.master), |state| {
            state.interfaces.borrow_mut().push(Interface {
                index: 9,
                name: pair.outside.to_string(),
                alias: Some(pair.alias.clone()),
                ..Interface::default()
            });
        })
    }
    async fn delete(&self, index: u32) -> Result<(), KernelError> {
        self.kernel(format!("delete {index}"), |state| {
            state.interfaces.borrow_mut().retain(|it| it.index != index)
        })
    }
    async fn add_addresses(&self, pid: u32, name: &InterfaceName, nets: &[IpNet]) -> Result<(), KernelError> {
        self.kernel(format!("addresses of {name} in {pid}: {nets:?}"), |_| {})
    }
    async fn add_gateway(&self, pid: u32, gateway: IpAddr) -> Result<(), KernelError> {
        self.kernel(format!("gateway in {pid}: {gateway}"), |_| {})
    }
}

impl Sockets for Fake {
    fn bound(&self, _place: Place) -> io::Result<Vec<Socket>> {
        Ok(self.0.sockets.borrow().clone())
    }
    fn kin(&self, pid: u32) -> Vec<u32> {
        vec![pid]
    }
    fn filters_bridges(&self) -> bool {
        true
    }
    fn lacks(&self, capability: Capability) -> bool {
        self.0.lacking.get() == Some(capability)
    }
}

impl Publisher for Fake {
    async fn foresee(&self, wanted: &Publication, _: &[Family]) -> Result<Foreseen, PublishError> {
        if self.0.cannot_publish.get() {
            return Err(PublishError::NoAddress);
        }
        let facing = || vec!["192.0.2.5".parse().unwrap()];
        let host_ips = if wanted.host_ips.is_empty() { facing() } else { wanted.host_ips.clone() };
        Ok(Foreseen { host_ips, notes: vec!["foreseen".to_owned()] })
    }
    async fn stands(&self, wanted: &Publication) -> Result<bool, PublishError> {
        Ok(self.0.published.borrow().contains(wanted))
    }
    async fn published(&self, name: &str) -> Result<Option<publish::Publication>, PublishError> {
        let published = self.0.published.borrow();
        Ok(published.iter().find(|it| it.name == name).map(|it| publish::Publication {
            name: it.name.clone(),
            container: format!("{name}-id"),
            bridge: "br-voice".to_owned(),
            ports: it.ports.clone(),
            from: it.from.clone(),
            paths: vec![publish::Path {
                container: "10.9.0.3".parse().unwrap(),
                network: "10.9.0.0/29".parse().unwrap(),
                stateless: "192.0.2.5".parse().ok(),
                tracked: Vec::new(),
                peers: Vec::new(),
            }],
        }))
    }
    async fn publish(&self, publication: &Publication) -> Result<(), PublishError> {
        let done = self.docker(format!("publish {}", publication.name), |state| {
            state.published.borrow_mut().push(publication.clone());
        });
        done.map_err(PublishError::from)
    }
    async fn unpublish(&self, name: &str) -> Result<(), PublishError> {
        let done = self.docker(format!("unpublish {name}"), |state| {
            state.published.borrow_mut().retain(|it| it.name != name);
        });
        done.map_err(PublishError::from)
    }
}

pub(super) fn socket(protocol: Protocol, ip: &str, port: u16) -> Socket {
    Socket {
        protocol,
        local: (ip.parse::<IpAddr>().unwrap(), port).into(),
        remote: ([0, 0, 0, 0], 0).into(),
        receive_queue: 0,
        send_queue: 0,
        inode: 1,
        holder: None,
    }
}
