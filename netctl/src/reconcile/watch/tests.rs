//! Looks at a world of fakes: what is mended, what is taken back, what is left alone, and what is said.

use std::fs;
use std::path::PathBuf;
use std::slice::from_ref;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

use super::glance::Glance;
use super::pass::{Memory, pass};
use super::{News, Watch, watch};
use crate::docker::{Container, DockerError, Events, Restart};
use crate::network::fake::{Done, Fake, order};
use crate::network::{Order, Publisher as _, labels, run};

fn wait<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

/// A watch, as far as it can be seen.
struct Watched {
    fake: Fake,
    memory: Memory,
}

impl Watched {
    fn new(files: &[PathBuf]) -> Self {
        Self { fake: Fake::new(), memory: Memory::new(files) }
    }

    /// One look: whether all is well then, what was changed, and what was said.
    fn look(&mut self) -> (bool, Vec<String>, Vec<String>) {
        self.fake.0.asked.borrow_mut().clear();
        let mut said = Vec::new();
        let whole = wait(pass(&self.fake.world(), &mut self.memory, &mut |text| said.push(text.to_owned())));
        (whole.unwrap(), self.fake.0.asked.take(), said)
    }

    /// What the kernel told of is looked at: whether a look at everything is due.
    fn glance(&self) -> bool {
        let (world, mut log) = (self.fake.world(), |_: &str| {});
        wait(Glance::take(&world, &self.memory.interfaces, &mut log)) != self.memory.glance
    }

    fn run(&self, order: &Order) {
        wait(run(&self.fake.world(), order, std::future::pending())).unwrap();
    }

    /// As Docker restarts it.
    fn restart(&self, name: &str) {
        self.fake.0.ends(name);
        self.fake.0.begins(name);
    }

    /// Somebody else's, made with labels.
    fn foreign(&self, name: &str, pairs: &[(&str, &str)]) {
        self.fake.0.containers.borrow_mut().push(Container {
            id: format!("{name}-id"),
            name: name.to_owned(),
            network_mode: "voice".to_owned(),
            labels: pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            ..Container::default()
        });
        self.fake.0.begins(name);
    }
}

fn published() -> Order {
    Order { ports: vec!["5060/udp".parse().unwrap()], ..order("bridge") }
}

fn furnished() -> Order {
    Order {
        name: "lan".to_owned(),
        bridge: Some("br0".parse().unwrap()),
        addresses: vec!["10.1.0.9/24".parse().unwrap()],
        gateways: vec!["10.1.0.1".parse().unwrap()],
        restart: Restart::Always,
        ..order("none")
    }
}

#[test]
fn what_runs_is_furnished_and_published_again() {
    let mut watched = Watched::new(&[]);
    watched.run(&published());
    watched.run(&furnished());
    assert_eq!(watched.look(), (true, vec![], vec![]));
    watched.restart("switch");
    watched.restart("lan");
    let (whole, asked, said) = watched.look();
    assert!(whole);
    assert_eq!(
        asked,
        [
            "publish switch",
            "pair sw-lan on 3 into 103",
            "addresses of eth0 in 103: [10.1.0.9/24]",
            "gateway in 103: 10.1.0.1",
        ]
    );
    assert_eq!(
        said,
        [
            "switch: published: its rules were missing or another container's",
            "lan: furnished: its namespace was empty",
        ]
    );
    assert_eq!(watched.look(), (true, vec![], vec![]));
    // Whoever shares its namespace is in the one before, and joins it anew, last of all.
    let side = Order {
        name: "side".to_owned(),
        ports: vec!["5070/udp".parse().unwrap(), "40000-40099/udp".parse().unwrap()],
        environment: vec!["SWITCH__HTTP__LISTEN=127.0.0.1:9283".to_owned()],
        ..order("container:lan")
    };
    watched.run(&side);
    watched.fake.0.containers.borrow_mut().reverse();
    watched.restart("lan");
    let (_, asked, said) = watched.look();
    assert_eq!((asked.len(), asked.last().unwrap().as_str()), (4, "restart side"));
    assert!(said.contains(&"side: restarted: the owner of its network was".to_owned()), "{said:?}");
    assert_eq!(watched.look(), (true, vec![], vec![]));
    // Its interface is deleted by somebody, and no event tells of it.
    assert!(!watched.glance());
    watched.fake.0.interfaces.borrow_mut().retain(|it| it.name != "sw-lan");
    watched.fake.0.inside.borrow_mut().clear();
    assert!(watched.glance());
    assert_eq!(watched.look().1.len(), 3);
    // /run is empty after a reboot: the labels are enough.
    watched.fake.0.published.borrow_mut().clear();
    assert_eq!(watched.look().1, ["publish switch"]);
}

