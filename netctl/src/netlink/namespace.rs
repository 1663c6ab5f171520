//! A netlink socket in another network namespace: a thread goes there, opens the socket and ends; the socket stays where
//! it was opened.

use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;

use nix::sched::{CloneFlags, unshare};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::Netlink;
use crate::bridge::KernelError;

/// Does something on a thread of its own in the network namespace of a process.
pub(crate) fn inside<T: Send>(pid: u32, work: impl FnOnce() -> T + Send) -> io::Result<T> {
    let namespace = File::open(format!("/proc/{pid}/ns/net"))?;
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
            Ok(work())
        });
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread in the namespace ended early")))
    })
}

/// Does something on a thread of its own in a network namespace that is made for it and goes with it.
pub(crate) fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            leave()?;
            Ok(work())
        });
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread in the namespace ended early")))
    })
}

/// Leaves the thread's network namespace for a new one.
pub(super) fn leave() -> io::Result<()> {
    Ok(unshare(CloneFlags::CLONE_NEWNET)?)
}

impl Netlink {
    /// Opens a socket in the namespace of a process.
    pub(super) fn open_in(pid: u32) -> Result<Self, KernelError> {
        let runtime = tokio::runtime::Handle::current();
        inside(pid, || {
            let _runtime = runtime.enter();
            Self::open()
        })
        .map_err(KernelError::Socket)?
    }
}
