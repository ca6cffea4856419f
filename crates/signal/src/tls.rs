//! Encryption of the socket and the page, from a certificate and its key.
//!
//! rustls with ring, because browsers give camera and microphone to pages over HTTPS only and a
//! phone on the local network is the first thing people try. Certificates are read once; a renewed
//! one takes a restart, which sessions survive as joins.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_rustls::server::TlsStream;

/// A certificate and its key, ready to serve with.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls(..)")
    }
}

/// Why a certificate cannot be served with.
#[derive(Debug)]
#[non_exhaustive]
pub enum TlsError {
    /// There is no certificate in PEM form.
    NoCertificate,
    /// There is no private key in PEM form.
    NoKey,
    /// Certificate and key cannot be used, or not with one another.
    Unusable(rustls::Error),
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCertificate => "there is no certificate in PEM form in this file",
            Self::NoKey => "there is no private key in PEM form in this file",
            Self::Unusable(_) => "certificate and key cannot be used with one another",
        })
    }
}

impl std::error::Error for TlsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unusable(cause) => Some(cause),
            _ => None,
        }
    }
}

impl Tls {
    /// Reads a chain of certificates, the server's own first, and its private key.
    ///
    /// # Errors
    /// - [`TlsError::NoCertificate`], [`TlsError::NoKey`] - nothing of the kind is in there.
    /// - [`TlsError::Unusable`] - they cannot be read, or do not belong together.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(certificates)
            .collect::<Result<_, _>>()
            .map_err(|_| TlsError::NoCertificate)?;
        if chain.is_empty() {
            return Err(TlsError::NoCertificate);
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsError::NoKey)?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(TlsError::Unusable)?;
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    /// Shakes hands; `None` if the client does not, or not in time.
    pub(crate) async fn accept<S>(&self, stream: S) -> Option<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        timeout(HANDSHAKE_DEADLINE, self.0.accept(stream)).await.ok()?.ok()
    }
}

const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_wrong_with_the_files() {
        let chain = include_bytes!("../tests/server/certificates/localhost.pem");
        let key = include_bytes!("../tests/server/certificates/localhost.key.pem");
        let other = include_bytes!("../tests/server/certificates/other.key.pem");
        assert!(Tls::from_pem(chain, key).is_ok());
        assert!(matches!(Tls::from_pem(b"", key), Err(TlsError::NoCertificate)));
        assert!(matches!(Tls::from_pem(key, key), Err(TlsError::NoCertificate)));
        assert!(matches!(Tls::from_pem(chain, chain), Err(TlsError::NoKey)));
        assert!(matches!(Tls::from_pem(chain, other), Err(TlsError::Unusable(_))));
    }
}