#[test]
fn no_rule_leads_to_what_has_ended() {
    let mut watched = Watched::new(&[]);
    watched.run(&published());
    watched.fake.0.ends("switch");
    let (whole, asked, said) = watched.look();
    assert!(whole);
    assert_eq!(asked, ["unpublish switch"]);
    assert_eq!(said, ["switch: unpublished: it has ended; it is published again when it runs"]);
    watched.fake.0.begins("switch");
    assert_eq!(watched.look().1, ["publish switch"]);
    // Its container is removed by somebody else.
    watched.fake.0.containers.borrow_mut().retain(|it| it.name != "switch");
    assert_eq!(watched.look().2, ["switch: unpublished: its container is gone"]);
    assert_eq!(watched.look(), (true, vec![], vec![]));
}

#[test]
fn containers_of_other_makers_are_published_by_their_labels() {
    let mut watched = Watched::new(&[]);
    let ours = [(labels::PUBLISH, "16384-32767/udp, 5060/udp"), ("io.switch.from", "198.51.100.0/24")];
    watched.foreign("compose", &ours);
    watched.foreign("plain", &[]);
    // It says what only netctl may say of its own.
    watched.foreign("forged", &[(labels::INTERFACE, "eth0")]);
    assert_eq!(watched.look().1, ["publish compose"]);
    let publication = watched.fake.0.published.borrow()[0].clone();
    assert_eq!(publication.ports.len(), 2);
    assert_eq!(publication.from, ["198.51.100.0/24".parse().unwrap()]);
    // A label that means nothing is told of once, and the others are served.
    watched.foreign("wrong", &[(labels::PUBLISH, "many")]);
    watched.fake.0.published.borrow_mut().clear();
    let (whole, asked, said) = watched.look();
    assert_eq!((whole, asked), (false, vec!["publish compose".to_owned()]));
    assert!(said[1].starts_with("wrong: the label io.switch.publish has 'many'"), "{said:?}");
    assert_eq!(watched.look().2, Vec::<String>::new());
}

/// Labels that name an interface of the host's do not have it deleted, nor a container joined to a bridge by it.
#[test]
fn forged_labels_take_nothing_of_the_hosts_away() {
    let mut watched = Watched::new(&[]);
    watched.foreign(
        "forged",
        &[
            (labels::RUN, "18bb0f6a2c1d3e4f-1"),
            (labels::INTERFACE, "eth0"),
            ("io.switch.netctl.bridge", "br0"),
            ("io.switch.netctl.addresses", "10.1.0.66/24"),
        ],
    );
    let before = watched.fake.0.interfaces.borrow().clone();
    let (whole, asked, said) = watched.look();
    assert_eq!((whole, asked), (false, Vec::<String>::new()));
    assert!(said[0].contains("no label io.switch.netctl.interface that says how to furnish"), "{said:?}");
    assert_eq!(*watched.fake.0.interfaces.borrow(), before);
}

