//! Taking in what a peer answers: pages of blocks, proofs, and the end of an answer.

use alloc::vec::Vec;

use crate::limits::SYNC_DEADLINE;
use crate::time::Timestamp;

use super::super::block::{UnverifiedBlock, VerifiedRun};
use super::super::dag::{Dag, Offered, Source};
use super::super::fork::ForkProof;
use super::{Asked, Sync, SyncFault, merge};

impl Sync {
    pub(super) fn on_page(
        &mut self,
        now: Timestamp,
        dag: &mut Dag,
        (from, number): (Source, u64),
        runs: &[Vec<UnverifiedBlock<'_>>],
        offered: &mut Offered,
    ) -> Result<(), SyncFault> {
        let is_answer = self.count_page(now, from, number)?;
        if !is_answer && number != 0 {
            return Ok(());
        }
        for run in runs {
            let run = VerifiedRun::check(&dag.room(), run).map_err(SyncFault::Ledger)?;
            if number == 0 {
                self.owe(now, from, &run);
            }
            let more = dag.offer(run, from);
            let is_fruitful =
                more.held_count > 0 || more.pending_count > 0 || !more.forked.is_empty();
            if is_answer && is_fruitful {
                self.gain(from);
            } else if is_fruitful {
                self.await_settling(now);
            }
            merge(offered, more);
        }
        Ok(())
    }

    /// Whether a page answers what is being asked; a late answer to an earlier question does not.
    pub(super) fn count_page(
        &mut self,
        now: Timestamp,
        from: Source,
        number: u64,
    ) -> Result<bool, SyncFault> {
        let Some(asked) = self.asked_mut(from, number) else { return Ok(false) };
        asked.page_count += 1;
        asked.deadline = now.after(SYNC_DEADLINE);
        let limit = crate::limits::SYNC_PAGE_COUNT_MAX;
        if asked.page_count > limit { Err(SyncFault::TooManyPages { limit }) } else { Ok(true) }
    }

    pub(super) fn on_proof(
        &mut self,
        dag: &mut Dag,
        (from, number): (Source, u64),
        proof: &[u8],
        offered: &mut Offered,
    ) -> Result<(), SyncFault> {
        let asked = self.asked_mut(from, number);
        if number != 0 && asked.is_none() {
            return Ok(());
        }
        let proof = ForkProof::check(&dag.room(), proof).map_err(SyncFault::Ledger)?;
        let author = proof.author();
        if dag.note_fork(proof) {
            self.gain(from);
            offered.forked.push(author);
        }
        Ok(())
    }

    pub(super) fn gain(&mut self, from: Source) {
        self.has_gained = true;
        if let Some(asked) = self.peers.get_mut(&from).and_then(|peer| peer.asked.as_mut()) {
            asked.is_fruitful = true;
        }
    }

    pub(super) fn asked_mut(&mut self, from: Source, number: u64) -> Option<&mut Asked> {
        let asked = self.peers.get_mut(&from)?.asked.as_mut()?;
        (asked.request.number == number).then_some(asked)
    }

    pub(super) fn on_end(&mut self, now: Timestamp, from: Source, number: u64) {
        if self.asked_mut(from, number).is_some()
            && let Some(peer) = self.peers.get_mut(&from)
            && let Some(asked) = peer.asked.take()
        {
            peer.settle(now, asked.is_fruitful);
            // What came may wait for more of the kind: on with it at once.
            if asked.is_fruitful && self.chase_at.is_some() {
                self.chase_at = Some(now);
            }
        }
    }
}
