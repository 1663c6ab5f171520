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
use crate::publish::{self, Findings, Foreseen, Publication, PublishError, Request};

/// All four in one.
#[derive(Clone)]
pub(crate) struct Fake(pub(crate) Rc<State>);

pub(crate) struct State {
    pub(crate) whereabouts: RefCell<Whereabouts>,
    pub(crate) containers: RefCell<Vec<Container>>,
    pub(crate) networks: RefCell<Vec<Network>>,
    pub(crate) interfaces: RefCell<Vec<Interface>>,
    pub(crate) routes: RefCell<Vec<Route>>,
    pub(crate) sockets: RefCell<Vec<Socket>>,
    pub(crate) published: RefCell<Vec<Request>>,
    pub(crate) cannot_publish: Cell<bool>,
    pub(crate) lacking: Cell<Option<Capability>>,
    /// Every change that was asked for.
    pub(crate) asked: RefCell<Vec<String>>,
    /// Of which container's which process each publication was.
    pub(crate) published_for: RefCell<BTreeMap<String, (String, Option<u32>)>>,
    /// At which address each was published.
    pub(crate) published_at: RefCell<BTreeMap<String, IpAddr>>,
    /// The host's address that faces the default route.
    pub(crate) facing: Cell<IpAddr>,
    /// Addresses that the host had.
    pub(crate) lost: RefCell<Vec<IpAddr>>,
    /// Docker's own rules.
    pub(crate) dockers: Cell<publish::DockersRules>,
    /// Publications whose rules somebody has flushed.
    pub(crate) flushed: RefCell<Vec<String>>,
    /// The id of the image.
    pub(crate) image: RefCell<String>,
    /// The namespace of a process that is in one which was made for another.
    pub(crate) joined: RefCell<BTreeMap<u32, u64>>,
    /// What is in the namespace of a process.
    pub(crate) inside: RefCell<BTreeMap<u32, Inner>>,
    /// Whether somebody holds namespaces open, so that interfaces stay when a container ends.
    pub(crate) held_open: Cell<bool>,
    /// The next process.
    pub(crate) next: Cell<u32>,
    /// The change at which netctl is killed, and whether it is done all the same.
    pub(crate) killed: Cell<Option<(usize, Done)>>,
    /// Told of when it is.
    pub(crate) died: tokio::sync::Notify,
    /// The change that fails, and whether it is done all the same.
    pub(crate) fail: Cell<Option<(usize, Done)>>,
    /// The last container made, while it has not ended.
    pub(crate) ends_at_once: Cell<bool>,
}

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

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Done {
    No,
    Yes,
}

pub(crate) fn order(net: &str) -> Order {
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
        labels: BTreeMap::new(),
        image: "switch:v1".to_owned(),
        arguments: Vec::new(),
    }
}

