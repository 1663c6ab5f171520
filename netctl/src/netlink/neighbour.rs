//! A namespace of our own: a thread makes it and stays in it.

use std::io;
use std::sync::mpsc;
use std::thread::JoinHandle;

use ipnet::IpNet;
use nix::sched::{CloneFlags, unshare};

use super::{Netlink, wires};
use crate::bridge::KernelError;
use crate::network::{Neighbour, Pair, Place};

/// Written to the interface that leads there, for whoever looks while it is there.
const ALIAS: &str = "io.switch.netctl.probe";

pub(super) async fn add(ours: IpNet, its: IpNet) -> Result<Neighbour, KernelError> {
    let apart = Apart::new().map_err(KernelError::Refused)?;
    let pid = apart.pid;
    // A thread's number is its own on this machine, and so is the name.
    let pair = Pair {
        outside: wires::interface_name(format!("netctl-{pid:x}"))?,
        inside: wires::interface_name("eth0".to_owned())?,
        master: None,
        mac: [2, 0, 0, 0, 0, 2],
        alias: ALIAS.to_owned(),
    };
    wires::add_pair(&pair, pid).await?;
    wires::add_addresses(Place::Here, &pair.outside, &[ours]).await?;
    wires::add_addresses(Place::Process(pid), &pair.inside, &[its]).await?;
    wires::add_gateway(pid, ours.addr()).await?;
    let Netlink { handle } = Netlink::open()?;
    let index = wires::index(&handle, &pair.outside).await?;
    Ok(Neighbour { pid, index, keeper: Box::new(apart) })
}

/// The thread, which ends with this. Nothing else holds its namespace, so the kernel takes it away then, and also when
/// the process is killed.
struct Apart {
    /// Threads have numbers as processes have.
    pid: u32,
    end: Option<mpsc::SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Apart {
    fn new() -> io::Result<Self> {
        let (tell, told) = mpsc::sync_channel(1);
        let (end, ends) = mpsc::sync_channel::<()>(1);
        let thread = std::thread::Builder::new().name("neighbour".to_owned()).spawn(move || {
            let made = unshare(CloneFlags::CLONE_NEWNET).map_err(io::Error::from);
            let pid = rustix::thread::gettid().as_raw_nonzero().get();
            if tell.send(made.map(|()| pid)).is_ok() {
                // Nothing is ever sent: the other end is dropped.
                let _ = ends.recv();
            }
        })?;
        let gone = |_| io::Error::other("the thread in the new namespace ended early");
        let pid = told.recv().map_err(gone)??;
        let pid = u32::try_from(pid).map_err(io::Error::other)?;
        Ok(Self { pid, end: Some(end), thread: Some(thread) })
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // It does nothing that could panic.
            let _ = thread.join();
        }
    }
}
