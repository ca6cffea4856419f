//! One `RTCPeerConnection` as a state machine: descriptions, candidates, negotiation.
//!
//! Faithful where the core depends on it: the signalling state, parameterless
//! `setLocalDescription`, implicit rollback, operations that complete later and in order,
//! `negotiationneeded` that waits for `stable`, candidates refused before a remote description or
//! with a foreign username fragment. Not modelled: codecs, media, bundling.
//!
//! Source: W3C WebRTC 1.0, sections 4.4 and 4.7; RFC 8839.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use meshlace_core::id::{ConnectionId, StreamKey, Ticket};
use meshlace_core::link::{Candidate, ConnectionState, Description, DescriptionKind, IceState};

/// `RTCSignalingState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signalling {
    /// `stable`.
    Stable,
    /// `have-local-offer`.
    HaveLocalOffer,
    /// `have-remote-offer`.
    HaveRemoteOffer,
}

/// What a session description says that matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// `a=ice-ufrag`.
    pub username_fragment: String,
    /// `a=fingerprint`.
    pub fingerprint: String,
    /// `a=msid` stream ids.
    pub streams: BTreeSet<String>,
}

impl Session {
    /// Reads it out of SDP text.
    #[must_use]
    pub fn parse(sdp: &str) -> Option<Self> {
        let value = |name: &str| sdp.lines().find_map(|line| line.strip_prefix(name));
        Some(Self {
            username_fragment: value("a=ice-ufrag:")?.to_string(),
            fingerprint: value("a=fingerprint:sha-256 ")?.to_string(),
            streams: sdp
                .lines()
                .filter_map(|line| line.strip_prefix("a=msid:"))
                .filter_map(|ids| ids.split(' ').next())
                .map(str::to_string)
                .collect(),
        })
    }

    fn write(&self, kind: DescriptionKind, version: u64) -> String {
        let setup = if kind == DescriptionKind::Offer { "actpass" } else { "active" };
        let mut sdp = format!(
            "v=0\r\no=- 1 {version} IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
             m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n\
             a=ice-ufrag:{}\r\na=ice-pwd:0123456789abcdefghijklmn\r\n\
             a=fingerprint:sha-256 {}\r\na=setup:{setup}\r\na=sctp-port:5000\r\n\
             a=max-message-size:262144\r\n",
            self.username_fragment, self.fingerprint
        );
        for stream in &self.streams {
            sdp.push_str("m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=msid:");
            sdp.push_str(stream);
            sdp.push_str(" track\r\n");
        }
        sdp
    }
}

/// An operation on the connection's chain.
#[derive(Clone, Debug)]
pub enum Operation {
    /// `setLocalDescription()`.
    Describe(Ticket),
    /// `setRemoteDescription(..)`.
    Apply(Ticket, Description),
    /// `addIceCandidate(..)`.
    AddCandidate(Candidate),
}

/// What came of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The local description is set.
    Described(Ticket, Description),
    /// The remote description is set.
    Applied(Ticket),
    /// It was refused.
    Failed(Ticket, &'static str),
    /// The candidate was taken.
    CandidateTaken,
    /// The candidate was refused.
    CandidateRefused(&'static str),
}

/// `RTCDataChannel.readyState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadyState {
    /// The channel is not made: what comes for it is lost.
    Absent,
    /// Not open yet.
    Connecting,
    /// Open.
    Open,
    /// Closed.
    Closed,
}

/// One side of one data channel.
#[derive(Clone, Debug)]
pub struct ChannelEnd {
    /// Its state.
    pub ready: ReadyState,
    /// Handed over and not yet on the wire.
    pub outgoing: VecDeque<Vec<u8>>,
    /// `bufferedAmount`.
    pub buffered_bytes: usize,
    /// Handed over since the core was last told of it.
    pub untold_bytes: usize,
    /// Sent to this side while the path was broken; the sender's SCTP sends it again.
    pub stalled: VecDeque<Vec<u8>>,
    /// Came before this side was open.
    pub early: VecDeque<Vec<u8>>,
    /// When the last frame to this side arrives, so that none overtakes it.
    pub last_arrival_us: u64,
}

impl ChannelEnd {
    fn new(ready: ReadyState) -> Self {
        Self {
            ready,
            outgoing: VecDeque::new(),
            buffered_bytes: 0,
            untold_bytes: 0,
            stalled: VecDeque::new(),
            early: VecDeque::new(),
            last_arrival_us: 0,
        }
    }
}

/// The DTLS transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dtls {
    /// Not begun.
    New,
    /// Up.
    Up,
    /// A fingerprint did not match.
    Failed,
}

