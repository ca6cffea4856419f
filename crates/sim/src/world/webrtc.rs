//! WebRTC between hosts: ICE, DTLS and the data channels' transport.

use meshlace_core::id::ConnectionId;
use meshlace_core::link::{Candidate, Channel, ConnectionState, IceState};
use meshlace_core::node::Input;

use crate::connection::{Connection, Dtls, Operation, Outcome, ReadyState};

use super::{Event, HostId, HostState, World};

mod channels;

/// How often consent is looked at, and stalled data tried again. Units: microseconds.
const CONSENT_US: u64 = 500_000;
/// ICE says "disconnected" after this. Units: microseconds.
const DISCONNECTED_US: u64 = 5_000_000;
/// ICE says "failed" after this. Units: microseconds.
const FAILED_US: u64 = 15_000_000;
/// Pause between connectivity checks. Units: microseconds.
const PROBE_US: u64 = 50_000;

impl World {
    pub(super) fn create_connection(&mut self, host: HostId, id: ConnectionId) {
        let index = self.connections.len();
        let bytes = self.chance.seed();
        let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
        let mut connection = Connection::new(host, id, index, pairs.join(":"));
        connection.sdp_padding_bytes = self.hosts[host].sdp_padding_bytes;
        self.connections.push(connection);
        if self.hosts[host].connections.insert(id, index).is_some() {
            self.checker.violation(format!("host {host}: {id:?} made twice"));
        }
        self.update_negotiation(index);
    }

    pub(super) fn operate(&mut self, host: HostId, id: ConnectionId, operation: Operation) {
        let Some(index) = self.connection_of(host, id) else {
            self.checker.violation(format!("host {host}: {operation:?} on unknown {id:?}"));
            return;
        };
        self.connections[index].operations.push_back(operation);
        self.next_operation(index);
    }

    fn next_operation(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        if connection.is_closed || connection.is_busy {
            return;
        }
        match connection.operations.front() {
            None => self.update_negotiation(index),
            Some(operation) => {
                let is_quick = matches!(operation, Operation::AddCandidate(_));
                connection.is_busy = true;
                let most = if is_quick { 200 } else { self.setup.operation_us_max };
                let delay = self.chance.between(100, most.max(100));
                self.schedule(delay, Event::Operation { connection: index });
            }
        }
    }

    pub(super) fn on_operation(&mut self, index: usize) {
        if self.connections[index].is_closed || self.is_halted(index) {
            self.retry_when_awake(index, Event::Operation { connection: index });
            return;
        }
        let (host, connection) = (self.connections[index].host, self.connections[index].id);
        let Some(outcome) = self.connections[index].carry_out() else { return };
        match outcome {
            Outcome::Described(ticket, description) => {
                let fragment = self.connections[index].local().map(|l| l.username_fragment.clone());
                let fragment = fragment.expect("just described");
                self.fragments.insert(fragment.clone(), index);
                self.gather(index, fragment);
                self.feed(host, Input::Described { connection, ticket, description });
            }
            Outcome::Applied(ticket) => {
                self.announce_tracks(index);
                self.feed(host, Input::Applied { connection, ticket });
            }
            Outcome::Failed(ticket, detail) => {
                let detail = detail.to_string();
                self.feed(host, Input::OperationFailed { connection, ticket, detail });
            }
            Outcome::CandidateTaken => {}
            Outcome::CandidateRefused(why) => {
                self.note(format_args!("h{host} {connection:?}: candidate refused: {why}"));
            }
        }
        self.update_ice(index);
        self.next_operation(index);
    }

    fn announce_tracks(&mut self, index: usize) {
        let (host, connection) = (self.connections[index].host, self.connections[index].id);
        let theirs = self.connections[index].remote().map(|r| r.streams.clone());
        for media_id in theirs.unwrap_or_default() {
            if self.connections[index].arrived.insert(media_id.clone()) {
                self.feed(host, Input::TrackArrived { connection, media_id });
            }
        }
    }

    pub(super) fn update_negotiation(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        if connection.is_stable()
            && !connection.negotiation_needed
            && connection.needs_negotiation()
        {
            connection.negotiation_needed = true;
            self.schedule(0, Event::NegotiationTask { connection: index });
        }
    }

