//! `netctl doctor` on a host of the test's own, with a real daemon and real settings that are wrong on purpose: each is
//! found, and is gone once the command that was printed has been typed.
//!
//! Not typed here is what would change the machine that tests, or needs what it has not:
//! - `sysctl -w net.core.*`, `net.netfilter.nf_conntrack_max`: the kernel takes them in its first network namespace only;
//! - `modprobe` of nf_tables, veth, bridge: they are there, and a kernel without them cannot be had beside this one;
//! - `update-alternatives` and `reboot` against iptables-legacy;
//! - `apt-get` for a newer Docker, and `firewall-backend`, which only Docker 29 has: Debian has neither;
//! - `systemctl start docker`: of `systemctl` there is only what this test puts into its place;
//! - `prlimit`: needs CAP_SYS_RESOURCE, which a container seldom has;
//! - `sudo netctl doctor`: says who has to type.

#[path = "../shared/dockerd.rs"]
mod dockerd;
#[path = "../modes/site.rs"]
#[allow(dead_code, reason = "each test program takes what it needs of it")]
mod site;

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::Value;

use site::{AT_LAST, IMAGE, Site, text};

fn examine(site: &Site, options: &[&str]) -> (Option<i32>, Value) {
    let state = site.path("state").display().to_string();
    let output = site.netctl(&[&["--output", "json", "doctor", "--state-dir", &state], options].concat());
    let json = serde_json::from_slice(&output.stdout);
    let json =
        json.unwrap_or_else(|error| panic!("{error}: {}{}", text(&output.stdout), text(&output.stderr)));
    (output.status.code(), json)
}

/// The findings of a topic that are not as they should be.
fn wrong<'a>(told: &'a Value, topic: &str) -> Vec<&'a Value> {
    let all = told["findings"].as_array().expect("a list");
    all.iter().filter(|finding| finding["topic"] == topic && finding["level"] != "ok").collect()
}

/// Types what was printed against a finding; then it has to be gone.
fn mends(site: &Site, topic: &str, level: &str, is: &str) {
    let (code, told) = examine(site, &[]);
    let found = wrong(&told, topic);
    let finding = found.first().unwrap_or_else(|| panic!("{topic} is not found: {told:#}"));
    assert_eq!(finding["level"], level, "{finding:#}");
    assert!(finding["is"].as_str().is_some_and(|text| text.contains(is)), "{finding:#}");
    if level == "bad" {
        assert_eq!(code, Some(1));
    }
    site.must(finding["mend"].as_str().unwrap_or_else(|| panic!("no command: {finding:#}")));
    let (_, told) = examine(site, &[]);
    assert!(wrong(&told, topic).is_empty(), "{:#?}", wrong(&told, topic));
}

#[test]
fn settings_that_are_wrong() {
    let site = Site::new();
    site.must("sysctl -qw net.ipv6.conf.all.forwarding=1 net.ipv4.ip_forward=1");
    site.must("sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.br0.rp_filter=0 net.ipv4.conf.docker0.rp_filter=0",
    );
    site.must("sysctl -qw net.ipv6.conf.br0.disable_ipv6=0 && ip address add 2001:db8::1/64 dev br0 nodad");
    for (line, topic, level, is) in [
        ("sysctl -qw net.ipv4.ip_forward=0", "ip_forward", "bad", "net.ipv4.ip_forward is 0"),
        ("sysctl -qw net.ipv6.conf.all.forwarding=0", "ipv6_forwarding", "warn", "forwarding is 0"),
        ("sysctl -qw net.ipv6.conf.br0.accept_ra=1", "accept_ra", "warn", "br0.accept_ra is 1"),
        ("sysctl -qw net.ipv4.conf.br0.rp_filter=1", "rp_filter", "warn", "strict at br0"),
        (
            "sysctl -qw net.ipv4.ip_local_reserved_ports=9000-9010 net.ipv4.ip_local_port_range='20000 60999'",
            "local_ports",
            "warn",
            "take ports from 20000-60999",
        ),
    ] {
        site.must(line);
        mends(&site, topic, level, is);
    }
    let kept = text(&site.shell("sysctl -n net.ipv4.ip_local_reserved_ports").stdout);
    assert_eq!(kept.trim(), "9000-9010,16384-32767", "what was kept free stays so");
    // What only crosses a bridge is filtered, both families.
    site.must("iptables -P FORWARD DROP && sysctl -qw net.bridge.bridge-nf-call-iptables=1");
    site.must("sysctl -qw net.bridge.bridge-nf-call-ip6tables=0");
    mends(&site, "bridge_nf", "warn", "bridge-nf-call-iptables is 1, and forward drops");
    site.must("ip6tables -P FORWARD DROP && sysctl -qw net.bridge.bridge-nf-call-ip6tables=1");
    mends(&site, "bridge_nf", "warn", "bridge-nf-call-ip6tables is 1, and forward drops");
}

