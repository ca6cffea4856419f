//! The driver of each host: one input, every effect, the next timer.

use meshlace_core::id::ConnectionId;
use meshlace_core::limits::UNTOLD_BYTES_MAX;
use meshlace_core::link::{Channel, ConnectionStats};
use meshlace_core::node::{Answer, Effect, Input, Notice};
use meshlace_core::rng::Seed;

use crate::connection::Operation;

use super::{CONNECTION_COUNT_MAX, Event, HostId, HostState, World};

/// Most effects one turn may have: a bulk channel's worth of frames to every peer.
const EFFECT_COUNT_MAX: usize = 200_000;
/// Of so many turns in a thousand the effects are asked for late, as a browser's end of a turn may come
/// after further events.
const LATE_DRAIN_PERMILLE: u64 = 150;
/// The longest that they come late. Units: microseconds.
const LATE_DRAIN_US_MAX: u64 = 3_000;
/// Most times a node may ask to be called at one moment.
const SPIN_COUNT_MAX: u32 = 100;

impl World {
    /// Hands a node one input, as the end of a turn.
    pub fn feed(&mut self, host: HostId, input: Input) {
        self.turn(host, vec![input]);
    }

    /// Hands a node several inputs of one turn, then does what it asks for.
    pub fn turn(&mut self, host: HostId, inputs: Vec<Input>) {
        match self.hosts[host].state {
            HostState::Running => {}
            HostState::Frozen | HostState::Stopped => {
                self.hosts[host].backlog.extend(inputs);
                return;
            }
            HostState::Dead => return,
        }
        let now = self.now(self.hosts[host].wall_offset_ms);
        let may_be_late = inputs.iter().all(is_event);
        for input in inputs {
            self.hosts[host].input_count += 1;
            if let Input::AddStream { stream, media_id, .. } = &input {
                self.hosts[host].streams.insert(*stream, media_id.clone());
            }
            if !matches!(input, Input::FrameReceived { .. } | Input::Tick | Input::Buffered { .. })
            {
                let text = brief(&input);
                self.note(format_args!("h{host} <- {text}"));
            }
            let _ = self.hosts[host].node.handle(now, input);
        }
        if may_be_late && self.hosts[host].is_drain_due {
            return;
        }
        if may_be_late && self.chance.permille(LATE_DRAIN_PERMILLE) {
            self.hosts[host].is_drain_due = true;
            let delay = self.chance.between(1, LATE_DRAIN_US_MAX);
            return self.schedule(delay, Event::Drain { host });
        }
        self.end_turn(host);
    }

    fn end_turn(&mut self, host: HostId) {
        self.hosts[host].is_drain_due = false;
        self.drain(host);
        let now = self.now(self.hosts[host].wall_offset_ms);
        let is_due = self.hosts[host].node.poll_timeout().is_some_and(|at| at <= now.monotonic);
        // What is due already waited for the application, which has answered by now.
        if is_due {
            let _ = self.hosts[host].node.handle(now, Input::Tick);
            self.drain(host);
        }
        self.set_timer(host);
    }

    /// The end of a turn that came late, unless another input or a long sleep was before it.
    pub(super) fn on_drain(&mut self, host: HostId) {
        if self.hosts[host].is_drain_due && self.hosts[host].state == HostState::Running {
            self.end_turn(host);
        }
    }

    fn drain(&mut self, host: HostId) {
        let mut count = 0;
        loop {
            let mut touched: Vec<(ConnectionId, Channel)> = Vec::new();
            while let Some(effect) = self.hosts[host].node.poll_effect() {
                count += 1;
                if count > EFFECT_COUNT_MAX {
                    self.checker.violation(format!("host {host}: effects without end"));
                    return;
                }
                if let Effect::SendFrame { connection, channel, .. } = &effect
                    && !touched.contains(&(*connection, *channel))
                {
                    touched.push((*connection, *channel));
                }
                self.execute(host, effect);
            }
            let now = self.now(self.hosts[host].wall_offset_ms);
            let mut told = false;
            for (connection, channel) in touched {
                let Some(index) = self.hosts[host].connections.get(&connection) else { continue };
                let end = &mut self.connections[*index].channels[channel.index()];
                if end.untold_bytes < UNTOLD_BYTES_MAX {
                    continue; // As in a page, which would pay for it.
                }
                end.untold_bytes = 0;
                let bytes = end.buffered_bytes;
                told = true;
                let input = Input::Buffered { connection, channel, bytes };
                let _ = self.hosts[host].node.handle(now, input);
            }
            if !told {
                return;
            }
        }
    }