    pub(super) fn on_negotiation_task(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        if !connection.is_stable() || !connection.needs_negotiation() {
            connection.negotiation_needed = false;
            return;
        }
        let (host, connection) = (connection.host, connection.id);
        self.feed(host, Input::NegotiationNeeded { connection });
    }

    pub(super) fn restart_ice(&mut self, host: HostId, id: ConnectionId) {
        if let Some(index) = self.connection_of(host, id) {
            self.note(format_args!("h{host} -> restart ICE of {id:?}"));
            self.connections[index].restart_ice();
            self.update_negotiation(index);
        }
    }

    fn gather(&mut self, index: usize, fragment: String) {
        let connection = &mut self.connections[index];
        if !connection.gathers || !connection.gathered.insert(fragment.clone()) {
            return;
        }
        let host = self.chance.between(500, 20_000);
        let reflexive = host + self.chance.between(5_000, 60_000);
        for (delay, kind) in [(host, "host"), (reflexive, "srflx")] {
            let fragment = fragment.clone();
            self.schedule(delay, Event::Candidate { connection: index, fragment, kind });
        }
        self.schedule(reflexive + 1_000, Event::GatheringDone { connection: index });
    }

    pub(super) fn on_gathered(&mut self, index: usize, fragment: &str, kind: &'static str) {
        let connection = &mut self.connections[index];
        // What was rolled back is no longer looked for.
        let is_wanted = connection.local().is_some_and(|it| it.username_fragment == fragment);
        if connection.is_closed || !is_wanted {
            return;
        }
        connection.has_candidate = true;
        let (host, connection) = (self.connections[index].host, self.connections[index].id);
        let address = self.network.address(self.hosts[host].machine);
        let candidate = Candidate {
            candidate: format!("candidate:1 1 udp 2113937151 10.0.0.{address} 9 typ {kind}"),
            mid: Some("0".to_string()),
            line_index: Some(0),
            username_fragment: Some(fragment.to_string()),
        };
        self.feed(host, Input::CandidateGathered { connection, candidate });
    }

    pub(super) fn on_gathering_done(&mut self, index: usize) {
        if !self.connections[index].is_closed {
            let (host, connection) = (self.connections[index].host, self.connections[index].id);
            self.feed(host, Input::GatheringDone { connection });
        }
    }

    /// Begins to look for a pair when both descriptions are there, or anew when they changed.
    fn update_ice(&mut self, index: usize) {
        let now_us = self.now_us;
        let connection = &mut self.connections[index];
        let (Some(local), Some(remote)) = (connection.local(), connection.remote()) else { return };
        let key = (local.username_fragment.clone(), remote.username_fragment.clone());
        if connection.ice_key.as_ref() == Some(&key) {
            return;
        }
        connection.ice_key = Some(key);
        connection.generation += 1;
        connection.checking_since_us = now_us;
        let generation = connection.generation;
        if !matches!(connection.ice, IceState::Connected | IceState::Completed) {
            connection.ice = IceState::Checking;
            connection.state = ConnectionState::Connecting;
            self.tell_transport(index);
        }
        self.schedule(PROBE_US / 10, Event::IceProbe { connection: index, generation });
    }

    fn tell_transport(&mut self, index: usize) {
        let found = &self.connections[index];
        let (host, connection, ice, state) = (found.host, found.id, found.ice, found.state);
        self.feed(host, Input::TransportChanged { connection, ice, state });
    }

    fn machine_of(&self, index: usize) -> usize {
        self.hosts[self.connections[index].host].machine
    }

    /// Whether a connection's network stack does not run.
    fn is_halted(&self, index: usize) -> bool {
        let state = self.hosts[self.connections[index].host].state;
        matches!(state, HostState::Stopped | HostState::Dead)
    }

    fn retry_when_awake(&mut self, index: usize, event: Event) {
        let connection = &self.connections[index];
        if !connection.is_closed && self.hosts[connection.host].state == HostState::Stopped {
            self.schedule(CONSENT_US, event);
        }
    }

