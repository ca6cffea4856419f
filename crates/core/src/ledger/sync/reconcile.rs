//! Finding out in what two ledgers differ where their frontiers hide it.
//!
//! Frontiers have eight bytes of each head. Whoever writes two histories can grind them until these
//! agree: some 2^32 tries. Then digests differ and frontiers do not, and the sets themselves are
//! compared, in at most eight messages (see [`super::bands`]). Blocks are hashed under nonces of both
//! sides, so nobody could have ground for what is compared.
//!
//! ```text
//!  A                      B
//!  | --- frontier ------> |    the same claims, another digest
//!  | --- nonce ---------> |
//!  | <----------- nonce - |    whose nonce is lower begins
//!  | --- bands ---------> |    a message for a message, until one says nothing of any band
//!  | <----------- bands - |
//!  | --- request -------> |    what came out is asked for like any claim
//! ```
//!
//! What came out is a hint: a block that we lack makes its sender's claim on that chain an exact one,
//! with the whole id. It is asked for as a range, and what comes shows the fork. Nobody is believed to
//! hold the same as we do but for an equal digest.
//!
//! Source: docs/protocol.md R-363, R-400 to R-405.

use alloc::vec::Vec;

use crate::id::Nonce;
use crate::limits::{
    SYNC_DEADLINE, SYNC_FRUITLESS_COUNT_MAX, SYNC_RECONCILE_INTERVAL, SYNC_RECONCILE_PAUSE,
    SYNC_ROUND_COUNT_MAX,
};
use crate::table::Table;
use crate::time::{Timestamp, earliest};

use super::super::dag::{BlockIndex, BlockView, Dag, Source};
use super::bands::{Side, everything};
use super::message::{Bands, Claim, Listed, SyncMessage};
use super::{Peer, Sync, SyncFault};

/// What goes on with one peer.
#[derive(Debug, Default)]
pub(super) struct Reconciliation {
    /// What we drew for it.
    ours: Option<Nonce>,
    /// What the peer drew.
    theirs: Option<Nonce>,
    /// Messages of bands that may still come or go; none once it is over.
    rounds_left: u32,
    /// Until when the next message is awaited.
    deadline: Option<Timestamp>,
    /// When the last one began.
    began: Option<Timestamp>,
    /// When we begin the next.
    due: Option<Timestamp>,
}

impl Reconciliation {
    /// Frontiers agree and digests do not.
    pub(super) fn want(&mut self, now: Timestamp) {
        if self.deadline.is_none() {
            self.due = Some(self.began.map_or(now, |at| at.after(SYNC_RECONCILE_PAUSE).max(now)));
        }
    }

    /// The digests agree after all.
    pub(super) fn unwant(&mut self) {
        self.due = None;
    }

    pub(super) fn timeout(&self) -> Option<Timestamp> {
        earliest(self.deadline, self.due)
    }
}

impl Sync {
    /// Gives up where nobody said anything for too long, and begins what is due. What was given up may be
    /// tried again, as with requests.
    pub(super) fn reconcile(&mut self, now: Timestamp) {
        for peer in self.peers.values_mut() {
            let it = &mut peer.reconciliation;
            if it.deadline.is_some_and(|at| at <= now) {
                *it = Reconciliation { began: it.began, ..Reconciliation::default() };
                peer.fruitless_count += 1;
                if peer.fruitless_count < SYNC_FRUITLESS_COUNT_MAX {
                    it.want(now);
                }
            }
        }
        let is_due = |peer: &Peer| peer.reconciliation.due.is_some_and(|at| at <= now);
        let next = |peers: &Table<Source, Peer>| {
            peers.iter().find(|(_, peer)| is_due(peer)).map(|(link, _)| *link)
        };
        while let Some(link) = next(&self.peers) {
            self.begin(now, link);
        }
    }

    fn begin(&mut self, now: Timestamp, with: Source) {
        let nonce = self.rng.nonce();
        if let Some(peer) = self.peers.get_mut(&with) {
            peer.reconciliation = Reconciliation {
                ours: Some(nonce),
                deadline: Some(now.after(SYNC_DEADLINE)),
                began: Some(now),
                ..Reconciliation::default()
            };
        }
        self.say(with, &SyncMessage::Reconcile(nonce));
    }

    pub(super) fn on_nonce(
        &mut self,
        now: Timestamp,
        dag: &Dag,
        from: Source,
        theirs: Nonce,
    ) -> Result<(), SyncFault> {
        let Some(Peer { reconciliation: it, .. }) = self.peers.get(&from) else { return Ok(()) };
        if it.ours.is_none() || it.theirs.is_some() {
            if it.began.is_some_and(|at| now.since(at) < SYNC_RECONCILE_INTERVAL) {
                return Ok(());
            }
            self.begin(now, from);
        }
        let Some(Peer { reconciliation: it, .. }) = self.peers.get_mut(&from) else {
            return Ok(());
        };
        it.theirs = Some(theirs);
        it.deadline = Some(now.after(SYNC_DEADLINE));
        it.rounds_left = SYNC_ROUND_COUNT_MAX;
        if it.ours < it.theirs {
            it.rounds_left += 1;
            return self.on_bands(now, dag, from, None);
        }
        Ok(())
    }

    /// Takes bands in and answers them; `None` stands for what the first message answers.
    pub(super) fn on_bands(
        &mut self,
        now: Timestamp,
        dag: &Dag,
        from: Source,
        heard: Option<Bands>,
    ) -> Result<(), SyncFault> {
        let Some(peer) = self.peers.get_mut(&from) else { return Ok(()) };
        let it = &mut peer.reconciliation;
        let (Some(ours), Some(theirs)) = (it.ours, it.theirs) else { return Ok(()) };
        let look_up = |at| {
            let BlockView { height, author, seq, id, .. } = dag.block(BlockIndex(at))?;
            Some((height, Listed { author, seq, id }))
        };
        let key = [ours.min(theirs), ours.max(theirs)];
        let mut side = Side { look_up: &look_up, list: Vec::new(), key };
        let name = side.imprint(&[]);
        let heard = heard.unwrap_or_else(|| everything(name));
        // Of one that was given up here.
        if heard.name != name {
            return Ok(());
        }
        let rounds_left = it.rounds_left.checked_sub(1);
        it.rounds_left =
            rounds_left.ok_or(SyncFault::TooManyRounds { limit: SYNC_ROUND_COUNT_MAX })?;
        learn(&mut peer.claims, dag, &heard);
        let mut answer = None;
        if it.rounds_left > 0 && !heard.bands.is_empty() {
            side.list = dag.told_blocks();
            let said = side.answer(&heard);
            it.rounds_left = if said.bands.is_empty() { 0 } else { it.rounds_left - 1 };
            answer = Some(said);
        } else {
            it.rounds_left = 0;
        }
        it.deadline = (it.rounds_left > 0).then(|| now.after(SYNC_DEADLINE));
        if let Some(said) = answer {
            self.say(from, &SyncMessage::Bands(said));
        }
        Ok(())
    }
}

/// What a peer holds and we do not becomes what it claims: the lowest such block of each chain, by its
/// whole id.
fn learn(claims: &mut [Claim], dag: &Dag, heard: &Bands) {
    for Listed { author, seq, id } in &heard.listed {
        if let Ok(at) = claims.binary_search_by(|claim| claim.author.cmp(author))
            && let Some(claim) = claims.get_mut(at)
            && *seq < claim.count
            && dag.index_of(id).is_none()
        {
            (claim.count, claim.head) = (seq + 1, *id.as_bytes());
        }
    }
}