    fn set_timer(&mut self, host: HostId) {
        let Some(at) = self.hosts[host].node.poll_timeout() else {
            self.hosts[host].timer_at_us = None;
            return;
        };
        let grain_us = self.hosts[host].timer_grain_us;
        let at_us = at.as_ms().saturating_mul(1_000).max(self.now_us).next_multiple_of(grain_us);
        if self.hosts[host].timer_at_us != Some(at_us) {
            self.hosts[host].timer_at_us = Some(at_us);
            self.schedule_at(at_us, Event::Timer { host });
        }
    }

    pub(super) fn on_timer(&mut self, host: HostId) {
        if self.hosts[host].timer_at_us != Some(self.now_us) {
            return;
        }
        self.hosts[host].timer_at_us = None;
        if self.hosts[host].state != HostState::Running {
            return;
        }
        self.feed(host, Input::Tick);
        if self.hosts[host].timer_at_us == Some(self.now_us) {
            self.hosts[host].spin_count += 1;
            if self.hosts[host].spin_count > SPIN_COUNT_MAX {
                self.hosts[host].timer_at_us = None;
                self.checker.violation(format!("host {host}: its timer spins"));
            }
        } else {
            self.hosts[host].spin_count = 0;
        }
    }

    /// A host runs again: what came meanwhile is handed over.
    pub(super) fn wake(&mut self, host: HostId, first: Vec<Input>) {
        self.hosts[host].state = HostState::Running;
        let seed = Seed(self.chance.seed());
        let mut inputs = vec![Input::Entropy(seed)];
        inputs.extend(first);
        self.turn(host, inputs);
        while let Some(input) = self.hosts[host].backlog.pop_front() {
            self.feed(host, input);
            if self.hosts[host].state != HostState::Running {
                return;
            }
        }
        self.feed(host, Input::Tick);
    }

    fn execute(&mut self, host: HostId, effect: Effect) {
        match effect {
            Effect::OpenSocket { socket, url } => self.open_socket(host, socket, &url),
            Effect::SendSocket { socket, bytes } => {
                let bytes = self.hosts[host].bend_server_message(bytes);
                self.send_socket(host, socket, bytes);
            }
            Effect::CloseSocket { socket } => self.close_socket(host, socket),
            Effect::CreateConnection { connection, peer, .. } => {
                self.note(format_args!("h{host} -> create {connection:?} to {peer}"));
                self.create_connection(host, connection);
                let count = self.open_connection_count(host);
                if count > CONNECTION_COUNT_MAX {
                    self.checker.violation(format!("host {host}: {count} connections open"));
                }
            }
            Effect::Describe { connection, ticket } => {
                self.operate(host, connection, Operation::Describe(ticket));
            }
            Effect::Apply { connection, ticket, description } => {
                self.operate(host, connection, Operation::Apply(ticket, description));
            }
            Effect::AddCandidate { connection, candidate } => {
                self.operate(host, connection, Operation::AddCandidate(candidate));
            }
            Effect::RestartIce { connection, .. } => self.restart_ice(host, connection),
            Effect::OpenChannel { connection, channel } => {
                self.open_channel(host, connection, channel.index());
            }
            Effect::SendFrame { connection, channel, bytes } => {
                let bytes = self.hosts[host].bend_frame(channel, bytes);
                self.send_frame(host, connection, channel.index(), bytes);
            }
            Effect::AttachStream { connection, stream } => {
                let Some(media_id) = self.hosts[host].streams.get(&stream).cloned() else { return };
                if let Some(index) = self.connection_of(host, connection) {
                    self.connections[index].attached.insert(stream, media_id);
                    self.update_negotiation(index);
                }
            }
            Effect::DetachStream { connection, stream } => {
                if let Some(index) = self.connection_of(host, connection) {
                    self.connections[index].attached.remove(&stream);
                    self.update_negotiation(index);
                }
            }
            Effect::ReadStats { connection, ticket } => {
                let stats = ConnectionStats::default();
                let input = Input::Stats { connection, ticket, stats };
                self.schedule(1_000, Event::Input { host, input });
            }
            Effect::CloseConnection { connection } => {
                if let Some(index) = self.connection_of(host, connection) {
                    self.note(format_args!("h{host} -> close {connection:?}"));
                    self.close_connection(index);
                } else {
                    self.checker.violation(format!("host {host}: closes unknown {connection:?}"));
                }
            }
            Effect::Store { ticket, records, .. } => self.store(host, ticket, records),
            Effect::Notify(notice) => self.notify(host, notice),
            other => panic!("an effect this world does not know: {other:?}"),
        }
    }

