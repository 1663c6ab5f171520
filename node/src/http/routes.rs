//! The paths and what they answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Extension, Json, Router, middleware};
use serde_json::json;

use super::auth::{Denied, Token, may_change};
use super::{Counters, Liveness, Readiness, SwitchView};
use crate::config::{Span, SpanError};

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) SocketAddr);

/// What there is.
const PATHS: &str = "there is /metrics, /livez, /readyz, /calls, /drain, /reload";

struct Context<V> {
    view: Arc<V>,
    token: Arc<Token>,
}

pub(super) fn router<V: SwitchView>(view: Arc<V>, token: Arc<Token>, counters: Arc<Counters>) -> Router {
    Router::new()
        .route("/metrics", get(metrics::<V>))
        .route("/livez", get(livez::<V>))
        .route("/readyz", get(readyz::<V>))
        .route("/calls", get(calls::<V>))
        .route("/calls/{id}", delete(hang_up::<V>))
        .route("/drain", get(drain::<V>).post(begin_drain::<V>).delete(take_back_drain::<V>))
        .route("/reload", post(reload::<V>))
        .fallback(|| async { error(StatusCode::NOT_FOUND, PATHS) })
        .with_state(Arc::new(Context { view, token }))
        .layer(middleware::map_response_with_state(counters, count))
}

async fn count(State(counters): State<Arc<Counters>>, response: Response) -> Response {
    counters.answered(response.status().as_u16());
    response
}

async fn metrics<V: SwitchView>(State(context): State<Arc<Context<V>>>) -> Response {
    match context.view.metrics() {
        Some(text) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        None => error(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be written"),
    }
}

async fn livez<V: SwitchView>(State(context): State<Arc<Context<V>>>) -> Response {
    match context.view.liveness() {
        Liveness::Alive => Json(json!({ "live": true })).into_response(),
        Liveness::Dead(why) => unavailable("live", why),
    }
}

async fn readyz<V: SwitchView>(State(context): State<Arc<Context<V>>>) -> Response {
    match context.view.readiness() {
        Readiness::Ready => Json(json!({ "ready": true })).into_response(),
        Readiness::NotReady(why) => unavailable("ready", why),
    }
}

async fn calls<V: SwitchView>(State(context): State<Arc<Context<V>>>) -> Response {
    Json(json!({ "calls": context.view.calls() })).into_response()
}

async fn hang_up<V: SwitchView>(
    State(context): State<Arc<Context<V>>>,
    Extension(Peer(peer)): Extension<Peer>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    if let Some(refusal) = context.refusal(peer, &headers, "hang up a call") {
        return refusal;
    }
    if context.view.hang_up(&id) {
        tracing::info!(%peer, call = %id, "hung up on request");
        StatusCode::NO_CONTENT.into_response()
    } else {
        error(StatusCode::NOT_FOUND, "no call has this id")
    }
}

async fn drain<V: SwitchView>(State(context): State<Arc<Context<V>>>) -> Response {
    Json(context.view.drain()).into_response()
}

async fn begin_drain<V: SwitchView>(
    State(context): State<Arc<Context<V>>>,
    Extension(Peer(peer)): Extension<Peer>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    if let Some(refusal) = context.refusal(peer, &headers, "drain") {
        return refusal;
    }
    let deadline = match query.as_deref().map(deadline).transpose() {
        Ok(deadline) => deadline,
        Err(why) => return error(StatusCode::BAD_REQUEST, &why),
    };
    tracing::info!(%peer, "asked to drain");
    Json(context.view.begin_drain(deadline)).into_response()
}

/// Reads `deadline=3h`.
fn deadline(query: &str) -> Result<Duration, String> {
    let text =
        query.strip_prefix("deadline=").ok_or("there is ?deadline=DURATION, for instance deadline=3h")?;
    let span: Span = text.parse().map_err(|error: SpanError| format!("deadline: {error}"))?;
    Ok(span.duration())
}

async fn take_back_drain<V: SwitchView>(
    State(context): State<Arc<Context<V>>>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
) -> Response {
    if let Some(refusal) = context.refusal(peer, &headers, "take a drain back") {
        return refusal;
    }
    match context.view.take_back_drain() {
        Some(view) => Json(view).into_response(),
        None => error(StatusCode::CONFLICT, "a signal ends the process: that is not taken back"),
    }
}

async fn reload<V: SwitchView>(
    State(context): State<Arc<Context<V>>>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
) -> Response {
    if let Some(refusal) = context.refusal(peer, &headers, "reload") {
        return refusal;
    }
    tracing::info!(%peer, "asked to read the configuration anew");
    let view = Arc::clone(&context.view);
    match tokio::task::spawn_blocking(move || view.reload()).await {
        Ok(Ok(view)) => Json(view).into_response(),
        Ok(Err(refused)) => (StatusCode::UNPROCESSABLE_ENTITY, Json(refused)).into_response(),
        Err(_) => error(StatusCode::INTERNAL_SERVER_ERROR, "reading the configuration panicked"),
    }
}

impl<V> Context<V> {
    /// What a peer is told that may not change something. `what` is for the log.
    fn refusal(&self, peer: SocketAddr, headers: &HeaderMap, what: &str) -> Option<Response> {
        let mut denied = may_change(&self.token.read(), peer.ip(), headers).err()?;
        if denied == Denied::Token && self.token.look() {
            tracing::info!("the token's file holds another one, which counts from now on");
            denied = may_change(&self.token.read(), peer.ip(), headers).err()?;
        }
        tracing::warn!(%peer, reason = %denied, "refused to {what}");
        Some(match denied {
            Denied::Token => {
                let mut response = error(StatusCode::UNAUTHORIZED, &denied.to_string());
                response
                    .headers_mut()
                    .insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
                response
            }
            Denied::Elsewhere | Denied::Host => error(StatusCode::FORBIDDEN, &denied.to_string()),
        })
    }
}

fn unavailable(what: &str, why: &str) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ what: false, "reason": why }))).into_response()
}

fn error(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "error": message }))).into_response()
}
