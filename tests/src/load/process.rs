//! What the kernel says of a process: never its own counters.

use std::path::PathBuf;
use std::time::Duration;

/// A process, by what `/proc` says of it.
#[derive(Clone, Debug)]
pub struct Process(PathBuf);

impl Process {
    /// The process with this number.
    pub fn new(pid: u32) -> Self {
        Self(PathBuf::from(format!("/proc/{pid}")))
    }

    /// Processor time of all its threads, those that ended left out (proc(5), `schedstat`).
    pub fn cpu(&self) -> Duration {
        let tasks = std::fs::read_dir(self.0.join("task")).unwrap();
        let of = |task: PathBuf| -> Option<u64> {
            // A thread may end between the listing and the reading.
            let text = std::fs::read_to_string(task.join("schedstat")).ok()?;
            text.split(' ').next()?.parse().ok()
        };
        Duration::from_nanos(tasks.filter_map(|task| of(task.ok()?.path())).sum())
    }

    /// Resident memory in KiB.
    pub fn resident(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// Threads.
    pub fn threads(&self) -> u64 {
        self.status("Threads:")
    }

    /// Open files and, among them, sockets.
    pub fn files(&self) -> (usize, usize) {
        let listed = std::fs::read_dir(self.0.join("fd")).unwrap();
        let links: Vec<PathBuf> =
            listed.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok()).collect();
        let sockets = links.iter().filter(|link| link.to_string_lossy().starts_with("socket:")).count();
        (links.len(), sockets)
    }

    fn status(&self, key: &str) -> u64 {
        let text = std::fs::read_to_string(self.0.join("status")).unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        value.split_whitespace().next().unwrap().parse().unwrap()
    }
}

/// The kernel's table of UDP sockets.
#[derive(Debug)]
pub struct Kernel;

impl Kernel {
    /// Sockets bound to a port of this range, and the datagrams the kernel dropped at them.
    pub fn udp(ports: std::ops::RangeInclusive<u16>) -> (usize, u64) {
        let mut found = (0, 0);
        for table in ["/proc/net/udp", "/proc/net/udp6"] {
            let text = std::fs::read_to_string(table).unwrap();
            for line in text.lines().skip(1) {
                let fields: Vec<&str> = line.split_whitespace().collect();
                let port = fields[1].rsplit_once(':').unwrap().1;
                if ports.contains(&u16::from_str_radix(port, 16).unwrap()) {
                    found = (found.0 + 1, found.1 + fields[12].parse::<u64>().unwrap());
                }
            }
        }
        found
    }
}
