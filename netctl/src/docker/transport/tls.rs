//! TLS over TCP: the files that are named, and what the handshake says.

use std::path::Path;
use std::sync::Arc;
use std::{fs, io};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::CONNECT;
use super::error::{Bad, TransportError};
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
        let builder = match tls.verify {
            true => {
                let authorities = Arc::new(authorities(tls.ca.as_deref())?);
                let verifier = WebPkiServerVerifier::builder_with_provider(authorities, provider).build();
                let verifier = verifier.map_err(|error| TransportError::Other(error.to_string()))?;
                builder.with_webpki_verifier(verifier)
            }
            false => builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider))),
        };
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
fn authorities(ca: Option<&Path>) -> Result<RootCertStore, TransportError> {
    let mut store = RootCertStore::empty();
    match ca {
        Some(path) => {
            for certificate in certificates(path)? {
                store
                    .add(certificate)
                    .map_err(|error| TransportError::File(path.to_owned(), Bad::Unfit(error.to_string())))?;
            }
        }
        None => {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if store.is_empty() {
                return Err(TransportError::NoAuthorities);
            }
        }
    }
    Ok(store)
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

/// Takes whoever answers, as `--tls` without `--tlsverify` does. That who answers has the key to the certificate shown
/// is still looked at.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
