//! Running and taking away against fakes: what each mode asks for, what is refused before anything is asked for, and that
//! nothing is left wherever it fails.

mod conflicts;

use std::collections::BTreeMap;
use std::future::{pending, ready};
use std::io;

use super::fake::{Done, Fake, order, socket};
use super::*;
use crate::docker::{Container, Endpoint, Restart, Whereabouts};
use crate::error::{Exit, Explain as _};

fn wait<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

fn furnished() -> Order {
    Order {
        bridge: Some("br0".parse().unwrap()),
        addresses: vec!["10.1.0.9/24".parse().unwrap(), "fd00::9/64".parse().unwrap()],
        gateways: vec!["10.1.0.1".parse().unwrap()],
        ..order("none")
    }
}

fn published() -> Order {
    Order { ports: vec!["16384-32767/udp".parse().unwrap(), "5060/udp".parse().unwrap()], ..order("bridge") }
}

fn refused(fake: &Fake, order: &Order) -> RunError {
    let before = fake.snapshot();
    let mut failures = wait(run(&fake.world(), order, pending())).unwrap_err();
    assert_eq!((failures.len(), fake.0.asked.borrow().len()), (1, 0), "{failures:?}");
    assert_eq!(fake.snapshot(), before);
    failures.remove(0)
}

#[test]
fn each_mode_asks_for_its_own() {
    for (order, asked) in [
        (order("host"), vec!["create switch on host", "start switch"]),
        (order("container:other"), vec!["create switch on container:other-id", "start switch"]),
        (order("voice"), vec!["create switch on voice", "start switch"]),
        (order("bridge"), vec!["create network netctl", "create switch on netctl", "start switch"]),
        (
            published(),
            vec!["create network netctl", "create switch on netctl", "start switch", "publish switch"],
        ),
        (
            furnished(),
            vec![
                "create switch on none",
                "start switch",
                "pair sw-switch on 3 into 100",
                "addresses of eth0 in 100: [10.1.0.9/24, fd00::9/64]",
                "gateway in 100: 10.1.0.1",
            ],
        ),
    ] {
        let fake = Fake::new();
        wait(run(&fake.world(), &order, pending())).unwrap();
        assert_eq!(*fake.0.asked.borrow(), asked, "{}", order.mode);
    }
}

/// Every change of every mode fails once before it is done and once after; and a signal comes at once.
#[test]
fn whatever_fails_nothing_is_left() {
    for order in
        [order("host"), order("container:other"), order("voice"), order("bridge"), published(), furnished()]
    {
        for done in [Done::No, Done::Yes] {
            for number in 0.. {
                let fake = Fake::new();
                fake.0.fail.set(Some((number, done)));
                let before = fake.snapshot();
                let ran = wait(run(&fake.world(), &order, pending()));
                if ran.is_ok() {
                    assert!(number > 1, "no change failed");
                    break;
                }
                assert_eq!(ran.unwrap_err().len(), 1, "{} {number} {done:?}", order.mode);
                assert_eq!(fake.snapshot(), before, "{} {number} {done:?}", order.mode);
            }
        }
        let fake = Fake::new();
        let before = fake.snapshot();
        let failures = wait(run(&fake.world(), &order, ready(()))).unwrap_err();
        assert!(matches!(failures[..], [RunError::Interrupted]), "{failures:?}");
        assert_eq!(fake.snapshot(), before);
    }
}

#[test]
fn rm_takes_back_all_that_run_made() {
    for order in
        [order("host"), order("container:other"), order("voice"), order("bridge"), published(), furnished()]
    {
        let fake = Fake::new();
        let before = fake.snapshot();
        wait(run(&fake.world(), &order, pending())).unwrap();
        assert_ne!(fake.snapshot(), before);
        wait(remove_switch(&fake.world(), "switch")).unwrap();
        assert_eq!(fake.snapshot(), before, "{}", order.mode);
    }
}

