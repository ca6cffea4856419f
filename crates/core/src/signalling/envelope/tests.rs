use alloc::vec;

use proptest::prelude::*;

use super::*;

/// Agrees on keys anew for each signal, as no node does.
fn seal_signal(
    own: &Identity<'_>,
    to: &VerifiedIntroduction,
    signal: &Signal<'_>,
    nonce: [u8; SEAL_NONCE_BYTES],
) -> Result<Vec<u8>, EnvelopeError> {
    super::seal_signal(own, to, &PairKeys::agree(own, to)?, signal, nonce)
}

fn open_signal(
    own: &Identity<'_>,
    from: &VerifiedIntroduction,
    sealed: &[u8],
) -> Result<VerifiedSignal, EnvelopeError> {
    super::open_signal(own, from, &PairKeys::agree(own, from)?, sealed)
}
use crate::signalling::keys::{link_session, room_id};

struct Peer {
    keys: RoomKeys,
    signing: Signing,
    sealing: SealingSecret,
    instance: Instance,
    session_key: SessionKey,
}

impl Peer {
    fn new(number: u8) -> Self {
        Self {
            keys: RoomKeys::derive(room_id(&[1; 16]), &[2; 16]),
            signing: Signing::from_seed(&[number; 32]),
            sealing: SealingSecret::from_bytes([number; 32]),
            instance: Instance::from_bytes([number; 16]),
            session_key: Signing::from_seed(&[number + 100; 32]).session_key(),
        }
    }

    fn identity(&self) -> Identity<'_> {
        Identity {
            keys: &self.keys,
            signing: &self.signing,
            instance: self.instance,
            session_key: self.session_key,
            sealing: &self.sealing,
        }
    }

    fn sealed_introduction(&self) -> Vec<u8> {
        self.identity().introduce(WallTime::from_ms(5), [3; 24])
    }

    fn introduction(&self) -> VerifiedIntroduction {
        UnverifiedIntroduction::new(self.session_key, self.sealed_introduction())
            .verify(&self.keys)
            .expect("an introduction")
    }

    fn seal_to(&self, to: &Self, payload: &[u8]) -> Vec<u8> {
        let session = link_session(&self.keys.room(), &self.instance, &to.instance);
        let signal = Signal { session, epoch: Epoch(3), number: 4, ack: 2, payload };
        seal_signal(&self.identity(), &to.introduction(), &signal, [5; 24]).expect("sealed")
    }

    /// Seals any bytes the way a signal is sealed.
    fn seal_raw(&self, to: &Self, message: &[u8]) -> Vec<u8> {
        let other = to.sealing.public();
        let (key, _) = self.sealing.pair_keys(&other).expect("keys");
        seal(&key, [6; 24], &both_sessions(&self.session_key, &to.session_key), message)
    }

    /// The body of a signal to `to`, as it is before it is sealed.
    fn body_to(&self, to: &Self) -> Vec<u8> {
        let sealed = self.seal_to(to, b"offer");
        let (key, _) = self.sealing.pair_keys(&to.sealing.public()).expect("keys");
        let bound = both_sessions(&self.session_key, &to.session_key);
        open(&key, &bound, &sealed).expect("opens")
    }

    /// An introduction that it signed, and that holds, over keys that may be another's.
    fn introduction_claiming(
        &self,
        session_key: SessionKey,
        sealing_key: SealingKey,
    ) -> VerifiedIntroduction {
        let mut body = Writer::new();
        body.array(5)
            .bytes(self.signing.peer().as_bytes())
            .bytes(self.instance.as_bytes())
            .bytes(session_key.as_bytes())
            .bytes(sealing_key.as_bytes())
            .u64(5);
        let body = body.finish();
        let message = introduction_message(&self.keys.room(), &body);
        let signed = signed(&body, &self.signing.sign(Context::INTRODUCTION, &message));
        let sealed = seal(self.keys.seal(), [0; 24], session_key.as_bytes(), &signed);
        UnverifiedIntroduction::new(session_key, sealed).verify(&self.keys).expect("holds")
    }
}

