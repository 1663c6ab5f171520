//! What the kernel tells without netlink: who listens where and what a network namespace has (proc(5)), and which
//! addresses are this host's.

pub(crate) mod address;
mod capability;
pub(crate) mod namespace;
mod process;
mod setting;
mod socket;
mod udp;

use std::io;
use std::os::unix::fs::MetadataExt as _;

use crate::network::{Place, Socket, Sockets};

pub use process::{file_limit, is_filtered, named};
pub use setting::setting;
pub(crate) use socket::bound_by;
pub use udp::udp_losses;

/// The /proc of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Proc;

impl Sockets for Proc {
    fn bound(&self, place: Place) -> io::Result<Vec<Socket>> {
        let mut sockets = socket::bound(place)?;
        process::name_holders(&mut sockets);
        Ok(sockets)
    }

    fn kin(&self, pid: u32) -> Vec<u32> {
        process::kin(pid)
    }

    fn namespace(&self, pid: u32) -> Option<u64> {
        Some(std::fs::metadata(format!("/proc/{pid}/ns/net")).ok()?.ino())
    }

    fn pid_namespace(&self) -> u64 {
        std::fs::metadata("/proc/self/ns/pid").map_or(0, |its| its.ino())
    }

    fn filters_bridges(&self) -> bool {
        let files = ["bridge-nf-call-iptables", "bridge-nf-call-ip6tables"];
        let set = |file| std::fs::read_to_string(format!("/proc/sys/net/bridge/{file}"));
        files.into_iter().any(|file| set(file).is_ok_and(|value| value.trim() == "1"))
    }

    fn lacks(&self, capability: crate::network::Capability) -> bool {
        capability::lacks(capability)
    }
}

/// The directory of /proc in which a namespace is seen.
fn process_of(place: Place) -> String {
    match place {
        Place::Here => "thread-self".to_owned(),
        Place::Process(pid) => pid.to_string(),
    }
}
