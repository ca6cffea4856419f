//! How forks come to light, and what follows from them.

use alloc::vec::Vec;

use crate::crypto::Signature;
use crate::id::AuthorId;
use crate::limits::RUN_COUNT_MAX;

use super::super::block::{VerifiedBlock, VerifiedRun};
use super::super::fork::ForkProof;
use super::{Dag, NONE, Offered};

/// One side of a proof: headers, and the signature over the last.
type Side = (Vec<Vec<u8>>, Signature);

impl Dag {
    /// The proof that an author forked, if one is known.
    #[must_use]
    pub fn fork_of(&self, author: &AuthorId) -> Option<&ForkProof> {
        self.author_of(author)?.fork.as_ref()
    }

    /// Every proof known.
    pub fn forks(&self) -> impl Iterator<Item = &ForkProof> {
        self.authors.iter().filter_map(|author| author.fork.as_ref())
    }

    /// Authors, by number, of which a fork was found since this was asked last, or a lower one.
    pub fn take_forked(&mut self) -> Vec<u32> {
        core::mem::take(&mut self.forked)
    }

    /// The proof of a fork that no held block is evidence of.
    #[must_use]
    pub fn fork_without_evidence(&self, bytes_max: usize) -> Option<&ForkProof> {
        let mut unsaid = self.authors.iter().filter(|author| !author.has_evidence);
        unsaid.find_map(|it| it.fork.as_ref().filter(|proof| proof.bytes().len() <= bytes_max))
    }

    /// Takes over a proof that a peer sent. Of authors without blocks here none is kept, so that
    /// keys made for nothing cost nothing; an evidence block brings such a proof too, and pays for it.
    /// Returns whether it says something new.
    pub fn note_fork(&mut self, proof: ForkProof) -> bool {
        let mut offered = Offered::default();
        if self.author_of(&proof.author()).is_some_and(|author| author.member.is_some()) {
            self.enter_fork(proof, &mut offered);
        }
        !offered.forked.is_empty()
    }

    pub(super) fn enter_fork(&mut self, proof: ForkProof, offered: &mut Offered) {
        let (key, seq) = (proof.author(), proof.seq());
        let number = self.author_slot(&key);
        let Some(author) = self.authors.get_mut(number as usize) else { return };
        if author.is_void(seq) {
            return;
        }
        let void = author.chain.get(seq as usize..).unwrap_or_default().to_vec();
        author.chain.truncate(seq as usize);
        author.fork = Some(proof);
        void.into_iter().for_each(|at| self.count_citer(at, -1));
        self.void_epoch = self.void_epoch.wrapping_add(1);
        offered.forked.push(key);
        if !self.forked.contains(&number) {
            self.forked.push(number);
        }
        for id in self.pending.ids_of(&key, seq) {
            if !self.is_wanted(&id) {
                self.pending.discard(&id);
                offered.dropped_count += 1;
            }
        }
    }

    /// Looks for the first block of a run in whose place another is held.
    pub(super) fn find_fork(&mut self, run: &VerifiedRun, offered: &mut Offered) {
        let Some(first) = run.blocks.first() else { return };
        let Some(author) = self.author_of(&first.header.author) else { return };
        let other = |block: &VerifiedBlock| {
            let held = *author.chain.get(block.header.seq as usize)?;
            self.entries.get(held).filter(|entry| entry.id != block.id).map(|_| held)
        };
        let found = run.blocks.iter().enumerate().find_map(|(at, block)| Some((at, other(block)?)));
        let Some((at, held)) = found else { return };
        let blocks = run.blocks.get(at..).unwrap_or_default();
        let signature = blocks.last().and_then(|block| block.signature);
        let headers = blocks.iter().map(|block| block.header.encode()).collect();
        if let Some(signature) = signature {
            self.prove(held, (headers, signature), offered);
        }
    }

    /// Looks whether another block is held in the place of one whose ancestors have come. Its proof
    /// may lie in what follows it and waits for it.
    pub(super) fn find_late_fork(&mut self, block: &VerifiedBlock, offered: &mut Offered) {
        let Some(author) = self.author_of(&block.header.author) else { return };
        let Some(held) = author.chain.get(block.header.seq as usize).copied() else { return };
        let mut headers = Vec::new();
        let mut last = block;
        while headers.len() < RUN_COUNT_MAX {
            headers.push(last.header.encode());
            if let Some(signature) = last.signature {
                return self.prove(held, (headers, signature), offered);
            }
            let Some(next) = self.pending.after(&last.id) else { return };
            last = next;
        }
    }

    /// Makes the proof that `other` stands where the block `held` does.
    fn prove(&mut self, held: u32, other: Side, offered: &mut Offered) {
        let Some((headers, signature)) = self.side(held) else { return };
        let one = (&headers[..], signature);
        if let Ok(proof) = ForkProof::join(&self.room, one, (&other.0, other.1)) {
            self.enter_fork(proof, offered);
        }
    }

    /// The headers from a held block up to the next signature.
    fn side(&self, from: u32) -> Option<Side> {
        let mut headers = Vec::new();
        let mut at = from;
        while headers.len() < RUN_COUNT_MAX && at != NONE {
            let entry = self.entries.get(at)?;
            headers.push(self.header(at)?.encode());
            if let Some(signature) = self.signatures.get(entry.signature) {
                return Some((headers, *signature));
            }
            at = entry.next;
        }
        None
    }
}
