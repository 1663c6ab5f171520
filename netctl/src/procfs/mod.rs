//! What /proc tells of sockets and processes (proc(5)): who listens where, in any network namespace.

mod capability;
mod process;
mod socket;

use std::io;

use crate::network::{Place, Socket, Sockets};

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

    fn lacks(&self, capability: crate::network::Capability) -> bool {
        capability::lacks(capability)
    }
}
