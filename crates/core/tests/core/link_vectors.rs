//! Golden bytes: `vectors/v1/links.json`, every frame, signal, hello and parcel.
//!
//! How the file is written anew: [`super::golden`].

use meshlace_core::crypto::{Signature, Signing};
use meshlace_core::id::{Epoch, Fingerprint, Instance, LinkSession, Nonce, RoomId};
use meshlace_core::link::frame::{Frame, Partial};
use meshlace_core::link::hello::{self, Side, Standing, Terms};
use meshlace_core::link::signal::{GiveUp, Signal};
use meshlace_core::link::{Candidate, Channel, Description, DescriptionKind};
use meshlace_core::node::parcel::Parcel;
use meshlace_core::node::{Audience, Content};
use serde_json::{Value, json};

use super::golden;
use super::hex::{bytes_of, hex};

const FILE: &str = "links.json";

/// the bytes of version 1 are these.
#[test]
fn golden_vectors_of_links_are_what_is_written() {
    golden::assert_holds(FILE, &all());
}

/// the golden bytes are read as what they name.
#[test]
fn golden_vectors_of_links_are_read() {
    let golden = golden::read(FILE);
    let list = |name: &str| golden[name].as_array().expect("a list").clone();
    for vector in list("frames") {
        let bytes = bytes_of(&vector["bytes"]);
        let channel = channel(vector["channel"].as_str().expect("a name"));
        let frame = Frame::decode(channel, &bytes).expect("a frame");
        assert_eq!(frame_fields(&frame), vector["frame"]);
    }
    for vector in list("signals") {
        let signal = Signal::decode(&bytes_of(&vector["bytes"])).expect("a signal");
        assert_eq!(signal_fields(&signal), vector["signal"]);
    }
    for vector in list("parcels") {
        let body = bytes_of(&vector["bytes"]);
        let (parcel, offset) = Parcel::open(&body).expect("a parcel");
        assert_eq!(parcel_fields(&parcel), vector["parcel"]);
        assert_eq!(hex(&body[offset..]), vector["payload"]);
    }
    let (_, terms, standing) = hello_terms();
    let vector = &golden["hello"];
    let signature = bytes_of(&vector["signature"]).try_into().expect("64 bytes");
    let signature = Signature::from_bytes(signature);
    let verified = hello::check(&terms, &bytes_of(&vector["body"]), &signature);
    assert_eq!(verified.expect("a true hello").standing, standing);
}

fn all() -> Value {
    let frames = frames().into_iter().map(|(channel, frame)| {
        json!({
            "bytes": hex(&frame.encode()),
            "channel": channel.name(),
            "frame": frame_fields(&frame),
        })
    });
    let signals = signals().into_iter();
    let signals = signals
        .map(|signal| json!({ "bytes": hex(&signal.encode()), "signal": signal_fields(&signal) }));
    let parcels = parcels().into_iter().map(|(parcel, payload)| {
        json!({
            "bytes": hex(&parcel.seal(payload.to_vec()).bytes()),
            "parcel": parcel_fields(&parcel),
            "payload": hex(payload),
        })
    });
    json!({
        "about": "Golden bytes of Meshlace links and messages, version 1. See docs/protocol.md.",
        "frames": frames.collect::<Vec<_>>(),
        "hello": hello_vector(),
        "parcels": parcels.collect::<Vec<_>>(),
        "signals": signals.collect::<Vec<_>>(),
    })
}

fn frames() -> Vec<(Channel, Frame<'static>)> {
    use Channel::{Bulk, Control, Lossy};
    let partial = Some(Partial { number: 9, bytes: 70_000 });
    let signature = Signature::from_bytes([5; 64]);
    let bodies = vec![&b"a"[..], b"", b"ccc"];
    vec![
        (Control, Frame::Hello { body: b"body", signature }),
        (Control, Frame::Ready),
        (Control, Frame::Messages { first: 300, received_to: 2, bodies }),
        (Control, Frame::Messages { first: 1, received_to: 0, bodies: vec![] }),
        (Control, Frame::Ack { received_to: 7, partial }),
        (Control, Frame::Ack { received_to: 7, partial: None }),
        (Control, Frame::Ping { token: 1 << 40 }),
        (Control, Frame::Pong { token: 0 }),
        (Control, Frame::Signal { epoch: Epoch(2), number: 3, ack: 4, body: &[0x81, 0] }),
        (Control, Frame::Away),
        (Control, Frame::Back),
        (Control, Frame::Goodbye),
        (Control, Frame::Grant { number: 12 }),
        (Control, Frame::Opened { channel: Bulk, heard: false }),
        (Control, Frame::Opened { channel: Lossy, heard: true }),
        (Bulk, Frame::Piece { number: 1, offset: 65_472, total: 100_000, bytes: b"piece" }),
        (Bulk, Frame::Probe),
        (Lossy, Frame::Probe),
        (Lossy, Frame::Lossy { body: b"maybe" }),
    ]
}

