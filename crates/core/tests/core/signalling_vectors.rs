//! Golden bytes: `vectors/v1/signalling.json`, for us and for whoever writes another client.
//!
//! How the file is written anew: [`super::golden`].

#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on says so")]

use meshlace_core::crypto::{Context, SealingSecret, Signing};
use meshlace_core::id::{Epoch, Instance, Nonce, SessionKey};
use meshlace_core::signalling::address::{RoomAddress, RoomRef};
use meshlace_core::signalling::envelope::{Identity, PairKeys, Signal, UnverifiedIntroduction};
use meshlace_core::signalling::envelope::{open_signal, seal_signal};
use meshlace_core::signalling::keys::{RoomKeys, link_session};
use meshlace_core::signalling::message::{
    ClientMessage, Event, IceServer, Member, Proof, ServerMessage,
};
use meshlace_core::time::{Span, WallTime};
use serde_json::{Value, json};

use super::golden;
use super::hex::{bytes_of, hex};
use super::signalling_messages::{client_samples, server_samples};

const FILE: &str = "signalling.json";

/// the bytes of version 1 are these.
#[test]
fn golden_bytes_are_what_is_written() {
    golden::assert_holds(FILE, &all());
}

/// the golden bytes are read as the messages they name.
#[test]
fn golden_bytes_are_read() {
    let golden = golden::read(FILE);
    let list = |name: &str| golden[name].as_array().expect("a list").clone();
    for vector in list("client_messages") {
        let message = ClientMessage::decode(&bytes_of(&vector["bytes"])).expect("a message");
        assert_eq!(client_fields(&message), vector["message"]);
    }
    for vector in list("server_messages") {
        let message = ServerMessage::decode(&bytes_of(&vector["bytes"])).expect("a message");
        assert_eq!(server_fields(&message), vector["message"]);
    }
    for vector in list("addresses") {
        let text = vector["text"].as_str().expect("a text");
        let address = RoomAddress::parse(text, vector["server"].as_str()).expect("an address");
        assert_eq!(address.socket_url(), vector["socket_url"].as_str().expect("a text"));
        assert_eq!(hex(address.room().keys().topic().as_bytes()), vector["topic"]);
    }
    envelopes_open(&golden["envelopes"]);
}

fn envelopes_open(golden: &Value) {
    let (a, b) = (Party::new(1), Party::new(2));
    let keys = address().room().keys();
    let introduce = |party: &Party, name: &str| {
        UnverifiedIntroduction::new(party.session.session_key(), bytes_of(&golden[name]))
            .verify(&keys)
            .expect("an introduction")
    };
    let (from, to) = (introduce(&a, "introduction_a"), introduce(&b, "introduction_b"));
    assert_eq!(from.peer(), a.signing.peer());
    assert_eq!(to.sealing_key(), b.sealing.public());
    let pair = PairKeys::agree(&b.identity(&keys), &from).expect("a key");
    let signal = open_signal(&b.identity(&keys), &from, &pair, &bytes_of(&golden["signal"]));
    let signal = signal.expect("a signal");
    assert_eq!((signal.number(), signal.ack(), signal.epoch()), (7, 6, Epoch(2)));
    assert_eq!(signal.payload(), b"payload");
}

struct Party {
    signing: Signing,
    session: Signing,
    sealing: SealingSecret,
    instance: Instance,
}

impl Party {
    /// A peer all of whose secrets are one byte, repeated.
    fn new(byte: u8) -> Self {
        Self {
            signing: Signing::from_seed(&[byte; 32]),
            session: Signing::from_seed(&[byte + 16; 32]),
            sealing: SealingSecret::from_bytes([byte + 32; 32]),
            instance: Instance::from_bytes([byte + 48; 16]),
        }
    }

    fn identity<'a>(&'a self, keys: &'a RoomKeys) -> Identity<'a> {
        Identity {
            keys,
            signing: &self.signing,
            instance: self.instance,
            session_key: self.session.session_key(),
            sealing: &self.sealing,
        }
    }
}

