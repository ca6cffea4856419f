//! Deciding what to ask of whom.

use alloc::vec::Vec;

use crate::limits::{
    SYNC_CHASE_COUNT_MAX, SYNC_CHASE_MIN, SYNC_DEADLINE, SYNC_DOWN_COUNT_MAX, SYNC_ID_COUNT_MAX,
    SYNC_PROOF_COUNT_MAX, SYNC_RANGE_COUNT_MAX,
};
use crate::time::Timestamp;

use super::super::dag::{Dag, Missing, Source};
use super::message::{Claim, HEAD_BYTES, Range, Request, Single, SyncMessage};
use super::{Asked, AuthorId, BlockId, Peer, Sync, pause};

/// What a claim calls for.
#[derive(Debug, Default)]
struct Wants {
    ranges: Vec<Range>,
    proofs: Vec<AuthorId>,
}

impl Sync {
    /// Asks every peer that is free for its share of what is missing.
    pub(super) fn ask_all(&mut self, now: Timestamp, dag: &Dag) {
        let is_free = |peer: &Peer| {
            peer.asked.is_none() && peer.asked_from.is_none() && !peer.claims.is_empty()
        };
        let all = self.peers.iter().filter(|(_, peer)| is_free(peer)).map(|(link, _)| *link);
        // Whoever was asked last is asked last again, so that one fast peer does not take it all.
        let turn = self.turn;
        let free: Vec<Source> = all
            .clone()
            .filter(|link| *link > turn)
            .chain(all.filter(|link| *link <= turn))
            .collect();
        let count = free.len();
        for (number, link) in free.into_iter().enumerate() {
            let mut wants = self.wants(dag, link);
            if wants.ranges.is_empty() && wants.proofs.is_empty() {
                continue;
            }
            let share = wants.ranges.len().div_ceil(count - number).min(SYNC_RANGE_COUNT_MAX);
            wants.ranges.truncate(share);
            wants.proofs.truncate(SYNC_PROOF_COUNT_MAX);
            let Wants { ranges, proofs } = wants;
            self.ask(now, link, Request { ranges, proofs, ..Request::default() });
        }
    }

    fn ask(&mut self, now: Timestamp, link: Source, mut request: Request) {
        let Some(peer) = self.peers.get_mut(&link) else { return };
        peer.last_number += 1;
        request.number = peer.last_number;
        let message = SyncMessage::Request(request.clone());
        let deadline = now.after(SYNC_DEADLINE);
        peer.asked = Some(Asked { request, deadline, page_count: 0, is_fruitful: false });
        self.turn = link;
        self.say(link, &message);
    }

    /// What this peer has and we lack, and no other peer is being asked for.
    fn wants(&self, dag: &Dag, link: Source) -> Wants {
        let mut wants = Wants::default();
        let Some(peer) = self.peers.get(&link) else { return wants };
        for claim in &peer.claims {
            if let Some(range) = range_of(dag, claim)
                && !self.is_asked(|request| {
                    request.ranges.iter().any(|other| other.author == range.author)
                })
            {
                wants.ranges.push(range);
            }
            if lacks_proof(dag, claim)
                && !self.is_asked(|request| request.proofs.contains(&claim.author))
            {
                wants.proofs.push(claim.author);
            }
        }
        wants
    }

    fn is_asked(&self, for_it: impl Fn(&Request) -> bool) -> bool {
        self.peers.values().filter_map(|peer| peer.asked.as_ref()).any(|it| for_it(&it.request))
    }

    /// Sets the time at which missing ancestors are asked for, where any are.
    pub(super) fn watch_missing(&mut self, now: Timestamp, dag: &Dag, has_come: bool) {
        if dag.pending_count() == 0 || self.peers.is_empty() {
            (self.chase_at, self.chase_count) = (None, 0);
            return;
        }
        if has_come {
            self.chase_count = 0;
        }
        if self.chase_at.is_none() && self.chase_count < SYNC_CHASE_COUNT_MAX {
            self.chase_at = Some(now.after(SYNC_CHASE_MIN));
        }
    }

    /// Asks for ancestors that pending blocks wait for: whoever brought such a block, since it must hold
    /// them, and every other time the next free peer. Whoever brought it may be busy the first time.
    pub(super) fn chase(&mut self, now: Timestamp, dag: &Dag) {
        self.chase_at = None;
        let mut missing = dag.missing(SYNC_ID_COUNT_MAX);
        let Some(first) = missing.first().filter(|_| self.chase_count < SYNC_CHASE_COUNT_MAX)
        else {
            // What waits here nobody needs, or nobody has: no more until something comes.
            self.chase_count = SYNC_CHASE_COUNT_MAX;
            return;
        };
        let source = first.source;
        let is_free = |link: &Source| self.peers.get(link).is_some_and(|peer| peer.asked.is_none());
        let link = if self.chase_count.is_multiple_of(2) && is_free(&source) {
            missing.retain(|it| it.source == source);
            Some(source)
        } else {
            let free = self.peers.keys().copied().filter(is_free);
            free.min_by_key(|link| (*link <= self.turn, *link))
        };
        if let Some(link) = link {
            self.chase_count += 1;
            let singles: Vec<Single> = missing.iter().map(|it| single_of(dag, it)).collect();
            self.ask(now, link, Request { singles, ..Request::default() });
        }
        if self.chase_count < SYNC_CHASE_COUNT_MAX {
            self.chase_at = Some(now.after(pause(self.chase_count)));
        }
    }
}

/// The stretch of an author's chain that a claim calls for.
fn range_of(dag: &Dag, claim: &Claim) -> Option<Range> {
    let author = claim.author;
    let fork = dag.fork_of(&author).map(super::ForkProof::seq);
    let ours = dag.count_of(&author);
    let theirs = fork.map_or(claim.count, |fork| claim.count.min(fork));
    if theirs > ours {
        return Some(Range { author, from: ours, to: theirs });
    }
    // The same number of blocks or fewer: their last one must be ours, or the two histories part.
    let last = claim.count.checked_sub(1).filter(|_| claim.count == theirs)?;
    let held = dag.block_of(&author, last).and_then(|at| dag.block(at))?;
    // A whole head is that of the lowest block in which the two differ: it is all that is needed.
    let is_whole = claim.head.iter().skip(HEAD_BYTES).any(|byte| *byte != 0);
    let (bytes, down) =
        if is_whole { (BlockId::BYTES, 1) } else { (HEAD_BYTES, SYNC_DOWN_COUNT_MAX) };
    let is_same = held.id.as_bytes().iter().zip(&claim.head).take(bytes).all(|(a, b)| a == b);
    let from = claim.count.saturating_sub(down);
    (!is_same).then_some(Range { author, from, to: claim.count })
}

/// Whether a claim names a fork that we do not know of, or a lower one.
fn lacks_proof(dag: &Dag, claim: &Claim) -> bool {
    let known = dag.fork_of(&claim.author).map(super::ForkProof::seq);
    claim.forked.is_some_and(|lowest| known.is_none_or(|known| lowest < known))
        && dag.count_of(&claim.author) > 0
}

/// A missing ancestor with as much below it as may be missing too. Where another block is held in
/// its place, the histories part somewhere below.
fn single_of(dag: &Dag, missing: &Missing) -> Single {
    let down = match missing.place {
        None => 0,
        Some((author, seq)) => {
            let held = dag.count_of(&author);
            if held > seq { SYNC_DOWN_COUNT_MAX } else { seq - held }
        }
    };
    Single { id: missing.id, down: down.min(SYNC_DOWN_COUNT_MAX) }
}
