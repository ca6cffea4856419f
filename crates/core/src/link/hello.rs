//! The hello: what makes an open channel a verified link.
//!
//! A data channel can be open and carry nothing, and whoever carries the descriptions could stand
//! in the middle of it. So each side's first frame signs everything the two must agree on: room,
//! both keys, both instances, both nonces (exchanged inside the sealed signals), both DTLS
//! fingerprints as each side's descriptions hold them, session and epoch - and says where its
//! message numbers stand, so that the other can replay. The receiver does not parse and compare
//! field by field: it knows what a true hello must say and names the first field that differs.
//!
//! Source: docs/protocol.md.

use alloc::vec::Vec;

use crate::codec::{DecodeError, Reader, Writer};
use crate::crypto::{Context, Signature, Signing, verify};
use crate::id::{Epoch, Fingerprint, Instance, LinkSession, Nonce, PeerId, RoomId};

use super::frame::Partial;

/// The version of the link protocol spoken here.
pub const LINK_VERSION: u64 = 1;

/// What both sides must agree on. `ours` and `theirs` are seen from the sender of a hello.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The room.
    pub room: RoomId,
    /// The link's name.
    pub session: LinkSession,
    /// Which connection of the link.
    pub epoch: Epoch,
    /// The sender.
    pub ours: Side,
    /// The receiver.
    pub theirs: Side,
}

/// One side's part of the [`Terms`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Side {
    /// Its key.
    pub peer: PeerId,
    /// Its start.
    pub instance: Instance,
    /// Drawn for this connection.
    pub nonce: Nonce,
    /// Of its DTLS certificate.
    pub fingerprint: Fingerprint,
}

impl Terms {
    /// The same terms seen from the other side.
    #[must_use]
    pub fn mirrored(&self) -> Self {
        Self { ours: self.theirs, theirs: self.ours, ..self.clone() }
    }
}

/// Where a side's numbers stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Everything up to here was received.
    pub received_to: u64,
    /// How far a large message has come.
    pub partial: Option<Partial>,
    /// The lowest number that will still be sent. What lies below and was not received never comes.
    pub sends_from: u64,
}

/// A hello whose signature and terms hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedHello {
    /// Where the sender's numbers stand.
    pub standing: Standing,
}

/// Why a hello was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HelloError {
    /// Not a hello at all.
    Malformed(DecodeError),
    /// The two sides share no version.
    Version {
        /// What this side speaks.
        expected: u64,
        /// The highest version of the other side.
        found: u64,
    },
    /// A field says something else than it must.
    Differs {
        /// Which.
        field: &'static str,
    },
    /// The signature does not hold for the peer's key.
    BadSignature,
}

/// Signs a hello. Returns its body and signature.
#[must_use]
pub fn sign(key: &Signing, terms: &Terms, standing: &Standing) -> (Vec<u8>, Signature) {
    let body = encode(terms, standing);
    let signature = key.sign(Context::HELLO, &body);
    (body, signature)
}

/// Checks a hello that must say `terms` (seen from its sender).
///
/// # Errors
/// See [`HelloError`]; the signature is checked last, over the bytes received.
pub fn check(
    terms: &Terms,
    body: &[u8],
    signature: &Signature,
) -> Result<VerifiedHello, HelloError> {
    let mut reader = Reader::new(body);
    let standing = decode(&mut reader, terms)?;
    verify(terms.ours.peer.as_bytes(), Context::HELLO, body, signature)
        .map_err(|_| HelloError::BadSignature)?;
    Ok(VerifiedHello { standing })
}

fn encode(terms: &Terms, standing: &Standing) -> Vec<u8> {
    let mut writer = Writer::with_capacity(384);
    writer.array(16).u64(LINK_VERSION).u64(LINK_VERSION);
    writer.bytes(terms.room.as_bytes()).bytes(terms.session.as_bytes()).u32(terms.epoch.0);
    for side in [&terms.ours, &terms.theirs] {
        writer.bytes(side.peer.as_bytes()).bytes(side.instance.as_bytes());
        writer.bytes(side.nonce.as_bytes()).bytes(side.fingerprint.as_bytes());
    }
    writer.u64(standing.received_to).u64(standing.sends_from);
    writer.optional(standing.partial, |writer, partial| {
        writer.array(2).u64(partial.number).u64(partial.bytes);
    });
    writer.finish()
}

