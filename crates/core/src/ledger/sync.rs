//! Bringing ledgers together: what two peers lack of one another, fetched from several at once.
//!
//! Broadcast carries new blocks; sync repairs what it missed, and fills a newcomer. On link-up both
//! sides say their digest; equal digests end it there. Otherwise each says its frontier, and each
//! asks for what the other has beyond its own: stretches of chains, in runs that end in a signature,
//! lowest blocks first. One request is answered by at most 8 pages of 64 KiB, which is the credit; the
//! next request says anew what is missing. Whoever answers remembers nothing.
//!
//! ```text
//!  A                      B
//!  | --- digest --------> |        equal: the end
//!  | <-- frontier ------- |
//!  | --- frontier ------> |        and so it is asked from both sides
//!  | --- request -------> |        ranges are shared out among all peers that have them
//!  | <-- page .. page --- |
//!  | <-- end ------------ |        again, until nothing is missing; then both digests
//! ```
//!
//! Where two peers hold different blocks of one author under one number, the run that shows it is the
//! fork's proof; the stretch below is asked for too, until the place where the histories part is
//! known. A claim that is not made good within its deadline is void, and another peer is asked.
//!
//! Because the digest is a hash over heads, two ledgers that differ differ in a head or a fork. If
//! digests differ and frontiers, with their 8 bytes of each head, do not, the sets of blocks are
//! reconciled ([`reconcile`], docs/decisions/0010-reconciliation-behind-a-digest-of-heads.md).
//!
//! Source: docs/protocol.md R-350 to R-369, R-400 to R-405.

use alloc::vec::Vec;

use crate::codec::DecodeError;
use crate::id::{AuthorId, BlockId};
use crate::limits::{
    SETTLE_DELAY, SETTLE_DELAY_MAX, SYNC_CHASE_MIN, SYNC_FRUITLESS_COUNT_MAX, SYNC_PROOF_COUNT_MAX,
    SYNC_RETRY_MAX,
};
use crate::queue::Queue;
use crate::rng::{Rng, Seed};
use crate::table::Table;
use crate::time::{Now, Span, Timestamp, earliest};

use super::dag::{BlockIndex, Dag, Offered, Source};
use super::fault::LedgerFault;
use super::fork::ForkProof;
use message::{Claim, Request, SyncMessage};
use reconcile::Reconciliation;
use serve::Served;

mod ask;
mod bands;
pub mod message;
mod reconcile;
mod seen;
mod serve;
mod take;
#[cfg(test)]
mod tests;

/// What the node tells sync.
#[derive(Clone, Copy, Debug)]
pub enum SyncInput<'a> {
    /// A link is open.
    LinkUp(Source),
    /// It is closed.
    LinkDown(Source),
    /// A peer said something.
    Message {
        /// Which.
        from: Source,
        /// What.
        bytes: &'a [u8],
    },
    /// The ledger changed from this side: a block was written or read from storage.
    Changed,
    /// Compare with everyone once more.
    Check,
    /// A timeout is due.
    Tick,
}

/// What sync asks of the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncEffect {
    /// To whom.
    pub to: Source,
    /// What to send, reliably and in order.
    pub bytes: Vec<u8>,
}

/// What a peer let us know of how far it holds a chain of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Who.
    pub from: Source,
    /// Which chain.
    pub author: AuthorId,
    /// How many of its blocks.
    pub count: u32,
    /// The last one's id, or its first eight bytes and zeros; `None` where it did not say.
    pub head: Option<[u8; BlockId::BYTES]>,
}

/// How a peer broke the protocol of sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SyncFault {
    /// A message that is none.
    Malformed(DecodeError),
    /// A run or proof that does not hold.
    Ledger(LedgerFault),
    /// More pages than one request allows.
    TooManyPages {
        /// The most.
        limit: u32,
    },
    /// More messages than one reconciliation allows.
    TooManyRounds {
        /// The most.
        limit: u32,
    },
}

/// What became of an input. Blocks that break a rule are in `offered.refused`, with who brought them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct SyncOutcome {
    /// What came into the ledger.
    pub offered: Offered,
    /// Why the link that this came over is to be closed.
    pub fault: Option<SyncFault>,
}