fn address() -> RoomAddress {
    RoomAddress::create([1; 16], [2; 16], Some("https://page.example/app"), "wss://mesh.example")
        .expect("an address")
}

fn all() -> Value {
    json!({
        "about": "Golden bytes of Meshlace signalling, version 1. See docs/protocol.md.",
        "addresses": addresses(),
        "client_messages": client_samples()
            .iter()
            .map(|message| json!({ "bytes": hex(&message.encode()), "message": client_fields(message) }))
            .collect::<Vec<_>>(),
        "envelopes": envelopes(),
        "proofs": proofs(),
        "server_messages": server_samples()
            .iter()
            .map(|message| json!({ "bytes": hex(&message.encode()), "message": server_fields(message) }))
            .collect::<Vec<_>>(),
    })
}

fn addresses() -> Vec<Value> {
    let invite = address().to_text();
    let fragment = invite.split('#').nth(1).expect("a fragment").split('@').next();
    let fragment = fragment.expect("before the at sign");
    let forms = vec![
        (invite.clone(), None),
        (format!("wss://mesh.example/#{fragment}"), None),
        (format!("#{fragment}@mesh.example:4242"), None),
        (format!("http://localhost:4242/#{fragment}"), None),
        (fragment.to_string(), Some("ws://[::1]:4242")),
        ("kitchen".to_string(), Some("wss://mesh.example")),
    ];
    let vector = |(text, server): (String, Option<&str>)| {
        let address = RoomAddress::parse(&text, server).expect("an address");
        let secret = match address.room() {
            RoomRef::Secret { secret, .. } | RoomRef::Created { secret, .. } => {
                Value::from(hex(secret.as_bytes()))
            }
            RoomRef::Public { .. } => json!(""),
        };
        json!({
            "text": text,
            "server": server,
            "host": address.host(),
            "socket_url": address.socket_url(),
            "room": hex(address.room().id().as_bytes()),
            "secret": secret,
            "topic": hex(address.room().keys().topic().as_bytes()),
        })
    };
    forms.into_iter().map(vector).collect()
}

fn envelopes() -> Value {
    let (a, b) = (Party::new(1), Party::new(2));
    let keys = address().room().keys();
    let introduction_a = a.identity(&keys).introduce(WallTime::from_ms(1_700_000_000_000), [3; 24]);
    let introduction_b = b.identity(&keys).introduce(WallTime::from_ms(1_700_000_000_001), [4; 24]);
    let to = UnverifiedIntroduction::new(b.session.session_key(), introduction_b.clone())
        .verify(&keys)
        .expect("an introduction");
    let session = link_session(&keys.room(), &a.instance, &b.instance);
    let signal = Signal { session, epoch: Epoch(2), number: 7, ack: 6, payload: b"payload" };
    let pair = PairKeys::agree(&a.identity(&keys), &to).expect("a key");
    let sealed = seal_signal(&a.identity(&keys), &to, &pair, &signal, [5; 24]).expect("sealed");
    json!({
        "about": "a and b are in the room of the first address. Their seeds are one byte repeated: \
                  author key 01 and 02, session key 11 and 12, sealing secret 21 and 22, instance \
                  31 and 32. Nonces are 03, 04 and 05 repeated.",
        "peer_a": hex(a.signing.peer().as_bytes()),
        "peer_b": hex(b.signing.peer().as_bytes()),
        "link_session": hex(session.as_bytes()),
        "introduction_a": hex(&introduction_a),
        "introduction_b": hex(&introduction_b),
        "signal": hex(&sealed),
    })
}

fn proofs() -> Value {
    let session = Signing::from_seed(&[17; 32]);
    let topic = address().room().keys().topic();
    let proof = Proof { host: "mesh.example", nonce: Nonce::from_bytes([9; 16]), topic };
    json!({
        "about": "by the session key of a, over host mesh.example and nonce 09 repeated",
        "session_key": hex(session.session_key().as_bytes()),
        "topic": hex(topic.as_bytes()),
        "join": hex(proof.sign(Context::JOIN, &session).as_bytes()),
        "resume": hex(proof.sign(Context::RESUME, &session).as_bytes()),
    })
}