    /// Whether packets pass both ways between two connections.
    fn passes(&self, one: usize, other: usize) -> bool {
        !self.connections[one].is_closed
            && !self.connections[other].is_closed
            && !self.is_halted(one)
            && !self.is_halted(other)
            && self.network.carries_both(self.machine_of(one), self.machine_of(other))
    }

    pub(super) fn on_probe(&mut self, index: usize, generation: u32) {
        if self.connections[index].is_closed || self.connections[index].generation != generation {
            return;
        }
        if self.is_halted(index) {
            self.retry_when_awake(index, Event::IceProbe { connection: index, generation });
            return;
        }
        if let Some(partner) = self.find_partner(index) {
            let latency = self.latency(index, partner);
            let their_generation = self.connections[partner].generation;
            for (connection, generation, partner) in
                [(index, generation, partner), (partner, their_generation, index)]
            {
                self.schedule(latency, Event::IceUp { connection, generation, partner });
            }
            return;
        }
        let waited = self.now_us - self.connections[index].checking_since_us;
        let connection = &mut self.connections[index];
        if connection.ice == IceState::Checking && waited >= FAILED_US {
            (connection.ice, connection.state) = (IceState::Failed, ConnectionState::Failed);
            return self.tell_transport(index);
        }
        if waited < 2 * FAILED_US {
            self.schedule(PROBE_US, Event::IceProbe { connection: index, generation });
        }
    }

    fn find_partner(&self, index: usize) -> Option<usize> {
        let connection = &self.connections[index];
        let (ours, theirs) = connection.ice_key.as_ref()?;
        let partner = *self.fragments.get(theirs)?;
        let other = &self.connections[partner];
        let is_deaf = !connection.gathers || !other.gathers;
        if is_deaf || other.ice_key.as_ref() != Some(&(theirs.clone(), ours.clone())) {
            return None;
        }
        let address = |index| self.network.address(self.machine_of(index));
        let reaches = connection.candidates.contains(&(theirs.clone(), address(partner)))
            || other.candidates.contains(&(ours.clone(), address(index)));
        (reaches && self.passes(index, partner)).then_some(partner)
    }

    fn latency(&mut self, from: usize, to: usize) -> u64 {
        let path = self.network.path(self.machine_of(from), self.machine_of(to));
        path.latency_us + self.chance.below(path.jitter_us + 1)
    }

    pub(super) fn on_ice_up(&mut self, index: usize, generation: u32, partner: usize) {
        if self.connections[index].is_closed || self.connections[index].generation != generation {
            return;
        }
        let pair = (
            self.network.address(self.machine_of(index)),
            self.network.address(self.machine_of(partner)),
        );
        let now_us = self.now_us;
        let connection = &mut self.connections[index];
        connection.partner = Some(partner);
        connection.pair = Some(pair);
        connection.consent_at_us = now_us;
        let news = !matches!(connection.ice, IceState::Connected);
        connection.ice = IceState::Connected;
        let is_watched = std::mem::replace(&mut connection.is_watched, true);
        let begins = connection.dtls == Dtls::New;
        if connection.dtls == Dtls::Up {
            connection.state = ConnectionState::Connected;
        }
        if news {
            self.tell_transport(index);
        }
        if !is_watched {
            self.schedule(CONSENT_US, Event::Consent { connection: index });
        }
        if begins {
            let delay = 2 * self.latency(index, partner);
            self.schedule(delay, Event::DtlsUp { connection: index });
        }
        self.retransmit(index);
        self.pump(index);
    }

    pub(super) fn on_dtls(&mut self, index: usize) {
        let Some(partner) = self.connections[index].partner else { return };
        if self.connections[index].is_closed || self.connections[index].dtls != Dtls::New {
            return;
        }
        if !self.passes(index, partner) || self.connections[partner].partner != Some(index) {
            self.schedule(PROBE_US * 4, Event::DtlsUp { connection: index });
            return;
        }
        let matches = |one: &Connection, other: &Connection| {
            one.remote().is_some_and(|remote| remote.fingerprint == other.fingerprint())
        };
        let (one, other) = (&self.connections[index], &self.connections[partner]);
        let holds = matches(one, other) && matches(other, one);
        let connection = &mut self.connections[index];
        connection.dtls = if holds { Dtls::Up } else { Dtls::Failed };
        connection.state = if holds { ConnectionState::Connected } else { ConnectionState::Failed };
        self.tell_transport(index);
        if holds {
            let latency = self.latency(index, partner);
            for channel in 0..3 {
                if self.connections[index].channels[channel].ready == ReadyState::Connecting {
                    let delay = latency + self.chance.between(0, latency);
                    self.schedule(delay, Event::ChannelOpen { connection: index, channel });
                }
            }
        }
    }

