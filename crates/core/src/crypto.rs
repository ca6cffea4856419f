//! The one module that names a cryptography crate.
//!
//! Ed25519 with strict verification (small-order keys and malleable signatures are refused), BLAKE3
//! with a domain-separating context for every use, XChaCha20-Poly1305 for sealing and X25519 for
//! pairwise keys. Nothing here knows what the bytes mean.
//!
//! Source: docs/protocol.md.

use alloc::vec::Vec;
use core::fmt;

use blake3::hazmat::HasherExt;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use x25519_dalek::{PublicKey, StaticSecret};

use crate::id::{AuthorId, MemberId, PeerId, SealingKey, SessionKey};

/// What a hash, signature or key is for. Two uses never share a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context(&'static str, Option<&'static blake3::hazmat::ContextKey>);

macro_rules! contexts {
    (@key) => { None };
    (@key $key:ident) => { Some(&$key) };
    ($($(#[$doc:meta])* $name:ident = $text:literal $(of $key:ident)?;)*) => {
        impl Context {
            $($(#[$doc])* pub const $name: Self =
                Self(concat!("meshlace v1 ", $text), contexts!(@key $($key)?));)*

            /// Every context, for the documents and for the test that no two are alike.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The text that is hashed in.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                self.0
            }
        }
    };
}

/// The hash of [`Context::BLOCK`]'s text: with it, each of the hundred thousand blocks of a ledger costs
/// a quarter less. A test holds it to the text.
const BLOCK_KEY: blake3::hazmat::ContextKey = [
    0x09, 0xc5, 0x84, 0x31, 0x05, 0x21, 0xe1, 0x2d, 0x69, 0x41, 0xea, 0x08, 0xe1, 0xd7, 0x32, 0xb6,
    0xa9, 0x54, 0xad, 0x0f, 0x1e, 0xfe, 0x5e, 0x06, 0xbb, 0xe1, 0x50, 0x58, 0xc7, 0xec, 0xa1, 0x10,
];

/// The same of [`Context::BODY`].
const BODY_KEY: blake3::hazmat::ContextKey = [
    0x30, 0xe0, 0xa3, 0x9c, 0xe0, 0x57, 0x5e, 0x48, 0xf7, 0xe7, 0x01, 0x31, 0x4c, 0xd9, 0x09, 0x48,
    0x7a, 0xa4, 0xf9, 0xc8, 0x32, 0x4b, 0xe5, 0xd5, 0x8c, 0xf7, 0xde, 0x4a, 0x83, 0x0f, 0x8b, 0x25,
];

contexts! {
    /// A room's id from what it was made from.
    ROOM_ID = "room id";
    /// A public room's id from its bare name.
    PUBLIC_ROOM_ID = "public room id";
    /// The server's name for a room.
    TOPIC = "topic";
    /// The key that seals introductions.
    SEAL = "seal";
    /// The key that seals a directed signal.
    PAIR = "pair";
    /// The signature over an introduction.
    INTRODUCTION = "introduction";
    /// The signature over a hello.
    HELLO = "hello";
    /// The signature that proves a session key to a server.
    JOIN = "join";
    /// The signature that resumes a session at a server.
    RESUME = "resume";
    /// The name of a link from its two instances.
    LINK = "link";
    /// The stream of pseudo-random bytes.
    RNG = "rng";
    /// A room's id from its genesis.
    GENESIS = "genesis";
    /// A member's key from a profile's and a room's id.
    MEMBER = "member";
    /// The key of a room's creator from a profile's and the rest of the genesis.
    CREATOR = "creator";
    /// The hash of a store's state.
    STATE = "state";
    /// The signature by which a member certifies a slot key.
    SLOT = "slot";
    /// The signature by which a member lets another write.
    GRANT = "grant";
    /// A block's id from its room and header.
    BLOCK = "block" of BLOCK_KEY;
    /// The hash of a block's body.
    BODY = "body" of BODY_KEY;
    /// The signature over a block's id.
    BLOCK_SIGNATURE = "block signature";
    /// A member's place among blocks of one height.
    PLACE = "place";
    /// The digest of all that a peer holds of a ledger.
    LEDGER_DIGEST = "ledger digest";
    /// The hash of what a peer holds of a ledger within a band.
    IMPRINT = "imprint";
    /// The key of a table of ids; never leaves a program.
    TABLE = "table";
}

/// A BLAKE3 hash or a key derived by it. Not `Debug`-printed, since it may be a secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(..)")
    }
}

/// BLAKE3 in key-derivation mode over `parts`, each preceded by its length, so that no two lists
/// of parts hash alike.
#[must_use]
pub fn derive(context: Context, parts: &[&[u8]]) -> Digest {
    let mut deriving = Deriving::new(context);
    parts.iter().for_each(|part| deriving.part(part));
    deriving.finish()
}