fn frame_fields(frame: &Frame<'_>) -> Value {
    match frame {
        Frame::Hello { body, signature } => {
            json!({ "kind": "hello", "body": hex(body), "signature": hex(signature.as_bytes()) })
        }
        Frame::Ready => json!({ "kind": "ready" }),
        Frame::Messages { first, received_to, bodies } => {
            let bodies: Vec<String> = bodies.iter().map(|body| hex(body)).collect();
            json!({ "kind": "messages", "first": first, "received_to": received_to, "bodies": bodies })
        }
        Frame::Ack { received_to, partial } => {
            let partial = partial.map(|it| json!({ "number": it.number, "bytes": it.bytes }));
            json!({ "kind": "ack", "received_to": received_to, "partial": partial })
        }
        Frame::Ping { token } => json!({ "kind": "ping", "token": token }),
        Frame::Pong { token } => json!({ "kind": "pong", "token": token }),
        Frame::Signal { epoch, number, ack, body } => {
            let body = hex(body);
            json!({ "kind": "signal", "epoch": epoch.0, "number": number, "ack": ack, "body": body })
        }
        Frame::Away => json!({ "kind": "away" }),
        Frame::Back => json!({ "kind": "back" }),
        Frame::Goodbye => json!({ "kind": "goodbye" }),
        Frame::Grant { number } => json!({ "kind": "grant", "number": number }),
        Frame::Piece { number, offset, total, bytes } => json!({
            "kind": "piece",
            "number": number,
            "offset": offset,
            "total": total,
            "bytes": hex(bytes),
        }),
        Frame::Opened { channel, heard } => {
            json!({ "kind": "opened", "channel": channel.name(), "heard": heard })
        }
        Frame::Probe => json!({ "kind": "probe" }),
        Frame::Lossy { body } => json!({ "kind": "lossy", "body": hex(body) }),
    }
}

fn signals() -> Vec<Signal> {
    let nonce = Nonce::from_bytes([7; 16]);
    let description = |kind| {
        let description = Description { kind, sdp: "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\n".into() };
        Signal::Description { description, nonce }
    };
    let bare = Candidate {
        candidate: "candidate:1 1 udp 2 192.0.2.1 9 typ host".into(),
        mid: None,
        line_index: None,
        username_fragment: None,
    };
    let whole = Candidate {
        mid: Some("0".into()),
        line_index: Some(300),
        username_fragment: Some("abcd".into()),
        ..bare.clone()
    };
    vec![
        Signal::Empty,
        description(DescriptionKind::Offer),
        description(DescriptionKind::Answer),
        Signal::Part("v=0\r\n".into()),
        Signal::Candidates(vec![bare, whole]),
        Signal::Candidates(vec![]),
        Signal::GiveUp(GiveUp::Leaving),
        Signal::GiveUp(GiveUp::HelloRejected),
        Signal::GiveUp(GiveUp::ProtocolViolation),
    ]
}

fn signal_fields(signal: &Signal) -> Value {
    match signal {
        Signal::Empty => json!({ "kind": "empty" }),
        Signal::Description { description, nonce } => {
            let is_offer = description.kind == DescriptionKind::Offer;
            let kind = if is_offer { "offer" } else { "answer" };
            json!({ "kind": kind, "sdp": description.sdp, "nonce": hex(nonce.as_bytes()) })
        }
        Signal::Part(sdp) => json!({ "kind": "part", "sdp": sdp }),
        Signal::Candidates(candidates) => {
            let fields = |it: &Candidate| {
                json!({
                    "candidate": it.candidate,
                    "mid": it.mid,
                    "line_index": it.line_index,
                    "username_fragment": it.username_fragment,
                })
            };
            let candidates: Vec<Value> = candidates.iter().map(fields).collect();
            json!({ "kind": "candidates", "candidates": candidates })
        }
        Signal::GiveUp(reason) => {
            let reason = match reason {
                GiveUp::Leaving => "leaving",
                GiveUp::HelloRejected => "hello rejected",
                GiveUp::ProtocolViolation => "protocol violation",
            };
            json!({ "kind": "give up", "reason": reason })
        }
    }
}

fn hello_terms() -> (Signing, Terms, Standing) {
    let side = |key: &Signing, fill: u8| Side {
        peer: key.peer(),
        instance: Instance::from_bytes([fill; 16]),
        nonce: Nonce::from_bytes([fill + 1; 16]),
        fingerprint: Fingerprint::from_bytes([fill + 2; 32]),
    };
    let (ours, theirs) = (Signing::from_seed(&[1; 32]), Signing::from_seed(&[2; 32]));
    let terms = Terms {
        room: RoomId::from_bytes([3; 32]),
        session: LinkSession::from_bytes([4; 16]),
        epoch: Epoch(5),
        ours: side(&ours, 0x10),
        theirs: side(&theirs, 0x20),
    };
    let partial = Some(Partial { number: 8, bytes: 70_000 });
    (ours, terms, Standing { received_to: 7, partial, sends_from: 300 })
}

