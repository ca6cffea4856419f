//! Perfect negotiation, decided here and executed by the driver.
//!
//! Either side may need to describe itself anew at any moment, and both may do so at once. One
//! side, the polite one, gives way: it takes the other's offer, which rolls its own back, and
//! offers again later. The other ignores the colliding offer. One operation is in flight at a time,
//! so that the state here is the browser's `signalingState` whenever a decision is taken.
//!
//! A polite side whose first offer collides gives its whole connection up for a fresh one instead
//! (`Link::give_way`): Chromium, rolled back right after its first offer, may find no candidates
//! for the answer and stay silent.
//!
//! ```text
//!            describe              apply answer
//!   Stable -----------> OwnOffer ---------------> Stable
//!     |                    | apply offer (polite: implicit rollback)
//!     | apply offer        v
//!     +--------------> TheirOffer --- describe ---> Stable
//! ```
//!
//! Source: W3C WebRTC 1.0, section 10.7 "Perfect negotiation example"; docs/protocol.md R-230.

use alloc::vec::Vec;

use crate::id::Ticket;
use crate::limits::EARLY_CANDIDATE_COUNT_MAX;

use super::transport::{Candidate, Description, DescriptionKind};
use crate::queue::Queue;

/// Who gives way when both offer at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manners {
    /// Takes the other's offer and drops its own.
    Polite,
    /// Ignores the other's offer.
    Impolite,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SignalingState {
    Stable,
    OwnOffer,
    TheirOffer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Describe,
    Apply(DescriptionKind),
}

/// What the driver is asked to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// `setLocalDescription()`.
    Describe(Ticket),
    /// `setRemoteDescription(..)`.
    Apply(Ticket, Description),
    /// `addIceCandidate(..)`.
    Candidate(Candidate),
}

/// The negotiation of one connection.
#[derive(Debug)]
pub(super) struct Negotiation {
    manners: Manners,
    state: SignalingState,
    in_flight: Option<(Ticket, Operation)>,
    ticket: Ticket,
    needed: bool,
    incoming: Vec<Description>,
    ignoring_offer: bool,
    remote_applied: bool,
    candidates: Queue<Candidate>,
}

impl Negotiation {
    /// A connection just made. `offers` says whether this side makes the first offer.
    #[must_use]
    pub(super) fn new(manners: Manners, offers: bool) -> Self {
        Self {
            manners,
            state: SignalingState::Stable,
            in_flight: None,
            ticket: Ticket(0),
            needed: offers,
            incoming: Vec::new(),
            ignoring_offer: false,
            remote_applied: false,
            candidates: Queue::new(),
        }
    }

    /// `negotiationneeded` fired.
    pub(super) fn need(&mut self) {
        self.needed = true;
    }

    /// Whether nothing is under way.
    #[must_use]
    pub(super) fn is_settled(&self) -> bool {
        self.state == SignalingState::Stable
            && self.in_flight.is_none()
            && self.incoming.is_empty()
            && !self.needed
    }

    /// Whether an offer that came now would meet one of ours.
    fn would_collide(&self) -> bool {
        let has_offered = match self.in_flight {
            Some((_, Operation::Describe)) => self.state == SignalingState::Stable,
            Some(_) => false,
            None => self.state == SignalingState::OwnOffer,
        };
        has_offered && self.incoming.is_empty()
    }

    /// Whether an offer that came now would roll back the first offer of this side.
    #[must_use]
    pub(super) fn would_roll_back_first(&self) -> bool {
        self.manners == Manners::Polite && !self.remote_applied && self.would_collide()
    }

    /// Whether an offer that came now would be ignored.
    #[must_use]
    pub(super) fn would_ignore_offer(&self) -> bool {
        self.manners == Manners::Impolite && self.would_collide()
    }

    /// The other side's description came.
    pub(super) fn receive(&mut self, description: Description) {
        // Two are enough: an offer and the answer to ours. More come only from a peer that sends
        // offers faster than the browser takes them; the newest is the one that counts.
        if self.incoming.len() >= 2 {
            self.incoming.pop();
        }
        self.incoming.push(description);
    }

    /// The other side's candidates came; they wait for its description.
    pub(super) fn receive_candidates(&mut self, candidates: Vec<Candidate>) {
        for candidate in candidates {
            if self.candidates.len() < EARLY_CANDIDATE_COUNT_MAX {
                self.candidates.push(candidate);
            }
        }
    }

    /// The next thing to ask of the driver.
    pub(super) fn step(&mut self) -> Option<Step> {
        if self.in_flight.is_some() {
            return None;
        }
        while !self.incoming.is_empty() {
            let description = self.incoming.remove(0);
            match (description.kind, self.state) {
                (DescriptionKind::Offer, SignalingState::OwnOffer)
                    if self.manners == Manners::Impolite =>
                {
                    self.ignoring_offer = true;
                }
                (DescriptionKind::Answer, SignalingState::OwnOffer)
                | (DescriptionKind::Offer, _) => {
                    self.ignoring_offer = false;
                    let ticket = self.begin(Operation::Apply(description.kind));
                    return Some(Step::Apply(ticket, description));
                }
                (DescriptionKind::Answer, _) => {}
            }
        }
        if self.state == SignalingState::TheirOffer
            || (self.state == SignalingState::Stable && core::mem::take(&mut self.needed))
        {
            return Some(Step::Describe(self.begin(Operation::Describe)));
        }
        // Candidates of an ignored offer carry a username fragment of their own; the browser
        // refuses them without harm. They are dropped here so that they do not pile up.
        if self.ignoring_offer && !self.remote_applied {
            self.candidates = Queue::new();
        }
        if self.remote_applied { self.candidates.pop().map(Step::Candidate) } else { None }
    }

