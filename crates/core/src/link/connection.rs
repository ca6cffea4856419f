//! One WebRTC connection of a link, from its creation until it is closed: what is known of its
//! descriptions, channels and proof.

use alloc::string::String;
use alloc::vec::Vec;

use crate::id::{ConnectionId, Fingerprint, Nonce};
use crate::limits::{
    BULK_BUFFER_BYTES_HIGH, BULK_FRAME_BYTES_MAX, CONTROL_BUFFER_BYTES_HIGH, FRAME_BYTES_MAX,
    LOSSY_BUFFER_BYTES_HIGH,
};
use crate::time::Timestamp;

use super::hello::Standing;
use super::negotiation::Negotiation;
use super::transport::{Candidate, Channel, ConnectionState, Description, IceState};

/// Which ICE servers a connection may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IceStage {
    /// Host and server-reflexive candidates only, so that a room with TURN does not end up relayed.
    Direct,
    /// Relays too.
    Relayed,
}

/// What one channel of a connection has done.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ChannelProgress {
    /// When the driver was asked for it, or the peer last came back from a silence; never for control.
    pub(super) wanted_at: Option<Timestamp>,
    /// The driver said that it is open.
    pub(super) is_open: bool,
    /// What we last said of it: that it is open, and whether the peer's probe came.
    pub(super) said: Option<bool>,
    /// The peer said that its end is open.
    pub(super) peer_is_open: bool,
    /// The peer said that our probe came.
    pub(super) peer_heard: bool,
    /// When our probe was last sent.
    pub(super) probed_at: Option<Timestamp>,
    /// The peer's hello (control) or probe came.
    pub(super) proof_heard: bool,
    /// Bytes handed over and not yet on the wire, as far as we know.
    pub(super) buffered_bytes: usize,
}

/// One WebRTC connection of a link.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) id: ConnectionId,
    pub(super) negotiation: Negotiation,
    pub(super) nonce: Nonce,
    pub(super) peer_nonce: Option<Nonce>,
    pub(super) fingerprint: Option<Fingerprint>,
    pub(super) peer_fingerprint: Option<Fingerprint>,
    pub(super) bulk_frame_bytes: [usize; 2],
    pub(super) channels: [ChannelProgress; 3],
    pub(super) hello_sent: bool,
    /// The peer's hello was heard after ours was sent: ready goes out, or is out.
    pub(super) is_ready: bool,
    pub(super) ready_sent: bool,
    pub(super) ready_heard: bool,
    pub(super) is_opened: bool,
    pub(super) ice: IceState,
    pub(super) state: ConnectionState,
    pub(super) stage: IceStage,
    pub(super) created_at: Timestamp,
    pub(super) connected_at: Option<Timestamp>,
    pub(super) operation_since: Option<Timestamp>,
    pub(super) disconnected_at: Option<Timestamp>,
    /// The first description, while it waits for candidates.
    pub(super) unsent: Option<Description>,
    pub(super) batch: Vec<Candidate>,
    pub(super) batch_at: Option<Timestamp>,
    pub(super) early_frames: Vec<Vec<u8>>,
    /// What came on control before the link is open and counts once it is.
    pub(super) held: Vec<Vec<u8>>,
    /// What goes out on lossy once it carries.
    pub(super) waiting: Vec<Vec<u8>>,
    pub(super) peer_standing: Option<Standing>,
    pub(super) local_candidates: Vec<&'static str>,
    pub(super) remote_candidates: Vec<&'static str>,
    pub(super) gathering_failures: Vec<(String, String)>,
}

impl Connection {
    pub(super) fn new(
        id: ConnectionId,
        negotiation: Negotiation,
        nonce: Nonce,
        stage: IceStage,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            negotiation,
            nonce,
            peer_nonce: None,
            fingerprint: None,
            peer_fingerprint: None,
            bulk_frame_bytes: [FRAME_BYTES_MAX; 2],
            channels: [ChannelProgress::default(); 3],
            hello_sent: false,
            is_ready: false,
            ready_sent: false,
            ready_heard: false,
            is_opened: false,
            ice: IceState::New,
            state: ConnectionState::New,
            stage,
            created_at: now,
            connected_at: None,
            operation_since: None,
            disconnected_at: None,
            unsent: None,
            batch: Vec::new(),
            batch_at: None,
            early_frames: Vec::new(),
            held: Vec::new(),
            waiting: Vec::new(),
            peer_standing: None,
            local_candidates: Vec::new(),
            remote_candidates: Vec::new(),
            gathering_failures: Vec::new(),
        }
    }

    pub(super) fn channel(&mut self, channel: Channel) -> &mut ChannelProgress {
        let [control, bulk, lossy] = &mut self.channels;
        match channel {
            Channel::Control => control,
            Channel::Bulk => bulk,
            Channel::Lossy => lossy,
        }
    }

    /// Whether a hello crossed in both directions, and both sides know.
    pub(super) fn is_proven(&self) -> bool {
        self.is_ready && self.ready_heard
    }

    /// Whether the link was opened on this connection: it is proven, and both sides' numbers stand.
    pub(super) fn is_verified(&self) -> bool {
        self.is_opened
    }

    /// Whether the peer's hello held, so that its frames are its own.
    pub(super) fn is_authentic(&self) -> bool {
        let [control, ..] = self.channels;
        control.proof_heard
    }

    /// Whether both sides' nonces and fingerprints are known.
    pub(super) fn knows_terms(&self) -> bool {
        self.peer_nonce.is_some() && self.fingerprint.is_some() && self.peer_fingerprint.is_some()
    }

    /// Whether a channel is open, and the other side's end of it too.
    pub(super) fn carries(&self, channel: Channel) -> bool {
        let [control, bulk, lossy] = self.channels;
        match channel {
            Channel::Control => control.is_open,
            Channel::Bulk => bulk.is_open && bulk.proof_heard,
            Channel::Lossy => lossy.is_open && lossy.proof_heard,
        }
    }

    /// Whether a channel takes another frame.
    pub(super) fn has_room(&self, channel: Channel) -> bool {
        let [control, bulk, lossy] = self.channels;
        let is_low = match channel {
            Channel::Control => control.buffered_bytes < CONTROL_BUFFER_BYTES_HIGH,
            Channel::Bulk => bulk.buffered_bytes < BULK_BUFFER_BYTES_HIGH,
            Channel::Lossy => lossy.buffered_bytes < LOSSY_BUFFER_BYTES_HIGH,
        };
        is_low && self.carries(channel)
    }

    /// The longest frame on bulk that both descriptions allow.
    pub(super) fn bulk_frame_bytes_max(&self) -> usize {
        let [ours, theirs] = self.bulk_frame_bytes;
        ours.min(theirs).min(BULK_FRAME_BYTES_MAX)
    }

    /// Whether ICE says that the path is broken.
    pub(super) fn is_broken(&self) -> bool {
        matches!(self.ice, IceState::Disconnected | IceState::Failed)
            || matches!(self.state, ConnectionState::Disconnected | ConnectionState::Failed)
    }

    /// Whether ICE gave up.
    pub(super) fn has_failed(&self) -> bool {
        self.ice == IceState::Failed || self.state == ConnectionState::Failed
    }
}
