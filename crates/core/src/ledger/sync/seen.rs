//! Who has which of our blocks: what is owed to others as a confirmation, and what they confirm. And,
//! since whoever is owed one wrote what it sent, who writes as which author.

use alloc::vec::Vec;

use crate::id::{AuthorId, BlockId};
use crate::limits::{SEEN_COUNT_MAX, SEEN_DELAY};
use crate::time::Timestamp;

use super::super::block::VerifiedRun;
use super::super::dag::{Dag, Source};
use super::super::fork::ForkProof;
use super::message::SyncMessage;
use super::{Heard, Sync, SyncEffect};

/// In place of how many blocks were confirmed, so that no more ever are: a proof is long, and what brings it
/// about is short.
const ACCUSED: u32 = u32::MAX;

impl Sync {
    /// A peer sent blocks unasked: it is told soon that they are held.
    pub(super) fn owe(&mut self, now: Timestamp, from: Source, run: &VerifiedRun) {
        let author = run.blocks().first().map(|block| block.header().author);
        if let Some(author) = author
            && let Some(peer) = self.peers.get_mut(&from)
            && (peer.owed.len() < SEEN_COUNT_MAX || peer.owed.contains_key(&author))
        {
            self.has_writer |= !peer.owed.contains_key(&author);
            peer.owed.or_default(author);
            self.seen_at = self.seen_at.or(Some(now.after(SEEN_DELAY)));
        }
    }

    /// Whether a peer began to write as another author. Said once.
    pub fn take_has_writer(&mut self) -> bool {
        core::mem::take(&mut self.has_writer)
    }

    /// Who writes as the author that forked: nobody else sends its blocks unasked. Each is handed the
    /// proof, since it may be an honest page whose profile was copied, and named once on each link.
    pub fn accuse(&mut self, proof: &ForkProof) -> Vec<Source> {
        let mut forkers = Vec::new();
        for (link, peer) in self.peers.iter_mut() {
            if let Some(told) = peer.owed.get_mut(&proof.author())
                && core::mem::replace(told, ACCUSED) != ACCUSED
            {
                forkers.push(*link);
            }
        }
        for link in &forkers {
            self.say(*link, &SyncMessage::Proof { number: 0, proof: proof.bytes() });
        }
        forkers
    }

    pub(super) fn confirm(&mut self, dag: &Dag) {
        self.seen_at = None;
        for (link, peer) in self.peers.iter_mut() {
            let mut counts = Vec::new();
            for (author, told) in peer.owed.iter_mut() {
                let count = dag.count_of(author);
                if count > *told {
                    *told = count;
                    counts.push((*author, count));
                }
            }
            if !counts.is_empty() {
                let bytes = SyncMessage::Seen(counts).encode();
                self.effects.push(SyncEffect { to: *link, bytes });
            }
        }
    }

    pub(super) fn hear(
        &mut self,
        from: Source,
        author: AuthorId,
        count: u32,
        head: Option<[u8; BlockId::BYTES]>,
    ) {
        if self.own.contains(&author) {
            self.heard.push(Heard { from, author, count, head });
        }
    }

    /// A peer with the same digest holds all that we told of.
    pub(super) fn hear_all(&mut self, dag: &Dag, from: Source) {
        for author in self.own.clone() {
            if let Some((head, count)) = dag.told_head(&author) {
                self.hear(from, author, count, Some(*head.as_bytes()));
            }
        }
    }
}
