//! Accepting connections and answering HTTP.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use meshlace_core::signalling::address::SOCKET_PATH;
use tokio::net::TcpListener;
use tower_service::Service;

use crate::hub::Hub;
use crate::page::{self, Pages};
use crate::socket;

/// Everything that is answered over HTTP.
pub(crate) fn router(hub: Arc<Hub>, pages: Pages) -> Router {
    Router::new()
        .route(SOCKET_PATH, get(socket::upgrade))
        .route("/healthz", get(healthz))
        .with_state(hub)
        .fallback_service(get(page::answer).with_state(Arc::new(pages)))
}

/// Accepts until the task is dropped. An own loop around hyper, since `axum::serve` has no deadline
/// for request heads: a client that sends one byte a minute would hold a connection for ever.
pub(crate) async fn accept(listener: TcpListener, router: Router) {
    loop {
        let (stream, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(_) => {
                // No file descriptors are left, or the client is gone already. Either passes.
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Signals are small and urgent. A failure costs only delay.
        let _ = stream.set_nodelay(true);
        let router = router.clone();
        let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(from));
            router.clone().call(request.map(Body::new))
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_DEADLINE)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        tokio::spawn(async move {
            // What goes wrong here is the client's: it went away or does not speak HTTP.
            let _ = connection.await;
        });
    }
}

async fn healthz(State(hub): State<Arc<Hub>>) -> Response {
    let counts = hub.counts();
    let body = format!("ok\nclients {}\nrooms {}\n", counts.client_count, counts.room_count);
    ([(header::CACHE_CONTROL, "no-store")], body).into_response()
}

const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A request's head, or the next request on the same connection, must come within this time.
const HEAD_DEADLINE: Duration = Duration::from_secs(20);

/// Most bytes of a request's head.
const HEAD_BYTES_MAX: usize = 16 * 1024;