/// What one link asked and has not heard the end of.
#[derive(Debug)]
struct Asked {
    request: Request,
    deadline: Timestamp,
    page_count: u32,
    /// Whether it brought anything.
    is_fruitful: bool,
}

#[derive(Debug, Default)]
struct Peer {
    /// The digest it last said.
    digest: Option<[u8; 32]>,
    /// What it last said it holds.
    claims: Vec<Claim>,
    asked: Option<Asked>,
    last_number: u64,
    /// Requests in a row that brought nothing.
    fruitless_count: u32,
    /// It is not asked before this.
    asked_from: Option<Timestamp>,
    reconciliation: Reconciliation,
    served: Served,
    /// Authors as which it writes, since it sent blocks of theirs unasked, and how many we confirmed.
    owed: Table<AuthorId, u32>,
}

/// The machine: one for a room.
#[derive(Debug)]
pub struct Sync {
    peers: Table<Source, Peer>,
    effects: Queue<SyncEffect>,
    /// Whether something came by asking, since digests were last said.
    has_gained: bool,
    /// When missing ancestors are asked for one by one.
    chase_at: Option<Timestamp>,
    chase_count: u32,
    /// Whom to ask next.
    turn: Source,
    /// The digest as it was in this state of the ledger: blocks, forks, what is withheld.
    digest: Option<((u32, u32, Option<BlockIndex>), [u8; 32])>,
    /// Chains of ours.
    own: Vec<AuthorId>,
    heard: Queue<Heard>,
    /// A peer writes as another author than before.
    has_writer: bool,
    /// When blocks that others sent unasked are confirmed.
    seen_at: Option<Timestamp>,
    /// When it is checked that blocks sent unasked reached everyone, and when at the latest.
    settle_at: Option<(Timestamp, Timestamp)>,
    /// Whence nonces come.
    rng: Rng,
}

