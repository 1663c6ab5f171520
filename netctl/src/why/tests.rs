//! Causes, against a machine that answers as it is told.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};

use super::*;
use crate::bridge::KernelError;
use crate::firewall::{End, FirewallError, PortRange, Step, Table};
use crate::network::{Holder, Interface, Place, Protocol, Socket};
use crate::publish::{Path, Publication};

#[derive(Default)]
struct Fake {
    settings: BTreeMap<&'static str, &'static str>,
    /// The answer for packets that are sent, and for those that come in by an interface.
    routes: [Option<Routing>; 2],
    sockets: Vec<Socket>,
    interfaces: Vec<Interface>,
}

/// Counters that count nothing.
struct Still;

impl Watch for Still {
    fn counts(&self) -> Result<ByFamily, FirewallError> {
        Ok(ByFamily::new())
    }
    fn steps(&mut self) -> Vec<Step> {
        Vec::new()
    }
}

impl Machine for Fake {
    type Watch = Still;
    fn watch(&self, _: Place, _: Table) -> Result<Still, FirewallError> {
        Ok(Still)
    }
    fn udp(&self, _: Place) -> io::Result<UdpLosses> {
        Ok(UdpLosses::default())
    }
    fn sockets(&self, _: Place) -> io::Result<Vec<Socket>> {
        Ok(self.sockets.clone())
    }
    fn setting(&self, _: Place, path: &str) -> Option<String> {
        self.settings.get(path).map(ToString::to_string)
    }
    fn forward_drops(&self, _: Family) -> bool {
        false
    }
    async fn interfaces(&self, _: Place) -> Result<Vec<Interface>, KernelError> {
        Ok(self.interfaces.clone())
    }
    async fn routing(&self, question: &Question) -> Result<Routing, KernelError> {
        let answer = self.routes[usize::from(question.by.is_some())].clone();
        Ok(answer.unwrap_or(Routing::Leads(1)))
    }
    async fn metrics(&self, _: Place, _: SocketAddr) -> Option<String> {
        None
    }
}

const PEER: [u8; 4] = [198, 51, 100, 2];
const HOST: [u8; 4] = [192, 0, 2, 1];

fn subject(stands: bool) -> Subject {
    let publication = Publication {
        name: "switch".to_owned(),
        container: "c0ffee".to_owned(),
        bridge: "br-voice".to_owned(),
        ports: vec!["16384-32767/udp".parse().unwrap(), "5060/udp".parse().unwrap()],
        from: Vec::new(),
        follows: true,
        paths: vec![Path {
            container: [172, 29, 0, 2].into(),
            network: "172.29.0.0/24".parse().unwrap(),
            stateless: Some(HOST.into()),
            tracked: Vec::new(),
            peers: Vec::new(),
        }],
    };
    Subject {
        name: "switch".to_owned(),
        status: "running".to_owned(),
        pid: Some(7),
        reach: Reach::Published { publication, stands, owner: "switch".to_owned() },
        sip: vec![(Protocol::Udp, PortRange { first: 5060, last: 5060 })],
        media: PortRange { first: 16384, last: 32767 },
        http: None,
        advertises: Some(vec![HOST.into()]),
        joint: None,
        left_by: None,
    }
}

fn found(machine: &Fake, subject: &Subject, seen: &Seen, hop: Hop) -> Cause {
    let scene = Scene { machine, subject, seen, family: Family::V4, peer: Some(PEER.into()), options: "" };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(scene.cause(hop, Stream::Media))
}

fn listening() -> Seen {
    Seen { listens: vec![Family::V4], ..Seen::default() }
}

/// A packet from the peer that is marked where it came, and dropped.
fn trail(table: &str, chain: &str, end: End) -> Trail {
    let step = |table: &str, chain: &str, end| Step {
        fresh: true,
        packet: 1,
        family: if table == "filter" { "ip" } else { "inet" },
        table: table.to_owned(),
        chain: chain.to_owned(),
        end,
        interface: Some(3),
        addresses: Some((IpAddr::from(PEER), HOST.into())),
    };
    let mut trail = Trail::default();
    trail.add(vec![step("netctl-why/switch", "arrived", End::Matched), step(table, chain, end)]);
    trail
}

#[test]
fn the_rule_that_dropped_it() {
    let seen = Seen { on_host: trail("fw", "bad", End::Rule(4)), ..listening() };
    let cause = found(&Fake::default(), &subject(true), &seen, Hop::Rewritten);
    assert_eq!(
        (cause.kind, cause.text.as_str()),
        ("firewall", "rule 4 of the chain bad in the table inet fw drops media")
    );
    let mend =
        "nft insert rule inet fw bad handle 4 ip daddr 192.0.2.1 udp dport '{ 5060, 16384-32767 }' accept";
    assert_eq!(cause.mend.as_deref(), Some(mend));
    // It is not netctl's own rules, though these are missing, too.
    assert_eq!(found(&Fake::default(), &subject(false), &seen, Hop::Rewritten).kind, "firewall");
    // By Docker's it is.
    let seen = Seen { on_host: trail("filter", "FORWARD", End::Policy), ..listening() };
    let cause = found(&Fake::default(), &subject(false), &seen, Hop::Forwarded);
    let again = "netctl port publish switch 16384-32767/udp 5060/udp";
    assert_eq!((cause.kind, cause.mend.as_deref()), ("own_rules", Some(again)));
}