    pub(super) fn connection_of(&self, host: HostId, id: ConnectionId) -> Option<usize> {
        self.hosts[host].connections.get(&id).copied()
    }

    fn notify(&mut self, host: HostId, notice: Notice) {
        self.checker.notice(host, &notice);
        let text = brief_notice(&notice);
        self.note(format_args!("h{host} => {text}"));
        let mut notice = notice;
        if let Notice::Asked { request, content, payload, .. } = &notice
            && self.hosts[host].answers
        {
            let answer = Answer::Value { content: content.clone(), payload: payload.clone() };
            let input = Input::Respond { request: *request, answer };
            self.schedule(0, Event::Input { host, input });
        }
        // The checker has seen the bytes; large ones need not be kept.
        if let Notice::Message { payload, .. } = &mut notice {
            payload.truncate(64);
        }
        let at = self.now_ms();
        self.hosts[host].notices.push((at, notice));
    }
}

fn brief(input: &Input) -> String {
    match input {
        Input::Described { connection, description, .. } => {
            format!("described {connection:?} {:?}", description.kind)
        }
        Input::SocketReceived { bytes, .. } => format!("{} bytes of the server", bytes.len()),
        Input::Send { ticket, to, payload, .. } => {
            format!("send {ticket:?} {to:?} {} bytes", payload.len())
        }
        Input::Entropy(_) => "entropy".to_string(),
        Input::Request { ticket, name, payload, .. } => {
            format!("request {ticket:?} {name} {} bytes", payload.len())
        }
        Input::CandidateGathered { connection, candidate } => {
            format!("gathered {connection:?} {}", candidate.candidate)
        }
        other => {
            let mut text = format!("{other:?}");
            text.truncate(160);
            text
        }
    }
}

fn brief_notice(notice: &Notice) -> String {
    match notice {
        Notice::Message { peer, payload, .. } => {
            format!("message of {peer}, {} bytes", payload.len())
        }
        Notice::Diagnosis { .. } => "diagnosis".to_string(),
        other => {
            let mut text = format!("{other:?}");
            text.truncate(300);
            text
        }
    }
}

/// Whether an input is an event of the browser, after which others may come before the effects are asked
/// for. Timers, the page's life and, here, applications ask for them at once.
fn is_event(input: &Input) -> bool {
    matches!(
        input,
        Input::FrameReceived { .. }
            | Input::Buffered { .. }
            | Input::SocketReceived { .. }
            | Input::SocketOpened { .. }
            | Input::ChannelOpened { .. }
            | Input::ChannelClosed { .. }
            | Input::TransportChanged { .. }
            | Input::CandidateGathered { .. }
            | Input::NegotiationNeeded { .. }
            | Input::Described { .. }
            | Input::Applied { .. }
    )
}