    /// `setLocalDescription()` is done. Says whether the description is to be sent; `None` for a
    /// stale ticket.
    #[must_use]
    pub(super) fn described(&mut self, ticket: Ticket, kind: DescriptionKind) -> Option<bool> {
        if self.in_flight != Some((ticket, Operation::Describe)) {
            return None;
        }
        self.in_flight = None;
        match kind {
            DescriptionKind::Offer => {
                self.state = SignalingState::OwnOffer;
                // An offer that will be rolled back at once need not travel.
                let gives_way = self.manners == Manners::Polite
                    && self.incoming.iter().any(|next| next.kind == DescriptionKind::Offer);
                Some(!gives_way)
            }
            DescriptionKind::Answer => {
                self.settle();
                Some(true)
            }
        }
    }

    /// `setRemoteDescription(..)` is done. Whether the ticket was the awaited one.
    pub(super) fn applied(&mut self, ticket: Ticket) -> bool {
        let Some((awaited, Operation::Apply(kind))) = self.in_flight else { return false };
        if awaited != ticket {
            return false;
        }
        self.in_flight = None;
        self.remote_applied = true;
        match kind {
            DescriptionKind::Offer => self.state = SignalingState::TheirOffer,
            DescriptionKind::Answer => self.settle(),
        }
        true
    }

    /// Whether `ticket` is the operation in flight.
    #[must_use]
    pub(super) fn awaits(&self, ticket: Ticket) -> bool {
        self.in_flight.is_some_and(|(awaited, _)| awaited == ticket)
    }

    fn begin(&mut self, operation: Operation) -> Ticket {
        self.ticket = self.ticket.next();
        self.in_flight = Some((self.ticket, operation));
        self.ticket
    }

    /// On becoming stable the browser looks anew whether negotiation is needed and says so again.
    fn settle(&mut self) {
        self.state = SignalingState::Stable;
        self.needed = false;
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;

    fn description(kind: DescriptionKind) -> Description {
        Description { kind, sdp: String::new() }
    }

    fn describe(negotiation: &mut Negotiation) -> Ticket {
        match negotiation.step() {
            Some(Step::Describe(ticket)) => ticket,
            other => panic!("expected a description to be asked for, found {other:?}"),
        }
    }

    fn apply(negotiation: &mut Negotiation) -> Ticket {
        match negotiation.step() {
            Some(Step::Apply(ticket, _)) => ticket,
            other => panic!("expected a description to be applied, found {other:?}"),
        }
    }

    /// R-230: when both offer, the polite side takes the other's offer and answers.
    #[test]
    fn polite_side_gives_way() {
        let mut polite = Negotiation::new(Manners::Polite, true);
        let ticket = describe(&mut polite);
        polite.receive(description(DescriptionKind::Offer));
        assert_eq!(polite.described(ticket, DescriptionKind::Offer), Some(false));
        let ticket = apply(&mut polite);
        assert!(polite.applied(ticket));
        let ticket = describe(&mut polite);
        assert_eq!(polite.described(ticket, DescriptionKind::Answer), Some(true));
        assert!(polite.is_settled());
    }

    /// R-230: when both offer, the impolite side ignores the other's and takes its answer.
    #[test]
    fn impolite_side_ignores_the_colliding_offer() {
        let mut impolite = Negotiation::new(Manners::Impolite, true);
        let ticket = describe(&mut impolite);
        impolite.receive(description(DescriptionKind::Offer));
        assert_eq!(impolite.described(ticket, DescriptionKind::Offer), Some(true));
        assert_eq!(impolite.step(), None);
        impolite.receive(description(DescriptionKind::Answer));
        let ticket = apply(&mut impolite);
        assert!(impolite.applied(ticket));
        assert!(impolite.is_settled());
    }

    /// R-230: candidates that come before the description wait for it (trap: PeerJS #1048).
    #[test]
    fn early_candidates_wait_for_the_description() {
        let mut negotiation = Negotiation::new(Manners::Polite, false);
        let candidate = Candidate {
            candidate: String::from("candidate:1"),
            mid: None,
            line_index: None,
            username_fragment: None,
        };
        negotiation.receive_candidates(alloc::vec![candidate.clone(); 500]);
        assert_eq!(negotiation.step(), None);
        negotiation.receive(description(DescriptionKind::Offer));
        let ticket = apply(&mut negotiation);
        assert!(negotiation.applied(ticket));
        let ticket = describe(&mut negotiation);
        assert_eq!(negotiation.described(ticket, DescriptionKind::Answer), Some(true));
        let mut count = 0;
        while let Some(Step::Candidate(found)) = negotiation.step() {
            assert_eq!(found, candidate);
            count += 1;
        }
        assert_eq!(count, EARLY_CANDIDATE_COUNT_MAX);
    }

    #[test]
    fn stale_tickets_and_stray_answers_change_nothing() {
        let mut negotiation = Negotiation::new(Manners::Impolite, false);
        negotiation.receive(description(DescriptionKind::Answer));
        assert_eq!(negotiation.step(), None);
        assert_eq!(negotiation.described(Ticket(9), DescriptionKind::Offer), None);
        assert!(!negotiation.applied(Ticket(9)));
        assert!(negotiation.is_settled());
    }
}
