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

fn all() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// `socket:[INODE]`.
fn inode(target: &Path) -> Option<u64> {
    target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}
