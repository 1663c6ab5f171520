//! Publishing against fakes: which steps, in which order, and what is taken back.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::*;
use crate::docker::{Attachment, BridgeNetwork, DockerError, Workload, Workloads};
use crate::firewall::fake::Fake;
use crate::firewall::{
    Family, Firewall, FirewallError, Place, Point, SeenChain, SeenRule, Transport, Verdict,
};

/// A container `switch` at 172.29.0.2 behind br-voice.
struct Docker {
    rootless: bool,
    workload: Workload,
}

impl Default for Docker {
    fn default() -> Self {
        let attachment = Attachment { network: "voice".to_owned(), addresses: vec![[172, 29, 0, 2].into()] };
        let workload = Workload {
            id: "c0ffee".to_owned(),
            name: "switch".to_owned(),
            pid: Some(7),
            mode: "voice".to_owned(),
            attachments: vec![attachment],
        };
        Self { rootless: false, workload }
    }
}

impl Workloads for Docker {
    async fn rootless(&self) -> Result<bool, DockerError> {
        Ok(self.rootless)
    }
    async fn workload(&self, _: &str) -> Result<Workload, DockerError> {
        Ok(self.workload.clone())
    }
    async fn bridge_networks(&self) -> Result<Vec<BridgeNetwork>, DockerError> {
        let network = |id: &str, subnet: &str| BridgeNetwork {
            id: id.to_owned(),
            bridge: format!("br-{id}"),
            subnets: vec![subnet.parse().unwrap()],
        };
        Ok(vec![network("voice", "172.29.0.0/24"), network("other", "172.29.1.0/24")])
    }
}

#[derive(Default)]
struct Computer {
    host: Fake,
    container: Fake,
    remote: bool,
    legacy: bool,
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
        Self { host, container, ..Self::default() }
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
        (family == Family::V4).then(|| [192, 0, 2, 1].into())
    }
    fn is_own(&self, _: IpAddr) -> bool {
        true
    }
    fn has_interface(&self, _: &str) -> bool {
        true
    }
    fn listeners(&self) -> Vec<(Transport, Option<IpAddr>, u16)> {
        let at = |port| (Transport::Udp, Some([192, 0, 2, 1].into()), port);
        vec![
            at(5060),
            at(53),
            (Transport::Tcp, None, 5060),
            (Transport::Udp, Some([127, 0, 0, 1].into()), 5061),
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
        host: Vec::new(),
        from: Vec::new(),
        via: Via::Auto,
    }
}

const PUBLISHED: [&str; 2] = [
    "container: remove netctl-switch, add netctl-switch",
    "host: remove netctl-switch, add netctl-switch, accept Out in DOCKER-USER, accept In in DOCKER-USER",
];

#[tokio::test]
async fn one_transaction_a_namespace() {
    let (docker, machine, journal) = (Docker::default(), Computer::new(), Memory::default());
    let before = machine.state();
    let asked = request(&["16384-32767/udp", "5060/udp"]);
    let done = publish(&docker, &machine, &journal, &asked).await.unwrap();
    assert_eq!((done.outcome, machine.asked()), (Outcome::Changed, PUBLISHED.map(str::to_owned).to_vec()));
    assert_eq!(done.held, ["5060/udp".parse().unwrap()]);
    // The rule that ends DOCKER-USER is still the last.
    assert_eq!(machine.state().2.last(), Some(&None));
    let done = publish(&docker, &machine, &journal, &asked).await.unwrap();
    assert_eq!((done.outcome, machine.asked()), (Outcome::Unchanged, vec![]));
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

#[tokio::test]
async fn a_daemon_elsewhere() {
    let (machine, journal) = (Computer::new(), Memory::default());
    let asked = request(&["5060/udp"]);
    let rootless = Docker { rootless: true, ..Docker::default() };
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
