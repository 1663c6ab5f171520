//! What the kernel says about this process, from /proc (proc(5)).

use std::time::Duration;

/// Figures of the process.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ProcessStats {
    /// Resident set, in bytes.
    pub resident_bytes: u64,
    /// Address space, in bytes.
    pub virtual_bytes: u64,
    /// User and system time.
    pub cpu: Duration,
    /// Threads.
    pub threads: u64,
    /// Open file descriptors.
    pub open_fds: u64,
    /// The soft limit of open file descriptors.
    pub max_fds: u64,
    /// Since the Unix epoch.
    pub started: Duration,
}

impl ProcessStats {
    /// Reads them; None where /proc is not mounted or says something unheard of.
    pub fn read() -> Option<Self> {
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        let boot = std::fs::read_to_string("/proc/stat").ok()?;
        let mut stats = parse(&stat, boot_time(&boot)?, rustix::param::clock_ticks_per_second())?;
        stats.resident_bytes *= u64::try_from(rustix::param::page_size()).ok()?;
        // The directory's own descriptor is not one of ours.
        stats.open_fds = (std::fs::read_dir("/proc/self/fd").ok()?.count() as u64).saturating_sub(1);
        stats.max_fds =
            rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX);
        Some(stats)
    }
}

/// Seconds since the epoch at which the machine came up.
fn boot_time(stat: &str) -> Option<u64> {
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

/// `resident_bytes` still in pages.
fn parse(stat: &str, boot: u64, ticks: u64) -> Option<ProcessStats> {
    // The second field is the name in brackets and may hold blanks and brackets; the third stands behind it.
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    let time = |count: u64| Duration::from_millis(count.saturating_mul(1000) / ticks.max(1));
    Some(ProcessStats {
        cpu: time(field(14)?.saturating_add(field(15)?)),
        threads: field(20)?,
        started: Duration::from_secs(boot) + time(field(22)?),
        virtual_bytes: field(23)?,
        resident_bytes: field(24)?,
        open_fds: 0,
        max_fds: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_fields_behind_a_hostile_name() {
        let line = "7 (a) b (c) S 1 7 7 0 -1 4194560 10 0 0 0 250 50 0 0 20 0 9 0 4200 104857600 2560 1 2\n";
        let stats = parse(line, 1_000_000, 100).unwrap();
        assert_eq!(stats.cpu, Duration::from_secs(3));
        assert_eq!(stats.threads, 9);
        assert_eq!(stats.started, Duration::from_secs(1_000_042));
        assert_eq!(stats.virtual_bytes, 104_857_600);
        assert_eq!(stats.resident_bytes, 2560);
        assert_eq!(parse("7 (x) S 1", 0, 100), None);
    }

    #[test]
    fn this_process_is_plausible() {
        let stats = ProcessStats::read().unwrap();
        assert!((1 << 20..1 << 32).contains(&stats.resident_bytes), "{stats:?}");
        assert!(stats.threads >= 1 && stats.open_fds >= 3 && stats.max_fds >= stats.open_fds, "{stats:?}");
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        assert!(stats.started <= now && now - stats.started < Duration::from_secs(600), "{stats:?}");
    }
}