    /// `createDataChannel(..)` on a connection that is up: it opens without a word to the other side.
    pub(super) fn open_channel(&mut self, host: HostId, id: ConnectionId, channel: usize) {
        let Some(index) = self.connection_of(host, id) else {
            self.checker.violation(format!("host {host}: channel {channel} on unknown {id:?}"));
            return;
        };
        let found = &mut self.connections[index];
        match found.channels[channel].ready {
            ReadyState::Absent => found.channels[channel].ready = ReadyState::Connecting,
            ReadyState::Closed => return, // The other side closed the connection meanwhile.
            _ => self.checker.violation(format!("host {host}: channel {channel} made twice")),
        }
        if self.connections[index].dtls == Dtls::Up {
            let delay = self.chance.between(100, 2_000);
            self.schedule(delay, Event::ChannelOpen { connection: index, channel });
        }
    }

    pub(super) fn on_open(&mut self, index: usize, channel: usize) {
        if self.is_halted(index) {
            return self.retry_when_awake(index, Event::ChannelOpen { connection: index, channel });
        }
        let found = &mut self.connections[index];
        if found.is_closed
            || found.never_opens[channel]
            || found.channels[channel].ready != ReadyState::Connecting
        {
            return;
        }
        found.channels[channel].ready = ReadyState::Open;
        let early = std::mem::take(&mut found.channels[channel].early);
        let (host, connection) = (found.host, found.id);
        let channel = Channel::from_index(channel).expect("one of three");
        self.feed(host, Input::ChannelOpened { connection, channel });
        for bytes in early {
            self.feed(host, Input::FrameReceived { connection, channel, bytes });
        }
    }

    pub(super) fn on_consent(&mut self, index: usize) {
        if self.connections[index].is_closed {
            return;
        }
        if self.is_halted(index) {
            return self.retry_when_awake(index, Event::Consent { connection: index });
        }
        let now_us = self.now_us;
        if self.pair_works(index) {
            let connection = &mut self.connections[index];
            connection.consent_at_us = now_us;
            if connection.ice == IceState::Disconnected {
                connection.ice = IceState::Connected;
                if connection.dtls == Dtls::Up {
                    connection.state = ConnectionState::Connected;
                }
                self.tell_transport(index);
            }
            self.retransmit(index);
            self.pump(index);
        } else {
            let connection = &mut self.connections[index];
            let silent = now_us - connection.consent_at_us;
            if connection.ice == IceState::Connected && silent >= DISCONNECTED_US {
                connection.ice = IceState::Disconnected;
                connection.state = ConnectionState::Disconnected;
                self.tell_transport(index);
            } else if connection.ice == IceState::Disconnected && silent >= FAILED_US {
                (connection.ice, connection.state) = (IceState::Failed, ConnectionState::Failed);
                self.tell_transport(index);
            }
        }
        if !self.connections[index].is_closed {
            self.schedule(CONSENT_US, Event::Consent { connection: index });
        }
    }

    /// Whether the selected pair carries packets.
    fn pair_works(&self, index: usize) -> bool {
        let connection = &self.connections[index];
        let Some(partner) = connection.partner else { return false };
        let now = (
            self.network.address(self.machine_of(index)),
            self.network.address(self.machine_of(partner)),
        );
        connection.pair == Some(now) && self.passes(index, partner)
    }

    /// Whether data gets from a connection to its partner.
    fn data_passes(&self, index: usize) -> Option<usize> {
        let connection = &self.connections[index];
        let partner = connection.partner?;
        let is_up = connection.dtls == Dtls::Up && !connection.is_mute;
        (is_up && self.pair_works(index)).then_some(partner)
    }
}