impl Sync {
    /// A machine without links. `seed` is what its nonces grow from.
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        Self {
            peers: Table::new(),
            effects: Queue::default(),
            has_gained: false,
            has_writer: false,
            chase_at: None,
            chase_count: 0,
            turn: Source::OWN,
            digest: None,
            own: Vec::new(),
            heard: Queue::default(),
            seen_at: None,
            settle_at: None,
            rng: Rng::new(seed),
        }
    }

    /// From now on, what peers hold of this author's chain is heard.
    pub fn listen(&mut self, own: AuthorId) {
        if !self.own.contains(&own) {
            self.own.push(own);
        }
    }

    /// What was heard next.
    pub fn poll_heard(&mut self) -> Option<Heard> {
        self.heard.pop()
    }

    /// Takes one input in.
    pub fn handle(&mut self, now: Now, dag: &mut Dag, input: SyncInput<'_>) -> SyncOutcome {
        let now = now.monotonic;
        let mut outcome = SyncOutcome::default();
        match input {
            SyncInput::LinkUp(link) => {
                self.peers.insert(link, Peer::default());
                self.say_digest(dag, link);
            }
            SyncInput::LinkDown(link) => {
                self.peers.remove(&link);
                self.effects.retain(|effect| effect.to != link);
                dag.forget(link);
            }
            SyncInput::Message { from, bytes } if self.peers.contains_key(&from) => {
                let result = self.on_message(now, dag, from, bytes, &mut outcome.offered);
                outcome.fault = result.err();
            }
            SyncInput::Check => self.say_digest_to_all(dag),
            SyncInput::Tick => self.on_tick(now, dag),
            SyncInput::Message { .. } | SyncInput::Changed => {}
        }
        if !outcome.offered.forked.is_empty() {
            self.say_digest_to_all(dag);
        }
        self.reconcile(now);
        self.ask_all(now, dag);
        let has_come = outcome.offered.held_count > 0 || outcome.offered.pending_count > 0;
        self.watch_missing(now, dag, has_come);
        if self.has_gained && self.is_idle() {
            self.has_gained = false;
            self.say_digest_to_all(dag);
        }
        outcome
    }

    /// Sends a block that was just written here, and those that were written after it, to everyone. A
    /// burst costs one signature for each run.
    pub fn push(&mut self, now: Now, dag: &Dag, block: BlockIndex) {
        self.await_settling(now.monotonic);
        let mut next = Some(block);
        while let Some(first) = next {
            let Some((run, last)) = dag.run_from(first, usize::MAX, &|_| false) else { return };
            let bytes = message::page(0, &[run]);
            let links: Vec<Source> = self.peers.keys().copied().collect();
            for to in links {
                self.effects.push(SyncEffect { to, bytes: bytes.clone() });
            }
            next = dag.after(last);
        }
    }

    /// The next message to send.
    pub fn poll_effect(&mut self) -> Option<SyncEffect> {
        self.effects.pop()
    }

    /// When to call again with [`SyncInput::Tick`]. `None` while nothing is missing: an idle room
    /// has no timer.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let asked = |peer: &Peer| peer.asked.as_ref().map(|asked| asked.deadline);
        let peers = self.peers.values().map(|peer| {
            earliest(peer.reconciliation.timeout(), earliest(asked(peer), peer.asked_from))
        });
        let settle_at = self.settle_at.map(|(at, _)| at);
        earliest(settle_at, earliest(self.seen_at, peers.fold(self.chase_at, earliest)))
    }

    /// Whether no answer to a request is awaited.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.peers.values().all(|peer| peer.asked.is_none() && peer.asked_from.is_none())
    }

    fn on_message(
        &mut self,
        now: Timestamp,
        dag: &mut Dag,
        from: Source,
        bytes: &[u8],
        offered: &mut Offered,
    ) -> Result<(), SyncFault> {
        match SyncMessage::decode(bytes).map_err(SyncFault::Malformed)? {
            SyncMessage::Digest(digest) => self.on_digest(now, dag, from, digest),
            SyncMessage::Frontier { digest, asks_back, claims } => {
                self.on_frontier(now, dag, from, digest, claims);
                if asks_back {
                    self.say_frontier(now, dag, from, false);
                }
            }
            SyncMessage::Request(request) => self.serve(now, dag, from, &request),
            SyncMessage::Page { number, runs } => {
                self.on_page(now, dag, (from, number), &runs, offered)?;
            }
            SyncMessage::Proof { number, proof } => {
                self.on_proof(dag, (from, number), proof, offered)?;
            }
            SyncMessage::Seen(counts) => {
                for (author, count) in counts {
                    self.hear(from, author, count, None);
                }
            }
            SyncMessage::End { number } => self.on_end(now, from, number),
            SyncMessage::Reconcile(nonce) => self.on_nonce(now, dag, from, nonce)?,
            SyncMessage::Bands(bands) => self.on_bands(now, dag, from, Some(bands))?,
        }
        Ok(())
    }

    fn say(&mut self, to: Source, message: &SyncMessage<'_>) {
        self.effects.push(SyncEffect { to, bytes: message.encode() });
    }

    /// The ledger's digest, computed only where the ledger changed: anyone may ask at any time.
    fn digest(&mut self, dag: &Dag) -> [u8; 32] {
        let state = (dag.held_count(), dag.void_epoch(), dag.withheld());
        match self.digest {
            Some((known, digest)) if known == state => digest,
            _ => self.digest.insert((state, *dag.digest().as_bytes())).1,
        }
    }

    fn say_digest(&mut self, dag: &Dag, to: Source) {
        let digest = self.digest(dag);
        self.say(to, &SyncMessage::Digest(digest));
    }

    fn say_digest_to_all(&mut self, dag: &Dag) {
        let message = SyncMessage::Digest(self.digest(dag));
        let links: Vec<Source> = self.peers.keys().copied().collect();
        links.into_iter().for_each(|to| self.say(to, &message));
    }

    /// A frontier is long and asked for by a short message, so it counts as served.
    fn say_frontier(&mut self, now: Timestamp, dag: &Dag, to: Source, asks_back: bool) {
        let claims = dag.frontier().iter().map(Claim::of).collect();
        let digest = self.digest(dag);
        let bytes = SyncMessage::Frontier { digest, asks_back, claims }.encode();
        if self.peers.get_mut(&to).is_some_and(|peer| peer.served.take(now, bytes.len())) {
            self.effects.push(SyncEffect { to, bytes });
        }
    }

    fn on_digest(&mut self, now: Timestamp, dag: &Dag, from: Source, digest: [u8; 32]) {
        let is_equal = self.digest(dag) == digest;
        if let Some(peer) = self.peers.get_mut(&from) {
            peer.digest = Some(digest);
            peer.fruitless_count = 0;
            if is_equal {
                peer.claims = Vec::new();
                peer.reconciliation.unwant();
            }
        }
        if is_equal {
            self.hear_all(dag, from);
        }
        if !is_equal {
            self.say_frontier(now, dag, from, true);
        }
    }

    fn on_frontier(
        &mut self,
        now: Timestamp,
        dag: &Dag,
        from: Source,
        digest: [u8; 32],
        claims: Vec<Claim>,
    ) {
        let ours = dag.frontier();
        let is_hidden = digest != self.digest(dag)
            && ours.len() == claims.len()
            && ours.iter().zip(&claims).all(|(entry, claim)| Claim::of(entry) == *claim);
        self.tell_of_forks(dag, from, &claims);
        for claim in claims.iter().filter(|claim| self.own.contains(&claim.author)) {
            let (author, count, head) = (claim.author, claim.count, Some(claim.head));
            self.heard.push(Heard { from, author, count, head });
        }
        let Some(peer) = self.peers.get_mut(&from) else { return };
        peer.claims = claims;
        if is_hidden {
            peer.reconciliation.want(now);
        }
    }

    /// An author that forked in its first block is in no frontier of ours, so nobody would ask us for
    /// the proof: whoever claims blocks of it is told.
    fn tell_of_forks(&mut self, dag: &Dag, to: Source, claims: &[Claim]) {
        let forks = claims.iter().filter(|claim| dag.count_of(&claim.author) == 0);
        let proofs = forks.filter_map(|claim| dag.fork_of(&claim.author));
        for proof in proofs.filter(|proof| proof.seq() == 0).take(SYNC_PROOF_COUNT_MAX) {
            self.say(to, &SyncMessage::Proof { number: 0, proof: proof.bytes() });
        }
    }

    fn on_tick(&mut self, now: Timestamp, dag: &Dag) {
        for peer in self.peers.values_mut() {
            if peer.asked.as_ref().is_some_and(|asked| asked.deadline <= now) {
                peer.asked = None;
                peer.settle(now, false);
            }
            if peer.asked_from.is_some_and(|from| from <= now) {
                peer.asked_from = None;
            }
        }
        if self.chase_at.is_some_and(|at| at <= now) {
            self.chase(now, dag);
        }
        if self.seen_at.is_some_and(|at| at <= now) {
            self.confirm(dag);
        }
        if self.settle_at.is_some_and(|(at, _)| at <= now) {
            self.settle_at = None;
            let digest = self.digest(dag);
            let others = self.peers.iter().filter(|(_, peer)| peer.digest != Some(digest));
            let links: Vec<Source> = others.map(|(link, _)| *link).collect();
            links.into_iter().for_each(|to| self.say(to, &SyncMessage::Digest(digest)));
        }
    }

    /// Blocks come unasked or go out: whoever sent them may have stopped in the midst of it. Once it is
    /// quiet, digests tell who lacks some. Not sooner, since what is on its way would be asked for too.
    fn await_settling(&mut self, now: Timestamp) {
        let by = self.settle_at.map_or(now.after(SETTLE_DELAY_MAX), |(_, by)| by);
        self.settle_at = Some((now.after(SETTLE_DELAY).min(by), by));
    }
}

impl Peer {
    /// A request is over. A peer whose answers bring nothing is asked less and less, and then its
    /// claims are void until it says something new.
    fn settle(&mut self, now: Timestamp, is_fruitful: bool) {
        if is_fruitful {
            self.fruitless_count = 0;
            return;
        }
        self.fruitless_count += 1;
        if self.fruitless_count >= SYNC_FRUITLESS_COUNT_MAX {
            self.claims = Vec::new();
        } else {
            self.asked_from = Some(now.after(pause(self.fruitless_count)));
        }
    }
}

/// Twice as long after each fruitless try.
fn pause(try_count: u32) -> Span {
    let ms = SYNC_CHASE_MIN.as_ms() << try_count.min(16);
    Span::from_ms(ms.min(SYNC_RETRY_MAX.as_ms()))
}

fn merge(all: &mut Offered, more: Offered) {
    all.held_count += more.held_count;
    all.pending_count += more.pending_count;
    all.known_count += more.known_count;
    all.dropped_count += more.dropped_count;
    all.refused.extend(more.refused);
    all.forked.extend(more.forked);
}
