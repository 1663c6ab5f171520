//! Every check, against a machine that answers as it is told.

use std::collections::BTreeMap;

use super::*;
use crate::docker::{Daemon, DockerEndpoint};
use crate::firewall::PortRange;
use crate::network::{Capability, Holder, Socket};
use crate::ports::{Ports, Protocol};

/// A machine that is as it should be, until it is told otherwise.
struct Fake {
    settings: BTreeMap<&'static str, String>,
    links: Vec<Link>,
    lacks: bool,
    rules: Option<String>,
    link: Option<String>,
    sockets: Vec<Socket>,
    obstacles: Vec<(String, String)>,
    forward_drops: bool,
    legacy: bool,
    published: Vec<(String, Vec<Ports>)>,
    files: u64,
    filtered: bool,
}

impl Default for Fake {
    fn default() -> Self {
        let settings = [
            ("net/ipv4/ip_forward", "1"),
            ("net/ipv6/conf/all/forwarding", "1"),
            ("net/ipv6/conf/eth0/accept_ra", "2"),
            ("net/ipv4/conf/all/rp_filter", "0"),
            ("net/ipv4/conf/eth0/rp_filter", "2"),
            ("net/bridge/bridge-nf-call-iptables", "0"),
            ("net/ipv4/ip_local_port_range", "32768\t60999"),
            ("net/ipv4/ip_local_reserved_ports", ""),
            ("net/core/rmem_default", "212992"),
            ("net/core/rmem_max", "212992"),
            ("net/netfilter/nf_conntrack_max", "1000"),
            ("net/netfilter/nf_conntrack_count", "10"),
        ];
        let addresses = vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()];
        Self {
            settings: settings.into_iter().map(|(name, value)| (name, value.to_owned())).collect(),
            links: vec![Link { name: "eth0".to_owned(), kind: None, addresses }],
            lacks: false,
            rules: None,
            link: None,
            sockets: Vec::new(),
            obstacles: Vec::new(),
            forward_drops: true,
            legacy: false,
            published: Vec::new(),
            files: 1 << 20,
            filtered: true,
        }
    }
}

impl Facts for Fake {
    fn setting(&self, path: &str) -> Option<String> {
        self.settings.get(path).cloned()
    }
    fn interfaces(&self) -> Vec<Link> {
        self.links.clone()
    }
    fn lacks(&self, _: Capability) -> bool {
        self.lacks
    }
    fn refuses_rules(&self) -> Option<String> {
        self.rules.clone()
    }
    fn refuses_link(&self, _: &'static str) -> Option<String> {
        self.link.clone()
    }
    fn sockets(&self) -> Vec<Socket> {
        self.sockets.clone()
    }
    fn obstacles(&self) -> Vec<(String, String)> {
        self.obstacles.clone()
    }
    fn forward_drops(&self) -> bool {
        self.forward_drops
    }
    fn legacy_iptables(&self) -> bool {
        self.legacy
    }
    fn published(&self) -> Vec<(String, Vec<Ports>)> {
        self.published.clone()
    }
    fn file_limit(&self, _: u32) -> Option<u64> {
        Some(self.files)
    }
    fn is_filtered(&self, _: u32) -> Option<bool> {
        Some(self.filtered)
    }
}

fn question() -> Question {
    let daemon = Daemon {
        version: "28.5.2".to_owned(),
        firewall: Some("iptables".to_owned()),
        live_restore: true,
        security: vec!["name=seccomp,profile=builtin".to_owned()],
        cgroup: "2".to_owned(),
        pid: Some(7),
        ..Daemon::default()
    };
    Question {
        media: PortRange { first: 16384, last: 32767 },
        sip: vec![Ports::one(5060, Protocol::Udp)],
        endpoint: DockerEndpoint::default(),
        options: String::new(),
        daemon: Ok(daemon),
        patient: Some(Patient { name: "switch".to_owned(), pid: Some(8), is_host: false }),
    }
}

fn wrong(facts: &Fake, question: &Question) -> Vec<(&'static str, Level, Option<String>)> {
    let found = examine(facts, question).0.into_iter().filter(|finding| finding.level != Level::Ok);
    found.map(|finding| (finding.topic, finding.level, finding.mend)).collect()
}

