//! A peer without WebRTC: the core's client machine on a real socket.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use meshlace_core::crypto::Signing;
use meshlace_core::id::{SessionKey, SocketId, Topic};
use meshlace_core::limits::ADMISSION_DEADLINE;
use meshlace_core::rng::Seed;
use meshlace_core::signalling::client::{
    Client, ClientConfig, ClientEffect, ClientInput, ClientNotice,
};
use meshlace_core::time::{Now, Timestamp, WallTime};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A peer without WebRTC.
pub(crate) struct Peer {
    client: Client,
    started: Instant,
    socket: Option<(SocketId, Socket)>,
    notices: VecDeque<ClientNotice>,
}

impl Peer {
    pub(crate) fn new(server: SocketAddr, number: u8, room: u8) -> Self {
        let config = ClientConfig {
            socket_url: format!("ws://{server}/meshlace/v1"),
            host: server.to_string(),
            topic: Topic::from_bytes([room; 32]),
            session: Signing::from_seed(&[number; 32]),
            introduction: vec![number],
            admission_deadline: ADMISSION_DEADLINE,
        };
        let client = Client::new(config, Seed([number; 32]), Now::default());
        Self { client, started: Instant::now(), socket: None, notices: VecDeque::new() }
    }

    /// A peer that has been admitted.
    pub(crate) async fn join(server: SocketAddr, number: u8, room: u8) -> Self {
        let mut peer = Self::new(server, number, room);
        peer.input(ClientInput::Start).await;
        match peer.notice().await {
            ClientNotice::Admitted { .. } => peer,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn key(&self) -> SessionKey {
        self.client.session_key()
    }

    pub(crate) async fn send(&mut self, to: SessionKey, bytes: &[u8]) {
        self.input(ClientInput::SendEnvelope { to, bytes: bytes.to_vec() }).await;
    }

    /// Sends bytes past the machine.
    pub(crate) async fn send_raw(&mut self, message: Message) {
        let (_, socket) = self.socket.as_mut().expect("a socket");
        socket.send(message).await.expect("sent");
    }

    /// Drops the socket as a network does: without a word.
    pub(crate) async fn lose_socket(&mut self) {
        let (socket, stream) = self.socket.take().expect("a socket");
        drop(stream);
        self.input(ClientInput::SocketClosed { socket }).await;
    }

    pub(crate) async fn input(&mut self, input: ClientInput) {
        let elapsed = u64::try_from(self.started.elapsed().as_millis()).expect("not that long");
        let now = Now { monotonic: Timestamp::from_ms(elapsed), wall: WallTime::from_ms(0) };
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let _ = self.client.handle(now, input);
            while let Some(effect) = self.client.poll_effect() {
                match effect {
                    ClientEffect::OpenSocket { socket, url } => match connect_async(url).await {
                        Ok((stream, _)) => {
                            self.socket = Some((socket, stream));
                            inputs.push_back(ClientInput::SocketOpened { socket });
                        }
                        Err(_) => inputs.push_back(ClientInput::SocketClosed { socket }),
                    },
                    ClientEffect::SendSocket { bytes, .. } => {
                        if let Some((_, stream)) = &mut self.socket {
                            let _ = stream.send(Message::Binary(bytes.into())).await;
                        }
                    }
                    ClientEffect::CloseSocket { .. } => self.socket = None,
                    ClientEffect::Notice(notice) => self.notices.push_back(notice),
                    other => panic!("{other:?}"),
                }
            }
        }
    }

    /// The next thing the peer is told.
    pub(crate) async fn notice(&mut self) -> ClientNotice {
        timeout(Duration::from_secs(10), async {
            loop {
                if let Some(notice) = self.notices.pop_front() {
                    return notice;
                }
                let input = self.next_input().await;
                self.input(input).await;
            }
        })
        .await
        .expect("a notice in time")
    }

    /// What the peer has been told already.
    pub(crate) fn take_notice(&mut self) -> Option<ClientNotice> {
        self.notices.pop_front()
    }

    async fn next_input(&mut self) -> ClientInput {
        let due = self
            .client
            .poll_timeout()
            .map_or(Duration::from_secs(60), |due| Duration::from_millis(due.as_ms()));
        let due = self.started + due;
        let Some((socket, stream)) = &mut self.socket else {
            sleep_until(due).await;
            return ClientInput::Tick;
        };
        let socket = *socket;
        tokio::select! {
            () = sleep_until(due) => ClientInput::Tick,
            message = stream.next() => match message {
                Some(Ok(Message::Binary(bytes))) => {
                    ClientInput::SocketReceived { socket, bytes: bytes.to_vec() }
                }
                Some(Ok(_)) => ClientInput::Tick,
                Some(Err(_)) | None => {
                    self.socket = None;
                    ClientInput::SocketClosed { socket }
                }
            },
        }
    }
}