/// Killed after any change, without a chance to take anything back: rm does it.
#[test]
fn rm_takes_back_what_a_killed_run_left() {
    for order in [order("host"), order("bridge"), published(), furnished()] {
        for changes in 1..10 {
            let fake = Fake::new();
            let before = fake.snapshot();
            let steps = wait(mode::plan(&fake.world(), &order)).unwrap().steps;
            let changing: Vec<_> = steps.iter().filter(|step| step.changes()).collect();
            for step in changing.iter().take(changes) {
                wait(apply::step(&fake.world(), step)).unwrap();
            }
            wait(remove_switch(&fake.world(), "switch")).unwrap();
            assert_eq!(fake.snapshot(), before, "{} {changes}", order.mode);
        }
    }
}

/// Somebody removed the container, and its namespace lives on with the address.
/// The daemon elsewhere has no container of that name; what is published under it is this host's.
#[test]
fn rm_leaves_this_hosts_rules_alone_for_a_daemon_elsewhere() {
    let fake = Fake::new();
    wait(run(&fake.world(), &published(), pending())).unwrap();
    fake.0.containers.borrow_mut().clear();
    *fake.0.whereabouts.borrow_mut() = Whereabouts::Elsewhere("it is reached over ssh://h".to_owned());
    let before = fake.snapshot();
    let failures = wait(remove_switch(&fake.world(), "switch")).unwrap_err();
    assert!(matches!(failures[..], [RunError::Remote(_)]), "{failures:?}");
    assert_eq!(fake.snapshot(), before);
    *fake.0.whereabouts.borrow_mut() = Whereabouts::Here;
    wait(remove_switch(&fake.world(), "switch")).unwrap();
    assert!(fake.0.published.borrow().is_empty());
}

#[test]
fn what_a_removed_container_left_makes_room() {
    let fake = Fake::new();
    wait(run(&fake.world(), &furnished(), pending())).unwrap();
    fake.0.held_open.set(true);
    fake.0.ends("switch");
    fake.0.containers.borrow_mut().retain(|it| it.name != "switch");
    fake.0.asked.borrow_mut().clear();
    wait(run(&fake.world(), &furnished(), pending())).unwrap();
    assert_eq!(fake.0.asked.borrow()[2..4], ["delete 9", "pair sw-switch on 3 into 101"]);
    // One of that name that is somebody else's stays.
    let fake = Fake::new();
    let alias = Some("uplink".to_owned());
    fake.0.interfaces.borrow_mut().push(Interface {
        index: 7,
        name: "sw-switch".to_owned(),
        alias,
        ..Interface::default()
    });
    wait(run(&fake.world(), &furnished(), pending())).unwrap();
    assert!(
        fake.0.asked.borrow()[2].starts_with("pair sw-") && !fake.0.asked.borrow()[2].contains("sw-switch")
    );
}

#[test]
fn rm_goes_on_past_a_failure_and_tells_of_each() {
    let fake = Fake::new();
    wait(run(&fake.world(), &furnished(), pending())).unwrap();
    fake.0.asked.borrow_mut().clear();
    fake.0.fail.set(Some((0, Done::No)));
    fake.0.held_open.set(true);
    let failures = wait(remove_switch(&fake.world(), "switch")).unwrap_err();
    assert_eq!(failures[0].to_string(), "cannot stop the container switch");
    assert_eq!(*fake.0.asked.borrow(), ["stop switch-id", "remove switch-id", "delete 9"]);
}

