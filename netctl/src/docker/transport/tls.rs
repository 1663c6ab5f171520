//! TLS over TCP: the files that are named, and what the handshake says.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::CONNECT;
use super::error::{Bad, TransportError};
use super::verify::{Anybody, Authorities};
use crate::docker::endpoint;

/// A daemon that is spoken to in TLS.
pub(super) struct Tls {
    /// Host and port.
    pub(super) address: String,
    name: ServerName<'static>,
    config: Arc<ClientConfig>,
}

impl Tls {
    /// Reads the files that are named.
    pub(super) fn read(address: String, tls: &endpoint::Tls) -> Result<Self, TransportError> {
        let host = address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host.clone()).map_err(|_| TransportError::Name(host))?;
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(TransportError::tls)?;
        let verifier: Arc<dyn ServerCertVerifier> = match tls.verify {
            true => {
                let named = tls.ca.as_deref().map(certificates).transpose()?;
                Arc::new(Authorities::new(authorities(&tls.ca, named.as_deref())?, named, provider)?)
            }
            false => Arc::new(Anybody(provider)),
        };
        let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
        let config = match (&tls.cert, &tls.key) {
            (Some(cert), Some(key)) => builder
                .with_client_auth_cert(certificates(cert)?, private_key(key)?)
                // Its words speak of the kind of key and of whether it fits, never of what it is.
                .map_err(|error| TransportError::File(key.clone(), Bad::Unfit(error.to_string())))?,
            _ => builder.with_no_client_auth(),
        };
        Ok(Self { address, name, config: Arc::new(config) })
    }

    /// Speaks TLS over a connection that stands.
    pub(super) async fn greet(&self, stream: TcpStream) -> Result<TlsStream<TcpStream>, TransportError> {
        let connector = TlsConnector::from(Arc::clone(&self.config));
        let greeted = tokio::time::timeout(CONNECT, connector.connect(self.name.clone(), stream)).await;
        greeted.map_err(|_| TransportError::Silent(CONNECT))?.map_err(TransportError::from)
    }
}

/// Whom to believe: who is named, and nobody else; or whom this system believes.
fn authorities(
    path: &Option<PathBuf>,
    named: Option<&[CertificateDer<'static>]>,
) -> Result<RootCertStore, TransportError> {
    let mut store = RootCertStore::empty();
    for certificate in named.into_iter().flatten() {
        let unfit = |error: rustls::Error| {
            TransportError::File(path.clone().unwrap_or_default(), Bad::Unfit(error.to_string()))
        };
        store.add(certificate.clone()).map_err(unfit)?;
    }
    if named.is_none() {
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    if store.is_empty() { Err(TransportError::NoAuthorities) } else { Ok(store) }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TransportError> {
    let content = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&content).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(TransportError::File(path.to_owned(), Bad::NoCertificate)),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TransportError> {
    let content = read(path)?;
    let is_encrypted = content.windows(9).any(|word| word == b"ENCRYPTED");
    let bad = if is_encrypted { Bad::Encrypted } else { Bad::NoKey };
    if is_encrypted {
        return Err(TransportError::File(path.to_owned(), bad));
    }
    PrivateKeyDer::from_pem_slice(&content).map_err(|_| TransportError::File(path.to_owned(), bad))
}

fn read(path: &Path) -> Result<Vec<u8>, TransportError> {
    fs::read(path)
        .map_err(|error: io::Error| TransportError::File(path.to_owned(), Bad::Unread(Arc::new(error))))
}