/// One `RTCPeerConnection`.
#[derive(Clone, Debug)]
pub struct Connection {
    /// On which host.
    pub host: usize,
    /// As the host's core names it.
    pub id: ConnectionId,
    /// Its place among all connections.
    pub index: usize,
    /// Whether it was closed.
    pub is_closed: bool,
    /// The signalling state.
    pub signalling: Signalling,
    /// Operations not done yet.
    pub operations: VecDeque<Operation>,
    /// Whether the first of them is being carried out.
    pub is_busy: bool,
    /// The `[[NegotiationNeeded]]` slot.
    pub negotiation_needed: bool,
    restart_wanted: bool,
    version: u64,
    fragment_count: u32,
    fingerprint: String,
    current_local: Option<Session>,
    pending_local: Option<Session>,
    current_remote: Option<Session>,
    pending_remote: Option<Session>,
    /// Our streams.
    pub attached: BTreeMap<StreamKey, String>,
    /// Their streams whose tracks were announced.
    pub arrived: BTreeSet<String>,
    /// Fragments whose candidates were gathered already.
    pub gathered: BTreeSet<String>,
    /// The other side's candidates: username fragment and address.
    pub candidates: BTreeSet<(String, u32)>,
    /// `iceConnectionState`.
    pub ice: IceState,
    /// `connectionState`.
    pub state: ConnectionState,
    /// Whether a candidate was found yet.
    pub has_candidate: bool,
    /// Whether candidates are looked for.
    pub gathers: bool,
    /// The username fragments ICE works with.
    pub ice_key: Option<(String, String)>,
    /// Rises with each ICE restart.
    pub generation: u32,
    /// Since when ICE looks for a pair.
    pub checking_since_us: u64,
    /// When consent was last seen.
    pub consent_at_us: u64,
    /// The connection on the other side of the selected pair.
    pub partner: Option<usize>,
    /// Both addresses of the selected pair.
    pub pair: Option<(u32, u32)>,
    /// The DTLS transport.
    pub dtls: Dtls,
    /// Whether consent is being watched.
    pub is_watched: bool,
    /// The three channels, by their ids; two of them are made when they are asked for.
    pub channels: [ChannelEnd; 3],
    /// Whether a frame is being put on the wire.
    pub is_pumping: bool,
    /// The channel whose turn it is.
    pub pump_turn: usize,
    /// Fault: ICE stays up, nothing gets through.
    pub is_mute: bool,
    /// Fault: these channels never open here.
    pub never_opens: [bool; 3],
    /// Fault: what comes before a channel is open is lost.
    pub loses_early: bool,
    /// Fault: so many bytes of codecs nobody asked for in each description.
    pub sdp_padding_bytes: usize,
}

impl Connection {
    /// A new connection with the one channel that each has from the first.
    #[must_use]
    pub fn new(host: usize, id: ConnectionId, index: usize, fingerprint: String) -> Self {
        Self {
            host,
            id,
            index,
            is_closed: false,
            signalling: Signalling::Stable,
            operations: VecDeque::new(),
            is_busy: false,
            negotiation_needed: false,
            restart_wanted: false,
            version: 0,
            fragment_count: 0,
            fingerprint,
            current_local: None,
            pending_local: None,
            current_remote: None,
            pending_remote: None,
            attached: BTreeMap::new(),
            arrived: BTreeSet::new(),
            gathered: BTreeSet::new(),
            candidates: BTreeSet::new(),
            ice: IceState::New,
            state: ConnectionState::New,
            has_candidate: false,
            gathers: true,
            ice_key: None,
            generation: 0,
            checking_since_us: 0,
            consent_at_us: 0,
            partner: None,
            pair: None,
            dtls: Dtls::New,
            is_watched: false,
            channels: [ReadyState::Connecting, ReadyState::Absent, ReadyState::Absent]
                .map(ChannelEnd::new),
            is_pumping: false,
            pump_turn: 0,
            is_mute: false,
            never_opens: [false; 3],
            loses_early: false,
            sdp_padding_bytes: 0,
        }
    }

    /// Our certificate's fingerprint.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The local description that counts.
    #[must_use]
    pub fn local(&self) -> Option<&Session> {
        self.pending_local.as_ref().or(self.current_local.as_ref())
    }

    /// The remote description that counts.
    #[must_use]
    pub fn remote(&self) -> Option<&Session> {
        self.pending_remote.as_ref().or(self.current_remote.as_ref())
    }

    /// The streams both sides agreed that we send.
    #[must_use]
    pub fn sends(&self, media_id: &str) -> bool {
        self.current_local.as_ref().is_some_and(|local| local.streams.contains(media_id))
    }

    /// `restartIce()`.
    pub fn restart_ice(&mut self) {
        self.restart_wanted = true;
    }

    /// "Check if negotiation is needed".
    #[must_use]
    pub fn needs_negotiation(&self) -> bool {
        let Some(current) = &self.current_local else { return true };
        let wanted: BTreeSet<String> = self.attached.values().cloned().collect();
        self.restart_wanted || current.streams != wanted
    }