/// [`derive`] of parts that come one after the other.
pub struct Deriving(blake3::Hasher);

impl Deriving {
    /// Nothing so far.
    #[must_use]
    pub fn new(context: Context) -> Self {
        Self(match context.1 {
            Some(key) => blake3::Hasher::new_from_context_key(key),
            None => blake3::Hasher::new_derive_key(context.0),
        })
    }

    /// Takes the next part in.
    pub fn part(&mut self, part: &[u8]) {
        self.0.update(&(part.len() as u64).to_le_bytes());
        self.0.update(part);
    }

    /// What all parts make.
    #[must_use]
    pub fn finish(&self) -> Digest {
        Digest(*self.0.finalize().as_bytes())
    }
}

/// An Ed25519 signature.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; 64]);

impl Signature {
    /// How many bytes a signature has.
    pub const BYTES: usize = 64;

    /// The signature with these bytes; whether it holds is for [`verify`] to say.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({:02x}{:02x}..)", self.0[0], self.0[1])
    }
}

/// An Ed25519 key that signs: a peer's identity, or what it shows a server for one joining.
#[derive(Clone)]
pub struct Signing(SigningKey);

impl Signing {
    /// The key grown from `seed`.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The public half as a peer's name.
    #[must_use]
    pub fn peer(&self) -> PeerId {
        PeerId::from_bytes(self.0.verifying_key().to_bytes())
    }

    /// The public half as a member's name.
    #[must_use]
    pub fn member(&self) -> MemberId {
        MemberId::from_bytes(self.0.verifying_key().to_bytes())
    }

    /// The public half as an author's name.
    #[must_use]
    pub fn author(&self) -> AuthorId {
        AuthorId::from_bytes(self.0.verifying_key().to_bytes())
    }

    /// The public half as a session key.
    #[must_use]
    pub fn session_key(&self) -> SessionKey {
        SessionKey::from_bytes(self.0.verifying_key().to_bytes())
    }

    /// Signs `message` for one use.
    #[must_use]
    pub fn sign(&self, context: Context, message: &[u8]) -> Signature {
        Signature(self.0.sign(derive(context, &[message]).as_bytes()).to_bytes())
    }
}

impl fmt::Debug for Signing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signing({:?})", self.peer())
    }
}

/// A signature that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadSignature;

impl fmt::Display for BadSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the signature does not hold")
    }
}

impl core::error::Error for BadSignature {}

/// Checks that `key` signed `message` for this use.
///
/// # Errors
/// [`BadSignature`] if it did not, or if key or signature are malformed or of small order.
pub fn verify(
    key: &[u8; 32],
    context: Context,
    message: &[u8],
    signature: &Signature,
) -> Result<(), BadSignature> {
    let message = derive(context, &[message]);
    if verifies(key, message.as_bytes(), &signature.0) { Ok(()) } else { Err(BadSignature) }
}

/// Whether `key` signed these very bytes, which nothing but [`verify`] and the golden verdicts ask:
/// what is signed anywhere else has a context.
#[must_use]
pub fn verifies(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let (Ok(key), Ok(signature)) = (key.try_into(), signature.try_into()) else { return false };
    let signature = ed25519_dalek::Signature::from_bytes(signature);
    VerifyingKey::from_bytes(key).is_ok_and(|key| key.verify_strict(message, &signature).is_ok())
}

/// An X25519 secret: what directed signals are opened with.
#[derive(Clone)]
pub struct SealingSecret {
    secret: StaticSecret,
    /// Kept, since it costs as much as an agreement.
    public: SealingKey,
}

impl SealingSecret {
    /// The secret made of these random bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let secret = StaticSecret::from(bytes);
        let public = SealingKey::from_bytes(PublicKey::from(&secret).to_bytes());
        Self { secret, public }
    }

    /// The public half.
    #[must_use]
    pub const fn public(&self) -> SealingKey {
        self.public
    }

    /// The keys shared with `other`: for what travels to it, and for what comes from it. `None` if
    /// `other` is a point that gives the same key to everyone. Cost: one X25519 agreement.
    #[must_use]
    pub fn pair_keys(&self, other: &SealingKey) -> Option<(Digest, Digest)> {
        let shared = self.secret.diffie_hellman(&PublicKey::from(*other.as_bytes()));
        let (ours, theirs) = (&self.public, other);
        let key = |from: &SealingKey, to: &SealingKey| {
            derive(Context::PAIR, &[shared.as_bytes(), from.as_bytes(), to.as_bytes()])
        };
        shared.was_contributory().then(|| (key(ours, theirs), key(theirs, ours)))
    }
}