#[test]
fn what_others_made_is_left_alone() {
    let fake = Fake::new();
    let failures = wait(remove_switch(&fake.world(), "other")).unwrap_err();
    assert_eq!(failures[0].to_string(), "the container other was not made by netctl run");
    assert!(matches!(
        wait(remove_switch(&fake.world(), "gone")).unwrap_err()[..],
        [RunError::NoSuchContainer(_)]
    ));
    // Whose namespace is shared stays while it is.
    wait(run(&fake.world(), &order("voice"), pending())).unwrap();
    let guest = Order {
        name: "guest".to_owned(),
        ports: vec!["5099/udp".parse().unwrap()],
        ..order("container:switch")
    };
    fake.0.sockets.borrow_mut().clear();
    let guest = Order {
        environment: vec![
            "SWITCH__RTP__PORTS=40000-40001".to_owned(),
            "SWITCH__HTTP__LISTEN=127.0.0.1:1".to_owned(),
        ],
        ..guest
    };
    wait(run(&fake.world(), &guest, pending())).unwrap();
    let error = wait(remove_switch(&fake.world(), "switch")).unwrap_err().remove(0).to_string();
    assert_eq!(error, "the container guest shares the network of switch; nothing was taken away");
    wait(remove_switch(&fake.world(), "guest")).unwrap();
    wait(remove_switch(&fake.world(), "switch")).unwrap();
    // A second switch on netctl's own network keeps it.
    wait(run(&fake.world(), &order("bridge"), pending())).unwrap();
    let second = Order { name: "second".to_owned(), ..order("bridge") };
    wait(run(&fake.world(), &second, pending())).unwrap();
    wait(remove_switch(&fake.world(), "switch")).unwrap();
    assert!(fake.0.networks.borrow().iter().any(|network| network.name == "netctl"));
    wait(remove_switch(&fake.world(), "second")).unwrap();
    assert!(!fake.0.networks.borrow().iter().any(|network| network.name == "netctl"));
}

#[test]
fn taken_ports_are_named_with_their_holder() {
    let fake = Fake::new();
    let holder = Some(Holder { pid: 42, name: "nginx".to_owned() });
    fake.0.sockets.borrow_mut().extend([
        Socket { holder, ..socket(Protocol::Udp, "0.0.0.0", 5060) },
        socket(Protocol::Tcp, "127.0.0.1", 9282),
        socket(Protocol::Udp, "192.0.2.5", 20_000),
        socket(Protocol::Udp, "192.0.2.5", 20_001),
        socket(Protocol::Udp, "192.0.2.5", 53),
    ]);
    assert_eq!(
        refused(&fake, &order("host")).to_string(),
        "SIP 5060/udp is taken: 0.0.0.0:5060 udp is held by process 42 (nginx); \
         HTTP 9282/tcp at 127.0.0.1 is taken: 127.0.0.1:9282 tcp is held by a process that only root may see; \
         media 16384-32767/udp is taken: 192.0.2.5:20000 udp is held by a process that only root may see, and 1 more"
    );
}

