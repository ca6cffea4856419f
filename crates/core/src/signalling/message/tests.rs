use alloc::format;
use alloc::string::ToString;
use alloc::vec;

use proptest::prelude::*;

use super::*;
use crate::limits::*;

fn key(byte: u8) -> SessionKey {
    SessionKey::from_bytes([byte; 32])
}

/// longer forms of heads and numbers are refused.
#[test]
fn refuses_forms_that_are_not_the_shortest() {
    let long_array = [0x98, 0x01, 0x05];
    assert_eq!(ClientMessage::decode(&long_array), Err(DecodeError::NonCanonical { offset: 0 }));
    let long_kind = [0x81, 0x18, 0x05];
    assert_eq!(ClientMessage::decode(&long_kind), Err(DecodeError::NonCanonical { offset: 1 }));
    let endless = [0x9f, 0x05, 0xff];
    assert_eq!(ServerMessage::decode(&endless), Err(DecodeError::NonCanonical { offset: 0 }));
    let long_count = [0x82, 0x04, 0x19, 0x00, 0x07];
    assert_eq!(ClientMessage::decode(&long_count), Err(DecodeError::NonCanonical { offset: 2 }));
}

/// unknown kinds, other counts of fields and unknown reasons are refused by name.
#[test]
fn refuses_what_no_message_is() {
    let unknown = [0x81, 0x07];
    assert_eq!(ClientMessage::decode(&unknown), Err(DecodeError::UnknownKind { found: 7 }));
    let unknown = [0x81, 0x0c];
    assert_eq!(ServerMessage::decode(&unknown), Err(DecodeError::UnknownKind { found: 12 }));
    let two_pings = [0x82, 0x05, 0x05];
    let refusal = DecodeError::WrongCount { offset: 0, expected: 1, found: 2 };
    assert_eq!(ClientMessage::decode(&two_pings), Err(refusal));
    let reason = [0x84, 0x04, 0x00, 0x60, 0x60];
    let refusal = DecodeError::OutOfRange { offset: 2, found: 0 };
    assert_eq!(ServerMessage::decode(&reason), Err(refusal));
}

/// every length has its limit.
#[test]
fn refuses_what_is_over_a_limit() {
    let over = |result: Result<(), DecodeError>, limit: usize| {
        assert!(
            matches!(result, Err(DecodeError::Oversize { limit: found, .. }) if found == limit),
            "{result:?}"
        );
    };
    let client = |message: ClientMessage| ClientMessage::decode(&message.encode()).map(drop);
    let server = |message: ServerMessage| ServerMessage::decode(&message.encode()).map(drop);
    let to = key(1);
    over(
        client(ClientMessage::Envelope { to, bytes: vec![0; 17 * 1024] }),
        SERVER_MESSAGE_BYTES_MAX,
    );
    let bytes = vec![0; ENVELOPE_BYTES_MAX + 1];
    over(client(ClientMessage::Envelope { to, bytes: bytes.clone() }), ENVELOPE_BYTES_MAX);
    let event = Event::Envelope { from: to, bytes };
    over(server(ServerMessage::Event { number: 1, event }), ENVELOPE_BYTES_MAX);
    let introduction = vec![0; INTRODUCTION_BYTES_MAX + 1];
    over(client(ClientMessage::Introduce { introduction }), INTRODUCTION_BYTES_MAX);
    let member = Member { session_key: to, introduction: vec![], attached: true };
    let members = vec![member; ROOM_MEMBER_COUNT_MAX + 1];
    over(server(ServerMessage::Members { members, remaining: 0 }), ROOM_MEMBER_COUNT_MAX);
    let expected = "x".repeat(REFUSAL_TEXT_BYTES_MAX + 1);
    let (reason, found) = (RefusalReason::Proof, "".to_string());
    over(server(ServerMessage::Refused { reason, expected, found }), REFUSAL_TEXT_BYTES_MAX);
    let ice_server = |urls| IceServer { urls, username: None, credential: None, valid_for: None };
    let welcome = |ice_servers| ServerMessage::Welcome {
        token: ResumeToken([0; 16]),
        ice_servers,
        members: vec![],
        remaining: 0,
    };
    let servers = vec![ice_server(vec![]); ICE_SERVER_COUNT_MAX + 1];
    over(server(welcome(servers)), ICE_SERVER_COUNT_MAX);
    let urls = vec!["x".to_string(); ICE_SERVER_COUNT_MAX + 1];
    over(server(welcome(vec![ice_server(urls)])), ICE_SERVER_COUNT_MAX);
    let urls = vec!["x".repeat(ICE_SERVER_BYTES_MAX + 1)];
    over(server(welcome(vec![ice_server(urls)])), ICE_SERVER_BYTES_MAX);
    let many = ServerMessage::Members { members: vec![], remaining: 65 };
    assert_eq!(server(many), Err(DecodeError::OutOfRange { offset: 3, found: 65 }));
}

