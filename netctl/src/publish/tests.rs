//! Publishing against fakes: which steps, in which order, and what is taken back.

mod addresses;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::*;
use crate::docker::{
    Container, ContainerOrder, Containers, DockerError, Endpoint, Network, NetworkOrder, Networks, Pool,
    Whereabouts,
};
use crate::error::Explain as _;
use crate::firewall::fake::Fake;
use crate::firewall::{Family, Firewall, FirewallError, Place, Point, SeenChain, SeenRule, Verdict};
use crate::ports::{Ports, Protocol};

/// A container `switch` at 172.29.0.2 behind br-voice.
struct Docker {
    whereabouts: Whereabouts,
    container: Container,
}

impl Default for Docker {
    fn default() -> Self {
        let endpoint = Endpoint { ipv4: Some([172, 29, 0, 2].into()), ipv6: None };
        let container = Container {
            id: "c0ffee".to_owned(),
            name: "switch".to_owned(),
            pid: Some(7),
            network_mode: "voice".to_owned(),
            endpoints: BTreeMap::from([("voice".to_owned(), endpoint)]),
            ..Container::default()
        };
        Self { whereabouts: Whereabouts::Here, container }
    }
}

/// Publishing only asks.
impl Containers for Docker {
    async fn whereabouts(&self) -> Result<Whereabouts, DockerError> {
        Ok(self.whereabouts.clone())
    }
    async fn container(&self, _: &str) -> Result<Option<Container>, DockerError> {
        Ok(Some(self.container.clone()))
    }
    async fn containers(&self) -> Result<Vec<Container>, DockerError> {
        Ok(vec![self.container.clone()])
    }
    async fn image_id(&self, _: &str) -> Result<Option<String>, DockerError> {
        unreachable!()
    }
    async fn restart(&self, _: &str) -> Result<(), DockerError> {
        unreachable!()
    }
    async fn rename(&self, _: &str, _: &str) -> Result<(), DockerError> {
        unreachable!()
    }
    async fn create(&self, _: &ContainerOrder) -> Result<String, DockerError> {
        unreachable!()
    }
    async fn start(&self, _: &str) -> Result<(), DockerError> {
        unreachable!()
    }
    async fn stop(&self, _: &str) -> Result<(), DockerError> {
        unreachable!()
    }
    async fn remove(&self, _: &str) -> Result<(), DockerError> {
        unreachable!()
    }
    async fn last_words(&self, _: &str, _: u32) -> Result<String, DockerError> {
        unreachable!()
    }
}

impl Networks for Docker {
    async fn networks(&self) -> Result<Vec<Network>, DockerError> {
        let network = |name: &str, subnet: &str| Network {
            id: name.to_owned(),
            name: name.to_owned(),
            driver: "bridge".to_owned(),
            pools: vec![Pool { subnet: Some(subnet.to_owned()), ..Pool::default() }],
            ..Network::default()
        };
        let mut voice = network("voice", "172.29.0.0/24");
        voice.pools.push(Pool { subnet: Some("fd00:29::/64".to_owned()), ..Pool::default() });
        Ok(vec![voice, network("other", "172.29.1.0/24")])
    }
    async fn network(&self, _: &str) -> Result<Option<Network>, DockerError> {
        unreachable!()
    }
    async fn create_network(&self, _: &NetworkOrder) -> Result<String, DockerError> {
        unreachable!()
    }
    async fn remove_network(&self, _: &str) -> Result<(), DockerError> {
        unreachable!()
    }
}

#[derive(Default)]
struct Computer {
    host: Fake,
    container: Fake,
    remote: bool,
    legacy: bool,
    facing: Cell<Option<IpAddr>>,
    facing6: Cell<Option<IpAddr>>,
    lost: Cell<Option<IpAddr>>,
}

impl Computer {
    /// With Docker's own chain, which ends as Docker ends it.
    fn new() -> Self {
        let host = Fake { name: "host", ..Fake::default() };
        let container = Fake {
            name: "container",
            asked: host.asked.clone(),
            fails: host.fails.clone(),
            ..Fake::default()
        };
        let user = SeenChain {
            place: Place::Ip,
            table: "filter".to_owned(),
            name: "DOCKER-USER".to_owned(),
            point: None,
            drops: false,
        };
        let end = SeenRule {
            chain: "DOCKER-USER".to_owned(),
            handle: 5,
            verdict: Some(Verdict::Return),
            ..SeenRule::default()
        };
        host.chains.borrow_mut().push(user);
        host.filter.borrow_mut().push(end);
        Self { host, container, facing: Cell::new(Some([192, 0, 2, 1].into())), ..Self::default() }
    }

