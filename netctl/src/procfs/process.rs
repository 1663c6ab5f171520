//! Processes: which one holds a socket, and which ones are of one container.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use crate::network::{Holder, Socket};

/// Writes to each socket the first process that has it open. Other users' processes are closed books without
/// CAP_SYS_PTRACE; their sockets stay without a name, as in netstat.
pub(super) fn name_holders(sockets: &mut [Socket]) {
    let mut wanted: HashMap<u64, Vec<usize>> = HashMap::new();
    for (index, socket) in sockets.iter().enumerate() {
        wanted.entry(socket.inode).or_default().push(index);
    }
    for pid in all() {
        if wanted.is_empty() {
            return;
        }
        let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else { continue };
        for file in files.flatten() {
            let Some(inode) = fs::read_link(file.path()).ok().and_then(|target| inode(&target)) else {
                continue;
            };
            if let Some(indices) = wanted.remove(&inode) {
                let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
                for index in indices {
                    sockets[index].holder = Some(Holder { pid, name: name.trim_end().to_owned() });
                }
            }
        }
    }
}

/// The processes in the PID namespace of this one: those of its container.
pub(super) fn kin(pid: u32) -> Vec<u32> {
    let namespace = |pid: u32| fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
    match namespace(pid) {
        Some(own) => all().filter(|pid| namespace(*pid).as_ref() == Some(&own)).collect(),
        None => vec![pid],
    }
}

/// How many processes have this name; the kernel keeps 15 bytes of it.
pub fn named(name: &str) -> usize {
    all()
        .filter(|pid| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|its| its.trim_end() == name))
        .count()
}

/// How many files a process may let itself have open, at most.
pub fn file_limit(pid: u32) -> Option<u64> {
    hard_limit(&fs::read_to_string(format!("/proc/{pid}/limits")).ok()?)
}

/// `Max open files  SOFT  HARD  files`.
fn hard_limit(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().nth(1)? {
        "unlimited" => Some(u64::MAX),
        number => number.parse().ok(),
    }
}

/// Whether a process's system calls are filtered.
pub fn is_filtered(pid: u32) -> Option<bool> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let mode = status.lines().find_map(|line| line.strip_prefix("Seccomp:"))?;
    Some(mode.trim() == "2")
}

fn all() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// `socket:[INODE]`.
fn inode(target: &Path) -> Option<u64> {
    target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hard_limit_counts() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
            Max open files            1024                 524288               files\n";
        assert_eq!(hard_limit(limits), Some(524_288));
        assert_eq!(hard_limit("Max open files  unlimited  unlimited  files"), Some(u64::MAX));
        assert!(file_limit(std::process::id()).is_some() && is_filtered(std::process::id()).is_some());
    }
}
