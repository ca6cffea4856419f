//! Every promise, checked at every step.
//!
//! The checker sees each call of an application and each notice it gets. What the world sends
//! through [`crate::World::send`] carries its own name ([`Label`]), so that the checker knows each
//! message wherever it turns up. A broken promise becomes a line in [`Checker::violations`].

use std::collections::{BTreeMap, BTreeSet};

use meshlace_core::error::{Delivery, ErrorCode};
use meshlace_core::id::{PeerId, Ticket};
use meshlace_core::node::{MeshError, Notice};

/// Names a message: which host sent it, and which of its messages it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Label {
    /// The sending host.
    pub host: usize,
    /// Counted per host, from 1.
    pub number: u64,
}

/// Bytes of a label.
pub const LABEL_BYTES: usize = 16;

impl Label {
    /// A payload of `size` bytes that carries this label and can be recognised whole.
    #[must_use]
    pub fn payload(self, size: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(size.max(LABEL_BYTES));
        bytes.extend_from_slice(&(self.host as u64).to_le_bytes());
        bytes.extend_from_slice(&self.number.to_le_bytes());
        let pattern = self.pattern();
        while bytes.len() < size {
            let take = pattern.len().min(size - bytes.len());
            bytes.extend_from_slice(&pattern[..take]);
        }
        bytes
    }

    fn pattern(self) -> [u8; 251] {
        let mut pattern = [0; 251];
        for (index, byte) in pattern.iter_mut().enumerate() {
            *byte = (index as u64 + self.number * 7 + self.host as u64) as u8;
        }
        pattern
    }

    /// The label of a payload, if every byte is as it was sent.
    #[must_use]
    pub fn read(payload: &[u8]) -> Option<Self> {
        let host = u64::from_le_bytes(payload.get(..8)?.try_into().ok()?);
        let number = u64::from_le_bytes(payload.get(8..16)?.try_into().ok()?);
        let label = Self { host: usize::try_from(host).ok()?, number };
        let pattern = label.pattern();
        let whole = payload[LABEL_BYTES..]
            .chunks(pattern.len())
            .all(|chunk| *chunk == pattern[..chunk.len()]);
        whole.then_some(label)
    }
}

/// What became of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Not settled yet.
    Pending,
    /// Settled: who has it, and who may not and why.
    Settled {
        /// Who has it.
        delivered: Vec<PeerId>,
        /// Who may not.
        failed: Vec<(PeerId, ErrorCode, Delivery)>,
    },
    /// Refused.
    Refused(ErrorCode),
}

#[derive(Debug)]
struct Call {
    label: Label,
    fate: Fate,
}

#[derive(Debug, Default)]
struct PeerView {
    is_visible: bool,
    is_joined: bool,
}

/// What the checker knows of one host.
#[derive(Debug, Default)]
struct HostView {
    peer: Option<PeerId>,
    calls: BTreeMap<Ticket, Call>,
    peers: BTreeMap<PeerId, PeerView>,
    is_over: bool,
    is_dead: bool,
    /// Last number received of each sender host.
    last: BTreeMap<usize, u64>,
}

/// Every promise, checked at every step.
#[derive(Debug, Default)]
pub struct Checker {
    hosts: BTreeMap<usize, HostView>,
    /// Which hosts received what.
    received: BTreeMap<Label, BTreeSet<usize>>,
    /// Never to arrive at this peer.
    not_sent: BTreeSet<(Label, PeerId)>,
    violations: Vec<String>,
}

impl Checker {
    /// A host appears.
    pub fn host(&mut self, host: usize, peer: PeerId) {
        self.hosts.insert(host, HostView { peer: Some(peer), ..HostView::default() });
    }

    /// A host is gone; nothing more is expected of it.
    pub fn died(&mut self, host: usize) {
        self.hosts.entry(host).or_default().is_dead = true;
    }

    /// A host sends.
    pub fn sent(&mut self, host: usize, ticket: Ticket, label: Label) {
        let call = Call { label, fate: Fate::Pending };
        if self.hosts.entry(host).or_default().calls.insert(ticket, call).is_some() {
            self.violation(format!("host {host} used ticket {ticket:?} twice"));
        }
    }

    /// Notes a broken promise.
    pub fn violation(&mut self, what: String) {
        if self.violations.len() < 20 {
            self.violations.push(what);
        }
    }

    /// Every promise broken so far.
    #[must_use]
    pub fn violations(&self) -> &[String] {
        &self.violations
    }

    /// What became of a call.
    #[must_use]
    pub fn fate(&self, host: usize, ticket: Ticket) -> Option<&Fate> {
        self.hosts.get(&host)?.calls.get(&ticket).map(|call| &call.fate)
    }

    /// Whether a host received a message.
    #[must_use]
    pub fn has(&self, host: usize, label: Label) -> bool {
        self.received.get(&label).is_some_and(|hosts| hosts.contains(&host))
    }

    /// How many labelled messages of `from` a host received.
    #[must_use]
    pub fn received_count(&self, host: usize, from: usize) -> usize {
        let of = self.received.iter().filter(|(label, _)| label.host == from);
        of.filter(|(_, hosts)| hosts.contains(&host)).count()
    }

    /// Calls of living hosts that are not settled.
    #[must_use]
    pub fn pending_count(&self) -> usize {
        let living = self.hosts.values().filter(|host| !host.is_dead);
        living.flat_map(|host| host.calls.values()).filter(|c| c.fate == Fate::Pending).count()
    }

    /// Labels of living hosts' calls that are not settled.
    #[must_use]
    pub fn pending(&self) -> Vec<Label> {
        let living = self.hosts.values().filter(|host| !host.is_dead);
        let calls = living.flat_map(|host| host.calls.values());
        calls.filter(|call| call.fate == Fate::Pending).map(|call| call.label).collect()
    }

