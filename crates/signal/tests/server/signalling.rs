//! Peers that meet at the server.

use meshlace_core::error::ErrorCode;
use meshlace_core::limits::{ENVELOPE_BYTES_MAX, SERVER_READ_BYTES_MAX};
use meshlace_core::signalling::client::{ClientInput, ClientNotice};
use meshlace_core::signalling::message::{ClientMessage, UndeliverableReason};
use tokio_tungstenite::tungstenite::Message;

use super::Running;
use super::peer::Peer;

#[tokio::test]
async fn two_peers_meet_and_exchange_envelopes() {
    let server = Running::start().await;
    let mut a = Peer::join(server.address, 1, 1).await;
    let mut b = Peer::new(server.address, 2, 1);
    b.input(ClientInput::Start).await;
    let ClientNotice::Admitted { members, ice_servers } = b.notice().await else { panic!() };
    assert_eq!(members.len(), 1);
    assert_eq!((members[0].session_key, &members[0].introduction), (a.key(), &vec![1]));
    let stun = format!("stun:127.0.0.1:{}", server.address.port());
    assert_eq!(ice_servers[0].urls, [stun]);
    let joined = ClientNotice::MemberJoined { session_key: b.key(), introduction: vec![2] };
    assert_eq!(a.notice().await, joined);

    let largest = vec![7; ENVELOPE_BYTES_MAX];
    b.send(a.key(), &largest).await;
    assert_eq!(a.notice().await, ClientNotice::Envelope { from: b.key(), bytes: largest });
    b.input(ClientInput::Leave).await;
    assert_eq!(a.notice().await, ClientNotice::MemberLeft { session_key: b.key() });
}

#[tokio::test]
async fn lost_socket_is_resumed_with_what_was_missed() {
    let server = Running::start().await;
    let mut a = Peer::join(server.address, 1, 1).await;
    let mut b = Peer::join(server.address, 2, 1).await;
    a.notice().await;
    b.lose_socket().await;
    assert!(matches!(b.notice().await, ClientNotice::Offline { .. }));
    assert_eq!(a.notice().await, ClientNotice::MemberDetached { session_key: b.key() });
    a.send(b.key(), b"missed").await;
    b.input(ClientInput::Wake).await;
    assert_eq!(b.notice().await, ClientNotice::Online { resumed: true });
    let missed = ClientNotice::Envelope { from: a.key(), bytes: b"missed".to_vec() };
    assert_eq!(b.notice().await, missed);
    assert_eq!(a.notice().await, ClientNotice::MemberAttached { session_key: b.key() });
}

#[tokio::test]
async fn signal_of_17_kib_is_answered_by_name() {
    let server = Running::start().await;
    let mut a = Peer::join(server.address, 1, 1).await;
    let mut b = Peer::join(server.address, 2, 1).await;
    a.notice().await;
    let large = ClientMessage::Envelope { to: a.key(), bytes: vec![0; 17 * 1024] };
    b.send_raw(Message::Binary(large.encode().into())).await;
    let reason = UndeliverableReason::TooLarge;
    assert_eq!(b.notice().await, ClientNotice::Undeliverable { to: a.key(), reason });
    b.send(a.key(), b"goes on").await;
    assert!(matches!(a.notice().await, ClientNotice::Envelope { .. }));
}

#[tokio::test]
async fn message_too_long_to_be_read_and_text_are_refused_with_the_reason() {
    let server = Running::start().await;
    let mut a = Peer::join(server.address, 1, 1).await;
    let long = vec![0; SERVER_READ_BYTES_MAX + 1];
    for message in [Message::Binary(long.into()), Message::Text("hello".into())] {
        a.send_raw(message).await;
        let reason = ErrorCode::SignalTooLarge;
        assert_eq!(a.notice().await, ClientNotice::Offline { reason });
        a.input(ClientInput::Wake).await;
        assert_eq!(a.notice().await, ClientNotice::Online { resumed: false });
        assert!(matches!(a.notice().await, ClientNotice::Admitted { .. }));
    }
}

#[tokio::test]
async fn stopping_tells_everyone_and_ends() {
    let server = Running::start().await;
    let address = server.address;
    let mut a = Peer::join(address, 1, 1).await;
    let (told, ()) = tokio::join!(a.notice(), server.stop());
    assert!(
        matches!(told, ClientNotice::Offline { reason: ErrorCode::SignallingLost }),
        "{told:?}"
    );
    assert!(std::net::TcpListener::bind(address).is_ok(), "the port is free again");
}

/// A peer that does not read is cut before it costs more than its outbox, and can come back.
#[tokio::test]
async fn slow_consumer_is_cut() {
    let server = Running::start().await;
    let mut sender = Peer::join(server.address, 1, 1).await;
    let slow = Peer::join(server.address, 2, 1).await;
    sender.notice().await;
    let large = vec![0; ENVELOPE_BYTES_MAX];
    // What the kernel takes for a client on loopback, and the outbox.
    for _ in 0..300 {
        sender.send(slow.key(), &large).await;
    }
    let cut = ClientNotice::MemberDetached { session_key: slow.key() };
    while sender.notice().await != cut {}
}

#[tokio::test]
async fn unreachable_server_is_reported() {
    let server = Running::start().await;
    let address = server.address;
    server.stop().await;
    let mut peer = Peer::new(address, 1, 1);
    tokio::time::pause();
    peer.input(ClientInput::Start).await;
    let mut refused = None;
    while refused.is_none() {
        peer.input(ClientInput::Tick).await;
        tokio::time::advance(std::time::Duration::from_millis(500)).await;
        refused = peer.take_notice();
    }
    let code = ErrorCode::ServerUnreachable;
    assert!(matches!(refused, Some(ClientNotice::Refused { code: found, .. }) if found == code));
}