    fn asked(&self) -> Vec<String> {
        self.host.asked.take()
    }

    /// What the kernel has: the tables' comments, and the rules of DOCKER-USER.
    fn state(&self) -> (Vec<String>, Vec<String>, Vec<Option<String>>) {
        let comments = |fake: &Fake| fake.tables.borrow().iter().map(|table| table.comment.clone()).collect();
        let filter = self.host.filter.borrow().iter().map(|rule| rule.comment.clone()).collect();
        (comments(&self.host), comments(&self.container), filter)
    }
}

impl Machine for Computer {
    type Firewall = Fake;
    fn firewall(&self) -> Result<Fake, FirewallError> {
        Ok(self.host.clone())
    }
    fn firewall_within(&self, _: &Namespace) -> Result<Option<Fake>, FirewallError> {
        Ok(Some(self.container.clone()))
    }
    fn namespace(&self, pid: u32) -> Option<Namespace> {
        Some(Namespace { pid, inode: 1 })
    }
    fn has_address(&self, _: u32, _: IpAddr) -> bool {
        !self.remote
    }
    fn gateway(&self, _: u32) -> Option<Ipv4Addr> {
        None
    }
    fn facing(&self, family: Family) -> Option<IpAddr> {
        match family {
            Family::V4 => self.facing.get(),
            Family::V6 => self.facing6.get(),
        }
    }
    fn is_own(&self, address: IpAddr) -> bool {
        self.lost.get() != Some(address)
    }
    fn has_interface(&self, _: &str) -> bool {
        true
    }
    fn listeners(&self, _: &[Protocol]) -> Vec<(Ports, Option<IpAddr>)> {
        let at = |port| (Ports::one(port, Protocol::Udp), Some([192, 0, 2, 1].into()));
        vec![
            at(5060),
            at(53),
            (Ports::one(5060, Protocol::Tcp), None),
            (Ports::one(5061, Protocol::Udp), Some([127, 0, 0, 1].into())),
        ]
    }
    fn legacy_iptables(&self) -> bool {
        self.legacy
    }
}

#[derive(Default)]
struct Memory(RefCell<BTreeMap<String, Record>>);

impl Journal for Memory {
    fn read(&self, name: &str) -> Result<Option<Record>, PublishError> {
        Ok(self.0.borrow().get(name).cloned())
    }
    fn all(&self) -> Result<Vec<Record>, PublishError> {
        Ok(self.0.borrow().values().cloned().collect())
    }
    fn write(&self, record: &Record) -> Result<(), PublishError> {
        self.0.borrow_mut().insert(record.publication.name.clone(), record.clone());
        Ok(())
    }
    fn remove(&self, name: &str) -> Result<(), PublishError> {
        self.0.borrow_mut().remove(name);
        Ok(())
    }
}

fn request(ports: &[&str]) -> Request {
    Request {
        container: "switch".to_owned(),
        ports: ports.iter().map(|text| text.parse().unwrap()).collect(),
        host_ips: Vec::new(),
        from: Vec::new(),
        via: Via::Auto,
    }
}

const PUBLISHED: [&str; 2] = [
    "container: add netctl-switch",
    "host: add netctl-switch, accept Out in DOCKER-USER, accept In in DOCKER-USER",
];

#[tokio::test]
async fn one_transaction_a_namespace() {
    let (docker, machine, journal) = (Docker::default(), Computer::new(), Memory::default());
    let before = machine.state();
    let asked = request(&["16384-32767/udp", "5060/udp"]);
    let done = publish(&docker, &machine, &journal, &asked).await.unwrap();
    assert_eq!((done.outcome, machine.asked()), (Outcome::Changed, PUBLISHED.map(str::to_owned).to_vec()));
    assert_eq!(done.findings.held, ["5060/udp".parse().unwrap()]);
    // The rule that ends DOCKER-USER is still the last.
    assert_eq!(machine.state().2.last(), Some(&None));
    let done = publish(&docker, &machine, &journal, &asked).await.unwrap();
    assert_eq!((done.outcome, machine.asked()), (Outcome::Unchanged, vec![]));
    // In place of the former ones.
    publish(&docker, &machine, &journal, &request(&["5060/udp"])).await.unwrap();
    let asked_for = machine.asked();
    assert_eq!(asked_for[0], "container: remove netctl-switch, add netctl-switch");
    assert!(asked_for[1].contains("remove netctl-switch, add netctl-switch, accept Out"), "{asked_for:?}");
    unpublish(&machine, &journal, "switch").unwrap();
    assert_eq!(machine.state(), before);
    assert!(matches!(unpublish(&machine, &journal, "switch"), Err(PublishError::Nothing(_))));
    // With the records lost, the host's rules are found by their name.
    publish(&docker, &machine, &journal, &asked).await.unwrap();
    journal.remove("switch").unwrap();
    unpublish(&machine, &journal, "switch").unwrap();
    let (host, _, accepts) = machine.state();
    assert_eq!((host, accepts), (before.0, before.2));
}

