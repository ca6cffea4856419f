//! Signals between links, sealed for one peer and carried by the server.

use alloc::string::ToString;

use crate::error::ErrorCode;
use crate::id::{PeerId, SessionKey};
use crate::link::LinkInput;
use crate::link::signal::NumberedSignal;
use crate::signalling::client::ClientInput;
use crate::signalling::envelope::{EnvelopeError, PairKeys, Signal, open_signal, seal_signal};

use super::Node;
use super::notice::MeshError;

impl Node {
    pub(super) fn on_envelope(&mut self, from: SessionKey, sealed: &[u8]) {
        let Some(id) = self.members.get(&from).copied() else { return };
        let now = self.now();
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if peer.introduction.session_key() != from
            || peer.ignored_until.is_some_and(|until| until > now)
        {
            return;
        }
        if peer.is_replay(sealed) {
            let error = MeshError::new(ErrorCode::ProtocolViolation);
            let error = error.mismatch("a fresh envelope", "one that came before");
            return self.trouble(error.about(id));
        }
        let introduction = peer.introduction;
        let opened = self
            .pair_keys(id)
            .and_then(|keys| open_signal(&self.identity(), &introduction, &keys, sealed));
        match opened {
            Ok(signal) => {
                let expected = self.peers.get(&id).map(|peer| peer.link.session());
                if expected != Some(signal.session()) {
                    return;
                }
                let (epoch, number, ack) = (signal.epoch(), signal.number(), signal.ack());
                let body = signal.into_payload();
                let signal = NumberedSignal { epoch, number, ack, body };
                let _ = self.tell_link(id, LinkInput::Signal(signal));
            }
            // Sealed for another start of ours, or by an earlier one of the peer: late, not false.
            Err(EnvelopeError::WrongInstance { .. }) => {}
            Err(error) => {
                let found = error.to_string();
                let error = MeshError::new(ErrorCode::ProtocolViolation).about(id);
                self.trouble(error.mismatch("an envelope sealed by its sender", found));
            }
        }
    }

    /// The keys for signals between us and a peer.
    pub(super) fn pair_keys(&mut self, id: PeerId) -> Result<PairKeys, EnvelopeError> {
        let peer = self.peers.get(&id).ok_or(EnvelopeError::WeakKey)?;
        if let Some(keys) = peer.pair_keys {
            return Ok(keys);
        }
        let keys = PairKeys::agree(&self.identity(), &peer.introduction)?;
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.pair_keys = Some(keys);
        }
        Ok(keys)
    }

    /// Makes the pair keys that signals will want, while the browser is busy with what was asked of it.
    pub(super) fn agree_keys(&mut self) {
        while let Some(id) = self.keyless.pop() {
            // A weak key is refused where it is used.
            let _ = self.pair_keys(id);
        }
    }

    /// Seals a link's signal for its peer and hands it to the server.
    pub(super) fn send_signal(&mut self, id: PeerId, signal: &NumberedSignal) {
        let Some(peer) = self.peers.get(&id) else { return };
        let introduction = peer.introduction;
        let nonce = self.rng.bytes();
        let keys = self.pair_keys(id);
        let Some(peer) = self.peers.get(&id) else { return };
        let signal = Signal {
            session: peer.link.session(),
            epoch: signal.epoch,
            number: signal.number,
            ack: signal.ack,
            payload: &signal.body,
        };
        let sealed = keys
            .and_then(|keys| seal_signal(&self.identity(), &introduction, &keys, &signal, nonce));
        match sealed {
            Ok(bytes) => {
                let to = introduction.session_key();
                let _ = self.tell_client(ClientInput::SendEnvelope { to, bytes });
            }
            Err(EnvelopeError::TooLarge { limit, found }) => {
                let error = MeshError::new(ErrorCode::SignalTooLarge).about(id).limit(limit);
                self.trouble(error.mismatch(limit.to_string(), found.to_string()));
            }
            Err(error) => {
                let found = error.to_string();
                let error = MeshError::new(ErrorCode::ProtocolViolation).about(id);
                self.trouble(error.mismatch("a sealing key that keeps secrets", found));
            }
        }
    }
}
