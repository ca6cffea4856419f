//! A y-webrtc client: it subscribes to its room's topic and answers the server's pings.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message;

use crate::arguments::Arguments;
use crate::{Failure, Place, Socket, connect};

/// Connects and subscribes. The server confirms nothing, so a ping that is answered after the
/// subscription stands for its admission.
pub async fn join(arguments: &Arguments, place: Place) -> Result<Socket, Failure> {
    let mut socket = connect(arguments, place, "/").await?;
    let subscribe = format!(r#"{{"type":"subscribe","topics":["room-{}"]}}"#, place.room);
    socket.send(Message::text(subscribe)).await?;
    socket.send(Message::text(PING)).await?;
    match socket.next().await {
        Some(Ok(message)) if message.to_text()?.contains("pong") => Ok(socket),
        Some(Ok(message)) => Err(format!("refused: {message}").into()),
        Some(Err(error)) => Err(error.into()),
        None => Err("closed before it was open".into()),
    }
}

/// Pings as the y-webrtc client does, and answers pings, until the server closes.
pub async fn idle(mut socket: Socket) -> Result<(), Failure> {
    let mut ping = tokio::time::interval(PING_EVERY);
    loop {
        tokio::select! {
            // Reading is what answers the server's pings.
            message = socket.next() => match message {
                Some(message) => { message?; }
                None => return Ok(()),
            },
            _ = ping.tick() => socket.send(Message::text(PING)).await?,
        }
    }
}

const PING: &str = r#"{"type":"ping"}"#;

/// Half of `messageReconnectTimeout` in lib0, which y-webrtc's client uses.
const PING_EVERY: Duration = Duration::from_secs(15);
