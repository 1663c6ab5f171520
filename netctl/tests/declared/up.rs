//! What a file declares comes about, once, and goes without a trace; whatever it is interrupted by.

use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::declaration::{ALL, LAN, SIDE, edge, write};
use crate::site::{Site, failed};

fn calls(site: &Site) {
    [&edge()[..], LAN, SIDE].into_iter().for_each(|target| site.call(target));
}

#[test]
fn up_twice_and_down_leave_no_trace() {
    let site = Site::new();
    let directory = tempfile::tempdir().expect("a directory");
    let before = site.state();
    let file = write(directory.path(), ALL);
    let planned = site.must_netctl(&["plan", "-f", &file]);
    assert!(planned.contains("+ edge: create") && planned.ends_with("3 of 3 to change\n"), "{planned}");
    assert!(!planned.contains("sesame"));
    assert_eq!(failed(site.netctl(&["plan", "-f", &file, "--check"])).0, Some(7));
    site.is_as(&before);
    let told = site.must_netctl(&["up", "-f", &file]);
    assert_eq!(told.matches("Audio both ways").count(), 3, "{told}");
    calls(&site);
    // A second one changes nothing: not one container is another one, not one rule has another handle.
    let made = || {
        let ids =
            site.must_docker(&["ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.Names}} {{.CreatedAt}}"]);
        let rules = site.on_host("nft").args(["-a", "list", "ruleset"]).output().expect("nft").stdout;
        // What rules have counted is another number each time.
        let rules = String::from_utf8_lossy(&rules).into_owned();
        let plain: Vec<String> =
            rules.lines().filter(|line| !line.contains("counter")).map(str::to_owned).collect();
        (ids, plain)
    };
    let first = made();
    let told = site.must_netctl(&["up", "-f", &file, "--no-probe"]);
    assert!(told.contains("nothing was changed"), "{told}");
    assert_eq!(made(), first);
    assert!(site.must_netctl(&["plan", "-f", &file, "--check"]).contains("nothing to do"));
    site.must_netctl(&["down", "-f", &file]);
    site.is_as(&before);
    assert!(site.must_netctl(&["down", "-f", &file]).contains("there was nothing to take back"));
}

#[test]
fn what_changed_is_made_anew_or_comes_back() {
    let site = Site::new();
    let directory = tempfile::tempdir().expect("a directory");
    let file = write(directory.path(), ALL);
    site.must_netctl(&["up", "-f", &file, "--no-probe"]);
    let ids = || site.must_docker(&["ps", "-a", "--no-trunc", "--format", "{{.Names}} {{.ID}} {{.State}}"]);
    let (before, ran) = (shape(&site.settled()), ids());
    // The second one never listens: what was done for the first, and what made room, is taken back.
    let wrong = ALL.replace("TZ: UTC", "TZ: CET").replace("[198.51.100.10/24]", "[198.51.100.11/24]");
    let wrong = wrong.replace("gateways: [198.51.100.1]", "gateways: [198.51.100.255]");
    write(directory.path(), &wrong);
    let planned = site.must_netctl(&["plan", "-f", &file]);
    for line in [
        "environment.TZ changes from UTC to CET",
        "addresses changes from 198.51.100.10/24 to 198.51.100.11/24",
        "~ side: recreate",
    ] {
        assert!(planned.contains(line), "{line} in {planned}");
    }
    let (code, error) = failed(site.netctl(&["up", "-f", &file]));
    assert_eq!(code, Some(1));
    assert!(
        error.contains("switch.yaml:12:5: ") && error.contains("lan: cannot route by 198.51.100.255"),
        "{error}"
    );
    assert_eq!(ids(), ran);
    assert_eq!(shape(&site.settled()), before);
    calls(&site);
    // Right this time; the secret's change is told, and not what it is.
    let right = wrong.replace("gateways: [198.51.100.255]", "gateways: [198.51.100.1]");
    write(directory.path(), &right.replace("open-sesame", "other-sesame"));
    let planned = site.must_netctl(&["plan", "-f", &file]);
    assert!(
        planned.contains("environment.API_TOKEN changes from (secret ") && !planned.contains("sesame"),
        "{planned}"
    );
    let told = site.must_netctl(&["up", "-f", &file]);
    assert_eq!(told.matches("Audio both ways").count(), 3, "{told}");
    site.call("sip:9196@198.51.100.11:5070");
    assert!(!site.reaches("sip:9196@198.51.100.10"));
    site.must_netctl(&["down", "-f", &file]);
}

