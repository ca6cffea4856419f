//! The same server, encrypted.

use std::sync::Arc;
use std::time::Duration;

use meshlace_signal::{ServerConfig, Tls};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::{ASSETS, Running};

// Made for these tests alone, and trusted by nobody else.
const CERTIFICATE: &[u8] = include_bytes!("certificates/localhost.pem");
const KEY: &[u8] = include_bytes!("certificates/localhost.key.pem");

fn connector() -> TlsConnector {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE).expect("a certificate");
    roots.add(certificate).expect("a root");
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

#[tokio::test]
async fn serves_page_and_socket_over_tls() {
    let tls = Tls::from_pem(CERTIFICATE, KEY).expect("a certificate and its key");
    let config = ServerConfig::new([127, 0, 0, 1].into(), 0, ASSETS);
    let server = Running::start_with(ServerConfig { tls: Some(tls), ..config }).await;
    let connect = async || {
        let stream = TcpStream::connect(server.address).await.expect("connects");
        let name = "localhost".try_into().expect("a name");
        connector().connect(name, stream).await.expect("shakes hands")
    };

    let mut page = connect().await;
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    page.write_all(request).await.expect("sent");
    let mut answer = String::new();
    page.read_to_string(&mut answer).await.expect("answered");
    assert!(answer.ends_with("<title>page</title>"), "{answer}");

    let url = "wss://localhost/meshlace/v1";
    let (_, response) =
        tokio_tungstenite::client_async(url, connect().await).await.expect("a socket");
    assert_eq!(response.status(), 101);
}

#[tokio::test]
async fn plain_request_to_an_encrypted_server_ends() {
    let tls = Tls::from_pem(CERTIFICATE, KEY).expect("a certificate and its key");
    let config = ServerConfig::new([127, 0, 0, 1].into(), 0, ASSETS);
    let server = Running::start_with(ServerConfig { tls: Some(tls), ..config }).await;
    let mut stream = TcpStream::connect(server.address).await.expect("connects");
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("sent");
    let mut answer = Vec::new();
    let ended = timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
    assert!(ended.is_ok(), "the server closes");
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
}
