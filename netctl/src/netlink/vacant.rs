//! An empty network namespace: a thread makes it and stays in it.

use std::io;
use std::sync::mpsc;
use std::thread::JoinHandle;

use super::namespace::leave;
use crate::network::Vacant;

pub(super) fn make() -> io::Result<Vacant> {
    let keeper = Keeper::new()?;
    Ok(Vacant { pid: keeper.pid, keeper: Box::new(keeper) })
}

/// The thread, which ends with this. Nothing of ours else holds its namespace, so the kernel takes it away then, and also
/// when the process is killed.
struct Keeper {
    /// Threads have numbers as processes have.
    pid: u32,
    end: Option<mpsc::SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    fn new() -> io::Result<Self> {
        let (tell, told) = mpsc::sync_channel(1);
        let (end, ends) = mpsc::sync_channel::<()>(1);
        let thread = std::thread::Builder::new().name("neighbour".to_owned()).spawn(move || {
            let pid = rustix::thread::gettid().as_raw_nonzero().get();
            if tell.send(leave().map(|()| pid)).is_ok() {
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

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // It does nothing that could panic.
            let _ = thread.join();
        }
    }
}
