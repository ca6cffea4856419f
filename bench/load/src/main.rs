//! Idle WebSocket clients by the thousand: `meshlace-bench-load --protocol NAME --url URL --clients N`.
//!
//! Each client speaks its server's protocol until it has been admitted, prints nothing, and then
//! sends only what that protocol wants of an idle client. When all are admitted one line is written
//! to standard output; when standard input ends, all close. A client that is refused or lost ends the
//! program with an error, because memory per client would then be a lie.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::TcpSocket;
use tokio::sync::{Semaphore, mpsc};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

mod arguments;
mod meshlace;
mod peerjs;
mod y_webrtc;

use arguments::{Arguments, Protocol};

type Socket = WebSocketStream<tokio::net::TcpStream>;
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// One client's place: a number of its own, and the room it shares with nine others.
#[derive(Clone, Copy)]
struct Place {
    client: usize,
    room: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let outcome = match Arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) => run(Arc::new(arguments)).await,
        Err(complaint) => Err(complaint.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arc<Arguments>) -> Result<(), Failure> {
    let connecting = Arc::new(Semaphore::new(CONNECTING_MAX));
    let (admitted, mut admissions) = mpsc::channel(CONNECTING_MAX);
    let (lost, mut losses) = mpsc::channel::<Failure>(1);
    for client in 0..arguments.clients {
        let arguments = Arc::clone(&arguments);
        let connecting = Arc::clone(&connecting);
        let admitted = admitted.clone();
        let lost = lost.clone();
        tokio::spawn(async move {
            let place = Place { client, room: client / ROOM_CLIENTS };
            let held = hold(&arguments, place, &connecting, &admitted).await;
            let failure = match held {
                Ok(()) => "the server closed the socket".into(),
                Err(failure) => failure,
            };
            // Only the first loss is reported; the program ends with it.
            let _ = lost.try_send(format!("client {client}: {failure}").into());
        });
    }
    for _ in 0..arguments.clients {
        tokio::select! {
            _ = admissions.recv() => {}
            Some(failure) = losses.recv() => return Err(failure),
        }
    }
    println!("admitted {}", arguments.clients);
    let mut input = tokio::io::stdin();
    let mut ignored = [0; 64];
    loop {
        tokio::select! {
            read = input.read(&mut ignored) => if read? == 0 { return Ok(()) },
            Some(failure) = losses.recv() => return Err(failure),
        }
    }
}

/// Connects, is admitted, and stays until the server closes.
async fn hold(
    arguments: &Arguments,
    place: Place,
    connecting: &Semaphore,
    admitted: &mpsc::Sender<()>,
) -> Result<(), Failure> {
    let permit = connecting.acquire().await?;
    let admission = async {
        Ok::<_, Failure>(match arguments.protocol {
            Protocol::PeerJs => Client::PeerJs(peerjs::join(arguments, place).await?),
            Protocol::Meshlace => {
                Client::Meshlace(Box::new(meshlace::join(arguments, place).await?))
            }
            Protocol::YWebrtc => Client::YWebrtc(y_webrtc::join(arguments, place).await?),
        })
    };
    let client = tokio::time::timeout(ADMISSION_MAX, admission)
        .await
        .map_err(|_| "not admitted in time")??;
    drop(permit);
    admitted.send(()).await?;
    match client {
        Client::PeerJs(socket) => peerjs::idle(socket).await,
        Client::Meshlace(member) => meshlace::idle(*member).await,
        Client::YWebrtc(socket) => y_webrtc::idle(socket).await,
    }
}

/// An admitted client.
enum Client {
    PeerJs(Socket),
    Meshlace(Box<meshlace::Member>),
    YWebrtc(Socket),
}

/// Opens the WebSocket at `path`, from one of several loopback addresses, so that the range of
/// ephemeral ports and limits per address are no bound on the number of clients.
async fn connect(arguments: &Arguments, place: Place, path: &str) -> Result<Socket, Failure> {
    let source = u8::try_from(place.client / CLIENTS_PER_ADDRESS)?;
    let tcp = TcpSocket::new_v4()?;
    // Without it a port is taken for each bind alone, not for each pair of addresses.
    tcp.set_reuseaddr(true)?;
    tcp.bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 1, source)), 0))?;
    let stream = tcp.connect(arguments.server).await?;
    let url = format!("ws://{}{path}", arguments.server);
    // Small buffers: this process holds as many sockets as the server does.
    let config = WebSocketConfig::default().read_buffer_size(2048).write_buffer_size(0);
    let (socket, _) = client_async_with_config(url, stream, Some(config)).await?;
    Ok(socket)
}

/// A server under test shall admit, not refuse: more handshakes at once only measure its backlog.
const CONNECTING_MAX: usize = 32;

const ADMISSION_MAX: Duration = Duration::from_secs(10);

const CLIENTS_PER_ADDRESS: usize = 100;

/// A room of the size a full mesh has.
const ROOM_CLIENTS: usize = 10;