#[tokio::test]
async fn each_step_fails() {
    let (docker, machine, journal) = (Docker::default(), Computer::new(), Memory::default());
    let nothing = machine.state();
    for step in 1..=PUBLISHED.len() {
        *machine.host.fails.borrow_mut() = Some(step);
        let failed = publish(&docker, &machine, &journal, &request(&["5060/udp"])).await;
        assert!(matches!(failed, Err(PublishError::Firewall { .. })), "{failed:?}");
        assert_eq!((machine.state(), journal.all().unwrap()), (nothing.clone(), vec![]), "step {step}");
    }
    // With something published before, that is what is there again.
    *machine.host.fails.borrow_mut() = None;
    publish(&docker, &machine, &journal, &request(&["5060/udp"])).await.unwrap();
    let (former, records) = (machine.state(), journal.all().unwrap());
    for step in 1..=PUBLISHED.len() {
        *machine.host.fails.borrow_mut() = Some(step);
        assert!(publish(&docker, &machine, &journal, &request(&["5061/udp"])).await.is_err());
        assert_eq!(
            (machine.state(), journal.all().unwrap()),
            (former.clone(), records.clone()),
            "step {step}"
        );
    }
}

/// Taking back goes on past a failure, and is done by the next try.
#[tokio::test]
async fn taking_back_goes_on() {
    let (docker, machine, journal) = (Docker::default(), Computer::new(), Memory::default());
    let nothing = machine.state();
    publish(&docker, &machine, &journal, &request(&["5060/udp"])).await.unwrap();
    *machine.host.fails.borrow_mut() = Some(1);
    assert!(unpublish(&machine, &journal, "switch").is_err());
    assert!(machine.state().1.is_empty(), "the container's rules are gone all the same");
    assert_eq!(list(&machine, &journal).unwrap().rows[0].state, State::Unfinished);
    *machine.host.fails.borrow_mut() = None;
    unpublish(&machine, &journal, "switch").unwrap();
    assert_eq!(machine.state(), nothing);
}

/// Nothing is listed past a record that cannot be read, so what takes it away is said.
#[test]
fn a_damaged_record_is_named_with_what_takes_it_away() {
    let state = tempfile::tempdir().unwrap();
    let path = state.path().join("ports/edge.json");
    std::fs::create_dir(state.path().join("ports")).unwrap();
    for text in ["", "{", "[]", "{\"further\": 1}"] {
        std::fs::write(&path, text).unwrap();
        let error = StateDirectory::look_all(state.path()).unwrap_err();
        let next = error.next_step().unwrap();
        let wanted = format!("rm {}, then netctl port publish edge again, or netctl rm edge", path.display());
        assert_eq!(next, wanted, "{text}");
    }
}

#[tokio::test]
async fn what_would_not_work_is_refused() {
    let (docker, machine, journal) = (Docker::default(), Computer::new(), Memory::default());
    let loopback = Request { host_ips: vec!["127.0.0.1".parse().unwrap()], ..request(&["5060/udp"]) };
    let refused = publish(&docker, &machine, &journal, &loopback).await;
    assert!(matches!(refused, Err(PublishError::Loopback(_))), "{refused:?}");
    // More pieces than one message to the kernel holds.
    let scattered: Vec<String> = (0..300).map(|number| format!("{}/udp", 20_000 + 2 * number)).collect();
    let scattered = request(&scattered.iter().map(String::as_str).collect::<Vec<_>>());
    let refused = publish(&docker, &machine, &journal, &scattered).await;
    assert!(matches!(refused, Err(PublishError::Scattered(300))), "{refused:?}");
    let families = [Family::V4];
    let foreseen = foresee(&machine, &journal, &scattered, &families, &[], &[]);
    assert!(matches!(foreseen, Err(PublishError::Scattered(300))), "{foreseen:?}");
    assert_eq!((machine.asked(), journal.all().unwrap()), (vec![], vec![]));
}