/// A firewall as firewalld makes one, and who has the ports.
#[test]
fn others_in_the_way() {
    let site = Site::new();
    site.must("nft add table inet firewalld");
    site.must("nft 'add chain inet firewalld filter_FORWARD { type filter hook forward priority 10; }'");
    site.must("nft add rule inet firewalld filter_FORWARD ct state established,related accept");
    site.must("nft add rule inet firewalld filter_FORWARD ct status dnat accept");
    site.must("nft add rule inet firewalld filter_FORWARD reject");
    mends(&site, "firewall", "bad", "filter_FORWARD");
    let program = "use IO::Socket::INET; $| = 1; my $s = IO::Socket::INET->new(Proto => 'udp', LocalPort => 20000) or die $!;\
        print \"ready\\n\"; sleep 600";
    let mut perl = site.on_host("perl");
    let mut perl = perl.args(["-e", program]).stdout(Stdio::piped()).spawn().expect("perl is essential");
    let mut line = String::new();
    let mut out = std::io::BufReader::new(perl.stdout.take().expect("it is piped"));
    std::io::BufRead::read_line(&mut out, &mut line).expect("it says that it is ready");
    let (_, told) = examine(&site, &[]);
    let mend = wrong(&told, "ports")[0]["mend"].as_str().expect("a command").to_owned();
    assert_eq!(mend, format!("kill {}", perl.id()), "{told:#}");
    site.must(&mend);
    perl.wait().expect("it is our child");
    assert!(wrong(&examine(&site, &[]).1, "ports").is_empty());
    // Docker's own way, with its processes; its sockets are not told of a second time.
    site.must_docker(&["run", "-d", "--name", "old", "-p", "16384-16385:16384-16385/udp", IMAGE]);
    let (code, told) = examine(&site, &[]);
    let found = wrong(&told, "docker_publish");
    assert_eq!(found[0]["is"], "Docker itself publishes 2 of the ports (16384-16385) for old");
    assert_eq!((wrong(&told, "ports").len(), code), (0, Some(1)), "{told:#}");
    let mend = found[0]["mend"].as_str().expect("a command").to_owned();
    let output =
        Command::new("sh").args(["-c", &mend]).env("DOCKER_HOST", site.address()).output().expect("sh");
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(wrong(&examine(&site, &[]).1, "docker_publish").is_empty());
}

#[test]
fn a_container_and_its_daemon() {
    let site = Site::new();
    site.must_docker(&["run", "-d", "--name", "switch", "--ulimit", "nofile=2048:2048", IMAGE]);
    let (_, told) = examine(&site, &["switch"]);
    let found = wrong(&told, "file_limit");
    let own = found.iter().find(|finding| finding["is"].as_str().is_some_and(|is| is.starts_with("switch")));
    let own = own.unwrap_or_else(|| panic!("{told:#}"));
    assert!(own["is"].as_str().is_some_and(|is| is.ends_with("may have 2048 files open")), "{own:#}");
    // It takes CAP_SYS_RESOURCE, which not every machine that tests has; so the container is made anew instead.
    let pid = site.must_docker(&["inspect", "-f", "{{.State.Pid}}", "switch"]);
    assert_eq!(own["mend"], format!("prlimit --pid {} --nofile=17408:17408", pid.trim()));
    site.must_docker(&["rm", "-f", "switch"]);
    site.must_docker(&["run", "-d", "--name", "switch", "--ulimit", "nofile=17408:17408", IMAGE]);
    let (_, told) = examine(&site, &["switch"]);
    let is = |finding: &&Value| finding["is"].as_str().is_some_and(|is| is.starts_with("switch"));
    assert!(!wrong(&told, "file_limit").iter().any(is), "{told:#}");
    // What this machine has: the kernel takes the rules and makes the interfaces, and none of that is left.
    let topics = ["nf_tables", "veth", "bridge", "capabilities", "seccomp", "daemon"];
    for topic in topics {
        assert!(wrong(&told, topic).is_empty(), "{topic}: {told:#}");
        assert!(
            told["findings"].to_string().contains(&format!("\"topic\":\"{topic}\"")),
            "{topic}: {told:#}"
        );
    }
    let tables = text(&site.shell("nft list tables; ip link").stdout);
    assert!(!tables.contains("netctl") && !tables.contains("trial"), "{tables}");
    let missing = site.netctl(&["doctor", "gone"]);
    assert_eq!(missing.status.code(), Some(4));
    // Without the right to change rules.
    let mut command = site.on_host("setpriv");
    command.args(["--bounding-set", "-net_admin", "--inh-caps", "-net_admin", env!("CARGO_BIN_EXE_netctl")]);
    let output = command.args(["doctor"]).env("DOCKER_HOST", site.address()).output().expect("setpriv");
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("netctl has not CAP_NET_ADMIN"), "{told}");
}

