//! Channels that a connection has once somebody needs them: bulk and lossy.
//!
//! ```text
//! side that needs it                         other side
//! asks its driver for the channel
//! open     ---- opened, on control ---->     asks its driver for the channel
//! probes   <--- opened, on control -----     open, and probes
//!          <------- probe, on it -------
//! sends    -------- probe, on it ------>     sends
//! ```
//!
//! A negotiated channel may drop what comes before its other end is made, so nothing is sent on one before
//! the other side has said that it is, and nothing but a probe before the other side's probe came. Most links
//! never need either channel: two of three are not made, and joining a room of eight takes a tenth less.
//!
//! Source: docs/protocol.md R-203, R-206, R-275.

use crate::error::ErrorCode;
use crate::limits::{HEARTBEAT_INTERVAL, HELLO_DEADLINE, LOSSY_BUFFER_BYTES_HIGH, PROBE_RETRY};
use crate::time::{Timestamp, earliest};

use super::super::connection::Connection;
use super::super::frame::Frame;
use super::super::report::LinkState;
use super::super::transport::Channel;
use super::{Link, LinkEffect};

impl Link {
    /// Has the channel made, once.
    pub(super) fn need(&mut self, channel: Channel) {
        let Some(connection) = &mut self.connection else { return };
        let id = connection.id;
        let progress = connection.channel(channel);
        if progress.wanted_at.is_none() {
            progress.wanted_at = Some(self.now);
            self.effects.push(LinkEffect::OpenChannel(id, channel));
        }
    }

    /// The peer's end of a channel is open, and it heard our probe or not.
    pub(super) fn on_opened(&mut self, channel: Channel, heard: bool) {
        self.need(channel);
        if let Some(connection) = &mut self.connection {
            let progress = connection.channel(channel);
            progress.peer_is_open = true;
            progress.peer_heard |= heard;
        }
    }

    /// Says what there is to say of the channels that are being made, and sends what waited for one.
    pub(super) fn prove_channels(&mut self) {
        for channel in Channel::NEEDED {
            let Some(connection) = self.connection.as_mut().filter(|it| it.is_verified()) else {
                return;
            };
            let progress = connection.channel(channel);
            if !progress.is_open {
                continue;
            }
            let probes = progress.probe_at(channel).is_some_and(|at| at <= self.now);
            let heard = progress.proof_heard;
            if progress.said != Some(heard) {
                progress.said = Some(heard);
                self.say(&Frame::Opened { channel, heard });
            }
            if probes {
                if let Some(connection) = &mut self.connection {
                    connection.channel(channel).probed_at = Some(self.now);
                }
                self.send_frame(channel, Frame::Probe.encode());
            }
            if channel == Channel::Lossy && heard {
                self.send_waiting();
            }
        }
    }

    fn send_waiting(&mut self) {
        let Some(connection) = &mut self.connection else { return };
        for frame in core::mem::take(&mut connection.waiting) {
            self.send_frame(Channel::Lossy, frame);
        }
    }

    pub(super) fn send_lossy(&mut self, body: &[u8]) {
        let is_open = self.state == LinkState::Open;
        let Some(connection) = self.connection.as_mut().filter(|it| is_open && it.is_verified())
        else {
            self.lossy_dropped_count += 1;
            return;
        };
        let frame = Frame::Lossy { body }.encode();
        if connection.has_room(Channel::Lossy) {
            return self.send_frame(Channel::Lossy, frame);
        }
        let waiting: usize = connection.waiting.iter().map(alloc::vec::Vec::len).sum();
        if connection.carries(Channel::Lossy) || waiting + frame.len() > LOSSY_BUFFER_BYTES_HIGH {
            self.lossy_dropped_count += 1;
            return;
        }
        connection.waiting.push(frame);
        self.need(Channel::Lossy);
    }

    /// A peer that is heard, and whose channel is not, is no better than one that says nothing.
    pub(super) fn check_channels(&mut self) {
        let heard_at = self.heard_at;
        let is_overdue = self.connection.as_ref().is_some_and(|connection| {
            connection.channels.iter().filter(|progress| !progress.proof_heard).any(|progress| {
                progress.wanted_at.is_some_and(|at| at.after(HELLO_DEADLINE) <= heard_at)
            })
        });
        if is_overdue {
            self.fail_attempt(ErrorCode::ChannelTimeout);
        }
    }

    /// The peer is heard again after a silence, in which it could open nothing.
    pub(super) fn forgive_silence(&mut self) {
        if self.now.since(self.heard_at) <= HEARTBEAT_INTERVAL.times(2) {
            return;
        }
        for progress in self.connection.iter_mut().flat_map(|it| &mut it.channels) {
            if let Some(at) = &mut progress.wanted_at {
                *at = self.now;
            }
        }
    }

    /// When a probe is to be sent again.
    pub(super) fn probe_deadline(&self, connection: &Connection) -> Option<Timestamp> {
        if self.state != LinkState::Open || self.away_since.is_some() {
            return None;
        }
        let [_, bulk, lossy] = &connection.channels;
        earliest(bulk.probe_at(Channel::Bulk), lossy.probe_at(Channel::Lossy))
    }
}

impl super::super::connection::ChannelProgress {
    /// When to probe: once, and again where the probe itself may be lost.
    fn probe_at(&self, channel: Channel) -> Option<Timestamp> {
        if !self.is_open || !self.peer_is_open || self.peer_heard {
            return None;
        }
        match self.probed_at {
            None => self.wanted_at,
            Some(at) => (channel == Channel::Lossy).then(|| at.after(PROBE_RETRY)),
        }
    }
}
