//! The kernel, over rtnetlink (rtnetlink(7)) and nfnetlink.
//!
//! What the verbs mean is not known here: each room above has a narrow trait, which is implemented in a file of its
//! own.

mod bridge;
mod namespace;
mod news;
mod nftables;
mod parse;
mod parse_wires;
mod route;
mod trial;
mod vacant;
mod wires;

use std::io;

use rtnetlink::Handle;

use crate::bridge::KernelError;

pub(crate) use namespace::{apart, inside};
pub use news::KernelNews;
pub use nftables::{Nftables, Traces};
pub use route::routing;
pub use trial::refuses_link;
pub use wires::Wires;

/// A netlink socket in the namespace of the thread that opened it.
#[derive(Clone)]
pub struct Netlink {
    handle: Handle,
}

impl Netlink {
    /// Opens a socket and lets the current runtime serve it.
    ///
    /// # Errors
    /// [`KernelError::Socket`] where the kernel gives none.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn open() -> Result<Self, KernelError> {
        let (connection, handle, _messages) = rtnetlink::new_connection().map_err(KernelError::Socket)?;
        // Ends by itself with the last handle.
        tokio::spawn(connection);
        Ok(Self { handle })
    }
}

fn refused(error: rtnetlink::Error) -> KernelError {
    match error {
        rtnetlink::Error::NetlinkError(message) => KernelError::Refused(message.to_io()),
        rtnetlink::Error::RequestFailed => {
            KernelError::Socket(io::Error::other("the kernel closed the connection"))
        }
        other => KernelError::Protocol(other.to_string()),
    }
}
