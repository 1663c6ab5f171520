//! From a host's name to its address, without ever holding up anybody but the call that asked.
//!
//! RFC 3263 in the part that this switch needs: a numeric address is taken as it is; a name with a port is
//! looked up for addresses; a name without one asks SRV first. The resolver is a task of the asking call,
//! bounded in time; how many may ask at once is bounded too.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::proto::rr::RData;
use thiserror::Error;
use tokio::sync::{OnceCell, Semaphore};

/// Longest wait for a name.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(5);
/// Look-ups at once; one more fails at once rather than queue behind a dead resolver.
const AT_ONCE: usize = 256;

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
    /// The addresses of `host`, best first. `service` is the SRV prefix, for instance `_sip._udp`.
    ///
    /// # Errors
    /// [`ResolveError`], after [`TIMEOUT`] at the latest.
    pub(crate) async fn resolve(
        &self,
        host: &str,
        port: Option<u16>,
        service: &str,
    ) -> Result<Vec<SocketAddr>, ResolveError> {
        if let Some(ip) = literal(host) {
            return Ok(vec![SocketAddr::new(ip, port.unwrap_or(5060))]);
        }
        let _place = self.places.try_acquire().map_err(|_| ResolveError::Busy)?;
        tokio::time::timeout(TIMEOUT, self.look_up(host, port, service))
            .await
            .map_err(|_| ResolveError::Timeout(host.into()))?
    }

    async fn look_up(
        &self,
        host: &str,
        port: Option<u16>,
        service: &str,
    ) -> Result<Vec<SocketAddr>, ResolveError> {
        let not_found = |why: String| ResolveError::NotFound { name: host.into(), why };
        let resolver = self
            .inner
            .get_or_try_init(|| async { TokioResolver::builder_tokio()?.build() })
            .await
            .map_err(|error| not_found(error.to_string()))?;
        let mut targets = Vec::new();
        if port.is_none()
            && let Ok(found) = resolver.srv_lookup(format!("{service}.{}.", host.trim_end_matches('.'))).await
        {
            for record in found.answers() {
                if let RData::SRV(srv) = &record.data {
                    targets.push((srv.priority, u16::MAX - srv.weight, srv.target.to_string(), srv.port));
                }
            }
            targets.sort();
        }
        if targets.is_empty() {
            targets.push((0, 0, host.to_owned(), port.unwrap_or(5060)));
        }
        let mut addresses = Vec::new();
        let mut last = String::from("no address");
        for (_, _, name, port) in targets {
            match resolver.lookup_ip(name).await {
                Ok(found) => addresses.extend(found.iter().map(|ip| SocketAddr::new(ip, port))),
                Err(error) => last = error.to_string(),
            }
        }
        if addresses.is_empty() { Err(not_found(last)) } else { Ok(addresses) }
    }
}

/// A numeric host, with or without the brackets of an IPv6 reference.
pub(crate) fn literal(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn numbers_need_no_resolver() {
        let resolver = Resolver::default();
        let found = resolver.resolve("[2001:db8::1]", Some(5080), "_sip._udp").await.unwrap();
        assert_eq!(found, ["[2001:db8::1]:5080".parse().unwrap()]);
        let found = resolver.resolve("192.0.2.1", None, "_sip._udp").await.unwrap();
        assert_eq!(found, ["192.0.2.1:5060".parse().unwrap()]);
        assert!(resolver.inner.get().is_none());
    }

    #[tokio::test]
    async fn one_too_many_fails_at_once() {
        let resolver = Resolver { places: Arc::new(Semaphore::new(0)), ..Resolver::default() };
        assert_eq!(resolver.resolve("example.invalid", None, "_sip._udp").await, Err(ResolveError::Busy));
    }
}