fn verify_introduction(
    key: SessionKey,
    bytes: &[u8],
    keys: &RoomKeys,
) -> Result<(), EnvelopeError> {
    UnverifiedIntroduction::new(key, bytes.to_vec()).verify(keys).map(drop)
}

/// an introduction says who a session key belongs to.
#[test]
fn introduction_reads_back() {
    let peer = Peer::new(1);
    let read = peer.introduction();
    assert_eq!(read.peer(), peer.signing.peer());
    assert_eq!(read.instance(), peer.instance);
    assert_eq!(read.session_key(), peer.session_key);
    assert_eq!(read.sealing_key(), peer.sealing.public());
    assert_eq!(read.wall().as_ms(), 5);
}

/// no byte of an introduction can be cut or altered.
#[test]
fn refuses_cut_and_altered_introduction() {
    let peer = Peer::new(1);
    let whole = peer.sealed_introduction();
    for index in 0..whole.len() {
        let cut = verify_introduction(peer.session_key, &whole[..index], &peer.keys);
        let expected = if index < SEAL_OVERHEAD_BYTES {
            EnvelopeError::Truncated { min: SEAL_OVERHEAD_BYTES, found: index }
        } else {
            EnvelopeError::NotOpenable
        };
        assert_eq!(cut, Err(expected), "prefix of {index}");
        let mut bent = whole.clone();
        bent[index] ^= 1;
        let altered = verify_introduction(peer.session_key, &bent, &peer.keys);
        assert_eq!(altered, Err(EnvelopeError::NotOpenable), "bit of byte {index}");
    }
    let long = vec![0; INTRODUCTION_BYTES_MAX + 1];
    let refusal = verify_introduction(peer.session_key, &long, &peer.keys);
    assert!(matches!(refusal, Err(EnvelopeError::TooLarge { .. })));
}

/// the server cannot hand one member's introduction out for another's session, and a member
/// of another room cannot read it.
#[test]
fn refuses_introduction_of_another_session_or_room() {
    let (a, b) = (Peer::new(1), Peer::new(2));
    let moved = verify_introduction(b.session_key, &a.sealed_introduction(), &a.keys);
    assert_eq!(moved, Err(EnvelopeError::NotOpenable));
    let other_room = RoomKeys::derive(room_id(&[9; 16]), &[2; 16]);
    let foreign = verify_introduction(a.session_key, &a.sealed_introduction(), &other_room);
    assert_eq!(foreign, Err(EnvelopeError::NotOpenable));
}

/// a member of the room, who holds its key, still cannot speak for another peer.
#[test]
fn refuses_introduction_that_claims_anothers_key() {
    let (honest, forger) = (Peer::new(1), Peer::new(2));
    let body = |session_key: &SessionKey| {
        let mut body = Writer::new();
        body.array(5)
            .bytes(honest.signing.peer().as_bytes())
            .bytes(honest.instance.as_bytes())
            .bytes(session_key.as_bytes())
            .bytes(forger.sealing.public().as_bytes())
            .u64(5);
        body.finish()
    };
    let sealed = |body: &[u8], signature: &Signature| {
        seal(forger.keys.seal(), [0; 24], forger.session_key.as_bytes(), &signed(body, signature))
    };
    let own = body(&forger.session_key);
    let message = introduction_message(&forger.keys.room(), &own);
    let signature = forger.signing.sign(Context::INTRODUCTION, &message);
    let claim = verify_introduction(forger.session_key, &sealed(&own, &signature), &forger.keys);
    assert_eq!(claim, Err(EnvelopeError::BadSignature));

    let others = body(&honest.session_key);
    let moved = verify_introduction(forger.session_key, &sealed(&others, &signature), &forger.keys);
    assert_eq!(moved, Err(EnvelopeError::WrongSessionKey));
}

