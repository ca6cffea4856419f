//! Accepting connections and answering HTTP.

use std::net::SocketAddr;
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
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tower_service::Service;

use crate::hub::Hub;
use crate::page::{self, Pages};
use crate::socket;
use crate::tls::Tls;

/// Everything that is answered over HTTP.
pub(crate) fn router(hub: Arc<Hub>, pages: Pages, origins: &[String]) -> Router {
    let known = json_of(origins);
    Router::new()
        .route(SOCKET_PATH, get(socket::upgrade))
        .route(ADDRESSES_PATH, get(move |from| addresses(from, known)))
        .route("/healthz", get(healthz))
        .with_state(hub)
        .fallback_service(get(page::answer).with_state(Arc::new(pages)))
}

/// Accepts until the task is dropped. An own loop around hyper, since `axum::serve` has no deadline
/// for request heads: a client that sends one byte a minute would hold a connection for ever.
pub(crate) async fn accept(listener: TcpListener, router: Router, tls: Option<Tls>) {
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
        match tls.clone() {
            None => {
                tokio::spawn(serve(stream, from, router));
            }
            Some(tls) => {
                tokio::spawn(async move {
                    if let Some(stream) = tls.accept(stream).await {
                        serve(stream, from, router).await;
                    }
                });
            }
        }
    }
}

async fn serve<S>(stream: S, from: SocketAddr, router: Router)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
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
    // What goes wrong here is the client's: it went away or does not speak HTTP.
    let _ = connection.await;
}

async fn healthz(State(hub): State<Arc<Hub>>) -> Response {
    let counts = hub.counts();
    let body = format!("ok\nclients {}\nrooms {}\n", counts.client_count, counts.room_count);
    ([(header::CACHE_CONTROL, "no-store")], body).into_response()
}

/// Tells a page on this machine where others find it. Strangers learn nothing of our network.
async fn addresses(ConnectInfo(from): ConnectInfo<SocketAddr>, known: String) -> Response {
    let body = if from.ip().to_canonical().is_loopback() { known } else { json_of(&[]) };
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (headers, body).into_response()
}

/// Origins hold nothing that JSON would escape.
fn json_of(origins: &[String]) -> String {
    let quoted: Vec<String> = origins.iter().map(|origin| format!("\"{origin}\"")).collect();
    format!("{{\"lan\":[{}]}}", quoted.join(","))
}

const ADDRESSES_PATH: &str = "/meshlace/addresses";

const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A request's head, or the next request on the same connection, must come within this time.
const HEAD_DEADLINE: Duration = Duration::from_secs(20);

/// Most bytes of a request's head.
const HEAD_BYTES_MAX: usize = 16 * 1024;

#[cfg(test)]
#[allow(clippy::expect_used, reason = "a test that cannot go on says so")]
mod tests {
    use super::*;

    /// The same question from this machine, also over IPv6's form of IPv4, and from another.
    #[tokio::test]
    async fn strangers_learn_no_addresses() {
        let known = json_of(&[String::from("http://192.0.2.7")]);
        for (from, told) in
            [("127.0.0.1:9", true), ("[::ffff:127.0.0.1]:9", true), ("192.0.2.9:9", false)]
        {
            let peer = ConnectInfo(from.parse().expect("an address"));
            let body = addresses(peer, known.clone()).await.into_body();
            let bytes = axum::body::to_bytes(body, 100).await.expect("a body");
            let expected = if told { known.as_str() } else { "{\"lan\":[]}" };
            assert_eq!(bytes, expected, "asked from {from}");
        }
    }
}
