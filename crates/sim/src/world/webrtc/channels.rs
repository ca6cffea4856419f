//! The data channels' transport: frames on the wire, lost, sent again, delivered in order.

use meshlace_core::id::ConnectionId;
use meshlace_core::limits::{
    BULK_BUFFER_BYTES_LOW, CONTROL_BUFFER_BYTES_LOW, FRAME_BYTES_MAX, LOSSY_BUFFER_BYTES_LOW,
};
use meshlace_core::link::Channel;
use meshlace_core::node::Input;

use crate::connection::{Dtls, ReadyState};
use crate::world::{Event, HostId, World};

/// The lossy channel's stream id.
const LOSSY: usize = 2;

impl World {
    pub(in crate::world) fn send_frame(
        &mut self,
        host: HostId,
        id: ConnectionId,
        channel: usize,
        bytes: Vec<u8>,
    ) {
        let Some(index) = self.connection_of(host, id) else { return };
        let limit = if channel == 1 { 262_144 } else { FRAME_BYTES_MAX };
        if bytes.len() > limit {
            let found = bytes.len();
            self.checker.violation(format!("host {host}: a frame of {found} bytes on {channel}"));
        }
        self.frame_count += 1;
        let end = &mut self.connections[index].channels[channel];
        if end.ready == ReadyState::Closed {
            return; // The core has not heard of it yet; `send` throws and the driver shrugs.
        }
        if matches!(end.ready, ReadyState::Absent | ReadyState::Connecting) {
            self.checker.violation(format!("host {host}: a frame on a channel that is not open"));
            return;
        }
        end.buffered_bytes += bytes.len();
        end.untold_bytes += bytes.len();
        if end.buffered_bytes > 16 * 1024 * 1024 {
            // What browsers do, without a word.
            self.note(format_args!("h{host} {id:?}: over 16 MB buffered, channel closed"));
            self.checker.violation(format!("host {host}: over 16 MB buffered"));
        }
        let end = &mut self.connections[index].channels[channel];
        end.outgoing.push_back(bytes);
        self.pump(index);
    }

    /// Puts the next frame on the wire, the channels taking turns.
    pub(super) fn pump(&mut self, index: usize) {
        let connection = &self.connections[index];
        if connection.is_closed || connection.is_pumping {
            return;
        }
        let Some(partner) = self.data_passes(index) else { return };
        let connection = &mut self.connections[index];
        let turn = connection.pump_turn;
        let next = (0..3)
            .map(|offset| (turn + offset) % 3)
            .find(|channel| !connection.channels[*channel].outgoing.is_empty());
        let Some(channel) = next else { return };
        connection.pump_turn = (channel + 1) % 3;
        connection.is_pumping = true;
        let size = connection.channels[channel].outgoing.front().map_or(0, Vec::len) as u64;
        let path = self.network.path(self.machine_of(index), self.machine_of(partner));
        let time_us = (size + 60) * 1_000 / path.bandwidth.max(1);
        self.schedule(time_us.max(1), Event::Transmitted { connection: index, channel });
    }

    pub(in crate::world) fn on_transmitted(&mut self, index: usize, channel: usize) {
        self.connections[index].is_pumping = false;
        if self.connections[index].is_closed {
            return;
        }
        let Some(partner) = self.data_passes(index) else { return };
        let end = &mut self.connections[index].channels[channel];
        let Some(bytes) = end.outgoing.pop_front() else { return };
        let before = end.buffered_bytes;
        end.buffered_bytes = before.saturating_sub(bytes.len());
        let after = end.buffered_bytes;
        let lows = [CONTROL_BUFFER_BYTES_LOW, BULK_BUFFER_BYTES_LOW, LOSSY_BUFFER_BYTES_LOW];
        let low = lows[channel];
        if before > low && after <= low {
            let (host, connection) = (self.connections[index].host, self.connections[index].id);
            let channel = Channel::from_index(channel).expect("one of three");
            let input = Input::Buffered { connection, channel, bytes: after };
            self.schedule(0, Event::Input { host, input });
        }
        self.launch(index, partner, channel, bytes);
        self.pump(index);
    }

    fn launch(&mut self, from: usize, to: usize, channel: usize, bytes: Vec<u8>) {
        let path = self.network.path(self.machine_of(from), self.machine_of(to));
        let mut delay = path.latency_us + self.chance.below(path.jitter_us + 1);
        if path.loss_permille > 0 && self.chance.permille(path.loss_permille) {
            if channel == LOSSY {
                return;
            }
            delay += 2 * path.latency_us + self.chance.between(50_000, 400_000);
        }
        let mut at_us = self.now_us + delay;
        if channel != LOSSY {
            let last = &mut self.connections[to].channels[channel].last_arrival_us;
            at_us = at_us.max(*last);
            *last = at_us;
        }
        self.schedule_at(at_us, Event::Arrival { connection: to, channel, from, bytes });
    }

