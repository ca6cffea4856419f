//! What two sets of blocks differ in, band by band.
//!
//! Range-based set reconciliation (Meyer, arXiv 2212.13567, sections 3 and 4) over all good blocks by
//! (height, id). Each message answers the one before, band by band: where imprints agree nothing more
//! is said; where they do not, the band is split in sixteen, or listed once it holds few blocks; a list
//! is answered by what it lacks. Nothing is kept between two messages.
//!
//! ```text
//!  imprint of theirs --- is ours ----------------> skip
//!        |                                          ^
//!        +--- is not: many blocks ---> 16 imprints  |
//!        |            few ----------> our list      |
//!  list of theirs ----> what it lacks --------------+
//! ```
//!
//! A message ends where it is full: what lies above is for a later reconciliation, and the lowest
//! differences, which the others are built on, come first.
//!
//! Cost of an answer: a walk and two hashes over the set, however many bands there are, since they rise
//! and so do not overlap.
//!
//! Source: docs/protocol.md R-401 to R-403.

use alloc::vec::Vec;

use crate::crypto::{Context, Deriving};
use crate::id::{BlockId, Nonce};
use crate::limits::{
    SYNC_BAND_COUNT_MAX, SYNC_LIST_COUNT_MAX, SYNC_LISTED_COUNT_MAX, SYNC_SPLIT_COUNT,
};

use super::message::{Band, Bands, Edge, IMPRINT_BYTES, Listed, SKIP};

/// Where a block is looked up by its number: its height, and what is said of it in a list.
pub(super) type LookUp<'a> = &'a dyn Fn(u32) -> Option<(u32, Listed)>;

/// What one side holds, and by what it is hashed.
pub(super) struct Side<'a> {
    pub(super) look_up: LookUp<'a>,
    /// By height and id.
    pub(super) list: Vec<u32>,
    /// Both sides' nonces, the lower one first.
    pub(super) key: [Nonce; 2],
}

impl Side<'_> {
    /// The hash of blocks under the key of this reconciliation.
    pub(super) fn imprint(&self, list: &[u32]) -> [u8; IMPRINT_BYTES] {
        let mut deriving = Deriving::new(Context::IMPRINT);
        for nonce in &self.key {
            deriving.part(nonce.as_bytes());
        }
        for at in list {
            if let Some((_, listed)) = (self.look_up)(*at) {
                deriving.part(listed.id.as_bytes());
            }
        }
        deriving.finish().as_bytes().first_chunk().copied().unwrap_or_default()
    }

    /// What is to be said to this. Without bands it asks for nothing any more.
    pub(super) fn answer(&self, heard: &Bands) -> Bands {
        let mut said = Bands { name: heard.name, bands: Vec::new(), listed: Vec::new() };
        // Up to here nothing is to be said, which is said only if something follows.
        let mut skipped = None;
        let mut to = 0;
        for Band { edge, imprint } in &heard.bands {
            let from = to;
            while self.edge(to).is_some_and(|it| it < *edge) {
                to += 1;
            }
            let own = self.list.get(from..to).unwrap_or_default();
            if *imprint == heard.name {
                for (_, own) in own.iter().filter_map(|at| (self.look_up)(*at)) {
                    if said.listed.len() < SYNC_LISTED_COUNT_MAX
                        && !heard.listed.iter().any(|other| other.id == own.id)
                    {
                        said.listed.push(own);
                    }
                }
            } else if *imprint != SKIP && *imprint != self.imprint(own) {
                if said.bands.len() + 1 + SYNC_SPLIT_COUNT > SYNC_BAND_COUNT_MAX
                    || said.listed.len() + SYNC_LIST_COUNT_MAX > SYNC_LISTED_COUNT_MAX
                {
                    break;
                }
                if let Some(edge) = skipped.take() {
                    said.bands.push(Band { edge, imprint: SKIP });
                }
                self.split(from, to, *edge, &mut said);
                continue;
            }
            skipped = Some(*edge);
        }
        said
    }

    /// Where in the order a block of the list stands.
    fn edge(&self, at: usize) -> Option<Edge> {
        let (height, Listed { id, .. }) = (self.look_up)(*self.list.get(at)?)?;
        Some(Edge { height, id })
    }

    /// Says of what is held from one place in the list to another, which is up to this edge.
    fn split(&self, from: usize, to: usize, edge: Edge, said: &mut Bands) {
        let own = self.list.get(from..to).unwrap_or_default();
        if own.len() <= SYNC_LIST_COUNT_MAX {
            said.bands.push(Band { edge, imprint: said.name });
            for (_, own) in own.iter().filter_map(|at| (self.look_up)(*at)) {
                said.listed.push(own);
            }
            return;
        }
        let mut end = from;
        for part in own.chunks(own.len().div_ceil(SYNC_SPLIT_COUNT)) {
            end += part.len();
            let edge = self.edge(end).filter(|_| end < to).unwrap_or(edge);
            said.bands.push(Band { edge, imprint: self.imprint(part) });
        }
    }
}

/// What the first message answers: that everything differs.
pub(super) fn everything(name: [u8; IMPRINT_BYTES]) -> Bands {
    let edge = Edge { height: u32::MAX, id: BlockId::from_bytes([0xff; BlockId::BYTES]) };
    let bands = alloc::vec![Band { edge, imprint: [0xff; IMPRINT_BYTES] }];
    Bands { name, bands, listed: Vec::new() }
}

#[cfg(test)]
mod tests;
