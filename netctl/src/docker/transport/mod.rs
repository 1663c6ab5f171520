//! The ways to a daemon: a socket, TCP, TLS, ssh. bollard speaks HTTP over whatever this opens.
//!
//! One road for all four, so that what fails on the way is told by [`TransportError`] and not by a library's words.

mod advice;
mod classify;
mod error;
mod ssh;
mod tls;
mod verify;
mod wire;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bollard::{BollardRequest, Docker};
use hyper::Uri;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::net::{TcpStream, UnixStream};

use super::endpoint::Endpoint;
use super::host::{Host, Ssh};
use wire::Wire;

pub use error::TransportError;

/// How long an answer may take, in seconds: the daemon answers a load only when all of it has arrived.
const ANSWER: u64 = 3600;
/// How long it may take until a connection stands. With ssh it is ssh's own.
const CONNECT: Duration = Duration::from_secs(10);

/// A client of the daemon, which opens connections as it needs them. None is open yet.
pub(super) fn client(endpoint: &Endpoint) -> Result<Docker, TransportError> {
    let way = match (&endpoint.host, &endpoint.tls) {
        (Host::Unix(path), _) => Way::Unix(path.clone()),
        (Host::Ssh(ssh), _) => Way::Ssh(ssh.clone()),
        (Host::Tcp(address) | Host::Https(address), Some(tls)) => {
            Way::Tls(Box::new(tls::Tls::read(address.clone(), tls)?))
        }
        (Host::Tcp(address) | Host::Https(address), None) => Way::Tcp(address.clone()),
    };
    // Only a header of each request: who is reached is the connector's to know.
    let name = match &way {
        Way::Tcp(address) => address.clone(),
        Way::Tls(tls) => tls.address.clone(),
        Way::Unix(_) | Way::Ssh(_) => "docker".to_owned(),
    };
    let mut builder = Client::builder(TokioExecutor::new());
    if matches!(way, Way::Unix(_)) {
        // Another one costs nothing there, and none is found closed that a daemon left behind.
        builder.pool_max_idle_per_host(0);
    }
    let client = builder.build(Connector(Arc::new(way)));
    let transport = move |request: BollardRequest| {
        let answer = client.request(request);
        async move { Ok(answer.await?) }
    };
    let url = Some(format!("http://{name}"));
    Docker::connect_with_custom_transport(transport, url, ANSWER, bollard::API_DEFAULT_VERSION)
        .map_err(|error| TransportError::Other(error.to_string()))
}

/// How a connection is opened.
enum Way {
    Unix(PathBuf),
    Tcp(String),
    Tls(Box<tls::Tls>),
    Ssh(Ssh),
}

/// Opens connections for HTTP's client, which keeps those that are idle.
#[derive(Clone)]
struct Connector(Arc<Way>);

impl tower_service::Service<Uri> for Connector {
    type Response = Wire;
    type Error = TransportError;
    type Future = Pin<Box<dyn Future<Output = Result<Wire, TransportError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let way = Arc::clone(&self.0);
        Box::pin(async move {
            Ok(match &*way {
                Way::Unix(path) => Wire::new(unix(path).await?),
                Way::Tcp(address) => Wire::new(tcp(address).await?),
                Way::Tls(tls) => Wire::new(tls.greet(tcp(&tls.address).await?).await?),
                Way::Ssh(ssh) => Wire::new(ssh::open(ssh)?),
            })
        })
    }
}

async fn unix(path: &Path) -> Result<UnixStream, TransportError> {
    Ok(UnixStream::connect(path).await?)
}

async fn tcp(address: &str) -> Result<TcpStream, TransportError> {
    let stream = tokio::time::timeout(CONNECT, TcpStream::connect(address)).await;
    let stream = stream.map_err(|_| TransportError::Silent(CONNECT))??;
    // A request is written at once, and its answer waited for.
    stream.set_nodelay(true)?;
    Ok(stream)
}