impl Fake {
    /// br0 with 10.1.0.1/24, a container `other` that runs with pid 77, and the network `voice` with a range.
    pub(crate) fn new() -> Self {
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
            published_for: RefCell::default(),
            published_at: RefCell::default(),
            facing: Cell::new([192, 0, 2, 5].into()),
            lost: RefCell::default(),
            dockers: Cell::default(),
            flushed: RefCell::default(),
            image: RefCell::new("sha256:1".to_owned()),
            joined: RefCell::default(),
            inside: RefCell::default(),
            held_open: Cell::new(false),
            next: Cell::new(100),
            killed: Cell::new(None),
            died: tokio::sync::Notify::new(),
            fail: Cell::new(None),
            ends_at_once: Cell::new(false),
        }))
    }

    pub(crate) fn world(&self) -> World<Self, Self, Self, Self> {
        World { docker: self.clone(), kernel: self.clone(), proc: self.clone(), publisher: self.clone() }
    }

    /// All that could be left behind.
    pub(crate) fn snapshot(&self) -> String {
        let Self(state) = self;
        format!("{:#?}{:#?}{:#?}{:#?}", state.containers, state.networks, state.interfaces, state.published)
    }

    fn inner(&self, pid: u32) -> Inner {
        self.0.inside.borrow().get(&pid).cloned().unwrap_or_default()
    }

    /// Notes a change, does it unless it is to fail, and fails if it is.
    async fn change(&self, asked: String, work: impl FnOnce(&State)) -> Result<(), io::Error> {
        let number = self.0.asked.borrow().len();
        self.0.asked.borrow_mut().push(asked);
        let at = |cell: &Cell<Option<(usize, Done)>>| cell.get().filter(|(at, _)| *at == number);
        let (killed, fails) = (at(&self.0.killed), at(&self.0.fail));
        if killed.or(fails).is_none_or(|(_, done)| done == Done::Yes) {
            work(&self.0);
        }
        if killed.is_some() {
            self.0.died.notify_one();
            std::future::pending::<()>().await;
        }
        match fails {
            Some(_) => Err(io::Error::from_raw_os_error(5)),
            None => Ok(()),
        }
    }

    async fn docker(&self, asked: String, work: impl FnOnce(&State)) -> Result<(), DockerError> {
        self.change(asked, work).await.map_err(|error| DockerError::Failed(error.to_string()))
    }

    async fn kernel(&self, asked: String, work: impl FnOnce(&State)) -> Result<(), KernelError> {
        self.change(asked, work).await.map_err(KernelError::Refused)
    }
}

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

    /// The process whose namespace a container's process is in; none is the host's own.
    fn namespace(&self, pid: u32) -> Option<Option<u32>> {
        let containers = self.containers.borrow();
        let mut container = containers.iter().find(|it| it.pid == Some(pid))?;
        while let Some(owner) = container.network_mode.strip_prefix("container:") {
            container = containers.iter().find(|it| it.id == owner || it.name == owner)?;
        }
        Some(container.pid.filter(|_| container.network_mode != "host"))
    }

    /// Which process of which container has a name now.
    fn identity(&self, name: &str) -> Option<(String, Option<u32>)> {
        let containers = self.containers.borrow();
        containers.iter().find(|it| it.name == name).map(|it| (it.id.clone(), it.pid))
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

impl Publisher for Fake {
    async fn foresee(&self, wanted: &Request, _: &[Family], _: &[&str]) -> Result<Foreseen, PublishError> {
        if self.0.cannot_publish.get() {
            return Err(PublishError::NoAddress);
        }
        let facing = || vec![self.0.facing.get()];
        let host_ips = if wanted.host_ips.is_empty() { facing() } else { wanted.host_ips.clone() };
        Ok(Foreseen { host_ips, findings: Findings::default() })
    }
    async fn stands(&self, wanted: &Request) -> Result<bool, PublishError> {
        let its = self.0.identity(&wanted.container);
        let same = self.0.published_for.borrow().get(&wanted.container) == its.as_ref();
        Ok(same
            && self.0.published.borrow().contains(wanted)
            && (!wanted.host_ips.is_empty()
                || self.0.published_at.borrow().get(&wanted.container) == Some(&self.0.facing.get()))
            && !self.0.flushed.borrow().contains(&wanted.container))
    }
    async fn published(&self, name: &str) -> Result<Option<Publication>, PublishError> {
        Ok(self.all().await?.into_iter().find(|it| it.name == name))
    }
    async fn all(&self) -> Result<Vec<Publication>, PublishError> {
        let published = self.0.published.borrow();
        let records = published.iter().map(|it| Publication {
            name: it.container.clone(),
            container: self.0.published_for.borrow()[&it.container].0.clone(),
            bridge: "br-voice".to_owned(),
            ports: it.ports.clone(),
            from: it.from.clone(),
            follows: it.host_ips.is_empty(),
            paths: vec![publish::Path {
                container: "10.9.0.3".parse().unwrap(),
                network: "10.9.0.0/29".parse().unwrap(),
                stateless: self.0.published_at.borrow().get(&it.container).copied(),
                tracked: Vec::new(),
                peers: Vec::new(),
            }],
        });
        Ok(records.collect())
    }
    async fn restore(&self) -> Result<Vec<String>, PublishError> {
        let same = |name: &String| self.0.published_for.borrow().get(name) == self.0.identity(name).as_ref();
        let (restored, kept) = self.0.flushed.take().into_iter().partition(same);
        self.0.flushed.replace(kept);
        Ok(restored)
    }
    async fn astray(&self) -> Result<Vec<(String, publish::Astray)>, PublishError> {
        let published = self.0.published.borrow();
        let its = |it: &Request| {
            let (from, to) = (self.0.published_at.borrow()[&it.container], self.0.facing.get());
            let astray = match it.host_ips.first() {
                None if from != to => publish::Astray::Moved { from, to },
                Some(lost) if self.0.lost.borrow().contains(lost) => publish::Astray::Lost(*lost),
                _ => return None,
            };
            Some((it.container.clone(), astray))
        };
        Ok(published.iter().filter_map(its).collect())
    }
    async fn dockers_rules(&self) -> Result<publish::DockersRules, PublishError> {
        Ok(self.0.dockers.get())
    }
    async fn counted(&self, name: &str) -> Result<Option<publish::Counted>, PublishError> {
        let counted = |publication| publish::Counted {
            publication,
            state: publish::State::Published,
            rules: Vec::new(),
        };
        Ok(self.published(name).await?.map(counted))
    }
    async fn publish(&self, request: &Request) -> Result<(), PublishError> {
        let done = self.docker(format!("publish {}", request.container), |state| {
            let mut published = state.published.borrow_mut();
            published.retain(|it| it.container != request.container);
            published.push(request.clone());
            state.flushed.borrow_mut().retain(|it| *it != request.container);
            let at = request.host_ips.first().copied().unwrap_or(state.facing.get());
            state.published_at.borrow_mut().insert(request.container.clone(), at);
            let its = state.identity(&request.container).unwrap_or_default();
            state.published_for.borrow_mut().insert(request.container.clone(), its);
        });
        done.await.map_err(PublishError::from)
    }
    async fn unpublish(&self, name: &str) -> Result<(), PublishError> {
        if !self.0.published.borrow().iter().any(|it| it.container == name) {
            return Ok(());
        }
        let done = self.docker(format!("unpublish {name}"), |state| {
            state.published.borrow_mut().retain(|it| it.container != name);
        });
        done.await.map_err(PublishError::from)
    }
}

pub(crate) fn socket(protocol: Protocol, ip: &str, port: u16) -> Socket {
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
