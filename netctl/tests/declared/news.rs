//! What the kernel tells by itself is heard, and nothing else wakes anybody.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use netctl::netlink::KernelNews;
use netctl::reconcile::News as _;
use tokio::time::timeout;

use crate::site::namespace::Namespace;

/// On a busy machine.
const SOON: Duration = Duration::from_secs(30);
const QUIET: Duration = Duration::from_millis(300);
/// What the kernel's workers do a moment later is done by then: they tell of a link at most once a second.
const REST: Duration = Duration::from_millis(1500);

/// In a namespace, on a thread and a runtime of its own, once nothing is told any more.
fn listening(role: &str, test: impl AsyncFnOnce(KernelNews) + Send) {
    let namespace = Namespace::untouched(role);
    let work = || {
        namespace.enter();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut news = KernelNews::open().expect("it needs root");
            settle(&mut news).await;
            test(news).await;
        });
    };
    thread::scope(|scope| scope.spawn(work).join()).unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

async fn settle(news: &mut KernelNews) {
    while timeout(QUIET, news.wait()).await.is_ok() {}
}

/// Children are in the namespace of the thread that makes them.
fn run(command: &str) {
    let words: Vec<&str> = command.split(' ').collect();
    let status = Command::new(words[0]).args(&words[1..]).status();
    assert!(status.is_ok_and(|status| status.success()), "{command}");
}

#[test]
fn each_kind_of_change_is_heard_and_looking_is_not() {
    listening("k", async |mut news| {
        for change in [
            "nft add table inet mine",
            "nft flush ruleset",
            "ip link set lo up",
            "ip link add br0 type bridge",
            "ip link set br0 up",
            "ip addr add 192.0.2.1/24 dev br0",
            "ip route add default via 192.0.2.2",
            "ip route del default",
            "ip addr del 192.0.2.1/24 dev br0",
            "ip -6 addr add 2001:db8::1/64 dev lo",
            "ip -6 route add 2001:db8:1::/64 dev lo",
            "ip link del br0",
        ] {
            run(change);
            timeout(SOON, news.wait()).await.unwrap_or_else(|_| panic!("not heard: {change}"));
            settle(&mut news).await;
        }
        while timeout(REST, news.wait()).await.is_ok() {}
        for look in ["nft list ruleset", "ip addr", "ip route"] {
            let looked = Command::new("sh").args(["-c", look]).stdout(Stdio::null()).status();
            assert!(looked.expect("sh").success());
            assert!(timeout(QUIET, news.wait()).await.is_err(), "{look}");
        }
    });
}

/// What overruns the socket is told as one change, and whatever comes after it as another.
#[test]
fn more_than_there_is_room_for_is_heard_once() {
    const RULES: usize = 20_000;
    listening("o", async |mut news| {
        let mut nft = Command::new("nft")
            .args(["-f", "-"])
            .stdin(Stdio::piped())
            .spawn()
            .expect("nftables is installed");
        let mut input = nft.stdin.take().expect("it is piped");
        let rule = "add rule inet mine many ip saddr 192.0.2.1 udp dport 5060 counter accept\n";
        let text = format!("add table inet mine\nadd chain inet mine many\n{}", rule.repeat(RULES));
        input.write_all(text.as_bytes()).expect("it reads");
        drop(input);
        assert!(nft.wait().expect("it is our child").success());
        assert!(lost() > 0, "the socket had room for all of it");
        timeout(SOON, news.wait()).await.expect("it is heard");
        settle(&mut news).await;
        run("nft flush ruleset");
        timeout(SOON, news.wait()).await.expect("it is heard again");
    });
}

/// Messages for which sockets of this namespace had no room: the last but one column of /proc/net/netlink.
fn lost() -> u64 {
    let sockets = fs::read_to_string("/proc/thread-self/net/netlink").expect("Linux has it");
    let drops = |line: &str| line.split_whitespace().rev().nth(1)?.parse::<u64>().ok();
    sockets.lines().skip(1).filter_map(drops).sum()
}