    /// Whether `negotiationneeded` may be looked at now.
    #[must_use]
    pub fn is_stable(&self) -> bool {
        !self.is_closed && self.operations.is_empty() && self.signalling == Signalling::Stable
    }

    /// Carries out the first operation of the chain.
    pub fn carry_out(&mut self) -> Option<Outcome> {
        let operation = self.operations.pop_front()?;
        self.is_busy = false;
        Some(match operation {
            Operation::Describe(ticket) => self.describe(ticket),
            Operation::Apply(ticket, description) => self.apply(ticket, &description),
            Operation::AddCandidate(candidate) => self.add_candidate(&candidate),
        })
    }

    fn describe(&mut self, ticket: Ticket) -> Outcome {
        self.version += 1;
        let streams = self.attached.values().cloned().collect();
        let fingerprint = self.fingerprint.clone();
        let kind = match self.signalling {
            Signalling::Stable | Signalling::HaveLocalOffer => DescriptionKind::Offer,
            Signalling::HaveRemoteOffer => DescriptionKind::Answer,
        };
        let their_restart = self.pending_remote.as_ref().zip(self.current_remote.as_ref());
        let they_restart =
            their_restart.is_some_and(|(new, old)| new.username_fragment != old.username_fragment);
        let known = self.current_local.as_ref().map(|local| local.username_fragment.clone());
        let renew = match kind {
            DescriptionKind::Offer => self.restart_wanted,
            DescriptionKind::Answer => they_restart,
        };
        let username_fragment = match known {
            Some(known) if !renew => known,
            _ => {
                self.fragment_count += 1;
                format!("u{}x{}", self.index, self.fragment_count)
            }
        };
        let session = Session { username_fragment, fingerprint, streams };
        let mut sdp = session.write(kind, self.version);
        sdp.push_str(&"a=rtpmap:96 VP8/90000\r\n".repeat(self.sdp_padding_bytes / 23));
        match kind {
            DescriptionKind::Offer => {
                self.pending_local = Some(session);
                self.signalling = Signalling::HaveLocalOffer;
            }
            DescriptionKind::Answer => {
                self.current_local = Some(session);
                self.current_remote = self.pending_remote.take();
                self.pending_local = None;
                self.settle(they_restart);
            }
        }
        Outcome::Described(ticket, Description { kind, sdp })
    }

    fn apply(&mut self, ticket: Ticket, description: &Description) -> Outcome {
        let Some(session) = Session::parse(&description.sdp) else {
            return Outcome::Failed(ticket, "InvalidAccessError: malformed SDP");
        };
        let fragment = session.username_fragment.clone();
        let lines = description.sdp.lines().filter(|line| line.starts_with("a=candidate:"));
        let addresses: Vec<u32> = lines.filter_map(address).collect();
        match (description.kind, self.signalling) {
            (DescriptionKind::Offer, _) => {
                if self.pending_local.take().is_some() && self.current_local.is_none() {
                    // Implicit rollback. Chromium, rolled back before its first candidate, may find
                    // none for the answer either (13 of 30 times, measured in version 156).
                    self.gathers = self.has_candidate;
                }
                self.pending_remote = Some(session);
                self.signalling = Signalling::HaveRemoteOffer;
            }
            (DescriptionKind::Answer, Signalling::HaveLocalOffer) => {
                let renewed = self.pending_local.as_ref().zip(self.current_local.as_ref());
                let restarted = renewed
                    .is_some_and(|(new, old)| new.username_fragment != old.username_fragment);
                self.current_local = self.pending_local.take();
                self.current_remote = Some(session);
                self.settle(restarted);
            }
            (DescriptionKind::Answer, _) => {
                return Outcome::Failed(ticket, "InvalidStateError: no offer to answer");
            }
        }
        self.candidates.extend(addresses.into_iter().map(|address| (fragment.clone(), address)));
        Outcome::Applied(ticket)
    }

    fn settle(&mut self, restarted: bool) {
        self.signalling = Signalling::Stable;
        self.negotiation_needed = false;
        if restarted {
            self.restart_wanted = false;
        }
    }

    fn add_candidate(&mut self, candidate: &Candidate) -> Outcome {
        let Some(remote) = self.remote() else {
            return Outcome::CandidateRefused("InvalidStateError: no remote description");
        };
        let known = [Some(remote), self.current_remote.as_ref()];
        let fragment = candidate.username_fragment.clone().unwrap_or_default();
        if !known.into_iter().flatten().any(|session| session.username_fragment == fragment) {
            return Outcome::CandidateRefused("OperationError: unknown ufrag");
        }
        let Some(address) = address(&candidate.candidate) else {
            return Outcome::CandidateRefused("OperationError: malformed candidate");
        };
        self.candidates.insert((fragment, address));
        Outcome::CandidateTaken
    }
}

/// The address in a candidate.
fn address(candidate: &str) -> Option<u32> {
    candidate.split(' ').nth(4)?.strip_prefix("10.0.0.")?.parse().ok()
}
