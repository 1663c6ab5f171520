//! `netctl watch` under the capabilities of its unit: whatever is taken away, the next call has audio two seconds later.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::declaration::{ALL, LAN, SIDE, edge, write};
use crate::site::{AT_LAST, HOST, IMAGE, Site, failed};
use crate::watching::Watching;

/// How soon a call has to have audio again.
const SOON: Duration = Duration::from_secs(2);

/// Calls have audio again.
fn after(site: &Site, watching: &Watching, targets: &[&str]) {
    for target in targets {
        site.call_at_last(target, || watching.said());
    }
}

/// Takes something away, and looks for a call with audio [`SOON`] after. A machine that is busy with other things may be
/// late; what is late three times is so by itself.
fn soon_after(site: &mut Site, watching: &Watching, what: &str, take_away: impl Fn(&mut Site)) {
    let targets = [&edge()[..], LAN, SIDE];
    let in_time = (0..3).any(|_| {
        take_away(site);
        // How long Docker takes to start what it starts is not netctl's affair.
        let until = Instant::now() + AT_LAST;
        while !["edge", "lan"].iter().all(|name| pid(site, name) != "0") {
            assert!(Instant::now() < until, "{what}: {}", site.must_docker(&["ps", "-a"]));
            thread::sleep(Duration::from_millis(20));
        }
        thread::sleep(SOON);
        let in_time = targets.iter().all(|target| site.reaches(target));
        after(site, watching, &targets);
        in_time
    });
    assert!(in_time, "{what}: no audio after {SOON:?}, three times\n{}", watching.said());
}

/// The container's first process; 0 where it does not run.
fn pid(site: &Site, name: &str) -> String {
    site.must_docker(&["inspect", "-f", "{{.State.Pid}}", name]).trim().to_owned()
}

#[test]
fn a_call_has_audio_two_seconds_after_whatever_was_taken_away() {
    let mut site = Site::new();
    let directory = tempfile::tempdir().expect("a directory");
    let before = traces(&site);
    let file = write(directory.path(), ALL);
    site.must_netctl(&["up", "-f", &file]);
    let watching = Watching::start(&site, directory.path(), &["-f", &file]);

    soon_after(&mut site, &watching, "restarted", |site| {
        site.must_docker(&["restart", "-t", "1", "edge", "lan"]);
    });
    // One that ends by itself is started by Docker.
    soon_after(&mut site, &watching, "killed", |site| {
        let killed = pid(site, "edge");
        assert!(Command::new("kill").args(["-9", &killed]).status().expect("kill").success());
        let until = Instant::now() + AT_LAST;
        while pid(site, "edge") == killed {
            assert!(Instant::now() < until, "Docker does not hear of it");
            thread::sleep(Duration::from_millis(20));
        }
    });
    soon_after(&mut site, &watching, "flushed", |site| {
        assert!(site.on_host("nft").args(["flush", "ruleset"]).status().expect("nft").success());
    });
    watching.says("edge: its rules were missing; they are back");
    soon_after(&mut site, &watching, "interface deleted", |site| {
        assert!(site.on_host("ip").args(["link", "del", "sw-lan"]).status().expect("ip").success());
    });
    soon_after(&mut site, &watching, "daemon killed and started", Site::crash_and_start_daemon);
    assert!(watching.said().contains("the daemon went away"), "{}", watching.said());
    // Rules of the host are whole, too, and not only for this call.
    assert!(!site.must_netctl(&["port", "ls"]).contains("damaged"));

    watching.stop();
    site.must_netctl(&["down", "-f", &file]);
    assert_eq!(traces(&site), before);
}

