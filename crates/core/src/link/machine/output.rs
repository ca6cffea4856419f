//! What goes out on the data channels, in order of urgency: control, then messages, then bulk.

use alloc::vec::Vec;

use super::super::connection::Connection;
use super::super::frame::Frame;
use super::super::report::LinkState;
use super::super::transport::Channel;
use super::{Link, LinkEffect};

impl Link {
    /// Sends a frame of the link's own on control, where the peer would believe it.
    pub(super) fn say(&mut self, frame: &Frame<'_>) {
        if self.connection.as_ref().is_some_and(Connection::is_verified) {
            self.send_frame(Channel::Control, frame.encode());
        }
    }

    pub(super) fn send_frame(&mut self, channel: Channel, bytes: Vec<u8>) {
        if let Some(frame) = self.account(channel, bytes) {
            self.effects.push(frame);
        }
    }

    fn account(&mut self, channel: Channel, bytes: Vec<u8>) -> Option<LinkEffect> {
        let connection = self.connection.as_mut()?;
        let progress = connection.channel(channel);
        if !progress.is_open {
            return None;
        }
        progress.buffered_bytes += bytes.len();
        self.sent_bytes += bytes.len() as u64;
        self.sent_at = self.now;
        Some(LinkEffect::Frame(connection.id, channel, bytes))
    }

    pub(super) fn on_buffered(&mut self, channel: Channel, bytes: usize) {
        if let Some(connection) = &mut self.connection {
            connection.channel(channel).buffered_bytes = bytes;
        }
    }

    /// Asks the node's pool for room for a large message, once.
    pub(super) fn want_pool(&mut self) {
        if let Some(bytes) = self.inbox.wanted_pool_bytes()
            && !self.pool_asked
        {
            self.pool_asked = true;
            self.effects.push(LinkEffect::WantPool(bytes));
        }
    }

    /// Says once that we heard everything: by the first messages, or where none wait in a frame of its own.
    pub(super) fn say_ready(&mut self) {
        let Some(connection) = &mut self.connection else { return };
        if !core::mem::replace(&mut connection.ready_sent, true) {
            let messages = self.outbox.next_small(self.inbox.received_to());
            let frame = messages.unwrap_or_else(|| Frame::Ready.encode());
            self.send_frame(Channel::Control, frame);
        }
    }

    /// The most urgent thing that can go out now.
    pub(super) fn next_output(&mut self) -> Option<LinkEffect> {
        if self.is_frozen {
            return None;
        }
        if let Some(signal) = self.signals.next(self.now, self.epoch) {
            if self.state != LinkState::Open {
                return Some(LinkEffect::Signal(signal));
            }
            let (epoch, number, ack) = (signal.epoch, signal.number, signal.ack);
            let frame = Frame::Signal { epoch, number, ack, body: &signal.body }.encode();
            // Both ways where the path is in doubt: signals are counted once.
            if self.distrusts_path() {
                self.effects.push(LinkEffect::Signal(signal));
            }
            return self.account(Channel::Control, frame);
        }
        let connection = self.connection.as_ref().filter(|begun| begun.is_ready)?;
        if self.leaving_at.is_some() {
            return None;
        }
        if !connection.ready_sent {
            self.say_ready();
            return self.effects.pop();
        }
        let control_has_room = connection.has_room(Channel::Control);
        let bulk_has_room = connection.has_room(Channel::Bulk);
        let piece_bytes_max = connection.bulk_frame_bytes_max();
        let is_open = connection.is_verified();
        if is_open && let Some(number) = self.inbox.next_grant() {
            return self.account(Channel::Control, Frame::Grant { number }.encode());
        }
        if control_has_room && let Some(frame) = self.outbox.next_small(self.inbox.received_to()) {
            // Our messages carry the acknowledgement, but not how far a large one has come.
            if self.inbox.partial().is_none() {
                self.inbox.acked(self.now);
                self.answer_at = None;
            }
            return self.account(Channel::Control, frame);
        }
        if is_open
            && self.answer_at.is_none()
            && let Some(ack) = self.inbox.next_ack(self.now)
        {
            return self.account(Channel::Control, ack.encode());
        }
        if bulk_has_room && let Some(frame) = self.outbox.next_piece(self.now, piece_bytes_max) {
            return self.account(Channel::Bulk, frame);
        }
        if is_open && self.outbox.has_large() {
            self.need(Channel::Bulk);
        }
        self.effects.pop()
    }
}
