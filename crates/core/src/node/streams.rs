//! Media streams: ours on every connection they belong on, theirs told once they are really here.
//!
//! Tracks ride the connection that carries the link. A stream is attached anew to each connection,
//! so that it survives a rebuilt one and reaches those who join later; its label travels as a
//! message of its own, and the application hears of a stream when both track and label are here.

use alloc::string::String;
use alloc::vec::Vec;

use crate::error::ErrorCode;
use crate::id::{ConnectionId, PeerId, StreamKey};
use crate::limits::{STREAM_COUNT_MAX, STREAM_LABEL_BYTES_MAX};

use super::effect::Effect;
use super::input::Recipient;
use super::notice::{MeshError, Notice};
use super::outcome::Outcome;
use super::parcel::Parcel;
use super::{Node, invalid_argument};

/// A stream of ours.
#[derive(Clone, Debug)]
pub(super) struct LocalStream {
    pub(super) media_id: String,
    pub(super) label: String,
    pub(super) to: Recipient,
}

impl LocalStream {
    fn is_for(&self, id: PeerId) -> bool {
        match self.to {
            Recipient::All => true,
            Recipient::One(one) => one == id,
        }
    }
}

impl Node {
    pub(super) fn add_stream(&mut self, key: StreamKey, stream: LocalStream) {
        if self.streams.len() >= STREAM_COUNT_MAX {
            let error = MeshError::new(ErrorCode::TooMany).limit(STREAM_COUNT_MAX);
            return self.misuse(error);
        }
        if stream.media_id.len().max(stream.label.len()) > STREAM_LABEL_BYTES_MAX {
            let expected = alloc::format!("a label of at most {STREAM_LABEL_BYTES_MAX} bytes");
            return self.misuse(invalid_argument(&expected, stream.label.len()));
        }
        self.streams.insert(key, stream);
        let open: Vec<(PeerId, ConnectionId)> = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.is_joined)
            .filter_map(|(id, peer)| Some((*id, peer.link.open_connection()?)))
            .collect();
        for (id, connection) in open {
            self.attach_streams(id, connection);
        }
    }

    /// Brings the streams for a peer onto its connection, each once.
    pub(super) fn attach_streams(&mut self, id: PeerId, connection: ConnectionId) {
        let wanted: Vec<(StreamKey, LocalStream)> = self
            .streams
            .iter()
            .filter(|(_, stream)| stream.is_for(id))
            .map(|(key, stream)| (*key, stream.clone()))
            .collect();
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if peer.attached_to != Some(connection) {
            peer.attached_to = Some(connection);
            peer.attached.clear();
        }
        for (stream, LocalStream { media_id, label, .. }) in wanted {
            let Some(peer) = self.peers.get_mut(&id) else { return };
            let is_new = add(&mut peer.announced, stream);
            if add(&mut peer.attached, stream) {
                self.effects.push(Effect::AttachStream { connection, stream });
            }
            if is_new {
                self.send_own(id, &Parcel::Stream { media_id, label }, Vec::new());
            }
        }
    }

    pub(super) fn remove_stream(&mut self, stream: StreamKey) {
        let Some(LocalStream { media_id, .. }) = self.streams.remove(&stream) else { return };
        let ids: Vec<PeerId> = self.peers.keys().copied().collect();
        for id in ids {
            let Some(peer) = self.peers.get_mut(&id) else { continue };
            let told = take(&mut peer.announced, stream);
            if take(&mut peer.attached, stream)
                && let Some(connection) = peer.attached_to
                && peer.link.connection_id() == Some(connection)
            {
                self.effects.push(Effect::DetachStream { connection, stream });
            }
            if told {
                let media_id = media_id.clone();
                self.send_own(id, &Parcel::StreamEnd { media_id }, Vec::new());
            }
        }
    }

    /// A track of a peer's stream arrived.
    pub(super) fn on_track(&mut self, connection: ConnectionId, media_id: String) -> Outcome {
        let Some(id) = self.peer_of(connection) else { return Outcome::Stale };
        let Some(peer) = self.peers.get_mut(&id) else { return Outcome::Stale };
        if peer.streams.len() < STREAM_COUNT_MAX || peer.streams.contains_key(&media_id) {
            if let Some(stream) = peer.streams.or_default(media_id.clone()) {
                stream.has_arrived = true;
            }
            self.tell_stream(id, &media_id);
        }
        Outcome::Done
    }

    /// A peer labels a stream.
    pub(super) fn on_stream(&mut self, id: PeerId, media_id: String, label: String) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if peer.streams.len() >= STREAM_COUNT_MAX && !peer.streams.contains_key(&media_id) {
            let error = MeshError::new(ErrorCode::TooMany).about(id).limit(STREAM_COUNT_MAX);
            return self.trouble(error);
        }
        if let Some(stream) = peer.streams.or_default(media_id.clone()) {
            stream.label = Some(label);
        }
        self.tell_stream(id, &media_id);
    }

    fn tell_stream(&mut self, id: PeerId, media_id: &str) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let Some(stream) = peer.streams.get_mut(media_id) else { return };
        let (true, false, Some(label)) = (stream.has_arrived, stream.is_told, &stream.label) else {
            return;
        };
        let (media_id, label) = (String::from(media_id), label.clone());
        stream.is_told = true;
        self.notify(Notice::StreamAdded { peer: id, media_id, label });
    }

    pub(super) fn on_stream_end(&mut self, id: PeerId, media_id: &str) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if peer.streams.remove(media_id).is_some_and(|stream| stream.is_told) {
            let media_id = String::from(media_id);
            self.notify(Notice::StreamRemoved { peer: id, media_id });
        }
    }

    pub(super) fn end_streams_of(&mut self, id: PeerId) {
        let streams = match self.peers.get_mut(&id) {
            Some(peer) => core::mem::take(&mut peer.streams),
            None => return,
        };
        for (media_id, stream) in streams.into_entries() {
            if stream.is_told {
                self.notify(Notice::StreamRemoved { peer: id, media_id });
            }
        }
    }
}

/// Adds a stream to a list of at most [`STREAM_COUNT_MAX`]. Whether it was not there.
fn add(list: &mut Vec<StreamKey>, stream: StreamKey) -> bool {
    let is_new = !list.contains(&stream);
    if is_new {
        list.push(stream);
    }
    is_new
}

/// Takes a stream off a list. Whether it was there.
fn take(list: &mut Vec<StreamKey>, stream: StreamKey) -> bool {
    let count = list.len();
    list.retain(|other| *other != stream);
    list.len() < count
}
