//! A PeerJS client: its id, token and key are in the URL, `OPEN` admits it, and a heartbeat every
//! five seconds keeps it.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message;

use crate::arguments::Arguments;
use crate::{Failure, Place, Socket, connect};

/// Connects and waits for `OPEN`.
///
/// PeerServer has no rooms; an id that begins with the room's number is all there is of one.
pub async fn join(arguments: &Arguments, place: Place) -> Result<Socket, Failure> {
    let Place { client, room } = place;
    let path = format!("/peerjs?key=peerjs&id=room-{room}-{client}&token=t{client}&version=1.5.5");
    let mut socket = connect(arguments, place, &path).await?;
    match socket.next().await {
        Some(Ok(message)) if message.to_text()?.contains("OPEN") => Ok(socket),
        Some(Ok(message)) => Err(format!("refused: {message}").into()),
        Some(Err(error)) => Err(error.into()),
        None => Err("closed before it was open".into()),
    }
}

/// Sends heartbeats until the server closes.
pub async fn idle(mut socket: Socket) -> Result<(), Failure> {
    let mut heartbeat = tokio::time::interval(HEARTBEAT);
    loop {
        tokio::select! {
            message = socket.next() => match message {
                Some(message) => { message?; }
                None => return Ok(()),
            },
            _ = heartbeat.tick() => {
                socket.send(Message::text(r#"{"type":"HEARTBEAT"}"#)).await?;
            }
        }
    }
}

/// The `pingInterval` of the PeerJS client.
const HEARTBEAT: Duration = Duration::from_secs(5);
