//! The signalling server: sockets around the machine that decides.
//!
//! One process serves the demo page, the WebSocket at `/meshlace/v1`, `/meshlace/addresses`,
//! `/healthz`, and STUN over UDP on the same port number. What the server does with messages is decided by
//! [`meshlace_core::signalling::room::Rooms`], the same machine the simulator runs; this crate moves
//! bytes to and from it:
//!
//! ```text
//! accept -> HTTP -> page, /healthz
//!              \--> upgrade -> one task per socket <-> hub (Rooms, outboxes) <- timer
//! UDP -> stun
//! ```
//!
//! Built to hold many idle clients: the task of a socket owns a small read buffer and nothing else,
//! an outbox exists only while it is not empty, and HTTP state is gone after the upgrade.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use meshlace_core::rng::Seed;
use meshlace_core::signalling::room::RoomsConfig;
use tokio::net::{TcpListener, UdpSocket};

mod error;
mod http;
mod hub;
mod listen;
mod outbox;
mod page;
mod socket;
pub mod stun;
mod tls;

pub use error::ServeError;
pub use page::Asset;
pub use tls::{Tls, TlsError};

use hub::Hub;

/// What a server is told.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// The address to listen on; `::` is every one, of IPv4 and IPv6 alike.
    pub host: IpAddr,
    /// The port to listen on, TCP and UDP alike; 0 lets the system choose.
    pub port: u16,
    /// The page served at `/` and what belongs to it.
    pub assets: &'static [Asset],
    /// Limits. The STUN port is filled in.
    pub rooms: RoomsConfig,
    /// What the page and the socket are encrypted with; plain if there is nothing.
    pub tls: Option<Tls>,
}

/// A server that listens but does not yet answer.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    udp: UdpSocket,
    address: SocketAddr,
    hub: Arc<Hub>,
    assets: &'static [Asset],
    origins: Vec<String>,
    tls: Option<Tls>,
}

impl ServerConfig {
    /// A server with the usual limits.
    #[must_use]
    pub fn new(host: IpAddr, port: u16, assets: &'static [Asset]) -> Self {
        Self { host, port, assets, rooms: RoomsConfig::default(), tls: None }
    }
}

impl Server {
    /// Listens.
    ///
    /// # Errors
    /// [`ServeError`]: the address cannot be listened on, or the system gives no entropy.
    pub async fn bind(config: ServerConfig) -> Result<Self, ServeError> {
        let (listener, udp) = listen::both(config.host, config.port)?;
        let address = listener.local_addr().map_err(|source| ServeError::Listen {
            address: SocketAddr::new(config.host, config.port),
            source,
        })?;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|_| ServeError::Entropy)?;
        let rooms = RoomsConfig { stun_port: Some(address.port()), ..config.rooms };
        let hub = Arc::new(Hub::new(rooms, Seed(seed)));
        let ServerConfig { assets, tls, .. } = config;
        Ok(Self { listener, udp, address, hub, assets, origins: Vec::new(), tls })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Says at which origins, such as `http://192.168.0.7:4242`, others in the network open the
    /// page. A page on localhost asks for them at `/meshlace/addresses`, to show them to a phone.
    pub fn advertise(&mut self, origins: Vec<String>) {
        self.origins = origins;
    }

    /// Answers until `stop` is done, then tells every client and returns once they are gone, or
    /// after two seconds.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let Self { listener, udp, hub, assets, origins, tls, .. } = self;
        let pages = page::Pages::new(assets);
        let router = http::router(Arc::clone(&hub), pages, &origins);
        tokio::select! {
            () = http::accept(listener, router, tls) => {}
            () = stun::answer(udp) => {}
            () = hub.run_timers() => {}
            () = stop => {}
        }
        hub.drain();
        let _ = tokio::time::timeout(STOP_DEADLINE, hub.wait_until_empty()).await;
    }
}

/// Clients that have not gone by then are cut.
const STOP_DEADLINE: Duration = Duration::from_secs(2);