/// A switch opens its media ports when calls come, so its sockets do not tell.
#[test]
fn another_switchs_media_range_is_taken_without_a_socket() {
    for (net, mode) in [("host", "host"), ("container:other", "container:other-id")] {
        let fake = Fake::new();
        let environment =
            vec!["SWITCH__RTP__PORTS=30000-40000".to_owned(), "SWITCH__SIP__LISTEN=udp:*:5099".to_owned()];
        fake.0.containers.borrow_mut().push(Container {
            name: "first".to_owned(),
            pid: Some(78),
            network_mode: mode.to_owned(),
            environment: [environment, vec!["SWITCH__HTTP__LISTEN=127.0.0.1:1".to_owned()]].concat(),
            ..Container::default()
        });
        assert_eq!(
            refused(&fake, &order(net)).to_string(),
            "media 16384-32767/udp is taken: the container first has media 30000-40000/udp"
        );
    }
    let fake = Fake::new();
    let inside = Order { ports: vec!["20000/udp".parse().unwrap()], ..order("host") };
    let error = refused(&fake, &inside).to_string();
    assert_eq!(error, "SIP 20000/udp is taken: the switch's own media 16384-32767/udp");
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_done() {
    let taken = Order { name: "other".to_owned(), ..order("host") };
    let imageless = Order { image: "gone".to_owned(), ..order("host") };
    let fake = Fake::new();
    assert_eq!(refused(&fake, &taken).to_string(), "there is a container other already");
    let error = refused(&fake, &imageless);
    assert_eq!((error.to_string(), error.exit()), ("no such image: gone".to_owned(), Exit::Missing));
    fake.0.cannot_publish.set(true);
    let error = refused(&fake, &published());
    assert_eq!(error.to_string(), "the ports cannot be published");
    assert_eq!(error.next_step().as_deref(), Some("say which: --host-ip ADDRESS"));
    fake.0.cannot_publish.set(false);
    assert_eq!(refused(&fake, &order("gone")).to_string(), "no such network: gone");
    assert!(matches!(refused(&fake, &order("container:gone")), RunError::NoSuchContainer(_)));
    fake.0.networks.borrow_mut()[0].driver = "macvlan".to_owned();
    let error = refused(&fake, &order("voice")).to_string();
    assert_eq!(error, "the driver of the network voice is macvlan; run knows bridge");
    let bridge = Some("br0".parse().unwrap());
    for (order, error) in [
        (
            Order { host_ips: vec!["192.0.2.5".parse().unwrap()], ..order("bridge") },
            "--host-ip has no meaning with --net bridge",
        ),
        (Order { bridge: bridge.clone(), ..order("host") }, "--bridge has no meaning with --net host"),
        (
            Order { from: vec!["10.0.0.0/8".parse().unwrap()], ..order("none") },
            "--from has no meaning with --net none",
        ),
        (order("none"), "--net none needs --bridge NAME"),
        (Order { bridge, ..order("none") }, "--net none needs --address IP/PREFIX"),
        (
            Order { bridge: Some("eth0".parse().unwrap()), ..furnished() },
            "eth0 is an interface, but no bridge",
        ),
        (Order { bridge: Some("gone".parse().unwrap()), ..furnished() }, "there is no bridge gone"),
        (
            Order { addresses: vec!["10.1.0.9".parse().unwrap()], ..furnished() },
            "the address 10.1.0.9 has no prefix length",
        ),
        (
            Order { addresses: vec!["10.1.0.1/24".parse().unwrap()], gateways: vec![], ..furnished() },
            "the address 10.1.0.1 is this host's interface br0's",
        ),
        (
            Order { gateways: vec!["10.1.0.9".parse().unwrap()], ..furnished() },
            "the gateway 10.1.0.9 is the container's own address",
        ),
        (
            Order { gateways: vec!["10.2.0.1".parse().unwrap()], ..furnished() },
            "the gateway 10.2.0.1 is in none of the subnets of the addresses",
        ),
    ] {
        assert_eq!(refused(&fake, &order).to_string(), error);
    }
    fake.0.lacking.set(Some(Capability::NetAdmin));
    let error = refused(&fake, &furnished());
    assert_eq!((error.to_string(), error.exit()), ("CAP_NET_ADMIN is missing".to_owned(), Exit::Denied));
    *fake.0.whereabouts.borrow_mut() = Whereabouts::Rootless;
    assert!(matches!(refused(&fake, &order("host")), RunError::Rootless));
    *fake.0.whereabouts.borrow_mut() = Whereabouts::Elsewhere("it is reached over tcp://h:2375".to_owned());
    let error = refused(&fake, &order("host")).to_string();
    assert_eq!(error, "the daemon runs elsewhere: it is reached over tcp://h:2375");
}

/// 10.9.0.0/29, of which Docker gives 10.9.0.4/30; 10.9.0.1 is the gateway's, 10.9.0.2 another's, though it is stopped.
#[test]
fn pinned_addresses_stay_outside_dockers_range() {
    let fake = Fake::new();
    fake.0.containers.borrow_mut()[0].pid = None;
    wait(run(&fake.world(), &order("voice"), pending())).unwrap();
    let pinned = |fake: &Fake, net: &str| fake.0.containers.borrow().last().unwrap().endpoints[net];
    assert_eq!(pinned(&fake, "voice").ipv4, "10.9.0.3".parse().ok());
    let second = Order { name: "second".to_owned(), ..order("voice") };
    let error = wait(run(&fake.world(), &second, pending())).unwrap_err().remove(0).to_string();
    assert_eq!(error, "the network voice has no address left outside Docker's range");
    let at = |address: &str| Order { addresses: vec![address.parse().unwrap()], ..order("voice") };
    let fake = Fake::new();
    for (address, error) in [
        (
            "10.9.0.5",
            "Docker gives addresses from 10.9.0.4/30 to anybody; 10.9.0.5 cannot be pinned in there",
        ),
        ("10.9.0.1", "the address 10.9.0.1 is the gateway of the network voice's"),
        ("10.9.0.2", "the address 10.9.0.2 is the container other's"),
        ("10.8.0.2", "the address 10.8.0.2 is not in the network voice"),
    ] {
        assert_eq!(refused(&fake, &at(address)).to_string(), error);
    }
    // netctl's own: a subnet that no route leads to, Docker giving from its upper half.
    wait(run(&fake.world(), &order("bridge"), pending())).unwrap();
    let pool = fake.0.networks.borrow().last().unwrap().pools[0].clone();
    assert_eq!(
        (pool.subnet.as_deref(), pool.ip_range.as_deref()),
        (Some("10.219.1.0/24"), Some("10.219.1.128/25"))
    );
    assert_eq!(pinned(&fake, "netctl"), Endpoint { ipv4: "10.219.1.2".parse().ok(), ipv6: None });
}

#[test]
fn a_container_that_ends_at_once_is_told_of_with_its_last_words() {
    let fake = Fake::new();
    fake.0.ends_at_once.set(true);
    let before = fake.snapshot();
    let failures = wait(run(&fake.world(), &order("host"), pending())).unwrap_err();
    assert_eq!(failures[0].to_string(), "cannot bring switch to listen; what was done is taken back");
    let source = std::error::Error::source(&failures[0]).unwrap().to_string();
    assert_eq!(source, "switch ended with 0; it said:\nfarewell");
    assert_eq!(fake.snapshot(), before);
}

#[test]
fn docker_waits_longer_than_the_switch_drains() {
    for (variable, seconds) in [("A=b", 12), ("SWITCH__DRAIN__DEADLINE=1m30s", 94)] {
        let order = Order { environment: vec![variable.to_owned()], ..order("host") };
        let steps = wait(mode::plan(&Fake::new().world(), &order)).unwrap().steps;
        let timeout = steps.iter().find_map(|step| match step {
            step::Step::Container(order) => Some(order.stop_timeout.as_secs()),
            _ => None,
        });
        assert_eq!(timeout, Some(seconds));
    }
}

#[test]
fn what_docker_does_not_keep_is_said() {
    let fake = Fake::new();
    let order = Order { restart: Restart::Always, ..furnished() };
    let ran = wait(run(&fake.world(), &order, pending())).unwrap().to_string();
    assert!(ran.contains("note: Docker makes a new, empty namespace when switch restarts"), "{ran}");
}

#[test]
fn the_call_goes_where_the_switch_can_be_reached() {
    let way = |fake: &Fake| {
        wait(way::ways(&fake.world(), fake.0.containers.borrow().last().unwrap())).unwrap().remove(0)
    };
    let told = |order: &Order| {
        let fake = Fake::new();
        wait(run(&fake.world(), order, pending())).unwrap();
        (way(&fake).target, way(&fake).from)
    };
    let tcp = Order {
        ports: vec!["5070/tcp".parse().unwrap()],
        host_ips: vec!["127.0.0.9".parse().unwrap()],
        ..order("host")
    };
    assert_eq!(told(&tcp), ("sip:9196@127.0.0.9:5070;transport=tcp".to_owned(), Some(Origin::Here)));
    assert_eq!(told(&furnished()), ("sip:9196@10.1.0.9:5060".to_owned(), Some(Origin::Here)));
    let far = Order { addresses: vec!["10.2.0.9/24".parse().unwrap()], gateways: vec![], ..furnished() };
    assert_eq!(told(&far), ("sip:9196@10.2.0.9:5060".to_owned(), None));
    let inside = ("sip:9196@127.0.0.1:5060".to_owned(), Some(Origin::Inside(100)));
    assert_eq!(told(&order("container:other")), inside);
    assert_eq!(told(&order("voice")), ("sip:9196@10.9.0.3:5060".to_owned(), Some(Origin::Here)));
    let outside = Some(Origin::Outside("192.0.2.5".parse().unwrap()));
    assert_eq!(told(&published()), ("sip:9196@192.0.2.5:5060".to_owned(), outside));
    // Whoever is not let in cannot call from outside, and what is translated elsewhere cannot be called from here.
    let some = Order { from: vec!["10.0.0.0/8".parse().unwrap()], ..published() };
    assert_eq!(told(&some).1, Some(Origin::Here));
    let all = Order { from: vec!["0.0.0.0/0".parse().unwrap()], ..published() };
    assert_eq!(told(&all).1, outside);
    let cloud = Order { advertise: "198.51.100.77".parse().ok(), ..published() };
    assert_eq!(told(&cloud), ("sip:9196@198.51.100.77:5060".to_owned(), None));
    let mute = Order { environment: vec!["SWITCH__BUILTIN__NUMBERS=false".to_owned()], ..order("voice") };
    assert_eq!(told(&mute).1, None);
}

#[test]
fn a_missing_process_is_no_panic() {
    let gone = Container { name: "x".to_owned(), labels: BTreeMap::new(), ..Container::default() };
    assert!(matches!(wait(way::ways(&Fake::new().world(), &gone)), Err(RunError::NotRunning(_))));
    assert!(
        crate::netlink::inside(u32::MAX, || ()).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    );
}

/// Where the neighbour would be in somebody's way it is elsewhere, and nowhere if all of the range is taken.
#[test]
fn a_neighbour_has_addresses_that_no_route_leads_to() {
    let fake = Fake::new();
    let host = "192.0.2.5".parse().unwrap();
    let ends = |fake: &Fake| -> Vec<ipnet::IpNet> {
        let before = fake.0.interfaces.borrow().clone();
        let made = wait(neighbour::make(fake, fake, &[host])).unwrap();
        let ours = fake.0.interfaces.borrow().last().unwrap().addresses[0];
        let its = made.address(crate::firewall::Family::V4).unwrap();
        assert!(ours.contains(&its), "{ours} {its}");
        wait(neighbour::part(fake, made)).unwrap();
        assert_eq!(*fake.0.interfaces.borrow(), before);
        vec![ours, its.into()]
    };
    let first = ends(&fake);
    assert!(first.iter().all(|end| neighbour::range(host).contains(end)), "{first:?}");
    let taken = |to| Route { destination: to, gateway: None, metric: 0, interface: "eth0".to_owned() };
    fake.0.routes.borrow_mut().push(taken(first[0].trunc()));
    let second = ends(&fake);
    assert_ne!(first, second);
    fake.0.routes.borrow_mut().push(taken(neighbour::range(host)));
    let asked = fake.0.asked.borrow().len();
    let Err(error) = wait(neighbour::make(&fake, &fake, &[host])) else { panic!("it is in somebody's way") };
    assert_eq!(
        error.to_string(),
        "routes lead to all the addresses that are set aside for tests, 198.18.0.0/15"
    );
    assert_eq!(fake.0.asked.borrow().len(), asked);
}
