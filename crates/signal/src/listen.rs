//! Sockets to listen on.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, UdpSocket};

use crate::ServeError;

/// Listens on one port over TCP and UDP. Where `::` stands for every address and this machine has
/// no IPv6, it stands for every IPv4 address.
pub(crate) fn both(host: IpAddr, port: u16) -> Result<(TcpListener, UdpSocket), ServeError> {
    match both_exactly(host, port) {
        Err(ServeError::Listen { source, .. })
            if host == IpAddr::V6(Ipv6Addr::UNSPECIFIED)
                && !matches!(
                    source.kind(),
                    io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied
                ) =>
        {
            both_exactly(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port)
        }
        result => result,
    }
}

fn both_exactly(host: IpAddr, port: u16) -> Result<(TcpListener, UdpSocket), ServeError> {
    let asked = SocketAddr::new(host, port);
    let listen = |source: io::Error| ServeError::Listen { address: asked, source };
    let mut tries = if port == 0 { FREE_PORT_TRY_COUNT } else { 1 };
    loop {
        let listener = tcp(asked).map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        tries -= 1;
        match udp(address) {
            Ok(udp) => return Ok((listener, udp)),
            Err(_) if tries > 0 => {}
            Err(source) => return Err(ServeError::ListenUdp { address, source }),
        }
    }
}

/// Accepted sockets inherit the buffers. Left alone, the system lets each grow to megabytes for a
/// client that does not read, and none of our messages is longer than 16 KiB.
fn tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket(address, Type::STREAM, Protocol::TCP)?;
    // A server started again must not wait for the connections of the last one to be forgotten.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG_COUNT)?;
    TcpListener::from_std(socket.into())
}

fn udp(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = socket(address, Type::DGRAM, Protocol::UDP)?;
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}

/// IPv6 sockets take IPv4 too, whatever the system's default is: a browser asks the STUN of
/// `localhost` over both, and ends its search for candidates only when both have answered.
fn socket(address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// A free TCP port may be a taken UDP port; when the system chooses, it is asked again.
const FREE_PORT_TRY_COUNT: usize = 16;

/// Twice the longest message, and enough for the page's files over a slow path.
const SEND_BUFFER_BYTES: usize = 32 * 1024;

/// One message.
const RECEIVE_BUFFER_BYTES: usize = 16 * 1024;

/// Connections that wait to be accepted, when everyone comes back at once.
const BACKLOG_COUNT: i32 = 4_096;