/// what was sealed well but is no introduction is refused with the place.
#[test]
fn refuses_sealed_nonsense() {
    let peer = Peer::new(1);
    let signature = peer.signing.sign(Context::INTRODUCTION, b"");
    for message in [vec![], vec![0x80], signed(&[0x80], &signature), vec![0x98, 0x02]] {
        let bytes = seal(peer.keys.seal(), [0; 24], peer.session_key.as_bytes(), &message);
        let refusal = verify_introduction(peer.session_key, &bytes, &peer.keys);
        assert!(matches!(refusal, Err(EnvelopeError::Malformed(_))), "{refusal:?}");
    }
}

/// a signal reads back at its receiver, with everything it belongs to.
#[test]
fn signal_reads_back() {
    let (a, b) = (Peer::new(1), Peer::new(2));
    let sealed = a.seal_to(&b, b"offer");
    let signal = open_signal(&b.identity(), &a.introduction(), &sealed).expect("opens");
    assert_eq!(signal.session(), link_session(&a.keys.room(), &b.instance, &a.instance));
    assert_eq!((signal.epoch(), signal.number(), signal.ack()), (Epoch(3), 4, 2));
    assert_eq!(signal.payload(), b"offer");
    assert_eq!(signal.into_payload(), b"offer");
}

/// what a holder of the key sealed is a signal only if it is the body, whole and alone.
#[test]
fn refuses_well_sealed_bytes_that_are_no_body() {
    let (a, b) = (Peer::new(1), Peer::new(2));
    let refusal = |message: &[u8]| {
        open_signal(&b.identity(), &a.introduction(), &a.seal_raw(&b, message)).map(drop)
    };
    let whole = a.body_to(&b);
    assert_eq!(refusal(&whole), Ok(()));
    for length in 0..whole.len() {
        let cut = refusal(&whole[..length]);
        assert!(matches!(cut, Err(EnvelopeError::Malformed(_))), "prefix of {length}: {cut:?}");
    }
    let followed = [&whole[..], &[0]].concat();
    let beside_a_signature = signed(&whole, &a.signing.sign(Context::INTRODUCTION, &whole));
    for message in [followed, beside_a_signature] {
        let refusal = refusal(&message);
        assert!(matches!(refusal, Err(EnvelopeError::Malformed(_))), "{refusal:?}");
    }
}

/// no byte of a signal can be cut or altered, and nobody else can open it, its sender
/// included.
#[test]
fn refuses_cut_altered_and_misdirected_signal() {
    let (a, b, c) = (Peer::new(1), Peer::new(2), Peer::new(3));
    let whole = a.seal_to(&b, b"offer");
    let from = a.introduction();
    for index in 0..whole.len() {
        assert!(open_signal(&b.identity(), &from, &whole[..index]).is_err(), "prefix {index}");
        let mut bent = whole.clone();
        bent[index] ^= 1;
        let altered = open_signal(&b.identity(), &from, &bent);
        assert_eq!(altered, Err(EnvelopeError::NotOpenable), "bit of byte {index}");
    }
    let not_openable = Err(EnvelopeError::NotOpenable);
    assert_eq!(open_signal(&c.identity(), &from, &whole), not_openable);
    assert_eq!(open_signal(&b.identity(), &c.introduction(), &whole), not_openable);
    assert_eq!(open_signal(&a.identity(), &b.introduction(), &whole), not_openable, "reflected");
    let long = vec![0; ENVELOPE_BYTES_MAX + 1];
    let refusal = open_signal(&b.identity(), &from, &long);
    assert!(matches!(refusal, Err(EnvelopeError::TooLarge { .. })));
}

