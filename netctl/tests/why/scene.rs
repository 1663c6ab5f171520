//! A switch that is published, somebody who calls it, and `why` watching.

use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::site::{AT_LAST, HOST, IMAGE, Site, text};

/// Where the calls come from.
pub(crate) const CALLER: &str = "198.51.100.2";
/// The host's other address, with its subnet and without.
const HOST6_NET: &str = "2001:db8::1/64";
pub(crate) const HOST6: &str = "2001:db8::1";
/// The container's address.
pub(crate) const INSIDE: &str = "172.30.0.130";

pub(crate) struct Scene {
    pub(crate) site: Site,
}

impl Scene {
    /// A switch on a network of its own, published at the host's address.
    pub(crate) fn published(options: &[&str]) -> Self {
        let advertise = format!("SWITCH__SIP__ADVERTISE={HOST}");
        Self::with(options, &["-e", &advertise])
    }

    /// The same by IPv4 and IPv6.
    pub(crate) fn by_both() -> Self {
        let site = Site::new();
        assert!(
            site.on_host("ip")
                .args(["addr", "add", HOST6_NET, "dev", "br0", "nodad"])
                .status()
                .expect("ip")
                .success()
        );
        let advertise = format!("SWITCH__SIP__ADVERTISE=0.0.0.0/0={HOST},::/0={HOST6}");
        let (network, run) = (["--ipv6", "--subnet", "fd00:77::/64"], ["-e", &advertise]);
        let scene = Self::on(site, &network, &["--host-ip", HOST6], &run);
        // A link-local address comes a moment after its interface.
        scene.site.settled();
        scene
    }

    pub(crate) fn with(options: &[&str], run: &[&str]) -> Self {
        Self::on(Site::new(), &[], options, run)
    }

    fn on(site: Site, network: &[&str], options: &[&str], run: &[&str]) -> Self {
        let scene = Self { site };
        let site = &scene.site;
        let create = ["network", "create", "--subnet", "172.30.0.0/24"];
        site.must_docker(&[&create[..], network, &["voice"]].concat());
        let started = ["run", "-d", "--name", "switch", "--network", "voice", "--ip", INSIDE];
        site.must_docker(&[&started[..], run, &[IMAGE]].concat());
        scene.must(&scene.publish(options));
        scene.settle();
        scene
    }

    /// The command that publishes.
    pub(crate) fn publish(&self, options: &[&str]) -> String {
        let state = self.state();
        let ports = "16384-32767/udp 5060/udp 5060/tcp";
        format!(
            "netctl port --state-dir {state} publish switch {ports} --host-ip {HOST} {}",
            options.join(" ")
        )
    }

    pub(crate) fn state(&self) -> String {
        self.site.path("state").display().to_string()
    }

    /// Until the switch answers a call.
    fn settle(&self) {
        self.site.call_at_last(&format!("sip:9196@{HOST}"), || self.site.must_docker(&["logs", "switch"]));
    }

    pub(crate) fn must(&self, line: &str) -> String {
        self.site.must(line)
    }

    pub(crate) fn pid(&self) -> String {
        self.site.must_docker(&["inspect", "-f", "{{.State.Pid}}", "switch"]).trim().to_owned()
    }

    /// The same in the container's network namespace.
    pub(crate) fn inside(&self, line: &str) -> String {
        self.must(&format!("nsenter -t {} -n {line}", self.pid()))
    }

    /// Somebody calls while `why` watches.
    pub(crate) fn why(&self) -> (Option<i32>, Value) {
        self.why_while(&format!("sip:9196@{HOST}"))
    }

    /// Somebody calls this while it watches.
    pub(crate) fn why_while(&self, target: &str) -> (Option<i32>, Value) {
        let mut watch = self.watch(&["--no-call", "--seconds", "7"]);
        self.looks(&mut watch);
        self.site.reaches(target);
        answer(watch.wait_with_output().expect("it is our child"))
    }

    /// Waits until its counters stand in the container's namespace, which is the last that it lays out; or until it has
    /// nothing to look at.
    pub(crate) fn looks(&self, watch: &mut Child) {
        let until = Instant::now() + AT_LAST;
        let stand = || {
            let tables = self.site.shell(&format!("nsenter -t {} -n nft list tables", self.pid()));
            text(&tables.stdout).contains("netctl-why")
        };
        while watch.try_wait().expect("it is our child").is_none() && !stand() {
            assert!(Instant::now() < until, "its counters do not stand");
            thread::sleep(Duration::from_millis(20));
        }
        // Then it asks for the numbers that those of the end are compared with.
        thread::sleep(Duration::from_millis(500));
    }

    /// It calls by itself.
    pub(crate) fn look(&self) -> (Option<i32>, Value) {
        answer(self.watch(&[]).wait_with_output().expect("it is our child"))
    }

    /// It calls by itself, and all is well.
    pub(crate) fn passes(&self) -> Value {
        let (code, told) = self.look();
        assert_eq!((told["state"].as_str(), code), (Some("passes"), Some(0)), "{told:#}");
        told
    }

    /// It calls by itself, and names the station; typing what it printed makes it well.
    pub(crate) fn finds(&self, hop: &str, stream: &str, kind: &str) -> Value {
        let (code, told) = self.look();
        let found = [&told["hop"], &told["stream"], &told["cause"]["kind"]].map(Value::as_str);
        assert_eq!((found, code), ([Some(hop), Some(stream), Some(kind)], Some(1)), "{told:#}");
        self.must(told["cause"]["mend"].as_str().unwrap_or_else(|| panic!("no command: {told:#}")));
        self.passes();
        told
    }

    pub(crate) fn watch(&self, options: &[&str]) -> Child {
        let mut command: Command = self.site.on_host(env!("CARGO_BIN_EXE_netctl"));
        command.args(["--output", "json", "why", "switch", "--state-dir", &self.state()]).args(options);
        command.env("DOCKER_HOST", self.site.address()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("it was there a moment ago")
    }

    /// Breaks the path, looks, and mends it with the very command that was printed.
    pub(crate) fn breaks_at(&self, hop: &str, stream: &str, kind: &str) -> Value {
        let (code, told) = self.why();
        assert_eq!((told["state"].as_str(), code), (Some("broken"), Some(1)), "{told:#}");
        let found = (told["hop"].as_str(), told["stream"].as_str(), told["cause"]["kind"].as_str());
        assert_eq!(found, (Some(hop), Some(stream), Some(kind)), "{told:#}");
        told
    }

    /// Runs the command that was printed; then it has to be well.
    pub(crate) fn mends(&self, told: &Value) {
        let mend = told["cause"]["mend"].as_str().unwrap_or_else(|| panic!("no command: {told:#}"));
        self.must(mend);
        self.is_well();
    }

    pub(crate) fn is_well(&self) {
        let (code, told) = self.why();
        assert_eq!((told["state"].as_str(), code), (Some("passes"), Some(0)), "{told:#}");
    }
}

pub(crate) fn answer(output: Output) -> (Option<i32>, Value) {
    let json = serde_json::from_slice(&output.stdout);
    let json =
        json.unwrap_or_else(|error| panic!("{error}: {}{}", text(&output.stdout), text(&output.stderr)));
    (output.status.code(), json)
}
