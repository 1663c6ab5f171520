//! The same in a container: what Docker sends, how long it waits, and what it thinks of the switch's health.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use switch_tests::load::{Generator, Signalling};
use switch_tests::{PATIENCE, Phone, header, media};

const IMAGE: &str = "switch:drain";
const NAME: &str = "switch-drain";
const CALLS: usize = 200;

/// A Docker daemon of the test's own, and the switch's image in it.
struct Docker {
    daemon: Child,
    scratch: tempfile::TempDir,
}

impl Docker {
    /// With the image that images/prepare laid out.
    fn new() -> Self {
        let scratch = tempfile::Builder::new().prefix("sd-").tempdir().unwrap();
        let path = |name: &str| scratch.path().join(name);
        let log = std::fs::File::create(path("log")).unwrap();
        let daemon = Command::new("dockerd")
            .arg("--host")
            .arg(socket(scratch.path()))
            .args(["--bridge=none", "--iptables=false", "--ip6tables=false"])
            .arg("--data-root")
            .arg(path("data"))
            .arg("--exec-root")
            .arg(path("exec"))
            .arg("--pidfile")
            .arg(path("docker.pid"))
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("this test needs dockerd and root: apt-get install docker.io");
        let mut docker = Self { daemon, scratch };
        let end = Instant::now() + Duration::from_secs(60);
        while docker.run(&["version"]).is_err() {
            let ended = docker.daemon.try_wait().unwrap().is_some();
            let log = || std::fs::read_to_string(docker.scratch.path().join("log")).unwrap_or_default();
            assert!(!ended && Instant::now() < end, "dockerd does not start:\n{}", log());
            std::thread::sleep(Duration::from_millis(100));
        }
        docker.build();
        docker
    }

    fn build(&self) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned();
        let laid = root.join("images/root/usr/bin/switch-node");
        let help = Command::new(&laid).arg("--help").output();
        let help = help.unwrap_or_else(|error| panic!("{}: {error}; run images/prepare", laid.display()));
        let help = String::from_utf8_lossy(&help.stdout).into_owned();
        assert!(help.contains("drain --deadline"), "{} is an old one: run images/prepare", laid.display());
        let context = self.scratch.path().join("context");
        std::fs::create_dir_all(context.join("images")).unwrap();
        let copy = |from: PathBuf, to: &Path| {
            assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
        };
        copy(root.join("images/root"), &context.join("images"));
        copy(root.join("Dockerfile.switch"), &context);
        let (file, context) = (context.join("Dockerfile.switch"), context.display().to_string());
        // The health is looked at often: the test has no half minute to spare. What takes long on a busy machine is
        // to start the program that looks, and that is not the switch's.
        let text = std::fs::read_to_string(&file).unwrap().replace("--interval=10s", "--interval=1s");
        let text = text.replace("--timeout=3s", "--timeout=30s");
        std::fs::write(&file, text).unwrap();
        self.run(&["build", "--quiet", "-f", &file.display().to_string(), "-t", IMAGE, &context]).unwrap();
    }

    /// Docker's own client; what it printed, or why not.
    fn run(&self, arguments: &[&str]) -> Result<String, String> {
        let output = self.command(arguments).output().expect("this test needs docker");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim().to_owned();
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("docker");
        command
            .arg("--host")
            .arg(socket(self.scratch.path()))
            .args(arguments)
            // The builder that needs no plugin.
            .env("DOCKER_BUILDKIT", "0")
            .stdin(Stdio::null());
        command
    }

    fn state(&self, field: &str) -> String {
        self.run(&["inspect", "-f", &format!("{{{{.State.{field}}}}}"), NAME]).unwrap()
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        let _ = self.run(&["rm", "-f", NAME]);
        let _ = Command::new("kill").arg(self.daemon.id().to_string()).status();
        let _ = self.daemon.wait();
        // Its namespaces and layers stay mounted.
        let mounts = std::fs::read_to_string("/proc/mounts").unwrap_or_default();
        let here = self.scratch.path().display().to_string();
        for place in mounts.lines().rev().filter_map(|line| line.split(' ').nth(1)) {
            if place.starts_with(&here) {
                let _ = Command::new("umount").arg("-l").arg(place).status();
            }
        }
    }
}