impl fmt::Debug for SealingSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingSecret(..)")
    }
}

/// Bytes of the nonce that opens a sealed message.
pub const SEAL_NONCE_BYTES: usize = 24;

/// Bytes that sealing adds: nonce and tag.
pub const SEAL_OVERHEAD_BYTES: usize = SEAL_NONCE_BYTES + 16;

/// XChaCha20-Poly1305. Layout: nonce (24 bytes), then ciphertext and tag.
#[must_use]
pub fn seal(key: &Digest, nonce: [u8; SEAL_NONCE_BYTES], bound: &[u8], message: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(message.len() + SEAL_OVERHEAD_BYTES);
    sealed.extend_from_slice(&nonce);
    let payload = Payload { msg: message, aad: bound };
    let cipher = XChaCha20Poly1305::new(&key.0.into()).encrypt(&nonce.into(), payload);
    debug_assert!(cipher.is_ok(), "sealing fails only beyond 256 GiB");
    sealed.extend_from_slice(&cipher.unwrap_or_default());
    sealed
}

/// Opens what [`seal`] made; `None` if it was made with another key, bound to something else, cut
/// or altered.
#[must_use]
pub fn open(key: &Digest, bound: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, cipher) = sealed.split_first_chunk::<SEAL_NONCE_BYTES>()?;
    let payload = Payload { msg: cipher, aad: bound };
    XChaCha20Poly1305::new(&key.0.into()).decrypt(&(*nonce).into(), payload).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// no two uses share a context.
    #[test]
    fn no_two_contexts_are_alike() {
        for (index, context) in Context::ALL.iter().enumerate() {
            assert!(!Context::ALL[..index].contains(context), "{context:?}");
        }
    }

    /// what is kept of a context's text is what its text hashes to.
    #[test]
    fn kept_keys_are_those_of_their_texts() {
        let kept: Vec<_> =
            Context::ALL.iter().filter_map(|Context(text, key)| Some((text, (*key)?))).collect();
        assert_eq!(kept.len(), 2);
        for (text, key) in kept {
            assert_eq!(*key, blake3::hazmat::hash_derive_key_context(text), "{text}");
        }
    }

    /// a signature is good for one key, use and message.
    #[test]
    fn signature_holds_for_its_message_context_and_key_only() {
        let key = Signing::from_seed(&[1; 32]);
        let signature = key.sign(Context::HELLO, b"message");
        let peer = *key.peer().as_bytes();
        assert_eq!(verify(&peer, Context::HELLO, b"message", &signature), Ok(()));
        assert!(verify(&peer, Context::HELLO, b"massage", &signature).is_err());
        assert!(verify(&peer, Context::JOIN, b"message", &signature).is_err());
        let other = *Signing::from_seed(&[2; 32]).peer().as_bytes();
        assert!(verify(&other, Context::HELLO, b"message", &signature).is_err());
    }

    /// keys for which anyone can sign verify nothing.
    #[test]
    fn small_order_key_verifies_nothing() {
        let mut identity_point = [0; 32];
        identity_point[0] = 1;
        let mut forged = [0; 64];
        forged[0] = 1;
        let signature = Signature::from_bytes(forged);
        assert!(verify(&identity_point, Context::HELLO, b"any", &signature).is_err());
    }

    /// a sealed message opens with its key and what it is bound to, and only whole.
    #[test]
    fn sealed_message_opens_only_untouched_and_bound() {
        let key = derive(Context::SEAL, &[b"k"]);
        let sealed = seal(&key, [9; 24], b"bound", b"hello");
        assert_eq!(open(&key, b"bound", &sealed).as_deref(), Some(&b"hello"[..]));
        assert_eq!(open(&key, b"other", &sealed), None);
        for index in 0..sealed.len() {
            let mut bent = sealed.clone();
            bent[index] ^= 1;
            assert_eq!(open(&key, b"bound", &bent), None, "bit of byte {index}");
            assert_eq!(open(&key, b"bound", &sealed[..index]), None, "prefix of {index}");
        }
    }

    /// both sides of a pair derive one key per direction; a null point gives none.
    #[test]
    fn both_sides_derive_the_pair_key_and_a_null_point_gives_none() {
        let a = SealingSecret::from_bytes([3; 32]);
        let b = SealingSecret::from_bytes([4; 32]);
        let (a_to_b, b_to_a) = a.pair_keys(&b.public()).expect("keys");
        assert_eq!(b.pair_keys(&a.public()), Some((b_to_a, a_to_b)));
        assert_ne!(a_to_b, b_to_a);
        let null = SealingKey::from_bytes([0; 32]);
        assert_eq!(a.pair_keys(&null), None);
    }
}
