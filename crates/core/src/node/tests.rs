use alloc::string::ToString;
use alloc::vec;

use crate::limits::{FILE_NAME_BYTES_MAX, NAME_BYTES_MAX};
use crate::signalling::client::ClientNotice;
use crate::signalling::envelope::{UnverifiedIntroduction, VerifiedIntroduction};
use crate::signalling::message::UndeliverableReason;

use super::*;
use crate::link::{LinkInput, LinkState};

mod arbitrary;

const ROOM: &str = "wss://mesh.example/#AAECAwQFBgcICQoLDA0ODw.EBESExQVFhcYGRobHB0eHw";

/// A node that the server has admitted, and what it told since.
struct Admitted {
    node: Node,
    notices: Vec<Notice>,
}

impl Admitted {
    fn new() -> Self {
        let (identity, server, ice_servers, timeout) = (Some(Seed([1; 32])), None, None, None);
        let address = ROOM.to_string();
        let config =
            NodeConfig { address, server, identity, ice_servers, relay_only: false, timeout };
        let mut node = Node::new(config, Seed([2; 32]), Now::default()).expect("an address");
        node.phase = Phase::Joined;
        node.server = Server::Connected;
        Self { node, notices: vec![] }
    }

    /// Another peer's introduction, checked; `number` tells peers apart.
    fn introduction(&self, number: u8) -> VerifiedIntroduction {
        let keys = self.node.keys;
        let signing = Signing::from_seed(&[number; 32]);
        let session_key = Signing::from_seed(&[number ^ 0x80; 32]).session_key();
        let sealing = SealingSecret::from_bytes([number; 32]);
        let instance = Instance::from_bytes([number; 16]);
        let identity =
            Identity { keys: &keys, signing: &signing, instance, session_key, sealing: &sealing };
        let sealed = identity.introduce(Now::default().wall, [number; 24]);
        UnverifiedIntroduction::new(session_key, sealed).verify(&keys).expect("an introduction")
    }

    fn meet(&mut self, number: u8) -> PeerId {
        let introduction = self.introduction(number);
        let id = self.node.introduce(introduction, false).unwrap_or(introduction.peer());
        self.drain();
        id
    }

    fn drain(&mut self) {
        while let Some(effect) = self.node.poll_effect() {
            if let Effect::Notify(notice) = effect {
                self.notices.push(notice);
            }
        }
    }

    fn troubles(&self) -> Vec<ErrorCode> {
        let code = |notice: &Notice| match notice {
            Notice::Trouble(error) => Some(error.code),
            _ => None,
        };
        self.notices.iter().filter_map(code).collect()
    }
}

/// what cannot be read as a parcel closes the link, and is named.
#[test]
fn unreadable_parcel_closes_the_link() {
    let mut here = Admitted::new();
    let id = here.meet(7);
    here.node.on_body(id, vec![0x80]);
    here.drain();
    assert_eq!(here.troubles().first(), Some(&ErrorCode::ProtocolViolation));
    let left = here.notices.iter().any(|notice| {
        matches!(notice, Notice::PeerLeft { reason: ErrorCode::ProtocolViolation, .. })
    });
    let closed = here.node.peers.get(&id).map(|peer| peer.link.state()) == Some(LinkState::Closed);
    assert!(closed && !left, "one that was never linked stays to be tried again");
}

/// A server that alters all it carries: each peer's envelopes are reported once a second, not each.
#[test]
fn flood_of_altered_envelopes_is_one_error_a_second() {
    let mut here = Admitted::new();
    here.meet(7);
    here.meet(8);
    for envelope in 0..200_u8 {
        for number in [7, 8] {
            let from = here.introduction(number).session_key();
            here.node.on_client(ClientNotice::Envelope { from, bytes: vec![envelope; 200] });
        }
    }
    here.drain();
    assert_eq!(here.troubles(), [ErrorCode::ProtocolViolation; 2]);
    let later = Now { monotonic: Timestamp::from_ms(1_000), ..Now::default() };
    let _ = here.node.handle(later, Input::Tick);
    let from = here.introduction(7).session_key();
    here.node.on_client(ClientNotice::Envelope { from, bytes: vec![0; 200] });
    here.drain();
    let Some(Notice::Trouble(last)) = here.notices.last() else { panic!("{:?}", here.notices) };
    assert!(last.detail.ends_with("(398 errors before it were left out)"), "{last}");
}