/// Without what is another one each time that a container starts: Docker's names of interfaces, and what the kernel makes
/// of their hardware addresses.
fn shape(state: &str) -> Vec<String> {
    let lasting = |line: &str| match line.split_once('@') {
        _ if line.contains("veth") => None,
        Some((interface, _)) if interface.starts_with("sw-") => Some(interface.to_owned()),
        _ => Some(line.to_owned()),
    };
    state.lines().filter_map(lasting).collect()
}

#[test]
fn ctrl_c_takes_all_back() {
    let site = Site::new();
    let directory = tempfile::tempdir().expect("a directory");
    let before = site.state();
    let never = ALL
        .replace("    gateways: [198.51.100.1]\n", "    gateways: [198.51.100.1]\n    arguments: [help]\n");
    let file = write(directory.path(), &never);
    let mut command = site.on_host(env!("CARGO_BIN_EXE_netctl"));
    command.args(["up", "-f", &file]).env("DOCKER_HOST", site.address());
    let child =
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it was there a moment ago");
    while !site
        .must_docker(&["ps", "-aq", "--filter", "name=^edge$"])
        .contains(|c: char| c.is_ascii_hexdigit())
    {
        thread::sleep(Duration::from_millis(5));
    }
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.expect("kill").success());
    let output = child.wait_with_output().expect("it is our child");
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    site.is_as(&before);
}

/// kill -9 at many moments of an up, and of an up that makes anew: the next up brings it about, or the next down takes all
/// of it back.
#[test]
fn what_a_killed_up_left_is_set_right() {
    let site = Site::new();
    let directory = tempfile::tempdir().expect("a directory");
    let before = site.state();
    let file = write(directory.path(), ALL);
    // Once in peace: how long it takes depends on the machine and what else it does.
    let begin = Instant::now();
    site.must_netctl(&["up", "-f", &file, "--no-probe"]);
    let whole = begin.elapsed();
    site.must_netctl(&["down", "-f", &file]);
    site.is_as(&before);
    let mut left = 0;
    for moment in 0..12 {
        let mut command = site.on_host(env!("CARGO_BIN_EXE_netctl"));
        command.args(["up", "--no-probe", "-f", &file]).env("DOCKER_HOST", site.address());
        let mut child =
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it was there a moment ago");
        thread::sleep(whole * (moment + 1) / 13);
        child.kill().expect("it is our child");
        child.wait().expect("it is our child");
        // What the daemon was asked for it still does.
        left += usize::from(site.settled() != before);
        if moment % 3 == 2 {
            site.must_netctl(&["up", "-f", &file, "--no-probe"]);
            calls(&site);
            assert!(site.must_netctl(&["plan", "-f", &file, "--check"]).contains("nothing to do"));
            // And what is made anew is killed half-way, too.
            write(directory.path(), &ALL.replace("TZ: UTC", "TZ: CET"));
            let mut again = site.on_host(env!("CARGO_BIN_EXE_netctl"));
            again.args(["up", "--no-probe", "-f", &file]).env("DOCKER_HOST", site.address());
            let mut child = again.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it is there");
            thread::sleep(whole * moment / 13);
            child.kill().expect("it is our child");
            child.wait().expect("it is our child");
            site.settled();
            if moment % 2 == 0 {
                site.must_netctl(&["up", "-f", &file, "--no-probe"]);
                calls(&site);
            }
        }
        site.must_netctl(&["down", "-f", &file]);
        site.is_as(&before);
        write(directory.path(), ALL);
    }
    assert!(left > 4, "only {left} were killed where they had left something");
}
