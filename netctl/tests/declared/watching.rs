//! A `netctl watch` that runs under the capabilities of its unit and goes with the test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::site::{AT_LAST, Site};

/// A watch that goes with the test.
pub(crate) struct Watching {
    process: Child,
    log: PathBuf,
}

impl Watching {
    pub(crate) fn start(site: &Site, directory: &Path, arguments: &[&str]) -> Self {
        let watching = Self::spawn(site, &directory.join("watch.log"), &site.address(), arguments);
        watching.says("the daemon answers");
        watching
    }

    /// Without waiting for anything.
    pub(crate) fn spawn(site: &Site, log: &Path, daemon: &str, arguments: &[&str]) -> Self {
        let file = fs::File::create(log).expect("it can be made");
        let mut command = site.on_host("setpriv");
        command.arg("--bounding-set").arg(bounding_set()).arg(env!("CARGO_BIN_EXE_netctl")).arg("watch");
        command.args(arguments).env("DOCKER_HOST", daemon).stdout(Stdio::null()).stderr(file);
        Self { process: command.spawn().expect("setpriv is of util-linux"), log: log.to_owned() }
    }

    /// Waits until it has said it.
    pub(crate) fn says(&self, text: &str) {
        let until = Instant::now() + AT_LAST;
        while !self.said().contains(text) {
            assert!(Instant::now() < until, "{text} in {}", self.said());
            thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// What it has used, of utime and stime in /proc/PID/stat (proc(5)), whose ticks are 100 a second on Linux.
    pub(crate) fn processor_time(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id())).expect("it runs");
        let fields: Vec<i64> = stat
            .rsplit(") ")
            .next()
            .unwrap_or_default()
            .split(' ')
            .filter_map(|it| it.parse().ok())
            .collect();
        // The state, which is no number, stands before them; they are the 11th and 12th behind it.
        Duration::from_millis(10 * (fields[10] + fields[11]).unsigned_abs())
    }

    /// How often it has slept and been woken.
    pub(crate) fn wakes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        line.and_then(|count| count.trim().parse().ok()).expect("Linux counts them")
    }

    /// As by a crash.
    pub(crate) fn kill(mut self) {
        self.process.kill().expect("it is our child");
        self.process.wait().expect("it is our child");
    }

    /// As systemd stops it; how long that takes.
    pub(crate) fn stop(mut self) -> Duration {
        let kill = Command::new("kill").arg(self.process.id().to_string()).status();
        let begin = Instant::now();
        assert!(kill.expect("kill").success());
        assert!(self.process.wait().expect("it is our child").success(), "{}", self.said());
        begin.elapsed()
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What the unit leaves it.
fn bounding_set() -> String {
    let unit = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/netctl-watch.service"))
        .expect("it is there");
    let set =
        unit.lines().find_map(|line| line.strip_prefix("CapabilityBoundingSet=")).expect("it bounds them");
    let names = set.split(' ').map(|name| format!(",+{}", name.trim_start_matches("CAP_").to_lowercase()));
    format!("-all{}", names.collect::<String>())
}
