//! Rules are flushed while `netctl watch` runs: what is netctl's comes back at once, and it is said of Docker's own that
//! they do not.

use std::thread;
use std::time::{Duration, Instant};

use crate::site::{AT_LAST, HOST, IMAGE, Site, text};
use crate::watching::Watching;

fn run(site: &Site) {
    let run =
        ["run", "--no-probe", "--name", "edge", "--net", "bridge", "-p", "16384-32767/udp", "-p", "5060/udp"];
    site.must_netctl(&[&run[..], &[IMAGE]].concat());
}

fn on_host(site: &Site, command: &str) -> String {
    let mut words = command.split(' ');
    let output = site.on_host(words.next().unwrap_or_default()).args(words).output();
    text(&output.unwrap_or_else(|error| panic!("{command}: {error}")).stdout)
}

fn must(site: &Site, command: &str) {
    let mut words = command.split(' ');
    let status = site.on_host(words.next().unwrap_or_default()).args(words).status();
    assert!(status.unwrap_or_else(|error| panic!("{command}: {error}")).success(), "{command}");
}

/// How long until netctl's table is there again: on a machine at rest some hundredths of a second.
fn back(site: &Site, watching: &Watching) -> Duration {
    let begin = Instant::now();
    while !on_host(site, "nft list tables").contains("inet netctl-edge") {
        assert!(begin.elapsed() < AT_LAST, "{}", watching.said());
        thread::sleep(Duration::from_millis(2));
    }
    begin.elapsed()
}

fn edge() -> String {
    format!("sip:9196@{HOST}")
}

#[test]
fn what_is_netctls_comes_back_and_what_is_dockers_is_told_of() {
    let mut site = Site::new();
    let directory = tempfile::tempdir().expect("a directory");
    run(&site);
    let watching = Watching::start(&site, directory.path(), &[]);
    site.call(&edge());
    // Of the filter alone, with the policy that Docker sets where it has switched forwarding on.
    must(&site, "iptables -P FORWARD DROP");
    must(&site, "iptables -F");
    watching.says("edge: its rules were missing; they are back");
    // FORWARD leads to no other chain now, so that the accepts stand there.
    site.call(&edge());
    assert!(on_host(&site, "iptables -S FORWARD").contains("netctl-edge"));
    watching.says("Docker's own rules are gone");
    assert!(watching.said().contains("next: systemctl restart docker"), "{}", watching.said());

    // The daemon starts anew, and all is where it belongs.
    site.crash_and_start_daemon();
    site.must_docker(&["start", "edge"]);
    let until = Instant::now() + AT_LAST;
    while !on_host(&site, "iptables -S DOCKER-USER").contains("netctl-edge") {
        assert!(Instant::now() < until, "{}\n{}", on_host(&site, "iptables -S"), watching.said());
        thread::sleep(Duration::from_millis(50));
    }
    assert!(!on_host(&site, "iptables -S FORWARD").contains("netctl-edge"));
    // The rules can be there before the switch listens.
    site.call_at_last(&edge(), || watching.said());

    // All of it, some times, and how soon it is back.
    let mut took: Vec<Duration> = Vec::new();
    for _ in 0..5 {
        must(&site, "nft flush ruleset");
        took.push(back(&site, &watching));
        thread::sleep(Duration::from_millis(300));
    }
    took.sort();
    println!("back after nft flush ruleset: {took:?}");
    site.call(&edge());
    let told = watching.said().matches("Docker's own rules are gone").count();
    assert!(told <= 2, "it is told once each time: {}", watching.said());
    watching.says("Docker's own rules are gone");

    // A restart of the container: until the rules lead to its new namespace.
    let mut took: Vec<Duration> = Vec::new();
    for count in 1..=3 {
        site.must_docker(&["restart", "-t", "1", "edge"]);
        let begin = Instant::now();
        // One line each time.
        while watching.said().matches("edge: published").count() < count {
            assert!(begin.elapsed() < AT_LAST, "{}", watching.said());
            thread::sleep(Duration::from_millis(2));
        }
        took.push(begin.elapsed());
    }
    println!("published after docker restart has returned: {took:?}");
    site.call_at_last(&edge(), || watching.said());
    watching.stop();
}
