//! One WebSocket: bytes in, bytes out.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use meshlace_core::limits::{SERVER_MESSAGE_BYTES_MAX, SERVER_READ_BYTES_MAX};
use meshlace_core::signalling::room::{AddressKey, ClientId};
use tokio::time::timeout;

use crate::hub::Hub;
use crate::outbox::{Next, Outbox};

/// Answers the upgrade and hands the socket to a task of its own.
pub(crate) async fn upgrade(
    State(hub): State<Arc<Hub>>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let Some(host) = host.map(String::from) else {
        return (StatusCode::BAD_REQUEST, "a Host header is needed\n").into_response();
    };
    upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(2 * SERVER_MESSAGE_BYTES_MAX)
        .max_frame_size(SERVER_READ_BYTES_MAX)
        .max_message_size(SERVER_READ_BYTES_MAX)
        .on_upgrade(move |mut socket| async move {
            let (client, outbox) = hub.open(host, address_key(from.ip()));
            run(&hub, client, &outbox, &mut socket).await;
            hub.closed(client);
        })
}

/// The limits' name for an address. Clients of this machine, and those behind a proxy on it, share
/// one address that says nothing about them, so it has none.
fn address_key(address: IpAddr) -> Option<AddressKey> {
    let address = address.to_canonical();
    if address.is_loopback() {
        return None;
    }
    let mut key = [0; 16];
    match address {
        IpAddr::V4(address) => {
            let mapped = address.to_ipv6_mapped().octets();
            key.copy_from_slice(&mapped);
        }
        // One household gets 64 bits, and may choose among them as it likes.
        IpAddr::V6(address) => {
            for (to, from) in key.iter_mut().zip(address.octets()).take(8) {
                *to = from;
            }
        }
    }
    Some(AddressKey(key))
}

/// What is rare or short has its state in a box: a task is as large as its largest moment, and an idle
/// one would carry that room for as long as the client stays.
async fn run(hub: &Hub, client: ClientId, outbox: &Outbox, socket: &mut WebSocket) {
    loop {
        tokio::select! {
            next = outbox.next() => match next {
                Next::Message(bytes) => {
                    if Box::pin(send(outbox, socket, bytes)).await == Sent::Failed {
                        return;
                    }
                }
                Next::Finish => return Box::pin(finish(socket)).await,
                Next::Cut => return,
            },
            message = socket.recv() => match message {
                Some(Ok(Message::Binary(bytes))) => hub.received(client, bytes.to_vec()),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Text(_))) => hub.unreadable(client),
                Some(Ok(Message::Close(_))) | None => return,
                Some(Err(error)) => {
                    if !is_too_long(error) {
                        return;
                    }
                    hub.unreadable(client);
                    return Box::pin(last_words(outbox, socket)).await;
                }
            },
        }
    }
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    Done,
    Failed,
}

async fn send(outbox: &Outbox, socket: &mut WebSocket, bytes: Vec<u8>) -> Sent {
    let message = Message::Binary(Bytes::from(bytes));
    let sent = tokio::select! {
        sent = timeout(SEND_DEADLINE, socket.send(message)) => sent,
        () = outbox.cut() => return Sent::Failed,
    };
    if matches!(sent, Ok(Ok(()))) { Sent::Done } else { Sent::Failed }
}

/// Says goodbye, and listens until the client closes as well: a socket that is closed with bytes
/// unread is reset, and a reset discards what the client has not read yet - the reason.
async fn finish(socket: &mut WebSocket) {
    let goodbye = async {
        if socket.send(Message::Close(None)).await.is_ok() {
            while let Some(Ok(_)) = socket.recv().await {}
        }
    };
    let _ = timeout(GOODBYE_DEADLINE, goodbye).await;
}

/// The rest of a message that is too long will not be read, so the client cannot be listened to.
/// It is given the time to read why.
async fn last_words(outbox: &Outbox, socket: &mut WebSocket) {
    let words = async {
        while let Next::Message(bytes) = outbox.next().await {
            socket.send(Message::Binary(Bytes::from(bytes))).await?;
        }
        socket.send(Message::Close(None)).await
    };
    if matches!(timeout(GOODBYE_DEADLINE, words).await, Ok(Ok(()))) {
        tokio::time::sleep(GOODBYE_DEADLINE).await;
    }
}

fn is_too_long(error: axum::Error) -> bool {
    let cause = error.into_inner();
    matches!(cause.downcast_ref(), Some(tungstenite::Error::Capacity(_)))
}

/// What one socket holds while it is idle. A message that does not fit gets a buffer of its own for
/// as long as it takes; the library's usual 128 KiB would cost 10,000 idle clients over a gigabyte.
const READ_BUFFER_BYTES: usize = 1024;

/// A client that does not read one message in this time is cut.
const SEND_DEADLINE: Duration = Duration::from_secs(20);

/// A client that was told to go may take this long.
const GOODBYE_DEADLINE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_household_share_a_key() {
        let key = |text: &str| address_key(text.parse().expect("an address"));
        assert_eq!(key("2001:db8::1"), key("2001:db8:0:0:ffff::2"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_eq!(key("::ffff:10.0.0.1"), key("10.0.0.1"));
        assert_ne!(key("10.0.0.2"), key("10.0.0.1"));
        assert_eq!((key("127.0.0.1"), key("::1"), key("::ffff:127.0.0.1")), (None, None, None));
    }
}
