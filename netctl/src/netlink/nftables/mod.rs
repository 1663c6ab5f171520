//! nftables over nfnetlink (linux/netfilter/nfnetlink.h, nf_tables.h and nf_tables_compat.h).
//!
//! Written out because no crate does: rustables is under the GPL, nftables runs the nft program, nftnl needs C
//! libraries, and netlink-packet-netfilter and netlink-bindings have no words for ct, notrack, socket, dynset, nat and
//! masquerade.

mod attribute;
mod batch;
mod expression;
mod iptables;
mod read;
mod rule;
mod set;
mod socket;
mod trace;

use std::fs::File;
use std::io;

use crate::firewall::{Change, Firewall, FirewallError, Place, SeenChain, SeenRule, SeenTable};
use batch::Batch;
use socket::Socket;
pub use trace::Traces;

/// nftables in the network namespace of the thread that opened it.
pub struct Nftables {
    socket: Socket,
}

impl Nftables {
    /// Opens it in the namespace of this thread.
    ///
    /// # Errors
    /// [`FirewallError::Socket`] where the kernel gives no socket.
    pub fn open() -> Result<Self, FirewallError> {
        Ok(Self { socket: Socket::open().map_err(FirewallError::Socket)? })
    }

    /// Opens it in another network namespace: `/proc/PID/ns/net`, opened.
    ///
    /// # Errors
    /// [`FirewallError::Socket`] where this thread may not enter it.
    pub fn within(namespace: &File) -> Result<Self, FirewallError> {
        Ok(Self { socket: open_within(namespace).map_err(FirewallError::Socket)? })
    }
}

impl Nftables {
    /// Whether the kernel would make these changes; it makes none.
    ///
    /// # Errors
    /// What it would refuse.
    pub fn check(&self, changes: &[Change]) -> Result<(), FirewallError> {
        self.socket.transaction(&Batch::of(changes), false)
    }
}

/// A socket stays in the namespace that it was opened in; the thread that went there ends.
fn open_within(namespace: &File) -> io::Result<Socket> {
    use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
    use std::os::fd::AsFd as _;
    let enter = || {
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
        Socket::open()
    };
    let entered = std::thread::scope(|scope| scope.spawn(enter).join());
    entered.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

impl Firewall for Nftables {
    fn apply(&self, changes: &[Change]) -> Result<(), FirewallError> {
        let batch = Batch::of(changes);
        self.socket.transaction(&batch, true)
    }

    fn tables(&self) -> Result<Vec<SeenTable>, FirewallError> {
        let answers = self.socket.dump(read::GET_TABLE, 0, None)?;
        Ok(answers.iter().filter_map(read::table).collect())
    }

    fn chains(&self) -> Result<Vec<SeenChain>, FirewallError> {
        let answers = self.socket.dump(read::GET_CHAIN, 0, None)?;
        Ok(answers.iter().filter_map(read::chain).collect())
    }

    fn rules(&self, place: Place, table: &str) -> Result<Vec<SeenRule>, FirewallError> {
        let answers = self.socket.dump(read::GET_RULE, batch::number(place), Some(table))?;
        // Older kernels do not heed which table was asked for.
        Ok(answers.iter().filter_map(|answer| read::rule(answer, place, table)).collect())
    }
}
