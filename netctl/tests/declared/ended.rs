//! `netctl watch` ends: killed in the middle of a repair, told to, or beside a second one.

use std::fs;
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::site::{AT_LAST, HOST, IMAGE, Site, text};
use crate::watching::Watching;

fn run(site: &Site) {
    let run =
        ["run", "--no-probe", "--name", "edge", "--net", "bridge", "-p", "16384-32767/udp", "-p", "5060/udp"];
    site.must_netctl(&[&run[..], &[IMAGE]].concat());
}

fn flush(site: &Site) {
    assert!(site.on_host("nft").args(["flush", "ruleset"]).status().expect("nft").success());
}

/// netctl's own rules, but for counters and handles.
fn rules(site: &Site) -> String {
    let listed =
        site.on_host("nft").args(["-s", "list", "table", "inet", "netctl-edge"]).output().expect("nft");
    text(&listed.stdout)
}

fn restored(site: &Site, whole: &str, said: &dyn Fn() -> String) {
    let until = Instant::now() + AT_LAST;
    while rules(site) != whole {
        assert!(Instant::now() < until, "{}\n{}", rules(site), said());
        thread::sleep(Duration::from_millis(20));
    }
}

/// At each message to the kernel, and each time the journal is written, until one has mended all of it.
#[test]
fn killed_in_the_middle_of_a_repair_the_next_one_ends_it() {
    let site = Site::new();
    let directory = tempfile::tempdir().expect("a directory");
    run(&site);
    let whole = rules(&site);
    assert!(whole.contains("notrack"), "{whole}");
    let mut killed = 0;
    for calls in ["sendto", "fsync", "?rename,?renameat,?renameat2"] {
        for when in (1..).step_by(2) {
            assert!(when < 200, "it never ends");
            flush(&site);
            // Another namespace: it is a repair of both parts.
            if when % 4 == 1 {
                site.must_docker(&["restart", "-t", "0", "edge"]);
            }
            let mut strace = site.on_host("strace");
            strace
                .args(["-f", "-o", "/dev/null", "-e"])
                .arg(format!("inject={calls}:signal=KILL:when={when}"));
            strace.arg(env!("CARGO_BIN_EXE_netctl")).arg("watch").env("DOCKER_HOST", site.address());
            strace.stdout(Stdio::null()).stderr(Stdio::null());
            let mut watch = strace.spawn().unwrap_or_else(|error| {
                panic!("this test needs strace ({error}): apt-get install strace");
            });
            let until = Instant::now() + AT_LAST;
            let dead = loop {
                match watch.try_wait().expect("it is our child") {
                    Some(_) => break true,
                    None if rules(&site) == whole || Instant::now() > until => break false,
                    None => thread::sleep(Duration::from_millis(5)),
                }
            };
            if !dead {
                // strace would leave it behind; it ends with it.
                let id = watch.id();
                let traced =
                    fs::read_to_string(format!("/proc/{id}/task/{id}/children")).expect("Linux has it");
                // One that has ended meanwhile needs no signal.
                let _ = Command::new("kill").args(traced.split_whitespace()).status();
            }
            let _ = watch.wait();
            if !dead {
                break;
            }
            killed += 1;
            let next = Watching::start(&site, directory.path(), &[]);
            restored(&site, &whole, &|| next.said());
            next.stop();
            assert!(!site.must_netctl(&["port", "ls"]).contains("unfinished"));
        }
    }
    println!("killed {killed} times");
    assert!(killed >= 5, "{killed}");
    site.call(&format!("sip:9196@{HOST}"));
}

#[test]
fn a_second_one_waits_and_takes_over_and_either_ends_at_once() {
    const AT_ONCE: Duration = Duration::from_secs(2);
    let site = Site::new();
    let directory = tempfile::tempdir().expect("a directory");
    run(&site);
    let whole = rules(&site);
    let first = Watching::start(&site, directory.path(), &[]);
    let second = Watching::spawn(&site, &directory.path().join("second.log"), &site.address(), &[]);
    second.says("netctl watch is at work already");
    flush(&site);
    restored(&site, &whole, &|| first.said());
    assert!(!second.said().contains("the daemon answers"), "{}", second.said());
    // One that waits ends when it is told to.
    let third = Watching::spawn(&site, &directory.path().join("third.log"), &site.address(), &[]);
    third.says("netctl watch is at work already");
    let took = third.stop();
    assert!(took < AT_ONCE, "{took:?}");
    first.kill();
    second.says("the daemon answers");
    flush(&site);
    restored(&site, &whole, &|| second.said());
    let took = second.stop();
    assert!(took < AT_ONCE, "{took:?}");
    // So does one whose daemon takes the call and says nothing.
    let socket = directory.path().join("silent.sock");
    let silent = UnixListener::bind(&socket).expect("it can be made");
    let daemon = format!("unix://{}", socket.display());
    let log = directory.path().join("silent.log");
    let watching = Watching::spawn(&site, &log, &daemon, &[]);
    drop(silent.accept().expect("it asks whether anybody is there"));
    let _held = silent.accept().expect("it asks for the version");
    let took = watching.stop();
    assert!(took < AT_ONCE, "{took:?}: {}", fs::read_to_string(log).unwrap_or_default());
}
