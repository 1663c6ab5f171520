//! The HTTP server for people and machines beside the switch: metrics, health, the list of calls. It knows the
//! switch by [`SwitchView`] alone. Everything a peer can make it hold is bounded: connections, headers, time.

mod auth;
mod routes;
mod view;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use thiserror::Error;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;

pub use auth::Token;
pub use view::{
    CallView, DrainView, LegView, Liveness, MediaView, ProblemView, Readiness, RefusedView, ReloadView,
    SwitchView,
};

/// Connections open at once. Beyond it a new one is closed at once.
const CONNECTIONS: usize = 64;
/// A request's head has to be there by then; an idle connection is closed after it.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection's life; then it may end its answer.
const LIFE: Duration = Duration::from_secs(120);
/// How long that answer may take: a peer that does not read holds no memory for ever.
const LAST_ANSWER: Duration = Duration::from_secs(10);
/// Bytes of a request's head.
const HEAD: usize = 16 * 1024;
/// Header fields of a request.
const HEADERS: usize = 64;

/// What the server counts.
#[derive(Debug, Default)]
pub struct Counters {
    responses: [AtomicU64; 5],
    refused: AtomicU64,
}

impl Counters {
    /// Answers by class of status, 1xx to 5xx.
    pub fn responses(&self) -> [u64; 5] {
        std::array::from_fn(|class| self.responses[class].load(Ordering::Relaxed))
    }

    /// Connections closed at once because too many were open.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    fn answered(&self, status: u16) {
        if let Some(count) =
            usize::from(status / 100).checked_sub(1).and_then(|class| self.responses.get(class))
        {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Why there is no server.
#[derive(Debug, Error)]
#[error("cannot listen for HTTP on {listen}")]
pub struct HttpError {
    listen: SocketAddr,
    source: std::io::Error,
}

/// A server that has its port and answers nobody yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
}

impl Server {
    /// Takes the port.
    ///
    /// # Errors
    /// [`HttpError`] with what the kernel said.
    pub fn bind(listen: SocketAddr) -> Result<Self, HttpError> {
        let bind = || {
            let socket = if listen.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
            socket.set_reuseaddr(true)?;
            socket.bind(listen)?;
            socket.listen(128)
        };
        bind().map(|listener| Self { listener }).map_err(|source| HttpError { listen, source })
    }

    /// The address it has: the chosen port, where the configured one was 0.
    pub fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until dropped.
    pub async fn serve<V: SwitchView>(self, view: Arc<V>, token: Arc<Token>, counters: Arc<Counters>) {
        let router = routes::router(view, token, Arc::clone(&counters));
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let (stream, peer) = match self.listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    // No descriptor is free, or the peer is gone again: neither mends itself by haste.
                    tracing::warn!(%error, "cannot accept an HTTP connection");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    continue;
                }
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                counters.refused.fetch_add(1, Ordering::Relaxed);
                continue;
            };
            let router = router.clone().layer(axum::Extension(routes::Peer(peer)));
            tokio::spawn(async move {
                connection(stream, router).await;
                drop(place);
            });
        }
    }
}

async fn connection(stream: TcpStream, router: axum::Router) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(HEAD).max_headers(HEADERS);
    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(connection);
    // How a connection ends is its peer's affair: neither logged nor counted.
    if tokio::time::timeout(LIFE, connection.as_mut()).await.is_err() {
        connection.as_mut().graceful_shutdown();
        let _ = tokio::time::timeout(LAST_ANSWER, connection).await;
    }
}

#[cfg(test)]
mod tests;