/// each field that says where a signal belongs is checked, though the seal opens.
#[test]
fn refuses_signal_that_belongs_elsewhere() {
    let (a, b, c) = (Peer::new(1), Peer::new(2), Peer::new(3));
    let (room, sender, receiver) = (a.keys.room(), a.signing.peer(), b.signing.peer());
    let fields: [&[u8]; 5] = [
        room.as_bytes(),
        sender.as_bytes(),
        receiver.as_bytes(),
        a.instance.as_bytes(),
        b.instance.as_bytes(),
    ];
    let with = |index: usize, other: &[u8]| {
        let mut body = Writer::new();
        body.array(10);
        for (place, field) in fields.iter().enumerate() {
            body.bytes(if place == index { other } else { field });
        }
        body.bytes(&[0; 16]).u32(0).u64(1).u64(0).bytes(b"x");
        let message = a.seal_raw(&b, &body.finish());
        open_signal(&b.identity(), &a.introduction(), &message).map(drop)
    };
    let (peer, found) = (c.signing.peer(), c.instance);
    assert_eq!(with(5, &[]), Ok(()));
    assert_eq!(with(0, &[7; 32]), Err(EnvelopeError::WrongRoom));
    assert_eq!(with(1, peer.as_bytes()), Err(EnvelopeError::WrongSender));
    assert_eq!(with(2, peer.as_bytes()), Err(EnvelopeError::WrongReceiver));
    let wrong = |expected| Err(EnvelopeError::WrongInstance { expected, found });
    assert_eq!(with(3, found.as_bytes()), wrong(a.instance));
    assert_eq!(with(4, found.as_bytes()), wrong(b.instance));
}