#[test]
fn a_host_as_it_should_be() {
    assert_eq!(wrong(&Fake::default(), &question()), []);
    let found = examine(&Fake::default(), &question());
    assert_eq!(found.worst(), Level::Ok);
    assert!(found.0.len() > 20 && found.0.iter().all(|finding| finding.mend.is_none()), "{found}");
}

/// Each setting with its wrong value, how bad that is, and the command.
#[test]
fn settings() {
    for (name, value, topic, level, mend) in [
        ("net/ipv4/ip_forward", "0", "ip_forward", Level::Bad, "sysctl -w net.ipv4.ip_forward=1"),
        (
            "net/ipv6/conf/all/forwarding",
            "0",
            "ipv6_forwarding",
            Level::Warn,
            "sysctl -w net.ipv6.conf.all.forwarding=1",
        ),
        (
            "net/ipv6/conf/eth0/accept_ra",
            "1",
            "accept_ra",
            Level::Warn,
            "sysctl -w net.ipv6.conf.eth0.accept_ra=2",
        ),
        (
            "net/ipv4/conf/eth0/rp_filter",
            "1",
            "rp_filter",
            Level::Warn,
            "sysctl -w net.ipv4.conf.all.rp_filter=2",
        ),
        (
            "net/bridge/bridge-nf-call-iptables",
            "1",
            "bridge_nf",
            Level::Warn,
            "sysctl -w net.bridge.bridge-nf-call-iptables=0",
        ),
        (
            "net/ipv4/ip_local_port_range",
            "20000\t60999",
            "local_ports",
            Level::Warn,
            "sysctl -w net.ipv4.ip_local_reserved_ports=16384-32767",
        ),
        ("net/core/rmem_max", "4096", "socket_buffers", Level::Warn, "sysctl -w net.core.rmem_max=212992"),
        (
            "net/netfilter/nf_conntrack_count",
            "900",
            "conntrack",
            Level::Bad,
            "sysctl -w net.netfilter.nf_conntrack_max=2000",
        ),
    ] {
        let mut facts = Fake::default();
        facts.settings.insert(name, value.to_owned());
        assert_eq!(wrong(&facts, &question()), [(topic, level, Some(mend.to_owned()))], "{name}");
    }
    // Of what is kept free already, nothing is lost.
    let mut facts = Fake::default();
    facts.settings.insert("net/ipv4/ip_local_port_range", "20000\t60999".to_owned());
    facts.settings.insert("net/ipv4/ip_local_reserved_ports", "9000,20000-25000".to_owned());
    let mend = "sysctl -w net.ipv4.ip_local_reserved_ports=9000,16384-32767".to_owned();
    assert_eq!(wrong(&facts, &question()), [("local_ports", Level::Warn, Some(mend))]);
    facts.settings.insert("net/ipv4/ip_local_reserved_ports", "9000,16384-32767".to_owned());
    assert_eq!(wrong(&facts, &question()), []);
}

#[test]
fn kernel_and_rights() {
    let topics =
        |facts: Fake| wrong(&facts, &question()).into_iter().map(|found| found.0).collect::<Vec<_>>();
    let some = || Some("Operation not supported".to_owned());
    assert_eq!(topics(Fake { lacks: true, ..Fake::default() }), ["capabilities", "capabilities"]);
    assert_eq!(topics(Fake { rules: some(), ..Fake::default() }), ["nf_tables"]);
    assert_eq!(topics(Fake { link: some(), ..Fake::default() }), ["veth", "bridge"]);
    assert_eq!(topics(Fake { legacy: true, ..Fake::default() }), ["iptables"]);
    let obstacles = vec![("it drops".to_owned(), "nft ...".to_owned())];
    assert_eq!(topics(Fake { obstacles, ..Fake::default() }), ["firewall"]);
    assert_eq!(topics(Fake { files: 4096, ..Fake::default() }), ["file_limit", "file_limit"]);
    assert_eq!(topics(Fake { filtered: false, ..Fake::default() }), ["seccomp"]);
}