    /// A notice reaches an application.
    pub fn notice(&mut self, host: usize, notice: &Notice) {
        if self.hosts.get(&host).is_some_and(|view| view.is_over)
            && !matches!(
                notice,
                Notice::Refused { .. } | Notice::Diagnosis { .. } | Notice::Drained { .. }
            )
        {
            self.violation(format!("host {host}: {notice:?} after the end"));
        }
        match notice {
            Notice::PeerAdded { peer } => {
                let view = self.view(host, *peer);
                if std::mem::replace(&mut view.is_visible, true) {
                    self.violation(format!("host {host}: {peer} added twice"));
                }
            }
            Notice::PeerJoined { peer } => {
                let view = self.view(host, *peer);
                let twice = std::mem::replace(&mut view.is_joined, true);
                if twice || !view.is_visible {
                    self.violation(format!("host {host}: {peer} joined twice or unseen"));
                }
            }
            Notice::PeerLeft { peer, joined, .. } => {
                let view = self.view(host, *peer);
                let (was_visible, was_joined) = (view.is_visible, view.is_joined);
                (view.is_visible, view.is_joined) = (false, false);
                if !was_visible || was_joined != *joined {
                    self.violation(format!("host {host}: {peer} left without having been there"));
                }
            }
            Notice::PeerState { peer, .. } if !self.view(host, *peer).is_visible => {
                self.violation(format!("host {host}: state of unseen {peer}"));
            }
            Notice::Message { peer, payload, .. } | Notice::TopicMessage { peer, payload, .. } => {
                self.arrived(host, *peer, payload);
            }
            Notice::Sent { ticket, delivered, failed } => {
                self.settled(host, *ticket, delivered, failed);
            }
            Notice::Refused { ticket, error } => self.refused(host, *ticket, error),
            Notice::Closed(_) | Notice::JoinFailed(_) => {
                self.hosts.entry(host).or_default().is_over = true;
                let open = self.hosts[&host].calls.values().filter(|c| c.fate == Fate::Pending);
                let count = open.count();
                if count > 0 {
                    self.violation(format!("host {host}: closed with {count} calls unsettled"));
                }
            }
            _ => {}
        }
    }

    fn view(&mut self, host: usize, peer: PeerId) -> &mut PeerView {
        self.hosts.entry(host).or_default().peers.entry(peer).or_default()
    }

    fn arrived(&mut self, host: usize, peer: PeerId, payload: &[u8]) {
        if !self.view(host, peer).is_joined {
            self.violation(format!("host {host}: message of {peer} before it joined"));
        }
        let Some(label) = Label::read(payload) else { return };
        let sender = self.hosts.get(&label.host).and_then(|view| view.peer);
        if sender != Some(peer) {
            self.violation(format!("host {host}: {label:?} came from {peer}"));
        }
        if !self.received.entry(label).or_default().insert(host) {
            self.violation(format!("host {host}: {label:?} delivered twice"));
        }
        let last = self.hosts.entry(host).or_default().last.entry(label.host).or_default();
        let before = std::mem::replace(last, label.number);
        if before >= label.number {
            self.violation(format!("host {host}: {label:?} after number {before}"));
        }
        let us = self.hosts[&host].peer;
        if us.is_some_and(|us| self.not_sent.contains(&(label, us))) {
            self.violation(format!("host {host}: {label:?} arrived after \"not sent\""));
        }
    }

    fn settled(
        &mut self,
        host: usize,
        ticket: Ticket,
        delivered: &[PeerId],
        failed: &[(PeerId, MeshError)],
    ) {
        let Some(call) = self.hosts.entry(host).or_default().calls.get_mut(&ticket) else { return };
        let label = call.label;
        let outcomes =
            failed.iter().map(|(p, e)| (*p, e.code, e.delivery.unwrap_or(Delivery::Unknown)));
        let fate = Fate::Settled { delivered: delivered.to_vec(), failed: outcomes.collect() };
        let before = std::mem::replace(&mut call.fate, fate);
        if before != Fate::Pending {
            self.violation(format!("host {host}: {label:?} settled twice, before: {before:?}"));
        }
        let having = self.hosts_with(label);
        for peer in delivered {
            if !having.contains(peer) {
                self.violation(format!("host {host}: {label:?} told delivered to {peer}, is not"));
            }
        }
        for (peer, error) in failed {
            match error.delivery {
                Some(Delivery::NotSent) => {
                    if having.contains(peer) {
                        self.violation(format!("host {host}: {label:?} told not sent, is there"));
                    }
                    self.not_sent.insert((label, *peer));
                }
                Some(Delivery::Unknown) => {}
                None => self.violation(format!("host {host}: {label:?} failed without delivery")),
            }
        }
    }

    fn refused(&mut self, host: usize, ticket: Ticket, error: &MeshError) {
        let Some(call) = self.hosts.entry(host).or_default().calls.get_mut(&ticket) else { return };
        let label = call.label;
        let before = std::mem::replace(&mut call.fate, Fate::Refused(error.code));
        if before != Fate::Pending {
            self.violation(format!("host {host}: {label:?} settled twice, before: {before:?}"));
        }
        if error.delivery != Some(Delivery::NotSent) {
            self.violation(format!("host {host}: {label:?} refused but not as not sent"));
        }
        let peers: Vec<PeerId> = self.hosts.values().filter_map(|view| view.peer).collect();
        self.not_sent.extend(peers.into_iter().map(|peer| (label, peer)));
    }

    fn hosts_with(&self, label: Label) -> BTreeSet<PeerId> {
        let hosts = self.received.get(&label).into_iter().flatten();
        hosts.filter_map(|host| self.hosts.get(host)?.peer).collect()
    }
}