/// A server that started anew does not know a peer that died meanwhile: it is not tried for ever.
#[test]
fn peer_that_the_server_does_not_know_is_not_tried_again() {
    let mut here = Admitted::new();
    let id = here.meet(7);
    let _ = here.node.tell_link(id, LinkInput::Close(ErrorCode::IceFailed));
    here.drain();
    assert!(here.node.peers.get(&id).is_some_and(|peer| peer.retry_at.is_some()));
    let to = here.introduction(7).session_key();
    let reason = UndeliverableReason::NotHere;
    here.node.on_client(ClientNotice::Undeliverable { to, reason });
    let peer = here.node.peers.get(&id).expect("kept for its numbers");
    assert_eq!((peer.retry_at, peer.is_member), (None, false));
}

/// Both sides may have given each other up while neither had a socket, and wait for an offer: whoever
/// hears that the other is back tries at once.
#[test]
fn peer_given_up_without_its_socket_is_tried_when_it_is_back() {
    let mut here = Admitted::new();
    let id = here.meet(7);
    let session_key = here.introduction(7).session_key();
    here.node.on_client(ClientNotice::MemberDetached { session_key });
    let _ = here.node.tell_link(id, LinkInput::Close(ErrorCode::IceFailed));
    here.drain();
    let link = |here: &Admitted| here.node.peers.get(&id).map(|peer| peer.link.state());
    assert_eq!(link(&here), Some(LinkState::Closed));
    here.node.on_client(ClientNotice::MemberAttached { session_key });
    here.drain();
    assert!(link(&here).is_some_and(|state| state != LinkState::Closed));
}

/// A file's name that the receiver would refuse is refused here, by name.
#[test]
fn refuses_name_that_the_other_side_would_refuse() {
    let mut here = Admitted::new();
    here.meet(7);
    let name = "x".repeat(FILE_NAME_BYTES_MAX + 1);
    let content = Content::File { name, media_type: String::new() };
    here.node.send(crate::id::Ticket(1), Recipient::All, content, Vec::new());
    here.drain();
    let refused = here.notices.iter().find_map(|notice| match notice {
        Notice::Refused { error, .. } => Some((error.code, error.limit)),
        _ => None,
    });
    assert_eq!(refused, Some((ErrorCode::InvalidArgument, Some(FILE_NAME_BYTES_MAX as u64))));
}

/// A name that is empty or too long is refused here too, whatever it names.
#[test]
fn refuses_empty_and_long_names_of_channels_and_requests() {
    let mut here = Admitted::new();
    let peer = here.meet(7);
    let (to, payload, timeout) = (Recipient::All, vec![], None);
    for name in [String::new(), "x".repeat(NAME_BYTES_MAX + 1)] {
        let ticket = crate::id::Ticket(1);
        let (content, name) = (Content::Bytes, || name.clone());
        for input in [
            Input::SendTopic {
                ticket,
                to,
                name: name(),
                content: content.clone(),
                payload: payload.clone(),
            },
            Input::SendLossy {
                ticket,
                to,
                name: name(),
                content: content.clone(),
                payload: payload.clone(),
            },
            Input::Request {
                ticket,
                peer,
                name: name(),
                content: content.clone(),
                payload: payload.clone(),
                timeout,
            },
        ] {
            here.notices.clear();
            let _ = here.node.handle(Now::default(), input);
            here.drain();
            let refused = here.notices.iter().find_map(|notice| match notice {
                Notice::Refused { error, .. } => Some((error.code, error.limit)),
                _ => None,
            });
            let expected = (ErrorCode::InvalidArgument, Some(NAME_BYTES_MAX as u64));
            assert_eq!(refused, Some(expected));
        }
    }
}
