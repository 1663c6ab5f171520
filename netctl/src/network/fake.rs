//! Docker, the kernel, /proc and a publisher that note what they are asked, keep what they are given, and can be made to
//! fail at any call.

mod docker;
mod kernel;
mod publisher;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::IpAddr;
use std::rc::Rc;

pub(crate) use kernel::Inner;

use super::*;
use crate::bridge::KernelError;
use crate::docker::{Container, DockerError, Endpoint, Network, Pool, Restart, Whereabouts};
use crate::publish::{DockersRules, Request};

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
    /// The next look at addresses that moved finds the host without any.
    pub(crate) between_leases: Cell<bool>,
    /// Addresses that the host had.
    pub(crate) lost: RefCell<Vec<IpAddr>>,
    /// Docker's own rules.
    pub(crate) dockers: Cell<DockersRules>,
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
            between_leases: Cell::new(false),
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
