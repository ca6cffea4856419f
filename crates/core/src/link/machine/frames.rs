//! What comes in on the data channels.

use alloc::vec::Vec;

use crate::error::ErrorCode;
use crate::limits::{BULK_BUFFER_BYTES_HIGH, EARLY_CANDIDATE_COUNT_MAX, STASH_BYTES_MAX};
use crate::time::Timestamp;

use super::super::fault::LinkFault;
use super::super::frame::Frame;
use super::super::hello;
use super::super::report::LinkState;
use super::super::signal::NumberedSignal;
use super::super::transport::Channel;
use super::{Link, LinkNotice};

/// Most control frames held until the terms of the hello are known: hello, ready and a few more.
const EARLY_FRAME_COUNT_MAX: usize = 16;

const _: () = assert!(EARLY_FRAME_COUNT_MAX < EARLY_CANDIDATE_COUNT_MAX);
const _: () = assert!(STASH_BYTES_MAX > BULK_BUFFER_BYTES_HIGH);

impl Link {
    pub(super) fn on_frame(&mut self, channel: Channel, bytes: Vec<u8>) -> Result<(), LinkFault> {
        let Some(connection) = &mut self.connection else { return Ok(()) };
        self.received_bytes += bytes.len() as u64;
        if channel == Channel::Control && !connection.knows_terms() {
            if connection.early_frames.len() >= EARLY_FRAME_COUNT_MAX {
                return Err(LinkFault::TooEarly { limit: EARLY_FRAME_COUNT_MAX });
            }
            connection.early_frames.push(bytes);
            return Ok(());
        }
        let frame = Frame::decode(channel, &bytes).map_err(|e| LinkFault::Frame(channel, e))?;
        match frame {
            Frame::Hello { body, signature } => {
                if connection.channel(Channel::Control).proof_heard {
                    return Err(LinkFault::Unexpected { found: "a second hello" });
                }
                let Some(terms) = self.peer_terms() else { return Ok(()) };
                let hello = hello::check(&terms, body, &signature).map_err(LinkFault::Hello)?;
                if let Some(connection) = &mut self.connection {
                    connection.channel(Channel::Control).proof_heard = true;
                    connection.peer_standing = Some(hello.standing);
                }
            }
            Frame::Probe if connection.is_verified() => {
                connection.channel(channel).proof_heard = true;
            }
            Frame::Lossy { .. } if !connection.is_verified() => return Ok(()),
            _ if !connection.is_authentic() => {
                return Err(LinkFault::Unexpected { found: "a frame before the hello" });
            }
            Frame::Ready => connection.ready_heard = true,
            Frame::Messages { .. } if !connection.is_verified() => {
                // The peer is ready, we not yet.
                connection.ready_heard = true;
                let held: usize = connection.held.iter().map(Vec::len).sum();
                if held + bytes.len() > STASH_BYTES_MAX {
                    return Err(LinkFault::TooEarly { limit: STASH_BYTES_MAX });
                }
                connection.held.push(bytes);
                return Ok(());
            }
            _ if !connection.is_verified() => {
                return Err(LinkFault::Unexpected { found: "a frame before ready" });
            }
            frame => self.on_verified_frame(frame)?,
        }
        self.hear();
        Ok(())
    }

    fn on_verified_frame(&mut self, frame: Frame<'_>) -> Result<(), LinkFault> {
        // Nothing follows "away" on control before "back"; what overtook it there came on bulk.
        let is_back = matches!(frame, Frame::Back);
        match frame {
            Frame::Messages { first, received_to, bodies } => {
                self.on_ack(received_to, None)?;
                let ready = self.inbox.receive_small(first, &bodies).map_err(LinkFault::Inbox)?;
                if self.inbox.ack_is_due(self.now) {
                    self.answer_at = Some(self.now);
                }
                self.deliver(ready);
            }
            Frame::Piece { number, offset, total, bytes } => {
                let ready = self
                    .inbox
                    .receive_piece(number, offset, total, bytes)
                    .map_err(LinkFault::Inbox)?;
                self.deliver(ready);
            }
            Frame::Ack { received_to, partial } => self.on_ack(received_to, partial)?,
            Frame::Grant { number } => self.outbox.grant(number),
            Frame::Ping { token } => self.say(&Frame::Pong { token }),
            Frame::Pong { token } => {
                let sent_at = Timestamp::from_ms(token);
                if sent_at <= self.now {
                    self.round_trip = Some(self.now.since(sent_at));
                }
            }
            Frame::Signal { epoch, number, ack, body } => {
                let signal = NumberedSignal { epoch, number, ack, body: body.to_vec() };
                let _ = self.on_signal(&signal)?;
            }
            Frame::Away => {
                self.away_since = Some(self.now);
                self.notice(LinkNotice::Away(true));
            }
            Frame::Goodbye => {
                self.close(ErrorCode::PeerLeft);
                return Ok(());
            }
            Frame::Lossy { body } => self.notice(LinkNotice::Lossy(body.to_vec())),
            Frame::Opened { channel, heard } => self.on_opened(channel, heard),
            Frame::Back | Frame::Hello { .. } | Frame::Ready | Frame::Probe => {}
        }
        if is_back && self.away_since.take().is_some() {
            self.notice(LinkNotice::Away(false));
        }
        Ok(())
    }

    fn on_ack(
        &mut self,
        received_to: u64,
        partial: Option<super::super::frame::Partial>,
    ) -> Result<(), LinkFault> {
        let keys =
            self.outbox.acknowledge(self.now, received_to, partial).map_err(LinkFault::FalseAck)?;
        for key in keys {
            self.notice(LinkNotice::Settled(key, Ok(())));
        }
        Ok(())
    }

    fn deliver(&mut self, bodies: Vec<Vec<u8>>) {
        for body in bodies {
            self.notice(LinkNotice::Message(body));
        }
    }

    /// Something came from the peer: it lives, and the path carries.
    fn hear(&mut self) {
        self.forgive_silence();
        self.heard_at = self.now;
        self.check_at = None;
        let verified = self.connection.as_ref().is_some_and(|open| open.is_verified());
        if verified && matches!(self.state, LinkState::Suspect | LinkState::Restarting) {
            (self.restart_at, self.restarted_at) = (None, None);
            if let Some(connection) = &mut self.connection {
                connection.disconnected_at = None;
            }
            self.enter(LinkState::Open);
        }
    }

    /// Frames that came before the terms of the hello were known.
    pub(super) fn take_early_frames(&mut self) -> Result<(), LinkFault> {
        let frames = match &mut self.connection {
            Some(connection) => core::mem::take(&mut connection.early_frames),
            None => return Ok(()),
        };
        self.take_again(frames)
    }

    /// Takes frames of control that came earlier and were counted then.
    pub(super) fn take_again(&mut self, frames: Vec<Vec<u8>>) -> Result<(), LinkFault> {
        for frame in frames {
            self.received_bytes = self.received_bytes.saturating_sub(frame.len() as u64);
            self.on_frame(Channel::Control, frame)?;
        }
        Ok(())
    }
}
