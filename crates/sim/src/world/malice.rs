//! Hostile pages: a driver that bends what its own node says before it leaves.
//!
//! The node inside is honest and knows nothing of it. What it seals for others (introductions and
//! signals) is out of reach here; hellos and whatever goes to the server are not.

use meshlace_core::crypto::{Context, Signature, Signing};
use meshlace_core::id::PeerId;
use meshlace_core::link::Channel;
use meshlace_core::link::frame::Frame;

use super::{Host, HostId, World};

/// What a hostile page does, from when it is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malice {
    /// Its hellos are signed by a key that is not its own.
    ForgeHello,
    /// Its hellos name another peer as their sender, signed by its own key.
    ClaimKey(PeerId),
    /// Its hellos speak this version of the link protocol and no other, signed as they should be.
    Version(u8),
    /// Each of its messages to the server has this many bytes at least.
    LargeMessages(usize),
}

impl World {
    /// Makes a page hostile.
    pub fn set_malice(&mut self, host: HostId, malice: Malice) {
        self.note(format_args!("h{host} turns hostile: {malice:?}"));
        self.hosts[host].malice = Some(malice);
    }
}

impl Host {
    pub(super) fn bend_frame(&self, channel: Channel, bytes: Vec<u8>) -> Vec<u8> {
        let Some(malice) = self.malice else { return bytes };
        let Ok(Frame::Hello { body, .. }) = Frame::decode(channel, &bytes) else { return bytes };
        let key = Signing::from_seed(&self.identity.expect("a hostile page has its key"));
        let mut body = body.to_vec();
        let signer = match malice {
            Malice::LargeMessages(_) => return bytes,
            Malice::ForgeHello => Signing::from_seed(&[0xbd; 32]),
            Malice::ClaimKey(other) => {
                replace(&mut body, self.peer.as_bytes(), other.as_bytes());
                key
            }
            Malice::Version(version) => {
                // The head of the array, then the lowest and the highest version.
                body[1..3].fill(version);
                key
            }
        };
        let signature: Signature = signer.sign(Context::HELLO, &body);
        Frame::Hello { body: &body, signature }.encode()
    }

    pub(super) fn bend_server_message(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        if let Some(Malice::LargeMessages(size)) = self.malice {
            bytes.resize(bytes.len().max(size), 0);
        }
        bytes
    }
}

/// Overwrites the first `from` in `bytes`.
fn replace(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    let at = bytes.windows(from.len()).position(|found| found == from).expect("its own key");
    bytes[at..at + to.len()].copy_from_slice(to);
}