/// `port publish`, whose container says nothing by labels.
#[test]
fn what_was_published_by_hand_is_kept_too() {
    let mut watched = Watched::new(&[]);
    watched.foreign("hand", &[]);
    let wanted = crate::publish::Request {
        container: "hand".to_owned(),
        ports: vec!["5060/udp".parse().unwrap()],
        host_ips: vec!["192.0.2.5".parse().unwrap()],
        from: Vec::new(),
        via: crate::publish::Via::Auto,
    };
    wait(watched.fake.publish(&wanted)).unwrap();
    assert_eq!(watched.look(), (true, vec![], vec![]));
    watched.restart("hand");
    assert_eq!(watched.look().1, ["publish hand"]);
    // While it is stopped another one gets its address (which the fake calls 10.9.0.3).
    watched.fake.0.ends("hand");
    assert_eq!(watched.look().1, Vec::<String>::new());
    watched.foreign("heir", &[]);
    watched
        .fake
        .0
        .containers
        .borrow_mut()
        .last_mut()
        .unwrap()
        .endpoints
        .insert("voice".to_owned(), crate::docker::Endpoint { ipv4: "10.9.0.3".parse().ok(), ipv6: None });
    assert_eq!(watched.look().2, ["hand: unpublished: its address is the container heir's now"]);
}

#[test]
fn a_failure_is_told_once_and_tried_again() {
    let mut watched = Watched::new(&[]);
    watched.run(&published());
    watched.restart("switch");
    for told in [1, 0] {
        watched.fake.0.fail.set(Some((0, Done::No)));
        let (whole, asked, said) = watched.look();
        assert_eq!((whole, asked.len(), said.len()), (false, 1, told), "{said:?}");
    }
    watched.fake.0.fail.set(None);
    assert!(watched.look().0);
}

#[test]
fn what_a_file_declares_is_made_and_started_and_never_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("switch.yaml");
    let text = "version: 1\nswitches:\n  stack: {image: 'switch:v1', network: host}\n";
    fs::write(&path, text).unwrap();
    let mut watched = Watched::new(from_ref(&path));
    let (whole, asked, said) = watched.look();
    assert!(whole);
    assert_eq!(asked, ["create stack on host", "start stack"]);
    assert_eq!(said, ["stack: made: it is declared, and was not there"]);
    // Somebody stops it, and it stays so until the daemon has been away.
    watched.fake.0.ends("stack");
    assert_eq!(watched.look(), (true, vec![], vec![]));
    watched.memory = Memory::new(from_ref(&path));
    assert_eq!(watched.look().1, ["start stack"]);
    // Another declaration is for up.
    fs::write(&path, text.replace("network: host", "network: bridge")).unwrap();
    watched.memory = Memory::new(from_ref(&path));
    let (whole, asked, said) = watched.look();
    assert!(whole && asked.is_empty());
    assert!(said[0].contains("not as it declares: stack; netctl up -f"), "{said:?}");
    // One that cannot be read is tried again.
    fs::write(&path, "version: 1\nswitches: {stack: {network: host}}\n").unwrap();
    watched.memory = Memory::new(&[path]);
    let (whole, _, said) = watched.look();
    assert!(!whole && said[0].contains("the key image is missing"), "{said:?}");
    assert!(watched.look().2.is_empty());
}

#[test]
fn the_hosts_address_is_another_one() {
    let mut watched = Watched::new(&[]);
    watched.run(&published());
    assert!(watched.look().0 && !watched.glance());
    watched.fake.0.facing.set("192.0.2.9".parse().unwrap());
    assert!(watched.glance());
    let (whole, asked, said) = watched.look();
    assert_eq!((whole, asked), (true, vec!["publish switch".to_owned()]));
    assert_eq!(
        said,
        ["switch: published at 192.0.2.9 instead of 192.0.2.5: it faces the default route now\n  next: its \
          SWITCH__SIP__ADVERTISE=192.0.2.5 still goes into SIP and SDP until the container is another one: netctl rm \
          switch and netctl run as before"]
    );
    // Looked at once more, for it is otherwise now.
    assert!(watched.glance());
    assert_eq!(watched.look(), (true, vec![], vec![]));
    assert!(!watched.glance());
}

/// It comes while it is looked at everything, and has already been looked at the addresses.
#[test]
fn an_address_that_comes_in_the_middle_of_a_look_is_told_of_all_the_same() {
    let mut watched = Watched::new(&[]);
    watched.run(&published());
    assert!(watched.look().0);
    watched.fake.0.facing.set("192.0.2.9".parse().unwrap());
    watched.fake.0.between_leases.set(true);
    let (whole, asked, said) = watched.look();
    assert_eq!((whole, asked), (true, vec!["publish switch".to_owned()]));
    assert!(said[0].starts_with("switch: published at 192.0.2.9 instead of 192.0.2.5"), "{said:?}");
}