    pub(in crate::world) fn on_arrival(
        &mut self,
        to: usize,
        channel: usize,
        from: usize,
        bytes: Vec<u8>,
    ) {
        if self.connections[to].is_closed || self.connections[to].partner != Some(from) {
            return;
        }
        let passes = self.is_on_wire(from, to);
        let end = &mut self.connections[to].channels[channel];
        if !passes || (channel != LOSSY && !end.stalled.is_empty()) {
            if channel != LOSSY {
                end.stalled.push_back(bytes);
            }
            return;
        }
        self.deliver(to, channel, bytes);
    }

    /// Whether what `from` sent still reaches `to`; `from` may be closed by now.
    fn is_on_wire(&self, from: usize, to: usize) -> bool {
        !self.is_halted(to)
            && !self.connections[from].is_mute
            && self.connections[to].pair
                == Some((
                    self.network.address(self.machine_of(to)),
                    self.network.address(self.machine_of(from)),
                ))
            && self.network.carries_both(self.machine_of(from), self.machine_of(to))
    }

    fn deliver(&mut self, index: usize, channel: usize, bytes: Vec<u8>) {
        let found = &mut self.connections[index];
        match found.channels[channel].ready {
            ReadyState::Connecting if found.loses_early => {}
            ReadyState::Connecting => found.channels[channel].early.push_back(bytes),
            ReadyState::Absent => {
                let host = found.host;
                let text = format!("host {host}: a frame for channel {channel}, which is not made");
                self.checker.violation(text);
            }
            ReadyState::Closed => {}
            ReadyState::Open => {
                let (host, connection) = (found.host, found.id);
                let channel = Channel::from_index(channel).expect("one of three");
                self.feed(host, Input::FrameReceived { connection, channel, bytes });
            }
        }
    }

    /// The path carries again: what was lost on it comes now.
    pub(super) fn retransmit(&mut self, index: usize) {
        let Some(partner) = self.connections[index].partner else { return };
        if self.connections[partner].is_closed || self.data_passes(partner) != Some(index) {
            return;
        }
        for channel in 0..LOSSY {
            while let Some(bytes) = self.connections[index].channels[channel].stalled.pop_front() {
                self.deliver(index, channel, bytes);
                if self.connections[index].is_closed {
                    return;
                }
            }
        }
    }

    /// `close()`: the other side hears of it if the path carries.
    pub(in crate::world) fn close_connection(&mut self, index: usize) {
        let partner = self.connections[index].partner;
        let heard = partner.filter(|_| {
            self.connections[index].dtls == Dtls::Up && self.data_passes(index).is_some()
        });
        let found = &mut self.connections[index];
        found.is_closed = true;
        // A browser closes only after it has passed on what was handed over before, as far as the
        // transport's congestion window takes that at once. The rest is lost.
        let outgoing: Vec<(usize, Vec<u8>)> = (0..2)
            .flat_map(|channel| {
                let queue = std::mem::take(&mut found.channels[channel].outgoing);
                queue.into_iter().take(4).map(move |bytes| (channel, bytes)).collect::<Vec<_>>()
            })
            .collect();
        let (host, id) = (found.host, found.id);
        self.hosts[host].connections.remove(&id);
        if let Some(partner) = heard {
            for (channel, bytes) in outgoing {
                if channel == 0 || self.chance.permille(500) {
                    self.launch(index, partner, channel, bytes);
                } else {
                    break;
                }
            }
            let last = self.connections[partner].channels[0].last_arrival_us;
            let delay = self.latency(index, partner);
            let at_us = (self.now_us + delay).max(last);
            self.schedule_at(at_us, Event::PartnerClosed { connection: partner });
        }
    }

    pub(in crate::world) fn on_partner_closed(&mut self, index: usize) {
        let partner = self.connections[index].partner;
        if self.connections[index].is_closed || self.is_halted(index) {
            return;
        }
        if partner.is_none_or(|partner| !self.is_on_wire(partner, index)) {
            return;
        }
        let (host, connection) = (self.connections[index].host, self.connections[index].id);
        for channel in Channel::ALL {
            let end = &mut self.connections[index].channels[channel.index()];
            let before = std::mem::replace(&mut end.ready, ReadyState::Closed);
            if !matches!(before, ReadyState::Absent | ReadyState::Closed) {
                // Tasks of the event loop, so that each is taken in its own turn.
                let input = Input::ChannelClosed { connection, channel };
                self.schedule(0, Event::Input { host, input });
            }
        }
    }
}
