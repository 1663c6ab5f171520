//! The paths and what they answer.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use axum::{Extension, Json, Router, middleware};
use serde_json::json;

use super::auth::{Denied, may_change};
use super::{Counters, Liveness, Readiness, SwitchView};
use crate::config::Secret;
use crate::metrics::CONTENT_TYPE;

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) SocketAddr);

struct Context<V> {
    view: Arc<V>,
    token: Secret,
}

pub(super) fn router<V: SwitchView>(view: Arc<V>, token: Secret, counters: Arc<Counters>) -> Router {
    Router::new()
        .route("/metrics", get(metrics::<V>))
        .route("/livez", get(livez::<V>))
        .route("/readyz", get(readyz::<V>))
        .route("/calls", get(calls::<V>))
        .route("/calls/{id}", delete(hang_up::<V>))
        .fallback(|| async { error(StatusCode::NOT_FOUND, "there is /metrics, /livez, /readyz, /calls") })
        .with_state(Arc::new(Context { view, token }))
        .layer(middleware::map_response_with_state(counters, count))
}

async fn count(State(counters): State<Arc<Counters>>, response: Response) -> Response {
    counters.answered(response.status().as_u16());
    response
}

async fn metrics<V: SwitchView>(State(context): State<Arc<Context<V>>>) -> Response {
    match context.view.metrics() {
        Some(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
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
    if let Err(denied) = may_change(&context.token, peer.ip(), &headers) {
        tracing::warn!(%peer, reason = %denied, "refused to hang up a call");
        return match denied {
            Denied::Token => {
                let mut response = error(StatusCode::UNAUTHORIZED, &denied.to_string());
                response
                    .headers_mut()
                    .insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
                response
            }
            Denied::Elsewhere | Denied::Host => error(StatusCode::FORBIDDEN, &denied.to_string()),
        };
    }
    if context.view.hang_up(&id) {
        tracing::info!(%peer, call = %id, "hung up on request");
        StatusCode::NO_CONTENT.into_response()
    } else {
        error(StatusCode::NOT_FOUND, "no call has this id")
    }
}

fn unavailable(what: &str, why: &str) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ what: false, "reason": why }))).into_response()
}

fn error(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "error": message }))).into_response()
}
