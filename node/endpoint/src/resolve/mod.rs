//! From a host's name to its address, without ever holding up anybody but the call that asked.
//!
//! RFC 3263 in the part that this switch needs: a numeric address is taken as it is; a name with a port is
//! looked up for addresses; a name without one asks SRV first (RFC 2782), NAPTR is not asked. The resolver is a task of the asking call,
//! bounded in time; how many may ask at once is bounded too.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::net::NetError;
use hickory_resolver::proto::rr::RData;
use switch_sip::hop::Hop;
use switch_sip::transaction::Transport;
use thiserror::Error;
use tokio::sync::{OnceCell, Semaphore};

mod srv;

use srv::Target;

/// Longest wait for a name.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(5);
/// Longest wait for one answer: a lost datagram costs this, not the name.
const ATTEMPT: Duration = Duration::from_millis(1500);
/// Look-ups at once; one more fails at once rather than queue behind a dead resolver.
const AT_ONCE: usize = 256;

/// One place a hop may be at.
pub(crate) type Candidate = (Transport, SocketAddr);

/// Looks names up.
#[derive(Clone)]
pub(crate) struct Resolver {
    /// Made at the first name, for many switches never see one.
    inner: Arc<OnceCell<TokioResolver>>,
    places: Arc<Semaphore>,
}

/// Why a host has no address.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub(crate) enum ResolveError {
    /// The resolver did not answer in time.
    #[error("no answer about the name {0} within {TIMEOUT:?}; is the name server reachable?")]
    Timeout(String),
    /// There is no such name, or no address for it.
    #[error("the name {name} has no address: {why}")]
    NotFound {
        /// What was asked for.
        name: String,
        /// What the resolver said.
        why: String,
    },
    /// See `AT_ONCE`.
    #[error("too many names are being looked up")]
    Busy,
}

impl Default for Resolver {
    fn default() -> Self {
        Self { inner: Arc::default(), places: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Resolver {
    /// Every place a hop may be at, best first.
    ///
    /// # Errors
    /// [`ResolveError`], after [`TIMEOUT`] at the latest.
    pub(crate) async fn resolve(&self, hop: &Hop) -> Result<Vec<Candidate>, ResolveError> {
        if let Some(address) = hop.address() {
            return Ok(vec![(hop.transport.unwrap_or(Transport::Udp), address)]);
        }
        let _place = self.places.try_acquire().map_err(|_| ResolveError::Busy)?;
        tokio::time::timeout(TIMEOUT, self.look_up(hop))
            .await
            .map_err(|_| ResolveError::Timeout(hop.host.clone()))?
    }

    async fn look_up(&self, hop: &Hop) -> Result<Vec<Candidate>, ResolveError> {
        let not_found = |why: String| ResolveError::NotFound { name: hop.host.clone(), why };
        let resolver =
            self.inner.get_or_try_init(build).await.map_err(|error| not_found(error.to_string()))?;
        let (transport, targets) = match hop.port {
            // RFC 3263 §4.2: a port that is written asks for no service.
            Some(port) => (hop.transport, vec![(hop.host.clone(), port)]),
            None => services(resolver, hop).await,
        };
        let transport = transport.unwrap_or(Transport::Udp);
        let mut candidates = Vec::new();
        let mut last = String::from("the service is not offered there");
        for (name, port) in targets {
            match resolver.lookup_ip(name).await {
                Ok(found) => candidates.extend(found.iter().map(|ip| (transport, SocketAddr::new(ip, port)))),
                Err(NetError::Timeout) => return Err(ResolveError::Timeout(hop.host.clone())),
                Err(error) => last = error.to_string(),
            }
        }
        if candidates.is_empty() { Err(not_found(last)) } else { Ok(candidates) }
    }
}

async fn build() -> Result<TokioResolver, NetError> {
    let mut builder = TokioResolver::builder_tokio()?;
    let options = builder.options_mut();
    options.timeout = options.timeout.min(ATTEMPT);
    builder.build()
}

/// The targets of the hop's service, in order; the host itself where no service is known. Where no transport is
/// asked for, the first that is offered is taken, UDP before TCP (RFC 3263 §4.1).
async fn services(resolver: &TokioResolver, hop: &Hop) -> (Option<Transport>, Vec<(String, u16)>) {
    let both = [Transport::Udp, Transport::Tcp];
    for transport in both.into_iter().filter(|one| hop.transport.is_none_or(|asked| asked == *one)) {
        let service = match transport {
            Transport::Udp => "_sip._udp",
            Transport::Tcp => "_sip._tcp",
        };
        let name = format!("{service}.{}.", hop.host.trim_end_matches('.'));
        let Ok(found) = resolver.srv_lookup(name).await else { continue };
        let targets = found.answers().iter().filter_map(|record| match &record.data {
            RData::SRV(srv) => Some(Target {
                priority: srv.priority,
                weight: srv.weight,
                name: srv.target.to_string(),
                port: srv.port,
            }),
            _ => None,
        });
        let targets = srv::order(targets.collect(), || switch_core::SessionId::random().as_u128() as u64);
        if !targets.is_empty() {
            // A target of "." says that there is none (RFC 2782).
            let offered = targets.into_iter().filter(|target| target.name != ".");
            return (Some(transport), offered.map(|target| (target.name, target.port)).collect());
        }
    }
    (hop.transport, vec![(hop.host.clone(), 5060)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use switch_sip::message::Uri;

    fn hop(uri: &str) -> Hop {
        Hop::of(&Uri::parse(uri).unwrap()).unwrap()
    }

    #[tokio::test]
    async fn numbers_need_no_resolver() {
        let resolver = Resolver::default();
        let found = resolver.resolve(&hop("sip:a@[2001:db8::1]:5080;transport=tcp")).await.unwrap();
        assert_eq!(found, [(Transport::Tcp, "[2001:db8::1]:5080".parse().unwrap())]);
        let found = resolver.resolve(&hop("sip:192.0.2.1")).await.unwrap();
        assert_eq!(found, [(Transport::Udp, "192.0.2.1:5060".parse().unwrap())]);
        assert!(resolver.inner.get().is_none());
    }

    #[tokio::test]
    async fn one_too_many_fails_at_once() {
        let resolver = Resolver { places: Arc::new(Semaphore::new(0)), ..Resolver::default() };
        assert_eq!(resolver.resolve(&hop("sip:example.invalid")).await, Err(ResolveError::Busy));
    }
}