#[tokio::test]
async fn a_daemon_elsewhere() {
    let (machine, journal) = (Computer::new(), Memory::default());
    let asked = request(&["5060/udp"]);
    let rootless = Docker { whereabouts: Whereabouts::Rootless, ..Docker::default() };
    let refused = publish(&rootless, &machine, &journal, &asked).await;
    assert!(matches!(refused, Err(PublishError::Rootless)));
    let remote = Computer { remote: true, ..Computer::new() };
    let refused = publish(&Docker::default(), &remote, &journal, &asked).await;
    assert!(matches!(refused, Err(PublishError::Elsewhere(_))));
    assert_eq!((machine.asked(), remote.asked()), (vec![], vec![]));
}

#[tokio::test]
async fn a_chain_that_drops_the_rest() {
    let machine = Computer::new();
    let chain = SeenChain {
        place: Place::Inet,
        table: "mine".to_owned(),
        name: "forwarded".to_owned(),
        point: Some(Point::Forward),
        drops: true,
    };
    machine.host.chains.borrow_mut().push(chain);
    let asked = Request { via: Via::Stateless, ..request(&["5060/udp"]) };
    let refused = publish(&Docker::default(), &machine, &Memory::default(), &asked).await;
    assert!(matches!(refused, Err(PublishError::Blocked(_))), "{refused:?}");
    assert_eq!(machine.asked(), Vec::<String>::new());
    assert!(machine.host.tables().unwrap().is_empty());
}

/// Where both kinds of iptables are loaded, it counts which one Docker uses.
#[tokio::test]
async fn the_old_iptables() {
    let (machine, asked) = (Computer { legacy: true, ..Computer::new() }, request(&["5060/udp"]));
    assert!(publish(&Docker::default(), &machine, &Memory::default(), &asked).await.is_ok());
    machine.host.chains.borrow_mut().clear();
    let refused = publish(&Docker::default(), &machine, &Memory::default(), &asked).await;
    assert!(matches!(refused, Err(PublishError::Legacy)));
}

/// Somebody has flushed the table filter, and left FORWARD's policy.
#[tokio::test]
async fn where_forward_leads_nowhere_the_accepts_stand_in_it() {
    let (docker, machine, journal) = (Docker::default(), Computer::new(), Memory::default());
    let forward = SeenChain {
        place: Place::Ip,
        table: "filter".to_owned(),
        name: "FORWARD".to_owned(),
        point: Some(Point::Forward),
        drops: true,
    };
    machine.host.chains.borrow_mut().push(forward);
    let jump = SeenRule {
        chain: "FORWARD".to_owned(),
        handle: 2,
        verdict: Some(Verdict::Jump("DOCKER-USER".to_owned())),
        ..SeenRule::default()
    };
    machine.host.filter.borrow_mut().push(jump.clone());
    publish(&docker, &machine, &journal, &request(&["5060/udp"])).await.unwrap();
    let chains = || {
        let filter = machine.host.filter.borrow();
        filter.iter().filter(|rule| rule.comment.is_some()).map(|rule| rule.chain.clone()).collect::<Vec<_>>()
    };
    assert_eq!(chains(), ["DOCKER-USER", "DOCKER-USER"]);
    let record = journal.read("switch").unwrap().unwrap();
    assert!(!steps::is_damaged(&machine.host, &machine, &record));
    // The accepts are there, and nothing comes to them.
    machine.host.filter.borrow_mut().retain(|rule| rule.chain != "FORWARD");
    // But by a chain of somebody else's.
    let jump_of = |from: &str, to: &str| SeenRule {
        chain: from.to_owned(),
        handle: 20,
        verdict: Some(Verdict::Jump(to.to_owned())),
        ..SeenRule::default()
    };
    let detour = [jump_of("FORWARD", "mine"), jump_of("mine", "DOCKER-USER"), jump_of("mine", "FORWARD")];
    machine.host.filter.borrow_mut().extend(detour);
    assert!(!steps::is_damaged(&machine.host, &machine, &record));
    machine.host.filter.borrow_mut().retain(|rule| rule.chain != "mine" && rule.chain != "FORWARD");
    assert!(steps::is_damaged(&machine.host, &machine, &record));
    assert!(steps::restore(&machine, &journal, "switch").unwrap());
    assert_eq!(chains(), ["FORWARD", "FORWARD"]);
    assert!(!steps::restore(&machine, &journal, "switch").unwrap());
    // And back, when Docker has started again.
    machine.host.filter.borrow_mut().insert(0, jump);
    assert!(steps::restore(&machine, &journal, "switch").unwrap());
    assert_eq!(chains(), ["DOCKER-USER", "DOCKER-USER"]);
}