fn client_fields(message: &ClientMessage) -> Value {
    match message {
        ClientMessage::Join { version, topic, session_key, introduction, signature } => json!({
            "kind": "join",
            "version": version,
            "topic": hex(topic.as_bytes()),
            "session_key": hex(session_key.as_bytes()),
            "introduction": hex(introduction),
            "signature": hex(signature.as_bytes()),
        }),
        ClientMessage::Resume { version, session_key, token, received_count, signature } => json!({
            "kind": "resume",
            "version": version,
            "session_key": hex(session_key.as_bytes()),
            "token": hex(&token.0),
            "received_count": received_count,
            "signature": hex(signature.as_bytes()),
        }),
        ClientMessage::Envelope { to, bytes } => {
            json!({ "kind": "envelope", "to": hex(to.as_bytes()), "bytes": hex(bytes) })
        }
        ClientMessage::Introduce { introduction } => {
            json!({ "kind": "introduce", "introduction": hex(introduction) })
        }
        ClientMessage::Ack { count } => json!({ "kind": "ack", "count": count }),
        ClientMessage::Ping => json!({ "kind": "ping" }),
        ClientMessage::Leave => json!({ "kind": "leave" }),
        other => panic!("{other:?}"),
    }
}

fn server_fields(message: &ServerMessage) -> Value {
    match message {
        ServerMessage::Challenge { version_min, version_max, nonce } => json!({
            "kind": "challenge",
            "version_min": version_min,
            "version_max": version_max,
            "nonce": hex(nonce.as_bytes()),
        }),
        ServerMessage::Welcome { token, ice_servers, members, remaining } => json!({
            "kind": "welcome",
            "token": hex(&token.0),
            "ice_servers": ice_servers.iter().map(ice_server_fields).collect::<Vec<_>>(),
            "members": members.iter().map(member_fields).collect::<Vec<_>>(),
            "remaining": remaining,
        }),
        ServerMessage::Members { members, remaining } => json!({
            "kind": "members",
            "members": members.iter().map(member_fields).collect::<Vec<_>>(),
            "remaining": remaining,
        }),
        ServerMessage::Resumed => json!({ "kind": "resumed" }),
        ServerMessage::Refused { reason, expected, found } => json!({
            "kind": "refused",
            "reason": reason.code(),
            "expected": expected,
            "found": found,
        }),
        ServerMessage::Pong => json!({ "kind": "pong" }),
        ServerMessage::Event { number, event } => event_fields(*number, event),
        other => panic!("{other:?}"),
    }
}

fn event_fields(number: u64, event: &Event) -> Value {
    let about = |kind: &str, key: &SessionKey| json!({ "kind": kind, "number": number, "session_key": hex(key.as_bytes()) });
    match event {
        Event::Joined { session_key, introduction } => json!({
            "kind": "joined",
            "number": number,
            "session_key": hex(session_key.as_bytes()),
            "introduction": hex(introduction),
        }),
        Event::Attached { session_key } => about("attached", session_key),
        Event::Detached { session_key } => about("detached", session_key),
        Event::Left { session_key } => about("left", session_key),
        Event::Envelope { from, bytes } => json!({
            "kind": "envelope",
            "number": number,
            "from": hex(from.as_bytes()),
            "bytes": hex(bytes),
        }),
        Event::Undeliverable { to, reason } => json!({
            "kind": "undeliverable",
            "number": number,
            "to": hex(to.as_bytes()),
            "reason": reason.code(),
        }),
        other => panic!("{other:?}"),
    }
}

fn member_fields(member: &Member) -> Value {
    json!({
        "session_key": hex(member.session_key.as_bytes()),
        "introduction": hex(&member.introduction),
        "attached": member.attached,
    })
}

fn ice_server_fields(server: &IceServer) -> Value {
    json!({
        "urls": server.urls,
        "username": server.username,
        "credential": server.credential,
        "valid_for_ms": server.valid_for.map(Span::as_ms),
    })
}
