//! Every kind of signalling message: samples, and what happens to them on the way. Their golden bytes
//! are next door.

use meshlace_core::codec::DecodeError;
use meshlace_core::crypto::Signature;
use meshlace_core::id::{Nonce, SessionKey, Topic};
use meshlace_core::signalling::message::{
    ClientMessage, Event, IceServer, Member, RefusalReason, ResumeToken, ServerMessage,
    UndeliverableReason,
};
use meshlace_core::time::Span;

fn key(byte: u8) -> SessionKey {
    SessionKey::from_bytes([byte; 32])
}

/// One message of each kind.
pub(crate) fn client_samples() -> Vec<ClientMessage> {
    vec![
        ClientMessage::Join {
            version: 1,
            topic: Topic::from_bytes([1; 32]),
            session_key: key(2),
            introduction: vec![3; 5],
            signature: Signature::from_bytes([4; 64]),
        },
        ClientMessage::Resume {
            version: 1,
            session_key: key(2),
            token: ResumeToken([5; 16]),
            received_count: 300,
            signature: Signature::from_bytes([6; 64]),
        },
        ClientMessage::Envelope { to: key(7), bytes: vec![8; 3] },
        ClientMessage::Introduce { introduction: vec![9; 2] },
        ClientMessage::Ack { count: 70_000 },
        ClientMessage::Ping,
        ClientMessage::Leave,
    ]
}

/// One message of each kind, and of each event.
pub(crate) fn server_samples() -> Vec<ServerMessage> {
    let member =
        |byte, attached| Member { session_key: key(byte), introduction: vec![byte; 4], attached };
    let ice_servers = vec![
        IceServer {
            urls: vec!["stun:mesh.example:4242".to_string()],
            username: None,
            credential: None,
            valid_for: None,
        },
        IceServer {
            urls: vec!["turn:mesh.example:4242".to_string(), "turns:mesh.example:443".to_string()],
            username: Some("1700000000:x".to_string()),
            credential: Some("secret".to_string()),
            valid_for: Some(Span::from_secs(600)),
        },
    ];
    let events = [
        Event::Joined { session_key: key(1), introduction: vec![2; 3] },
        Event::Attached { session_key: key(3) },
        Event::Detached { session_key: key(4) },
        Event::Left { session_key: key(5) },
        Event::Envelope { from: key(6), bytes: vec![7; 4] },
        Event::Undeliverable { to: key(8), reason: UndeliverableReason::TooLarge },
    ];
    let mut samples = vec![
        ServerMessage::Challenge {
            version_min: 1,
            version_max: 1,
            nonce: Nonce::from_bytes([1; 16]),
        },
        ServerMessage::Welcome {
            token: ResumeToken([2; 16]),
            ice_servers,
            members: vec![member(3, true), member(4, false)],
            remaining: 1,
        },
        ServerMessage::Members { members: vec![member(5, true)], remaining: 0 },
        ServerMessage::Resumed,
        ServerMessage::Refused {
            reason: RefusalReason::RoomFull,
            expected: "fewer than 64 members".to_string(),
            found: "64".to_string(),
        },
        ServerMessage::Pong,
    ];
    for (number, event) in (1..).zip(events) {
        samples.push(ServerMessage::Event { number, event });
    }
    samples
}

/// every message reads back as what was written.
#[test]
fn messages_read_back() {
    for message in client_samples() {
        assert_eq!(ClientMessage::decode(&message.encode()), Ok(message));
    }
    for message in server_samples() {
        assert_eq!(ServerMessage::decode(&message.encode()), Ok(message));
    }
}

/// a message cut anywhere, or followed by anything, is refused.
#[test]
fn refuses_cut_and_continued_messages() {
    for bytes in client_samples().iter().map(ClientMessage::encode) {
        for len in 0..bytes.len() {
            assert!(ClientMessage::decode(&bytes[..len]).is_err(), "{bytes:02x?} cut at {len}");
        }
        let refusal = ClientMessage::decode(&[&bytes[..], &[0]].concat());
        assert_eq!(refusal, Err(DecodeError::Trailing { offset: bytes.len() }));
    }
    for bytes in server_samples().iter().map(ServerMessage::encode) {
        for len in 0..bytes.len() {
            assert!(ServerMessage::decode(&bytes[..len]).is_err(), "{bytes:02x?} cut at {len}");
        }
        let refusal = ServerMessage::decode(&[&bytes[..], &[0]].concat());
        assert_eq!(refusal, Err(DecodeError::Trailing { offset: bytes.len() }));
    }
}

/// a flipped bit is refused or another message, never a second spelling of the same.
#[test]
fn flipped_bit_is_another_message_or_none() {
    for message in client_samples() {
        let bytes = message.encode();
        for bit in 0..bytes.len() * 8 {
            let mut bent = bytes.clone();
            bent[bit / 8] ^= 1 << (bit % 8);
            if let Ok(other) = ClientMessage::decode(&bent) {
                assert_ne!(other, message);
                assert_eq!(other.encode(), bent);
            }
        }
    }
    for message in server_samples() {
        let bytes = message.encode();
        for bit in 0..bytes.len() * 8 {
            let mut bent = bytes.clone();
            bent[bit / 8] ^= 1 << (bit % 8);
            if let Ok(other) = ServerMessage::decode(&bent) {
                assert_ne!(other, message);
                assert_eq!(other.encode(), bent);
            }
        }
    }
}