/// What netctl can leave. A daemon that crashed makes its default network and its rules anew, so they are others.
fn traces(site: &Site) -> Vec<String> {
    let networks = site.must_docker(&["network", "ls", "--format", "{{.Name}}"]);
    let rules = site.on_host("nft").args(["list", "ruleset"]).output().expect("nft").stdout;
    let links = site.on_host("ip").args(["-br", "link"]).output().expect("ip").stdout;
    let lines = [rules, links].map(|text| String::from_utf8_lossy(&text).into_owned()).join("\n");
    let ours = lines.lines().filter(|line| line.contains("netctl") || line.contains("sw-"));
    let containers = site.must_docker(&["ps", "-aq"]);
    ours.chain(networks.lines()).chain(containers.lines()).map(str::to_owned).collect()
}

/// As after a reboot: nothing in /run, no rules, no namespaces; the labels and the file say what there was.
#[test]
fn a_reboot_brings_back_what_is_declared() {
    let mut site = Site::new();
    let directory = tempfile::tempdir().expect("a directory");
    // One that Docker does not start by itself.
    let file = write(directory.path(), &ALL.replace("restart: always", "restart: 'no'"));
    site.must_netctl(&["up", "-f", &file, "--no-probe"]);
    fs::remove_dir_all(site.state_directory()).expect("it is there");
    assert!(site.on_host("nft").args(["flush", "ruleset"]).status().expect("nft").success());
    site.crash_and_start_daemon();
    assert!(!site.reaches(LAN));
    let watching = Watching::start(&site, directory.path(), &["-f", &file]);
    after(&site, &watching, &[&edge(), LAN, SIDE]);
    // A container that somebody removed is there again when the daemon has been away.
    site.must_docker(&["rm", "-f", "lan"]);
    site.crash_and_start_daemon();
    watching.says("lan: made: it is declared, and was not there");
    after(&site, &watching, &[LAN]);
    watching.stop();
    site.must_netctl(&["down", "-f", &file]);
}

/// What Docker Compose makes, or anybody: labels are enough.
#[test]
fn labels_publish_what_others_made() {
    let site = Site::new();
    let directory = tempfile::tempdir().expect("a directory");
    site.must_docker(&["network", "create", "--subnet", "10.88.0.0/24", "voice"]);
    // A bridge that had a port once has a link-local address from then on.
    site.must_docker(&["run", "--rm", "--network", "voice", IMAGE, "--version"]);
    let before = site.settled();
    let watching = Watching::start(&site, directory.path(), &[]);
    let labels = [
        "--label",
        "io.switch.publish=16384-32767/udp,5060/udp",
        "--label",
        "io.switch.host-ip=198.51.100.1",
    ];
    let advertise = format!("SWITCH__SIP__ADVERTISE={HOST}");
    let run = ["run", "-d", "--name", "composed", "--network", "voice", "-e", &advertise];
    site.must_docker(&[&run[..], &labels, &[IMAGE]].concat());
    after(&site, &watching, &[&edge()]);
    // Its address becomes another one's while it is stopped: no call reaches that one.
    let address = |name: &str| {
        site.must_docker(&["inspect", "-f", "{{.NetworkSettings.Networks.voice.IPAddress}}", name])
    };
    let had = address("composed");
    site.must_docker(&["stop", "-t", "1", "composed"]);
    watching.says("composed: unpublished: it has ended");
    site.must_docker(&["run", "-d", "--name", "heir", "--network", "voice", IMAGE]);
    assert_eq!(address("heir"), had);
    assert!(!site.reaches(&edge()));
    site.must_docker(&["start", "composed"]);
    assert_ne!(address("composed"), had);
    after(&site, &watching, &[&edge()]);
    site.must_docker(&["rm", "-f", "heir", "composed"]);
    watching.says("composed: unpublished: it");
    thread::sleep(SOON);
    site.is_as(&before);
    watching.stop();
}