fn decode(reader: &mut Reader<'_>, terms: &Terms) -> Result<Standing, HelloError> {
    reader.fields(16).map_err(HelloError::Malformed)?;
    let lowest = reader.u64().map_err(HelloError::Malformed)?;
    let highest = reader.u64().map_err(HelloError::Malformed)?;
    if lowest > LINK_VERSION || highest < LINK_VERSION {
        return Err(HelloError::Version { expected: LINK_VERSION, found: highest });
    }
    same(reader, terms.room.as_bytes(), "room")?;
    same(reader, terms.session.as_bytes(), "session")?;
    if reader.u32().map_err(HelloError::Malformed)? != terms.epoch.0 {
        return Err(HelloError::Differs { field: "epoch" });
    }
    same(reader, terms.ours.peer.as_bytes(), "sender key")?;
    same(reader, terms.ours.instance.as_bytes(), "sender instance")?;
    same(reader, terms.ours.nonce.as_bytes(), "sender nonce")?;
    same(reader, terms.ours.fingerprint.as_bytes(), "sender fingerprint")?;
    same(reader, terms.theirs.peer.as_bytes(), "receiver key")?;
    same(reader, terms.theirs.instance.as_bytes(), "receiver instance")?;
    same(reader, terms.theirs.nonce.as_bytes(), "receiver nonce")?;
    same(reader, terms.theirs.fingerprint.as_bytes(), "receiver fingerprint")?;
    let received_to = reader.u64().map_err(HelloError::Malformed)?;
    let sends_from = reader.u64().map_err(HelloError::Malformed)?;
    let partial = reader
        .optional(|reader| {
            reader.fields(2)?;
            Ok(Partial { number: reader.u64()?, bytes: reader.u64()? })
        })
        .map_err(HelloError::Malformed)?;
    reader.end().map_err(HelloError::Malformed)?;
    Ok(Standing { received_to, partial, sends_from })
}

fn same<const N: usize>(
    reader: &mut Reader<'_>,
    expected: &[u8; N],
    field: &'static str,
) -> Result<(), HelloError> {
    let found = reader.array_of::<N>().map_err(HelloError::Malformed)?;
    if found == *expected { Ok(()) } else { Err(HelloError::Differs { field }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(key: &Signing, fill: u8) -> Side {
        Side {
            peer: key.peer(),
            instance: Instance::from_bytes([fill; 16]),
            nonce: Nonce::from_bytes([fill + 1; 16]),
            fingerprint: Fingerprint::from_bytes([fill + 2; 32]),
        }
    }

    fn sample() -> (Signing, Terms, Standing) {
        let key = Signing::from_seed(&[1; 32]);
        let other = Signing::from_seed(&[2; 32]);
        let terms = Terms {
            room: RoomId::from_bytes([3; 32]),
            session: LinkSession::from_bytes([4; 16]),
            epoch: Epoch(5),
            ours: side(&key, 10),
            theirs: side(&other, 20),
        };
        let partial = Some(Partial { number: 8, bytes: 9 });
        (key, terms, Standing { received_to: 7, partial, sends_from: 3 })
    }

    /// a hello that says what it must is taken.
    #[test]
    fn true_hello_is_verified() {
        let (key, terms, standing) = sample();
        let (body, signature) = sign(&key, &terms, &standing);
        assert_eq!(check(&terms, &body, &signature), Ok(VerifiedHello { standing }));
    }

    /// each field that differs is named.
    #[test]
    fn each_differing_field_is_named() {
        let (key, terms, standing) = sample();
        let (body, signature) = sign(&key, &terms, &standing);
        let bend: [(&str, fn(&mut Terms)); 11] = [
            ("room", |t| t.room = RoomId::from_bytes([0; 32])),
            ("session", |t| t.session = LinkSession::from_bytes([0; 16])),
            ("epoch", |t| t.epoch = Epoch(6)),
            ("sender key", |t| t.ours.peer = PeerId::from_bytes([0; 32])),
            ("sender instance", |t| t.ours.instance = Instance::from_bytes([0; 16])),
            ("sender nonce", |t| t.ours.nonce = Nonce::from_bytes([0; 16])),
            ("sender fingerprint", |t| t.ours.fingerprint = Fingerprint::from_bytes([0; 32])),
            ("receiver key", |t| t.theirs.peer = PeerId::from_bytes([0; 32])),
            ("receiver instance", |t| t.theirs.instance = Instance::from_bytes([0; 16])),
            ("receiver nonce", |t| t.theirs.nonce = Nonce::from_bytes([0; 16])),
            ("receiver fingerprint", |t| t.theirs.fingerprint = Fingerprint::from_bytes([0; 32])),
        ];
        for (field, change) in bend {
            let mut expected = terms.clone();
            change(&mut expected);
            assert_eq!(check(&expected, &body, &signature), Err(HelloError::Differs { field }));
        }
    }

    /// a hello signed by another key, cut, or bent anywhere is refused.
    #[test]
    fn forged_cut_and_bent_hellos_are_refused() {
        let (key, terms, standing) = sample();
        let forger = Signing::from_seed(&[9; 32]);
        let (body, forged) = sign(&forger, &terms, &standing);
        assert_eq!(check(&terms, &body, &forged), Err(HelloError::BadSignature));
        let (body, signature) = sign(&key, &terms, &standing);
        for len in 0..body.len() {
            assert!(check(&terms, &body[..len], &signature).is_err(), "cut at {len}");
            let mut bent = body.clone();
            bent[len] ^= 1;
            assert!(check(&terms, &bent, &signature).is_err(), "bent at {len}");
        }
    }
}
