//! Phases of a node's life: joining, in the room, leaving, and what sleep does to it.

use alloc::vec::Vec;

use crate::error::ErrorCode;
use crate::id::PeerId;
use crate::limits::{ADMISSION_DEADLINE, LEAVE_DEADLINE, STALL_MIN, WAKE_MIN};
use crate::link::{LinkInput, LinkState};
use crate::signalling::client::ClientInput;
use crate::time::Timestamp;

use super::{Lifecycle, MeshError, Node, Notice, Phase, members};

impl Node {
    pub(super) fn start(&mut self) {
        if self.phase != Phase::Idle {
            return;
        }
        let patience = self.config.timeout.unwrap_or(ADMISSION_DEADLINE);
        self.phase = Phase::Joining { due: self.now().after(patience) };
        self.hurry_if_stored();
        let _ = self.tell_client(ClientInput::Start);
    }

    pub(super) fn on_lifecycle(&mut self, lifecycle: Lifecycle) {
        match lifecycle {
            Lifecycle::Frozen => self.tell_all_links(|| LinkInput::Freeze),
            Lifecycle::Resumed => {
                let _ = self.tell_client(ClientInput::Wake);
                self.tell_all_links(|| LinkInput::Thaw);
            }
            Lifecycle::Online => {
                let _ = self.tell_client(ClientInput::Wake);
                self.tell_all_links(|| LinkInput::CheckPath);
            }
            Lifecycle::Hidden => {
                self.tell_all_links(|| LinkInput::LeaveAtOnce);
                let _ = self.tell_client(ClientInput::Leave);
            }
            Lifecycle::Shown => {
                let now = self.clock.now();
                self.client_count += 1;
                self.client = members::client(
                    &self.address,
                    &self.keys,
                    &self.signing,
                    &self.sealing,
                    self.instance,
                    &mut self.rng,
                    now,
                    &self.config,
                );
                self.members.clear();
                self.tell_all_links(|| LinkInput::Close(ErrorCode::PeerLeft));
                let _ = self.tell_client(ClientInput::Start);
            }
        }
    }

    pub(super) fn leave(&mut self) {
        match self.phase {
            Phase::Idle | Phase::Joining { .. } => {
                let _ = self.tell_client(ClientInput::Leave);
                self.end(None);
            }
            Phase::Joined => {
                self.phase = Phase::Flushing { due: self.now().after(LEAVE_DEADLINE) };
            }
            Phase::Flushing { .. } | Phase::Parting { .. } | Phase::Closed => {}
        }
    }

    /// Runs what is due; what waits for an answer to be given in this turn, only in the next one.
    pub(super) fn run_timers(&mut self, is_next_turn: bool) {
        let now = self.now();
        if self.client.poll_timeout().is_some_and(|at| at <= now) {
            let _ = self.tell_client(ClientInput::Tick);
        }
        let due: Vec<PeerId> = self
            .peers
            .iter()
            .filter(|(_, peer)| is_next_turn || !peer.link.awaits_answer(now))
            .filter(|(_, peer)| peer.link.poll_timeout().is_some_and(|at| at <= now))
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            let _ = self.tell_link(id, LinkInput::Tick);
        }
        self.retry_links();
        self.expire_requests();
        self.expire_diagnosis();
        self.tick_ledger();
        self.run_phase();
    }

    pub(super) fn run_phase(&mut self) {
        let now = self.now();
        match self.phase {
            Phase::Joining { due } if due <= now => {
                // The client may know better why, and give up at this very moment.
                while self.pump_client() {}
                if self.phase == Phase::Closed {
                    return;
                }
                if self.is_stored {
                    return self.join_offline();
                }
                let _ = self.tell_client(ClientInput::Leave);
                self.join_failed(
                    MeshError::new(ErrorCode::ServerUnreachable)
                        .mismatch("an answer in time", "none"),
                );
            }
            Phase::Flushing { due } => {
                let flushed = self.peers.values().all(|peer| peer.link.is_flushed());
                if flushed && self.is_ledger_settled() || due <= now {
                    self.tell_all_links(|| LinkInput::Leave);
                    let due = now.after(LEAVE_DEADLINE);
                    self.phase = Phase::Parting { due };
                    self.run_phase();
                }
            }
            Phase::Parting { due } => {
                let parted = self
                    .peers
                    .values()
                    .all(|peer| matches!(peer.link.state(), LinkState::Closed | LinkState::New));
                if parted || due <= now {
                    let _ = self.tell_client(ClientInput::Leave);
                    self.end(None);
                }
            }
            _ => {}
        }
    }

    /// Ends everything: settles every call, closes every link, tells the application.
    pub(super) fn end(&mut self, error: Option<MeshError>) {
        let ids: Vec<PeerId> = self.peers.keys().copied().collect();
        for id in ids {
            let _ = self.tell_link(id, LinkInput::Close(ErrorCode::RoomClosed));
        }
        while self.pump_links() {}
        while self.pump_client() {}
        self.end_requests();
        self.phase = Phase::Closed;
        self.update_status();
        self.notify(Notice::Closed(error));
    }

    pub(super) fn join_failed(&mut self, error: MeshError) {
        self.phase = Phase::Closed;
        self.update_status();
        self.notify(Notice::JoinFailed(error));
    }

    /// A timer that fires late says that we slept: what we did not hear in that time says nothing
    /// about the others.
    pub(super) fn notice_stall(&mut self, now: Timestamp) {
        let Some(expected_at) = self.expected_at.take() else { return };
        let stall = now.since(expected_at);
        if stall < STALL_MIN {
            return;
        }
        self.tell_all_links(|| LinkInput::Stalled(stall));
        if stall >= WAKE_MIN {
            let _ = self.tell_client(ClientInput::Wake);
            self.tell_all_links(|| LinkInput::CheckPath);
        }
    }
}
