//! What the next block of an author of ours names.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::id::{AuthorId, BlockId, BodyHash};
use crate::limits::PARENT_COUNT_MAX;
use crate::rng::Rng;
use crate::time::WallTime;

use super::super::block::{Anchor, Flags, Header, Parents};
use super::super::member::Credential;
use super::super::sort::sort;
use super::{BlockIndex, Dag};

impl Dag {
    /// Good blocks that no good block names, the one first held first.
    #[must_use]
    pub fn tips(&self) -> Vec<BlockIndex> {
        let mut tips: Vec<u32> = self
            .authors
            .iter()
            .filter_map(|author| author.chain.last().copied())
            .filter(|at| self.entries.get(*at).is_some_and(|entry| entry.citer_count == 0))
            .collect();
        sort(&mut tips, &|a, b| a < b);
        tips.into_iter().map(BlockIndex).collect()
    }

    /// The header of this author's next block, but for its body. `None` where the chain begins and
    /// there is no credential, and for a forked author.
    ///
    /// Parents are drawn from the tips, the older half first: if all took the newest, the rest would
    /// starve, and if all took the same eight, so would every other.
    #[must_use]
    pub fn draft(
        &self,
        author: AuthorId,
        credential: Option<&Credential>,
        flags: Flags,
        wall: WallTime,
        rng: &mut Rng,
    ) -> Option<Header> {
        let chain: &[u32] = match self.author_of(&author) {
            Some(known) if known.fork.is_some() => return None,
            Some(known) => &known.chain,
            None => &[],
        };
        let last = chain.last().and_then(|at| self.entries.get(*at));
        let seq = last.map_or(Some(0), |last| last.seq.checked_add(1))?;
        let credential = match last {
            Some(_) => None,
            None => Some(Box::new(credential?.clone())),
        };
        let parents = self.draw_parents(&author, rng);
        let below = parents.iter().filter_map(|at| self.entries.get(*at));
        let height = below.chain(last).map(|entry| entry.height).max().unwrap_or(0);
        let ids: Vec<BlockId> =
            parents.iter().filter_map(|at| self.entries.get(*at)).map(|entry| entry.id).collect();
        Some(Header {
            author,
            seq,
            prev: last.map(|last| last.id),
            parents: Parents::new(&ids),
            anchor: Anchor::Genesis,
            height: height.checked_add(1)?,
            flags,
            wall,
            body_bytes: 0,
            body_hash: BodyHash::from_bytes([0; 32]),
            credential,
        })
    }

    fn draw_parents(&self, author: &AuthorId, rng: &mut Rng) -> Vec<u32> {
        let own = self.author_number(author);
        let mut older: Vec<u32> = self.tips().into_iter().map(|index| index.0).collect();
        older.retain(|at| self.entries.get(*at).map(|entry| entry.author) != own);
        let mut newer = older.split_off(older.len().div_ceil(2));
        let mut drawn = Vec::new();
        for half in [&mut older, &mut newer] {
            while drawn.len() < PARENT_COUNT_MAX && !half.is_empty() {
                let at = usize::try_from(rng.below(half.len() as u64)).unwrap_or(0);
                drawn.push(half.swap_remove(at));
            }
        }
        drawn
    }
}
