//! The ledger's place in the node: what comes in for it, and what it asks for.

use alloc::boxed::Box;

use crate::error::ErrorCode;
use crate::id::PeerId;
use crate::ledger::Flags;
use crate::limits::{LEDGER_AHEAD_BYTES, RETRY_MIN};
use crate::link::LinkInput;

use super::super::effect::Effect;
use super::super::input::Input;
use super::super::notice::{MeshError, Notice};
use super::super::outcome::Outcome;
use super::super::parcel::Parcel;
use super::super::{Node, Phase};
use super::{LedgerEffect, LedgerView};

impl Node {
    /// The ledger, once it is open.
    #[must_use]
    pub fn ledger(&self) -> Option<LedgerView<'_>> {
        self.ledger.view()
    }

    /// An input for the ledger.
    pub(in super::super) fn tell_ledger(&mut self, input: Input) -> Outcome {
        let now = self.clock.now();
        match input {
            Input::OpenLedger(config) => {
                if let Err(error) = self.ledger.open(now, config) {
                    return Outcome::Refused(Box::new(error));
                }
            }
            Input::Restored { key, bytes } => self.ledger.load(&key, &bytes),
            Input::RestoreDone => self.ledger.end_loading(now),
            Input::Stored { ticket, result } => {
                if !self.ledger.on_stored(now, ticket, result) {
                    return Outcome::Stale;
                }
            }
            Input::WriteBlock { payload, flags } => return self.write_block(&payload, flags),
            Input::Import { ticket, bytes } => self.ledger.import(now, ticket, &bytes),
            _ => return Outcome::Stale,
        }
        Outcome::Done
    }

    fn write_block(&mut self, payload: &[u8], flags: Flags) -> Outcome {
        let written = if self.phase == Phase::Closed {
            Err(MeshError::new(ErrorCode::RoomClosed))
        } else {
            self.ledger.write(self.clock.now(), payload, flags)
        };
        match written {
            Ok(block) => Outcome::Written(block),
            Err(error) => Outcome::Refused(Box::new(error)),
        }
    }

    /// A peer said something of its ledger.
    pub(in super::super) fn on_ledger_parcel(&mut self, id: PeerId, parcel: &Parcel, bytes: &[u8]) {
        self.ledger.receive(self.clock.now(), id, parcel, bytes);
    }

    pub(in super::super) fn link_ledger(&mut self, id: PeerId) {
        self.ledger.link_up(self.clock.now(), id);
    }

    pub(in super::super) fn unlink_ledger(&mut self, id: PeerId) {
        self.outgoing.forget(&id);
        self.ledger.link_down(self.clock.now(), id);
    }

    pub(in super::super) fn tick_ledger(&mut self) {
        let now = self.clock.now();
        if self.ledger.deadline().is_some_and(|at| at <= now.monotonic) {
            self.ledger.tick(now);
        }
    }

    /// Whether all that the ledger has to say and to store is on its way.
    pub(in super::super) fn is_ledger_settled(&self) -> bool {
        self.outgoing.is_empty()
            && self.ledger.view().is_none_or(|ledger| ledger.unstored_count() == 0)
    }

    /// Takes one effect of the ledger, or hands one of its messages to a link. Whether there was one.
    pub(in super::super) fn pump_ledger(&mut self) -> bool {
        if let Some(effect) = self.ledger.poll_effect() {
            self.on_ledger_effect(effect);
            return true;
        }
        self.pump_outgoing()
    }

    fn on_ledger_effect(&mut self, effect: LedgerEffect) {
        match effect {
            LedgerEffect::Send { to, parcel, payload } => {
                self.outgoing.push(to, parcel.seal(payload));
            }
            LedgerEffect::Expel { peer, error } => self.expel(peer, error),
            LedgerEffect::Store { ticket, records, has_own } => {
                self.effects.push(Effect::Store { ticket, records, has_own });
            }
            LedgerEffect::Notify(Notice::Trouble(error)) => self.trouble(error),
            LedgerEffect::Notify(notice) => {
                if let Notice::LedgerOpened { restored_count, .. } = notice {
                    self.is_stored = restored_count > 0;
                    self.hurry_if_stored();
                }
                self.notify(notice);
            }
        }
    }

    /// Hands over as much as keeps a link busy without standing in front of the application's messages.
    fn pump_outgoing(&mut self) -> bool {
        let has_room = |id: &PeerId| {
            let peer = self.peers.get(id);
            peer.is_some_and(|peer| peer.link.queued_bytes() < LEDGER_AHEAD_BYTES)
        };
        let Some(id) = self.outgoing.next(has_room) else { return false };
        if let Some(body) = self.outgoing.pop(&id) {
            self.push_own(id, &body);
        }
        if self.outgoing.has_caught_up(&id) {
            self.ledger.compare(self.clock.now());
        }
        true
    }

    /// A peer broke the rules: the application hears who and which, and its link is closed.
    fn expel(&mut self, id: PeerId, error: MeshError) {
        let until = self.now().after(RETRY_MIN);
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.ignored_until = Some(until);
        }
        let code = error.code;
        self.trouble(error.about(id));
        let _ = self.tell_link(id, LinkInput::Expel(code));
    }
}