/// Another container has the ports, by netctl itself; its records are not where they are by default.
#[test]
fn published_for_another() {
    let site = Site::new();
    site.must_docker(&["network", "create", "voice"]);
    for name in ["first", "second"] {
        site.must_docker(&["run", "-d", "--name", name, "--network", "voice", IMAGE]);
    }
    let state = site.path("state").display().to_string();
    site.must_netctl(&["port", "--state-dir", &state, "publish", "first", "5060/udp"]);
    let look = || {
        let (_, told) = examine(&site, &["second"]);
        wrong(&told, "published").into_iter().cloned().collect::<Vec<_>>()
    };
    let found = look();
    assert_eq!(found[0]["is"], "netctl has published some of the ports for first");
    let mend = found[0]["mend"].as_str().expect("a command");
    let mut command = site.on_host("sh");
    command.args(["-c", mend]).env("PATH", path(&[])).env_remove("NETCTL_STATE_DIR");
    let output = command.output().expect("sh is everywhere");
    assert!(output.status.success(), "{mend}: {}", text(&output.stderr));
    assert!(look().is_empty(), "{:#?}", look());
    assert!(!site.must_netctl(&["port", "--state-dir", &state, "ls"]).contains("first"));
}

/// What is written into daemon.json leaves the rest of it, and is what the daemon reads.
#[test]
fn the_daemons_configuration() {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let (etc, asked) = (scratch.path().join("etc"), scratch.path().join("asked"));
    let (file, bin) = (etc.join("docker/daemon.json"), scratch.path().join("bin"));
    for directory in [&etc.join("docker"), &bin, &scratch.path().join("bare")] {
        fs::create_dir_all(directory).expect("a directory");
    }
    fs::write(&file, r#"{"log-level": "warn"}"#).expect("a file");
    fs::write(bin.join("systemctl"), format!("#!/bin/sh\necho $* >> {}\n", asked.display())).expect("a file");
    must_be(Command::new("chmod").arg("+x").arg(bin.join("systemctl")));
    let mut site = Site::with(&["--config-file", &file.display().to_string()]);
    let types = |site: &Site, etc: &Path, mend: &str| {
        let line = format!("mount --bind {} /etc && {mend}", etc.display());
        must_be(site.on_host("unshare").args(["--mount", "sh", "-c", &line]).env("PATH", path(&[&bin])));
        fs::read_to_string(&asked).expect("systemctl was called")
    };
    let found =
        |site: &Site, topic: &str| wrong(&examine(site, &[]).1, topic).first().map(|its| (*its).clone());
    let mend = |finding: &Value| finding["mend"].as_str().expect("a command").to_owned();

    // A port has a process for each family.
    site.must_docker(&["run", "-d", "--name", "old", "-p", "40000-40059:40000-40059/udp", IMAGE]);
    let finding = found(&site, "userland_proxy").expect("it is found");
    assert_eq!(types(&site, &etc, &mend(&finding)), "restart docker\n");
    site.restart_daemon();
    site.must_docker(&["start", "old"]);
    assert_eq!(found(&site, "userland_proxy"), None);
    let ports = site.must_docker(&["port", "old"]);
    assert_eq!(ports.lines().filter(|line| line.contains("0.0.0.0")).count(), 60, "{ports}");
    site.must_docker(&["rm", "-f", "old"]);

    let finding = found(&site, "live_restore").expect("it is found");
    assert!(types(&site, &etc, &mend(&finding)).ends_with("reload docker\n"));
    site.reload_daemon();
    let until = Instant::now() + AT_LAST;
    while found(&site, "live_restore").is_some() {
        assert!(Instant::now() < until, "the daemon does not heed it");
    }
    let read = |file: &Path| -> Value {
        serde_json::from_str(&fs::read_to_string(file).expect("a file")).expect("JSON")
    };
    let all = serde_json::json!({ "log-level": "warn", "userland-proxy": false, "live-restore": true });
    assert_eq!(read(&file), all);
    // Where there is not even a directory.
    types(&site, &scratch.path().join("bare"), &mend(&finding));
    let made = scratch.path().join("bare/docker/daemon.json");
    assert_eq!(read(&made), serde_json::json!({ "live-restore": true }));
}

/// Where the programs are that commands name: ours, some others, and the machine's.
fn path(others: &[&Path]) -> String {
    let own = Path::new(env!("CARGO_BIN_EXE_netctl")).parent().expect("it is in a directory");
    let first = others.iter().copied().chain([own]).map(|path| path.display().to_string());
    first.chain(env::var("PATH")).collect::<Vec<_>>().join(":")
}

fn must_be(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", text(&output.stderr));
}

/// Nobody answers: that is a finding, and the rest is looked at all the same.
#[test]
fn no_daemon() {
    let directory = tempfile::tempdir().expect("a directory");
    let output = Command::new(env!("CARGO_BIN_EXE_netctl"))
        .args(["--output", "json", "doctor", "--host", "unix:///nowhere/docker.sock"])
        .args(["--state-dir", &directory.path().join("none").display().to_string()])
        .output()
        .expect("it was built");
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(wrong(&told, "daemon")[0]["mend"], "systemctl start docker");
    assert!(told["findings"].as_array().expect("a list").len() > 10);
    assert_eq!(output.status.code(), Some(1));
}