#[test]
fn who_is_let_and_who_has_the_port() {
    let mut whose = subject(true);
    if let Reach::Published { publication, .. } = &mut whose.reach {
        publication.from.push("203.0.113.0/24".parse().unwrap());
    }
    assert_eq!(found(&Fake::default(), &whose, &listening(), Hop::Rewritten).kind, "from");
    let holder = Some(Holder { pid: 42, name: "perl".to_owned() });
    let (local, remote) = ("0.0.0.0:20000".parse().unwrap(), "0.0.0.0:0".parse().unwrap());
    let socket =
        Socket { protocol: Protocol::Udp, local, remote, receive_queue: 0, send_queue: 0, inode: 1, holder };
    let machine = Fake { sockets: vec![socket], ..Fake::default() };
    let cause = found(&machine, &subject(true), &listening(), Hop::Rewritten);
    assert!(cause.kind == "taken" && cause.text.contains("42/perl"), "{cause:?}");
}

#[test]
fn routes() {
    let refused = |by: Option<&str>| Some(Routing::Refused { by: by.map(str::to_owned) });
    let seen = Seen { on_host: trail("fw", "x", End::None), ..listening() };
    let blackhole = Fake { routes: [refused(Some("blackhole 198.51.100.0/24")), None], ..Fake::default() };
    let cause = found(&blackhole, &subject(true), &seen, Hop::RoutedBack);
    assert_eq!(cause.mend.as_deref(), Some("ip route del blackhole 198.51.100.0/24"));
    let off = Fake { settings: [("net/ipv4/ip_forward", "0")].into(), ..Fake::default() };
    assert_eq!(found(&off, &subject(true), &seen, Hop::Routed).kind, "forwarding");
    let eth0 = Interface { index: 3, name: "eth0".to_owned(), ..Interface::default() };
    let up = Interface { index: 1, name: "br-voice".to_owned(), flags: vec!["UP"], ..Interface::default() };
    let settings = [("net/ipv4/conf/all/rp_filter", "0"), ("net/ipv4/conf/eth0/rp_filter", "1")];
    let mut strict = Fake {
        settings: settings.into(),
        routes: [None, refused(None)],
        interfaces: vec![eth0, up],
        ..Fake::default()
    };
    let cause = found(&strict, &subject(true), &seen, Hop::Routed);
    assert_eq!(cause.mend.as_deref(), Some("sysctl -w net.ipv4.conf.eth0.rp_filter=2"));
    // The larger value counts, and 2 is lenient.
    strict.settings.insert("net/ipv4/conf/all/rp_filter", "2");
    assert_eq!(found(&strict, &subject(true), &seen, Hop::Routed).kind, "route");
}

#[test]
fn the_switch_itself() {
    let metrics = |before: &str, after: &str| Some((Metrics::read(before), Metrics::read(after)));
    let dropped = |reason: &str| format!("switch_media_dropped_total{{reason=\"{reason}\"}} 9");
    let paused = Subject { status: "paused".to_owned(), ..subject(true) };
    let seen = listening();
    let cause = found(&Fake::default(), &paused, &seen, Hop::Taken);
    assert_eq!((cause.kind, cause.mend.as_deref()), ("paused", Some("docker unpause switch")));
    assert_eq!(found(&Fake::default(), &subject(true), &Seen::default(), Hop::Queued).kind, "no_listener");
    let lost = UdpLosses { full: 3, ..UdpLosses::default() };
    assert_eq!(
        found(&Fake::default(), &subject(true), &Seen { lost, ..listening() }, Hop::Queued).kind,
        "queue"
    );
    let seen = Seen { metrics: metrics("", &dropped("foreign")), ..listening() };
    let cause = found(&Fake::default(), &subject(true), &seen, Hop::Taken);
    assert!(cause.kind == "dropped" && cause.text.contains("third party"), "{cause:?}");
    let seen = Seen { metrics: metrics("", &dropped("withheld")), ..listening() };
    assert!(found(&Fake::default(), &subject(true), &seen, Hop::Sent).text.contains("9 withheld"));
    let seen = Seen { metrics: metrics("switch_ready 1", "switch_ready 0"), ..listening() };
    assert_eq!(found(&Fake::default(), &subject(true), &seen, Hop::Sent).kind, "draining");
    let refused = "switch_ready 1\nswitch_calls_refused_total{reason=\"calls\"} 4";
    let seen = Seen { metrics: metrics("switch_ready 1", refused), ..listening() };
    assert_eq!(found(&Fake::default(), &subject(true), &seen, Hop::Sent).kind, "refused");
}