#[test]
fn who_else_has_the_ports() {
    let socket = |port: u16, name: &str| Socket {
        protocol: Protocol::Udp,
        local: format!("0.0.0.0:{port}").parse().unwrap(),
        remote: "0.0.0.0:0".parse().unwrap(),
        receive_queue: 0,
        send_queue: 0,
        inode: 1,
        holder: Some(Holder { pid: 42, name: name.to_owned() }),
    };
    let sockets = vec![socket(20000, "perl"), socket(53, "named"), socket(5060, "docker-proxy")];
    let mut facts = Fake { sockets, ..Fake::default() };
    assert_eq!(wrong(&facts, &question()), [("ports", Level::Bad, Some("kill 42".to_owned()))]);
    // A process is told of once, however many it has.
    facts.sockets.extend([socket(20_002, "perl"), socket(20_004, "perl")]);
    let found = examine(&facts, &question());
    let ports: Vec<&str> = found.0.iter().filter(|it| it.topic == "ports").map(|it| it.is.as_str()).collect();
    assert_eq!(ports, ["0.0.0.0:20000 udp and 2 more are held by 42/perl"]);
    // A switch with the host's network holds its ports itself.
    facts.sockets = vec![socket(5060, "switch-node")];
    let mut own = question();
    assert_eq!(wrong(&facts, &own).len(), 1);
    own.patient = Some(Patient { name: "switch".to_owned(), pid: Some(8), is_host: true });
    assert_eq!(wrong(&facts, &own), []);
    facts.sockets.clear();
    facts.published = vec![("other".to_owned(), vec![Ports::one(5060, Protocol::Udp)])];
    let mend = Some("netctl port unpublish other".to_owned());
    assert_eq!(wrong(&facts, &question()), [("published", Level::Warn, mend)]);
    let mut question = question();
    let publishes = |port| ("old".to_owned(), Ports::one(port, Protocol::Udp));
    question.daemon.as_mut().unwrap().published = vec![publishes(16384), publishes(16385), publishes(80)];
    let found = examine(&Fake::default(), &question);
    let finding = found.0.iter().find(|finding| finding.topic == "docker_publish").unwrap();
    assert_eq!(finding.is, "Docker itself publishes 2 of the ports (16384-16385) for old");
}

#[test]
fn the_daemon() {
    let topics = |change: fn(&mut Daemon)| {
        let mut question = question();
        change(question.daemon.as_mut().unwrap());
        wrong(&Fake::default(), &question).into_iter().map(|found| (found.0, found.1)).collect::<Vec<_>>()
    };
    assert_eq!(topics(|daemon| daemon.version = "19.03.1".to_owned()), [("daemon", Level::Warn)]);
    let nftables = topics(|daemon| daemon.firewall = Some("nftables".to_owned()));
    assert_eq!(nftables, [("firewall_backend", Level::Bad)]);
    assert_eq!(topics(|daemon| daemon.live_restore = false), [("live_restore", Level::Warn)]);
    assert_eq!(topics(|daemon| daemon.proxies = 200), [("userland_proxy", Level::Warn)]);
    assert_eq!(topics(|daemon| daemon.cgroup.clear()), [("cgroup", Level::Warn)]);
    let asked = examine(&Fake::default(), &question());
    let endpoint = asked.0.iter().find(|finding| finding.topic == "endpoint").unwrap();
    assert_eq!(endpoint.is, "the daemon is asked at unix:///var/run/docker.sock (the default)");
    let silent = Question { daemon: Err("nobody answers".to_owned()), ..question() };
    let mend = Some("systemctl start docker".to_owned());
    assert_eq!(wrong(&Fake::default(), &silent), [("daemon", Level::Bad, mend)]);
    // What is started here does not answer there.
    let host = "ssh://elsewhere".parse().unwrap();
    let far = Question { endpoint: DockerEndpoint { host, ..DockerEndpoint::default() }, ..silent };
    assert_eq!(wrong(&Fake::default(), &far), [("daemon", Level::Bad, None)]);
}
