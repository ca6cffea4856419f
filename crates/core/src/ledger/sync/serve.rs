//! Answering what others ask, from what is held at this moment.

use alloc::vec::Vec;

use crate::limits::{
    RUN_BYTES_MAX, SYNC_PAGE_BYTES_MAX, SYNC_PAGE_COUNT_MAX, SYNC_SERVED_BYTES_PER_SECOND,
    SYNC_SERVED_BYTES_SAVED,
};
use crate::time::Timestamp;

use super::super::dag::{BlockIndex, Dag, Source};
use super::message::{Request, SyncMessage, page};
use super::{Sync, SyncEffect};

/// What a link may still be served.
#[derive(Clone, Copy, Debug)]
pub(super) struct Served {
    bytes_left: u64,
    at: Timestamp,
}

impl Default for Served {
    fn default() -> Self {
        Self { bytes_left: SYNC_SERVED_BYTES_SAVED, at: Timestamp::ZERO }
    }
}

impl Served {
    /// Whether so much may be served by now; then it counts as served.
    pub(super) fn take(&mut self, now: Timestamp, bytes: usize) -> bool {
        let is_left = self.is_left(now, bytes);
        if is_left {
            self.bytes_left -= bytes as u64;
        }
        is_left
    }

    /// Whether so much may be served by now.
    fn is_left(&mut self, now: Timestamp, bytes: usize) -> bool {
        let earned =
            now.since(self.at).as_ms().saturating_mul(SYNC_SERVED_BYTES_PER_SECOND) / 1_000;
        self.bytes_left = self.bytes_left.saturating_add(earned).min(SYNC_SERVED_BYTES_SAVED);
        self.at = now;
        self.bytes_left >= bytes as u64
    }
}

/// How far a range, or what is below a single block, has been served.
struct Cursor {
    at: BlockIndex,
    /// The number of the last block that was asked for.
    last_seq: u32,
    height: u32,
}

/// Pages on their way.
struct Pages {
    number: u64,
    runs: Vec<Vec<u8>>,
    bytes: usize,
    full: Vec<Vec<u8>>,
}

/// A page's head, and a run's last signature with some slack.
const PAGE_OVERHEAD_BYTES: usize = 128;

impl Pages {
    fn room(&self) -> usize {
        (SYNC_PAGE_BYTES_MAX - PAGE_OVERHEAD_BYTES).saturating_sub(self.bytes)
    }

    fn is_full(&self) -> bool {
        self.full.len() >= SYNC_PAGE_COUNT_MAX as usize
    }

    fn push(&mut self, run: Vec<u8>) {
        self.bytes += run.len();
        self.runs.push(run);
    }

    fn turn(&mut self) {
        if !self.runs.is_empty() {
            self.full.push(page(self.number, &self.runs));
            self.runs.clear();
            self.bytes = 0;
        }
    }
}

impl Sync {
    pub(super) fn serve(&mut self, now: Timestamp, dag: &Dag, from: Source, request: &Request) {
        let Some(peer) = self.peers.get_mut(&from) else { return };
        // Before any work is done for it: an answer that would not be sent costs nothing either.
        if peer.served.is_left(now, SYNC_PAGE_BYTES_MAX) {
            let mut answers = proofs(dag, request);
            answers.append(&mut pages(dag, request));
            answers.retain(|answer| peer.served.take(now, answer.len()));
            let answers = answers.into_iter().map(|bytes| SyncEffect { to: from, bytes });
            answers.for_each(|effect| self.effects.push(effect));
        }
        self.say(from, &SyncMessage::End { number: request.number });
    }
}

fn proofs(dag: &Dag, request: &Request) -> Vec<Vec<u8>> {
    let known = request.proofs.iter().filter_map(|author| dag.fork_of(author));
    let number = request.number;
    known.map(|proof| SyncMessage::Proof { number, proof: proof.bytes() }.encode()).collect()
}

/// The pages that answer a request: at most so many, the lowest blocks first, so that the receiver
/// holds what it gets at once.
fn pages(dag: &Dag, request: &Request) -> Vec<Vec<u8>> {
    let mut cursors: Vec<Cursor> = Vec::new();
    for single in &request.singles {
        if let Some(index) = dag.index_of(&single.id)
            && let Some(view) = dag.block(index)
        {
            cursors.extend(cursor(dag, dag.below(index, single.down), view.seq));
        }
    }
    for range in &request.ranges {
        if let Some(at) = dag.block_of(&range.author, range.from) {
            cursors.extend(cursor(dag, at, range.to - 1));
        }
    }
    let mut pages = Pages { number: request.number, runs: Vec::new(), bytes: 0, full: Vec::new() };
    while !pages.is_full() {
        let lowest = (0..cursors.len()).min_by_key(|at| cursors.get(*at).map(|it| it.height));
        let Some(lowest) = lowest else { break };
        let mut cursor = cursors.swap_remove(lowest);
        // A stretch that stays near the others, which its blocks may name.
        let others = cursors.iter().map(|other| other.height).min().unwrap_or(u32::MAX);
        if serve_stretch(dag, &mut cursor, others.saturating_add(STRETCH_HEIGHT), &mut pages) {
            cursors.push(cursor);
        }
    }
    if !pages.is_full() {
        pages.turn();
    }
    pages.full
}

/// How far above the others one author's blocks are served in one run. A run costs one signature
/// check; blocks that wait for others cost memory until these come.
const STRETCH_HEIGHT: u32 = 256;

fn cursor(dag: &Dag, at: BlockIndex, last_seq: u32) -> Option<Cursor> {
    let height = dag.block(at)?.height;
    Some(Cursor { at, last_seq, height })
}

/// Serves one run. Returns whether more of it is to come.
fn serve_stretch(dag: &Dag, cursor: &mut Cursor, height_max: u32, pages: &mut Pages) -> bool {
    let enough = |at: BlockIndex| {
        dag.block(at).is_none_or(|it| it.seq >= cursor.last_seq || it.height >= height_max)
    };
    let room = pages.room().min(RUN_BYTES_MAX);
    let Some((run, last)) = dag.run_from(cursor.at, room, &enough) else {
        // No signature within what is left of this page: perhaps within a whole one.
        let is_fresh = pages.runs.is_empty();
        pages.turn();
        return !is_fresh;
    };
    pages.push(run);
    let Some(next) = dag.after(last).and_then(|at| Some((at, dag.block(at)?))) else {
        return false;
    };
    (cursor.at, cursor.height) = (next.0, next.1.height);
    next.1.seq <= cursor.last_seq
}
