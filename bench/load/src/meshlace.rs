//! A Meshlace client: the core's own, with a loop around it, as a page has. It joins a public room
//! with a signed and sealed introduction, and answers and pings as the core decides.

use std::time::Instant;

use futures_util::{SinkExt, StreamExt};
use meshlace_core::crypto::{SealingSecret, Signing};
use meshlace_core::id::{Instance, SocketId};
use meshlace_core::limits::ADMISSION_DEADLINE;
use meshlace_core::rng::{Rng, Seed};
use meshlace_core::signalling::address::{RoomAddress, SOCKET_PATH};
use meshlace_core::signalling::client::{
    Client, ClientConfig, ClientEffect, ClientInput, ClientNotice,
};
use meshlace_core::signalling::envelope::Identity;
use meshlace_core::time::{Now, Timestamp, WallTime};
use tokio_tungstenite::tungstenite::Message;

use crate::arguments::Arguments;
use crate::{Failure, Place, Socket, connect};

/// A client that was admitted, and the socket it uses.
pub struct Member {
    client: Client,
    socket: Socket,
    socket_id: SocketId,
    started: Instant,
}

/// Connects, proves the session key and waits for the welcome and the list of members.
pub async fn join(arguments: &Arguments, place: Place) -> Result<Member, Failure> {
    let mut client = Client::new(config(arguments, place)?, seed(place, 0), Now::default());
    let started = Instant::now();
    let _ = client.handle(Now::default(), ClientInput::Start);
    let Some(ClientEffect::OpenSocket { socket: socket_id, .. }) = client.poll_effect() else {
        return Err("the client did not ask for a socket".into());
    };
    let socket = connect(arguments, place, SOCKET_PATH).await?;
    let mut member = Member { client, socket, socket_id, started };
    let opened = ClientInput::SocketOpened { socket: socket_id };
    let mut admitted = member.step(opened).await?;
    while admitted.is_none() {
        let input = member.next_input().await?;
        admitted = member.step(input).await?;
    }
    Ok(member)
}

/// Stays in the room until the server closes.
pub async fn idle(mut member: Member) -> Result<(), Failure> {
    loop {
        let input = member.next_input().await?;
        member.step(input).await?;
    }
}

/// The client is in the room.
struct Admitted;

impl Member {
    /// Hands the client an input and does what it asks for.
    async fn step(&mut self, input: ClientInput) -> Result<Option<Admitted>, Failure> {
        let mut admitted = None;
        let _ = self.client.handle(self.now()?, input);
        while let Some(effect) = self.client.poll_effect() {
            match effect {
                ClientEffect::SendSocket { bytes, .. } => {
                    self.socket.send(Message::binary(bytes)).await?;
                }
                ClientEffect::Notice(ClientNotice::Admitted { .. }) => admitted = Some(Admitted),
                ClientEffect::Notice(ClientNotice::Offline { reason }) => {
                    return Err(format!("lost: {reason:?}").into());
                }
                ClientEffect::Notice(ClientNotice::Refused { code, expected, found }) => {
                    return Err(format!("{code:?}: {expected} expected, found {found}").into());
                }
                _ => {}
            }
        }
        Ok(admitted)
    }

    /// Waits for the next message, or for the client's next timeout.
    async fn next_input(&mut self) -> Result<ClientInput, Failure> {
        let socket = self.socket_id;
        let due = self.client.poll_timeout().ok_or("the client ended")?;
        let due = self.started + std::time::Duration::from_millis(due.as_ms());
        tokio::select! {
            message = self.socket.next() => match message {
                Some(Ok(Message::Binary(bytes))) => {
                    Ok(ClientInput::SocketReceived { socket, bytes: bytes.into() })
                }
                Some(Ok(Message::Close(_))) | None => Ok(ClientInput::SocketClosed { socket }),
                Some(Ok(_)) => Ok(ClientInput::Tick),
                Some(Err(error)) => Err(error.into()),
            },
            () = tokio::time::sleep_until(due.into()) => Ok(ClientInput::Tick),
        }
    }

    fn now(&self) -> Result<Now, Failure> {
        let ms = u64::try_from(self.started.elapsed().as_millis())?;
        Ok(Now { monotonic: Timestamp::from_ms(ms), wall: WallTime::from_ms(ms) })
    }
}

fn config(arguments: &Arguments, place: Place) -> Result<ClientConfig, Failure> {
    let server = format!("ws://{}", arguments.server);
    let address = RoomAddress::parse(&format!("bench-{}", place.room), Some(&server))
        .map_err(|error| format!("{error:?}"))?;
    let keys = address.room().keys();
    let mut rng = Rng::new(seed(place, 1));
    let session = Signing::from_seed(&rng.bytes());
    let identity = Identity {
        keys: &keys,
        signing: &Signing::from_seed(&rng.bytes()),
        instance: Instance::from_bytes(rng.bytes()),
        session_key: session.session_key(),
        sealing: &SealingSecret::from_bytes(rng.bytes()),
    };
    Ok(ClientConfig {
        socket_url: address.socket_url(),
        host: address.host().to_owned(),
        topic: keys.topic(),
        introduction: identity.introduce(WallTime::default(), rng.bytes()),
        admission_deadline: ADMISSION_DEADLINE,
        session,
    })
}

/// A seed that no other client of this run has. Nothing here is a secret.
fn seed(place: Place, purpose: u8) -> Seed {
    let mut seed = [purpose; 32];
    seed[..8].copy_from_slice(&place.client.to_le_bytes());
    Seed(seed)
}