fn hello_vector() -> Value {
    let (key, terms, standing) = hello_terms();
    let (body, signature) = hello::sign(&key, &terms, &standing);
    let side = |side: &Side| {
        json!({
            "peer": hex(side.peer.as_bytes()),
            "instance": hex(side.instance.as_bytes()),
            "nonce": hex(side.nonce.as_bytes()),
            "fingerprint": hex(side.fingerprint.as_bytes()),
        })
    };
    json!({
        "body": hex(&body),
        "signature": hex(signature.as_bytes()),
        "seed": hex(&[1; 32]),
        "room": hex(terms.room.as_bytes()),
        "session": hex(terms.session.as_bytes()),
        "epoch": terms.epoch.0,
        "sender": side(&terms.ours),
        "receiver": side(&terms.theirs),
        "received_to": standing.received_to,
        "sends_from": standing.sends_from,
        "partial": { "number": 8, "bytes": 70_000 },
    })
}

fn parcels() -> Vec<(Parcel, &'static [u8])> {
    let name = || String::from("name");
    let file = Content::File { name: "a.txt".into(), media_type: "text/plain".into() };
    let blob = Content::Blob { media_type: "image/png".into() };
    vec![
        (Parcel::Message { to: Audience::Room, content: Content::Text }, b"hello"),
        (Parcel::Message { to: Audience::Room, content: Content::Json }, b"{\"hi\":1}"),
        (Parcel::Message { to: Audience::Me, content: Content::Bytes }, b"\x00\x01"),
        (Parcel::Message { to: Audience::Me, content: blob }, b"png"),
        (Parcel::Message { to: Audience::Me, content: file }, b"bytes"),
        (Parcel::Topic { name: name(), content: Content::Json }, b"{}"),
        (Parcel::Request { id: 1 << 33, name: name(), content: Content::Json }, b"1"),
        (Parcel::Value { id: 2, content: Content::Nothing }, b""),
        (Parcel::Failure { id: 3, detail: None }, b""),
        (Parcel::Failure { id: 3, detail: Some("no such item".into()) }, b""),
        (Parcel::Withdraw { id: 4 }, b""),
        (Parcel::Presence { is_set: true }, b"{\"name\":\"Ada\"}"),
        (Parcel::Presence { is_set: false }, b""),
        (Parcel::Stream { media_id: "stream".into(), label: "camera".into() }, b""),
        (Parcel::StreamEnd { media_id: "stream".into() }, b""),
        (Parcel::Ledger, b"\x82\x05\x03"),
        (Parcel::GenesisAsk, b""),
        (Parcel::Genesis, b"genesis"),
    ]
}

fn parcel_fields(parcel: &Parcel) -> Value {
    match parcel {
        Parcel::Message { to, content } => {
            let to_me = *to == Audience::Me;
            json!({ "kind": "message", "to_me": to_me, "content": content_fields(content) })
        }
        Parcel::Topic { name, content } => {
            json!({ "kind": "topic", "name": name, "content": content_fields(content) })
        }
        Parcel::Request { id, name, content } => {
            let content = content_fields(content);
            json!({ "kind": "request", "id": id, "name": name, "content": content })
        }
        Parcel::Value { id, content } => {
            json!({ "kind": "value", "id": id, "content": content_fields(content) })
        }
        Parcel::Failure { id, detail } => json!({ "kind": "failure", "id": id, "detail": detail }),
        Parcel::Withdraw { id } => json!({ "kind": "withdraw", "id": id }),
        Parcel::Presence { is_set } => json!({ "kind": "presence", "is_set": is_set }),
        Parcel::Stream { media_id, label } => {
            json!({ "kind": "stream", "media_id": media_id, "label": label })
        }
        Parcel::StreamEnd { media_id } => json!({ "kind": "stream end", "media_id": media_id }),
        Parcel::Ledger => json!({ "kind": "ledger" }),
        Parcel::GenesisAsk => json!({ "kind": "genesis ask" }),
        Parcel::Genesis => json!({ "kind": "genesis" }),
    }
}

fn content_fields(content: &Content) -> Value {
    match content {
        Content::Nothing => json!({ "kind": "nothing" }),
        Content::Text => json!({ "kind": "text" }),
        Content::Json => json!({ "kind": "json" }),
        Content::Bytes => json!({ "kind": "bytes" }),
        Content::Blob { media_type } => json!({ "kind": "blob", "type": media_type }),
        Content::File { name, media_type } => {
            json!({ "kind": "file", "name": name, "type": media_type })
        }
    }
}

fn channel(name: &str) -> Channel {
    Channel::ALL.into_iter().find(|channel| channel.name() == name).expect("a channel")
}