/// a third member knows the room's key, all introductions and what a signal of `a` to `b`
/// would say. Under no key that it can derive, over no sessions, does that open as a signal of `a`;
/// as one of its own it opens and names another sender. Nor can it alter a bit of a true one.
#[test]
fn third_member_can_make_no_signal_of_another() {
    let (a, b, c) = (Peer::new(1), Peer::new(2), Peer::new(3));
    let (from_a, from_c) = (a.introduction(), c.introduction());
    let body = a.body_to(&b);
    let with_a = c.sealing.pair_keys(&a.sealing.public()).expect("keys");
    let with_b = c.sealing.pair_keys(&b.sealing.public()).expect("keys");
    let not_openable = Err(EnvelopeError::NotOpenable);
    for key in [with_a.0, with_a.1, with_b.0, with_b.1, *c.keys.seal()] {
        for (sender, receiver) in [(&a, &b), (&b, &a), (&c, &b), (&a, &c)] {
            let bound = both_sessions(&sender.session_key, &receiver.session_key);
            let forged = seal(&key, [6; 24], &bound, &body);
            assert_eq!(open_signal(&b.identity(), &from_a, &forged), not_openable);
        }
    }
    let own = open_signal(&b.identity(), &from_c, &c.seal_raw(&b, &body));
    assert_eq!(own, Err(EnvelopeError::WrongSender));

    let whole = a.seal_to(&b, b"offer");
    for bit in 0..8 * whole.len() {
        let mut bent = whole.clone();
        bent[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(open_signal(&b.identity(), &from_a, &bent), not_openable, "bit {bit}");
    }
}

/// what `a` sealed for `b` does not open as one of `b` when it comes back, not even where
/// the sessions bound in are those of the way back: each direction has its key.
#[test]
fn signal_does_not_open_when_reflected() {
    let (a, b) = (Peer::new(1), Peer::new(2));
    let from_b = b.introduction();
    let not_openable = Err(EnvelopeError::NotOpenable);
    let reflected = open_signal(&a.identity(), &from_b, &a.seal_to(&b, b"offer"));
    assert_eq!(reflected, not_openable);
    let (to_b, from_b_to_a) = a.sealing.pair_keys(&b.sealing.public()).expect("keys");
    let back = both_sessions(&b.session_key, &a.session_key);
    let under = |key: &Digest| seal(key, [6; 24], &back, &b.body_to(&a));
    assert_eq!(open_signal(&a.identity(), &from_b, &under(&to_b)), not_openable);
    assert!(open_signal(&a.identity(), &from_b, &under(&from_b_to_a)).is_ok());
}

/// an introduction may hold a sealing key that is another's, for nothing proves who has its
/// secret. Signals of that other do not pass for its own: neither those of `a`, nor `b`'s own under
/// the one key that both directions then share; and not even where a server in league with it shows
/// it under the session key that is bound in.
#[test]
fn signal_of_another_does_not_pass_for_that_of_who_claims_its_key() {
    let (a, b, c) = (Peer::new(1), Peer::new(2), Peer::new(3));
    let sealed = a.seal_to(&b, b"offer");
    let claims = c.introduction_claiming(c.session_key, a.sealing.public());
    let passed_off = open_signal(&b.identity(), &claims, &sealed);
    assert_eq!(passed_off, Err(EnvelopeError::NotOpenable));
    let claims = c.introduction_claiming(a.session_key, a.sealing.public());
    let passed_off = open_signal(&b.identity(), &claims, &sealed);
    assert_eq!(passed_off, Err(EnvelopeError::WrongSender));

    let reflected = |claims: &VerifiedIntroduction| {
        let session = LinkSession::from_bytes([0; 16]);
        let signal = Signal { session, epoch: Epoch(1), number: 1, ack: 0, payload: b"offer" };
        let sealed = seal_signal(&b.identity(), claims, &signal, [5; 24]).expect("sealed");
        open_signal(&b.identity(), claims, &sealed)
    };
    let claims = c.introduction_claiming(c.session_key, b.sealing.public());
    assert_eq!(reflected(&claims), Err(EnvelopeError::NotOpenable));
    let claims = c.introduction_claiming(b.session_key, b.sealing.public());
    assert_eq!(reflected(&claims), Err(EnvelopeError::WrongSender));
}

/// a sealing key that gives everyone the same secret is refused on both sides.
#[test]
fn refuses_weak_sealing_key() {
    let (a, b) = (Peer::new(1), Peer::new(2));
    let weak =
        VerifiedIntroduction { sealing_key: SealingKey::from_bytes([0; 32]), ..b.introduction() };
    let signal = Signal {
        session: LinkSession::from_bytes([0; 16]),
        epoch: Epoch(0),
        number: 1,
        ack: 0,
        payload: b"",
    };
    let sent = seal_signal(&a.identity(), &weak, &signal, [0; 24]);
    assert_eq!(sent, Err(EnvelopeError::WeakKey));
    assert_eq!(open_signal(&a.identity(), &weak, &[0; 50]), Err(EnvelopeError::WeakKey));
}

/// a signal the server would not carry is refused before it is sent; the largest fits.
#[test]
fn refuses_to_seal_what_the_server_does_not_carry() {
    let (a, b) = (Peer::new(1), Peer::new(2));
    let seal = |payload: &[u8]| {
        let (session, epoch) = (LinkSession::from_bytes([0; 16]), Epoch(u32::MAX));
        let signal = Signal { session, epoch, number: u64::MAX, ack: u64::MAX, payload };
        seal_signal(&a.identity(), &b.introduction(), &signal, [0; 24])
    };
    let largest = vec![0; SIGNAL_PAYLOAD_BYTES_MAX];
    assert_eq!(seal(&largest).map(|sealed| sealed.len()), Ok(ENVELOPE_BYTES_MAX));
    for payload_bytes in [SIGNAL_PAYLOAD_BYTES_MAX + 1, ENVELOPE_BYTES_MAX] {
        let found = payload_bytes + SIGNAL_OVERHEAD_BYTES;
        let refusal = Err(EnvelopeError::TooLarge { limit: ENVELOPE_BYTES_MAX, found });
        assert_eq!(seal(&vec![0; payload_bytes]), refusal);
    }
}

proptest! {
    /// whatever was sealed, nothing panics, and what is neither introduction nor
    /// signal passes for none.
    #[test]
    fn arbitrary_sealed_bytes_never_pass(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let (a, b) = (Peer::new(1), Peer::new(2));
        let sealed = a.seal_raw(&b, &bytes);
        prop_assert!(open_signal(&b.identity(), &a.introduction(), &sealed).is_err());
        prop_assert!(open_signal(&b.identity(), &a.introduction(), &bytes).is_err());
        let sealed = seal(a.keys.seal(), [0; 24], a.session_key.as_bytes(), &bytes);
        prop_assert!(verify_introduction(a.session_key, &sealed, &a.keys).is_err());
    }
}
