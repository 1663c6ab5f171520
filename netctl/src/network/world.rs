//! All that a step may ask or change, and whether it is on this machine.

use super::error::RunError;
use super::publisher::Publisher;
use super::sockets::Sockets;
use super::wiring::Wiring;
use crate::docker::{Containers, Networks, Whereabouts};

/// Docker, the kernel, /proc and whoever publishes ports.
pub struct World<D, K, S, P> {
    /// The daemon.
    pub docker: D,
    /// Interfaces, addresses, routes.
    pub kernel: K,
    /// Sockets and processes.
    pub proc: S,
    /// Who brings packets to containers on a bridge.
    pub publisher: P,
}

/// The same, as one bound: what is written `W: Worldly` is a [`World`] of four parts.
pub trait Worldly {
    /// The daemon.
    type Docker: Containers + Networks;
    /// Interfaces, addresses, routes.
    type Kernel: Wiring;
    /// Sockets and processes.
    type Proc: Sockets;
    /// Who publishes.
    type Publisher: Publisher;

    /// The daemon.
    fn docker(&self) -> &Self::Docker;
    /// The kernel.
    fn kernel(&self) -> &Self::Kernel;
    /// Of /proc.
    fn proc(&self) -> &Self::Proc;
    /// Who publishes.
    fn publisher(&self) -> &Self::Publisher;
}

impl<D: Containers + Networks, K: Wiring, S: Sockets, P: Publisher> Worldly for World<D, K, S, P> {
    type Docker = D;
    type Kernel = K;
    type Proc = S;
    type Publisher = P;

    fn docker(&self) -> &D {
        &self.docker
    }
    fn kernel(&self) -> &K {
        &self.kernel
    }
    fn proc(&self) -> &S {
        &self.proc
    }
    fn publisher(&self) -> &P {
        &self.publisher
    }
}

/// What reaches into the kernel has to run beside the daemon.
pub(crate) async fn beside(world: &impl Worldly) -> Result<(), RunError> {
    match world.docker().whereabouts().await? {
        Whereabouts::Here => Ok(()),
        Whereabouts::Elsewhere(why) => Err(RunError::Remote(why)),
        Whereabouts::Rootless => Err(RunError::Rootless),
    }
}
