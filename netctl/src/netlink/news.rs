//! What the kernel tells by itself: that rules, interfaces, addresses or routes of this network namespace changed
//! (nfnetlink and rtnetlink(7), multicast groups).
//!
//! What changed is not read. Whoever hears of it looks, so one that is lost costs nothing as long as it is known that
//! something was.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};

use netlink_sys::protocols::{NETLINK_NETFILTER, NETLINK_ROUTE};
use netlink_sys::{AsyncSocket as _, TokioSocket};

use crate::reconcile::News;

/// NFNLGRP_NFTABLES.
const RULES: [u32; 1] = [7];
/// RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_IFADDR and RTNLGRP_IPV6_ROUTE.
const NETWORK: [u32; 5] = [1, 5, 7, 9, 11];

/// A socket for rules and one for the rest, in the namespace of the thread that opened them.
pub struct KernelNews([TokioSocket; 2]);

impl KernelNews {
    /// Listens from now on.
    ///
    /// # Errors
    /// Where the kernel gives no such socket.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn open() -> io::Result<Self> {
        Ok(Self([listen(NETLINK_NETFILTER, &RULES)?, listen(NETLINK_ROUTE, &NETWORK)?]))
    }
}

impl News for KernelNews {
    async fn wait(&mut self) {
        poll_fn(|context| {
            // Each of them, for whoever is not asked does not wake.
            let told = self.0.each_ref().map(|socket| hear(socket, context));
            if told.contains(&true) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

fn listen(protocol: isize, groups: &[u32]) -> io::Result<TokioSocket> {
    let mut socket = TokioSocket::new(protocol)?;
    socket.socket_mut().bind_auto()?;
    groups.iter().try_for_each(|group| socket.socket_mut().add_membership(*group))?;
    Ok(socket)
}

/// Takes all that has come; whether there was something. One look serves for all of it, also for what there was no room
/// for: the kernel says ENOBUFS once then.
fn hear(socket: &TokioSocket, context: &mut Context<'_>) -> bool {
    /// What is longer is cut, and nobody reads it.
    const LENGTH: usize = 64;
    /// About as many as the queue has room for; whoever never stops is heard again after the look.
    const AT_ONCE: usize = 4096;
    let mut bytes = Vec::with_capacity(LENGTH);
    for count in 0..AT_ONCE {
        bytes.clear();
        if socket.poll_recv(context, &mut bytes).is_pending() {
            return count > 0;
        }
    }
    true
}