/// Whoever made an image has no say in what of the host is published.
#[test]
fn labels_of_an_image_publish_nothing() {
    let site = Site::new();
    let directory = tempfile::tempdir().expect("a directory");
    let lines =
        format!("FROM {IMAGE}\nLABEL io.switch.publish=5060/udp io.switch.netctl.run=18bb0f6a2c1d3e4f-1\n");
    fs::write(directory.path().join("Dockerfile"), lines).expect("it can be written");
    let context = directory.path().display().to_string();
    site.must_docker(&["build", "-q", "-t", "greedy:1", &context]);
    let watching = Watching::start(&site, directory.path(), &[]);
    site.must_docker(&["run", "-d", "--name", "greedy", "greedy:1"]);
    // The same said of the container itself counts, and is seen later than the former.
    let own = ["run", "-d", "--name", "own", "--label", "io.switch.publish=5061/udp", "greedy:1"];
    site.must_docker(&own);
    watching.says("own: published");
    let published = site.must_netctl(&["port", "ls"]);
    assert!(published.contains("own ") && !published.contains("greedy"), "{published}");
    let (code, error) = failed(site.netctl(&["rm", "greedy"]));
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("the container greedy was not made by netctl run"), "{error}");
    watching.stop();
}

/// netctl's own network pins addresses outside of what Docker gives.
#[test]
fn a_stopped_switchs_address_goes_to_nobody_else() {
    let site = Site::new();
    let directory = tempfile::tempdir().expect("a directory");
    let run = [
        "run",
        "--no-probe",
        "--name",
        "switch",
        "--net",
        "bridge",
        "-p",
        "16384-32767/udp",
        "-p",
        "5060/udp",
    ];
    site.must_netctl(&[&run[..], &[IMAGE]].concat());
    let watching = Watching::start(&site, directory.path(), &[]);
    let address = |name: &str| {
        site.must_docker(&["inspect", "-f", "{{.NetworkSettings.Networks.netctl.IPAddress}}", name])
    };
    let pinned = address("switch");
    site.must_docker(&["stop", "-t", "1", "switch"]);
    watching.says("switch: unpublished: it has ended");
    for name in ["second", "third"] {
        site.must_docker(&["run", "-d", "--name", name, "--network", "netctl", IMAGE]);
        assert_ne!(address(name), pinned);
    }
    assert!(!site.reaches(&edge()));
    site.must_docker(&["start", "switch"]);
    assert_eq!(address("switch"), pinned);
    after(&site, &watching, &[&edge()]);
    // At rest it sleeps: it is woken by its own look once a minute and by nothing else.
    site.settled();
    let over = Duration::from_secs(10);
    let mut spans = (0..3).map(|_| {
        let (used, woken) = (watching.processor_time(), watching.wakes());
        thread::sleep(over);
        (watching.processor_time() - used, watching.wakes() - woken)
    });
    // That look is in one of three such spans at most.
    let mut seen = Vec::new();
    let at_rest = spans.any(|(used, woken)| {
        seen.push((used, woken));
        used <= Duration::from_millis(50) && woken <= 20
    });
    assert!(at_rest, "used, and how often woken, in {over:?}: {seen:?}");
    println!("used, and how often woken, in {over:?}: {seen:?}");
    watching.stop();
}

/// The unit as systemd reads it. Nothing is started for it.
#[test]
fn the_unit_is_sound() {
    let directory = tempfile::tempdir().expect("a directory");
    let unit = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/netctl-watch.service"))
        .expect("it is there");
    // It is checked that what it starts is there; here that is the one of this test.
    let unit = unit.replace("/usr/local/bin/netctl", env!("CARGO_BIN_EXE_netctl"));
    let path = directory.path().join("netctl-watch.service");
    fs::write(&path, unit).expect("it can be written");
    // A service that it comes after need not be installed.
    let docker = directory.path().join("docker.service");
    fs::write(&docker, "[Service]\nExecStart=/bin/true\n").expect("it can be written");
    let mut verify = Command::new("systemd-analyze");
    verify.arg("verify").arg("--man=no").arg(&path).arg(&docker);
    let output = verify
        .output()
        .unwrap_or_else(|error| panic!("this test needs systemd-analyze ({error}): apt-get install systemd"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && !said.contains("netctl-watch"), "{said}");
}
