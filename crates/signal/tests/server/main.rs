//! The server over real sockets on loopback.
#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on says so")]

use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use meshlace_signal::{Asset, ServeError, Server, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

mod peer;
mod signalling;
mod tls;

/// A server that runs until it is dropped or told to stop.
struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    async fn start() -> Self {
        Self::start_with(ServerConfig::new([127, 0, 0, 1].into(), 0, ASSETS)).await
    }

    async fn start_with(config: ServerConfig) -> Self {
        let mut server = Server::bind(config).await.expect("a free port");
        server.advertise(vec![String::from("http://192.0.2.7:4242")]);
        let address = server.address();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(server.run(async {
            let _ = stopped.await;
        }));
        Self { address, stop, task }
    }

    async fn stop(self) {
        self.stop.send(()).expect("it runs");
        timeout(Duration::from_secs(5), self.task).await.expect("it stops").expect("no panic");
    }

    /// One request, and everything that is answered.
    async fn get(&self, path: &str, headers: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.expect("connects");
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("answered");
        String::from_utf8_lossy(&answer).into_owned()
    }
}

const ASSETS: &[Asset] = &[
    Asset { path: "index.html", bytes: b"<title>page</title>", gzip: None },
    Asset { path: "assets/core-1234.wasm", bytes: b"plain wasm", gzip: Some(b"packed wasm") },
];

#[tokio::test]
async fn serves_the_page_with_types_and_caching() {
    let server = Running::start().await;
    let page = server.get("/", "").await;
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    assert!(page.contains("content-type: text/html; charset=utf-8"), "{page}");
    assert!(page.contains("cache-control: no-cache"), "{page}");
    assert!(page.ends_with("<title>page</title>"), "{page}");

    let wasm = server.get("/assets/core-1234.wasm", "Accept-Encoding: gzip\r\n").await;
    assert!(wasm.contains("content-type: application/wasm"), "{wasm}");
    assert!(wasm.contains("content-encoding: gzip") && wasm.ends_with("packed wasm"), "{wasm}");
    assert!(wasm.contains("immutable"), "{wasm}");
    let plain = server.get("/assets/core-1234.wasm", "").await;
    assert!(plain.ends_with("plain wasm") && !plain.contains("content-encoding"), "{plain}");

    let etag = page.split("etag: ").nth(1).and_then(|rest| rest.split('\r').next());
    let etag = etag.expect("an etag");
    let again = server.get("/", &format!("If-None-Match: {etag}\r\n")).await;
    assert!(again.starts_with("HTTP/1.1 304"), "{again}");
    assert!(server.get("/../Cargo.toml", "").await.starts_with("HTTP/1.1 404"));
}

#[tokio::test]
async fn says_that_it_is_well() {
    let server = Running::start().await;
    let health = server.get("/healthz", "").await;
    assert!(health.starts_with("HTTP/1.1 200"), "{health}");
    assert!(health.contains("\r\n\r\nok\nclients 0\nrooms 0\n"), "{health}");
    let plain = server.get("/meshlace/v1", "").await;
    assert!(plain.starts_with("HTTP/1.1 4"), "the socket's path answers sockets only: {plain}");
}

/// Asks as a page on localhost does.
#[tokio::test]
async fn tells_this_machine_where_others_find_the_page() {
    let server = Running::start().await;
    let answer = server.get("/meshlace/addresses", "").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("content-type: application/json\r\n"), "{answer}");
    assert!(answer.ends_with("{\"lan\":[\"http://192.0.2.7:4242\"]}"), "{answer}");
}

#[tokio::test]
async fn answers_stun_on_the_same_port() {
    let server = Running::start().await;
    assert_answers_stun(server.address, "127.0.0.1:0").await;
}

/// Browsers ask the STUN of `localhost` over both, and wait for both.
#[tokio::test]
async fn every_address_is_of_ipv4_and_ipv6() {
    let config = ServerConfig::new(Ipv6Addr::UNSPECIFIED.into(), 0, ASSETS);
    let server = Running::start_with(config).await;
    let port = server.address.port();
    assert_answers_stun(([127, 0, 0, 1], port).into(), "127.0.0.1:0").await;
    TcpStream::connect(("127.0.0.1", port)).await.expect("connects");
    // A machine without IPv6 falls back to IPv4.
    if server.address.is_ipv6() {
        assert_answers_stun((Ipv6Addr::LOCALHOST, port).into(), "[::1]:0").await;
        TcpStream::connect((Ipv6Addr::LOCALHOST, port)).await.expect("connects");
    }
}

async fn assert_answers_stun(server: SocketAddr, from: &str) {
    let socket = UdpSocket::bind(from).await.expect("a free port");
    let request = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
    socket.send_to(b"nonsense", server).await.expect("sent");
    socket.send_to(&request, server).await.expect("sent");
    let mut answer = [0; 100];
    let answered = timeout(Duration::from_secs(5), socket.recv(&mut answer)).await;
    let length = answered.expect("in time").expect("received");
    let own = socket.local_addr().expect("an address");
    let expected = meshlace_signal::stun::response(&request, own).expect("a response");
    assert_eq!(answer[..length], expected);
}

#[tokio::test]
async fn port_in_use_is_said_in_words() {
    let server = Running::start().await;
    let config = ServerConfig::new([127, 0, 0, 1].into(), server.address.port(), ASSETS);
    let error = Server::bind(config).await.expect_err("the port is taken");
    assert!(matches!(error, ServeError::Listen { .. }));
    let expected = format!("port {} is in use", server.address.port());
    assert!(error.to_string().contains(&expected), "{error}");
}

#[tokio::test]
async fn taken_udp_port_is_told_from_a_taken_tcp_port() {
    let taken = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
    let port = taken.local_addr().expect("an address").port();
    match Server::bind(ServerConfig::new([127, 0, 0, 1].into(), port, ASSETS)).await {
        Err(error @ ServeError::ListenUdp { .. }) => {
            assert!(error.to_string().contains(&format!("UDP port {port} is in use")), "{error}");
        }
        // Somebody else may hold the TCP port of that number.
        other => assert!(matches!(other, Err(ServeError::Listen { .. })), "{other:?}"),
    }
}