#[test]
fn an_address_that_was_asked_for_is_waited_for() {
    let mut watched = Watched::new(&[]);
    let address: std::net::IpAddr = "192.0.2.8".parse().unwrap();
    watched.run(&Order { host_ips: vec![address], ..published() });
    assert!(watched.look().0);
    // The default route does not concern it.
    watched.fake.0.facing.set("192.0.2.9".parse().unwrap());
    assert_eq!(watched.look(), (true, vec![], vec![]));
    watched.fake.0.lost.borrow_mut().push(address);
    assert!(watched.glance());
    let (whole, asked, said) = watched.look();
    assert!(!whole && asked.is_empty());
    assert!(said[0].contains("192.0.2.8 is not an address of this host any more"), "{said:?}");
    // Told once, and not what the kernel tells makes it try again.
    assert!(!watched.glance());
    assert_eq!(watched.look(), (false, vec![], vec![]));
    watched.fake.0.lost.borrow_mut().clear();
    assert!(watched.glance());
    assert_eq!(watched.look(), (true, vec![], vec!["switch: all is well again".to_owned()]));
}

/// A daemon at which nothing happens.
impl Events for Fake {
    fn events(&self) -> BoxStream<'_, Result<(), DockerError>> {
        stream::pending().boxed()
    }
}

/// A kernel that tells of something when the test does.
struct Told(mpsc::Receiver<()>);

impl News for Told {
    async fn wait(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

/// The whole of it, until the test's part is over.
fn watching(fake: &Fake, test: impl AsyncFnOnce(mpsc::Sender<()>, &mut mpsc::Receiver<String>)) {
    let state = tempfile::tempdir().unwrap();
    let what = Watch { files: Vec::new(), state: state.path().to_owned() };
    let (tell, told) = mpsc::channel(1000);
    let (say, mut said) = mpsc::channel(1000);
    let (interrupt, interrupted) = oneshot::channel();
    let mut news = Told(told);
    let mut log = |text: &str| say.try_send(text.to_owned()).unwrap();
    wait(async {
        let interrupted = async {
            let _ = interrupted.await;
        };
        let watch = watch(&what, async || Ok(fake.world()), &mut news, interrupted, &mut log);
        let test = async {
            assert_eq!(said.recv().await.unwrap(), "the daemon answers");
            test(tell, &mut said).await;
            interrupt.send(()).unwrap();
        };
        let both = async { tokio::join!(watch, test).0 };
        timeout(Duration::from_secs(60), both).await.expect("it ends").unwrap();
    });
}

#[test]
fn what_the_kernel_tells_of_is_looked_at() {
    let watched = Watched::new(&[]);
    watched.run(&published());
    watching(&watched.fake, async |tell, said| {
        // Behind the look at the start.
        sleep(Duration::from_millis(100)).await;
        watched.fake.0.flushed.borrow_mut().push("switch".to_owned());
        sleep(Duration::from_millis(300)).await;
        assert!(said.try_recv().is_err(), "nobody told of it");
        tell.send(()).await.unwrap();
        assert_eq!(said.recv().await.unwrap(), "switch: its rules were missing; they are back");
        // Something that only a look at everything mends.
        watched.fake.0.facing.set("192.0.2.9".parse().unwrap());
        tell.send(()).await.unwrap();
        assert!(said.recv().await.unwrap().starts_with("switch: published at 192.0.2.9"));
    });
}

#[test]
fn told_to_end_in_the_middle_of_a_repair_it_ends() {
    let watched = Watched::new(&[]);
    watched.run(&published());
    watched.restart("switch");
    watched.fake.0.asked.borrow_mut().clear();
    // It never comes back from the first change.
    watched.fake.0.killed.set(Some((0, Done::No)));
    watching(&watched.fake, async |_tell, _| {
        while watched.fake.0.asked.borrow().is_empty() {
            sleep(Duration::from_millis(10)).await;
        }
        sleep(Duration::from_millis(200)).await;
        assert_eq!(*watched.fake.0.asked.borrow(), ["publish switch"]);
    });
}