fn socket(scratch: &Path) -> String {
    format!("unix://{}/docker.sock", scratch.display())
}

#[test]
fn docker_stop_cuts_none_of_two_hundred_calls_and_the_container_stays_healthy() {
    let docker = Docker::new();
    // Of this test's own: the switch in host mode shares loopback with all others.
    let here = Ipv4Addr::new(127, 91, (std::process::id() >> 8) as u8, std::process::id() as u8 | 1);
    let (sip, http) = (SocketAddr::from((here, 5060)), SocketAddr::from((here, 9282)));
    let environment = [
        format!("SWITCH__SIP__LISTEN=udp:{sip}"),
        format!("SWITCH__HTTP__LISTEN={http}"),
        "SWITCH__DRAIN__DEADLINE=50s".to_owned(),
    ];
    let mut signalling = Signalling::new();
    let file = docker.scratch.path().join("switch.toml");
    std::fs::write(&file, format!("[limits]\ncalls_per_second = 1000\n{}", signalling.route())).unwrap();
    let mount = format!("{}:/etc/switch.toml:ro", file.display());
    let mut run =
        vec!["run", "-d", "--name", NAME, "--network", "host", "--stop-timeout", "60", "-v", &mount];
    run.extend(environment.iter().flat_map(|variable| ["-e", variable.as_str()]));
    run.extend([IMAGE, "--config", "/etc/switch.toml"]);
    docker.run(&run).unwrap();
    let until = |state: &str, value: &str| {
        let end = Instant::now() + Duration::from_secs(60);
        while docker.state(state) != value {
            let logs = docker.run(&["logs", NAME]);
            assert!(Instant::now() < end, "{state} is {}, not {value}: {logs:?}", docker.state(state));
            std::thread::sleep(Duration::from_millis(200));
        }
    };
    until("Health.Status", "healthy");

    signalling = signalling.toward(sip);
    let calls = signalling.place(CALLS);
    let mut phone = Phone::at(Ipv4Addr::LOCALHOST.into(), sip);
    let there = media(&phone.call("9196"));
    let opened = phone.open(there, &phone);
    // Its time-out is the container's: 60 s.
    let mut stop = docker.command(&["stop", NAME]).stdout(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    let refused = loop {
        let mut late = Phone::at(Ipv4Addr::LOCALHOST.into(), sip);
        late.request("INVITE", 1, "9196", "", &late.sdp("0"));
        let answer = late.finally();
        late.request("ACK", 1, "9196", "", "");
        if !answer.starts_with("SIP/2.0 200") {
            break answer;
        }
        late.request("BYE", 2, "9196", "", "");
        late.expect("SIP/2.0 200");
        assert!(begun.elapsed() < PATIENCE, "the signal does not come");
    };
    assert!(refused.starts_with("SIP/2.0 503"), "{refused}");
    assert_eq!(header(&refused, "Retry-After"), "10");
    // Each of the others has its sound, both ways.
    let mut generator = Generator::new(&calls);
    generator.open();
    let report = generator.run_patiently(Duration::from_secs(2));
    assert_eq!((report.lost(), report.gaps, report.wrong), (0, 0, 0), "of {}", report.sent);
    // Beyond Docker's usual ten seconds, with several looks at its health, the call has its sound.
    let mut sequence = opened;
    while begun.elapsed() < Duration::from_secs(12) {
        phone.speak(there, sequence, [sequence as u8; 160]);
        assert_eq!(phone.hear().1, [sequence as u8; 160]);
        sequence += 1;
        std::thread::sleep(Duration::from_millis(20));
        if sequence.is_multiple_of(50) {
            assert_eq!(docker.state("Health.Status"), "healthy");
            assert_eq!(docker.state("Health.FailingStreak"), "0");
            assert_eq!(docker.state("Status"), "running");
        }
    }
    signalling.hang_up(calls);
    assert_eq!(docker.state("Status"), "running", "one call is up");
    // The last call's end is the container's.
    phone.request("BYE", 2, "9196", "", "");
    phone.expect("SIP/2.0 200");
    assert!(stop.wait().unwrap().success());
    assert!(begun.elapsed() < Duration::from_secs(40), "it did not end with the call");
    assert_eq!(docker.state("ExitCode"), "0");
}