/// the receiver of an envelope that is too large is found, and only of an envelope.
#[test]
fn receiver_of_a_large_envelope_is_found() {
    let bytes = vec![0; 17 * 1024];
    let large = ClientMessage::Envelope { to: key(3), bytes }.encode();
    assert_eq!(oversize_envelope_receiver(&large), Some(key(3)));
    assert_eq!(oversize_envelope_receiver(&large[..large.len() - 1]), None);
    let other = ClientMessage::Introduce { introduction: vec![0; 17 * 1024] }.encode();
    assert_eq!(oversize_envelope_receiver(&other), None);
}

/// every reason has its own number and leads to a code of the application.
#[test]
fn reasons_are_distinct() {
    for (index, reason) in RefusalReason::ALL.iter().enumerate() {
        assert!(RefusalReason::ALL[..index].iter().all(|other| other.code() != reason.code()));
        assert!(!format!("{reason}").is_empty() && !reason.error_code().name().is_empty());
    }
    for (index, reason) in UndeliverableReason::ALL.iter().enumerate() {
        let before = &UndeliverableReason::ALL[..index];
        assert!(before.iter().all(|other| other.code() != reason.code()));
        assert!(!format!("{reason}").is_empty() && !reason.error_code().name().is_empty());
    }
}

/// a proof holds for one use, host, nonce, topic and key.
#[test]
fn proof_holds_for_what_it_was_made_for() {
    let session = Signing::from_seed(&[1; 32]);
    let (nonce, topic) = (Nonce::from_bytes([2; 16]), Topic::from_bytes([3; 32]));
    let proof = Proof { host: "mesh.example", nonce, topic };
    let signature = proof.sign(Context::JOIN, &session);
    let key = session.session_key();
    assert!(proof.holds(Context::JOIN, &key, &signature));
    assert!(!proof.holds(Context::RESUME, &key, &signature));
    assert!(!Proof { host: "mesh.example:1", ..proof }.holds(Context::JOIN, &key, &signature));
    let nonce = Nonce::from_bytes([9; 16]);
    assert!(!Proof { nonce, ..proof }.holds(Context::JOIN, &key, &signature));
    let topic = Topic::from_bytes([9; 32]);
    assert!(!Proof { topic, ..proof }.holds(Context::JOIN, &key, &signature));
    let other = Signing::from_seed(&[9; 32]).session_key();
    assert!(!proof.holds(Context::JOIN, &other, &signature));
}

proptest! {
    /// arbitrary bytes never panic, and what is read has exactly that encoding.
    #[test]
    fn arbitrary_bytes_never_panic(
        kind in 0..14_u8,
        count in 0..8_u8,
        rest in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let bytes = [&[0x80 | count, kind][..], &rest].concat();
        if let Ok(message) = ClientMessage::decode(&bytes) {
            prop_assert_eq!(message.encode(), bytes.clone());
        }
        if let Ok(message) = ServerMessage::decode(&bytes) {
            prop_assert_eq!(message.encode(), bytes);
        }
        let _ = (ClientMessage::decode(&rest), ServerMessage::decode(&rest));
    }
}
