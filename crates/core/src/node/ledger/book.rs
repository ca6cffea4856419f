//! An open ledger: blocks, their order, sync, our own keys, storage.

use alloc::vec::Vec;

use crate::error::ErrorCode;
use crate::id::{AuthorId, BlockId, MemberId, PeerId, Ticket};
use crate::ledger::block::salted;
use crate::ledger::{
    BlockIndex, Dag, Flags, Heard, Imported, LedgerFault, Order, Refused, Source, Sync, SyncFault,
    SyncInput, SyncOutcome, VerifiedRun,
};
use crate::limits::{BLOCK_BODY_BYTES_MAX, EVIDENCE_DELAY_MAX, FORKER_PATIENCE, SALT_BYTES};
use crate::rng::{Rng, Seed};
use crate::time::{Now, Span, Timestamp, earliest};

use super::super::notice::{MeshError, Notice};
use super::own::Own;
use super::storage::{Batch, StorageFault, Storing, proof_key, replacing};
use super::{refused_as, too_many};

/// An open ledger.
#[derive(Debug)]
pub(super) struct Book {
    dag: Dag,
    order: Order,
    sync: Sync,
    own: Own,
    storing: Storing,
    /// Links that are open, by the number sync knows them by.
    links: Vec<(Source, PeerId)>,
    link_count: u32,
    /// Blocks of our own that no peer was told of, in the order of their numbers.
    untold: Vec<BlockIndex>,
    /// How many blocks of each of our authors a peer is known to hold.
    seen: Vec<(AuthorId, PeerId, u32)>,
    /// We began to write as an author, and may have forks to publish.
    has_new_author: bool,
    evidence_at: Option<Timestamp>,
    /// Who writes as an author that forked, and when its link is closed: after the proof reached it.
    leaving: Vec<(Timestamp, PeerId, AuthorId)>,
    notices: Vec<Notice>,
    faults: Vec<(PeerId, MeshError)>,
}

impl Book {
    pub(super) fn new(dag: Dag, own: Own, storing: Storing, seed: Seed) -> Self {
        let mut book = Self {
            dag,
            order: Order::new(),
            sync: Sync::new(seed),
            own,
            storing,
            links: Vec::new(),
            link_count: 0,
            untold: Vec::new(),
            seen: Vec::new(),
            has_new_author: false,
            evidence_at: None,
            leaving: Vec::new(),
            notices: Vec::new(),
            faults: Vec::new(),
        };
        // Those that were stored were told of when they were found.
        let _ = book.dag.take_forked();
        book.own.begin(&book.dag);
        if let Some(author) = book.own.author() {
            book.listen(author);
        }
        book
    }

    pub(super) fn member(&self) -> MemberId {
        self.own.member()
    }

    pub(super) const fn dag(&self) -> &Dag {
        &self.dag
    }

    pub(super) const fn order(&self) -> &Order {
        &self.order
    }

    pub(super) fn deadline(&self) -> Option<Timestamp> {
        let leave_at = self.leaving.first().map(|(at, ..)| *at);
        earliest(self.sync.poll_timeout(), earliest(self.evidence_at, leave_at))
    }

    /// Blocks of our own that are written and not stored, where there is storage.
    pub(super) fn unstored_count(&self) -> usize {
        if self.storing.is_on() { self.untold.len() } else { 0 }
    }

    /// Those of them that are in no batch yet.
    pub(super) fn unbatched_count(&self) -> usize {
        if !self.storing.is_on() {
            return 0;
        }
        let next = self.storing.next_block();
        self.untold.len() - self.untold.partition_point(|block| *block < next)
    }

    pub(super) fn take_notices(&mut self) -> Vec<Notice> {
        core::mem::take(&mut self.notices)
    }

    pub(super) fn take_faults(&mut self) -> Vec<(PeerId, MeshError)> {
        core::mem::take(&mut self.faults)
    }

    /// The next message for a peer.
    pub(super) fn poll_message(&mut self) -> Option<(PeerId, Vec<u8>)> {
        loop {
            let effect = self.sync.poll_effect()?;
            if let Some(peer) = self.peer_of(effect.to) {
                return Some((peer, effect.bytes));
            }
        }
    }

    pub(super) fn link_up(&mut self, now: Now, peer: PeerId) {
        if self.link_of(&peer).is_some() {
            return;
        }
        self.link_count += 1;
        let link = Source(self.link_count);
        self.links.push((link, peer));
        self.give(now, SyncInput::LinkUp(link));
    }

    pub(super) fn link_down(&mut self, now: Now, peer: PeerId) {
        if let Some(link) = self.link_of(&peer) {
            self.give(now, SyncInput::LinkDown(link));
            self.links.retain(|(known, _)| *known != link);
            self.seen.retain(|(_, by, _)| *by != peer);
        }
    }

    /// Some of what this peer was to be told did not fit its line.
    pub(super) fn compare(&mut self, now: Now) {
        self.give(now, SyncInput::Check);
    }

    pub(super) fn on_message(&mut self, now: Now, peer: PeerId, bytes: &[u8]) {
        if let Some(from) = self.link_of(&peer) {
            self.give(now, SyncInput::Message { from, bytes });
        }
    }

    pub(super) fn tick(&mut self, now: Now, rng: &mut Rng) {
        self.give(now, SyncInput::Tick);
        if self.evidence_at.is_some_and(|at| at <= now.monotonic) {
            self.evidence_at = None;
            self.publish_evidence(now, rng);
        }
        while let Some((_, peer, author)) = self.leaving.first().filter(|it| it.0 <= now.monotonic)
        {
            let error = MeshError::new(ErrorCode::AuthorForked);
            self.faults.push((*peer, error.mismatch("one history of an author", author.to_text())));
            self.leaving.remove(0);
        }
    }

    fn link_of(&self, peer: &PeerId) -> Option<Source> {
        self.links.iter().find(|(_, other)| other == peer).map(|(link, _)| *link)
    }

    fn peer_of(&self, link: Source) -> Option<PeerId> {
        self.links.iter().find(|(other, _)| *other == link).map(|(_, peer)| *peer)
    }

    fn give(&mut self, now: Now, input: SyncInput<'_>) {
        let link = match input {
            SyncInput::Message { from, .. } => self.peer_of(from),
            _ => None,
        };
        let SyncOutcome { offered, fault } = self.sync.handle(now, &mut self.dag, input);
        if let (Some(peer), Some(fault)) = (link, fault) {
            self.faults.push((peer, fault_error(&fault)));
        }
        for Refused { source, block, fault } in offered.refused {
            if let Some(peer) = self.peer_of(source) {
                let error = refused_as(&fault);
                let detail = alloc::format!("block {block} breaks the rules of the ledger");
                self.faults.push((peer, error.detail(detail)));
            }
        }
        self.own.watch(&self.dag);
        while let Some(heard) = self.sync.poll_heard() {
            self.on_heard(&heard);
        }
    }

    fn on_heard(&mut self, heard: &Heard) {
        let Some(peer) = self.peer_of(heard.from) else { return };
        let last = heard.count.checked_sub(1);
        let held = last.and_then(|seq| self.dag.block(self.dag.block_of(&heard.author, seq)?));
        let is_ours = held.as_ref().is_some_and(|held| fits(&held.id, heard.head.as_ref()));
        if heard.head.is_some() {
            self.own.hear(heard, is_ours);
        }
        let Some(author) = self.dag.author_index(&heard.author).filter(|_| is_ours) else { return };
        let is_it = |(of, by, _): &&mut (AuthorId, PeerId, u32)| *of == heard.author && *by == peer;
        let known = match self.seen.iter_mut().find(is_it) {
            Some((_, _, known)) => core::mem::replace(known, heard.count.max(*known)),
            None => {
                self.seen.push((heard.author, peer, heard.count));
                0
            }
        };
        if known < heard.count {
            self.notices.push(Notice::LedgerSeen { peer, author, count: heard.count });
        }
    }

    /// Writes a block. It is held and in the order when this returns.
    pub(super) fn write(
        &mut self,
        now: Now,
        payload: &[u8],
        flags: Flags,
        rng: &mut Rng,
    ) -> Result<BlockIndex, MeshError> {
        let limit = BLOCK_BODY_BYTES_MAX - SALT_BYTES;
        if payload.len() > limit {
            let expected = alloc::format!("at most {limit} bytes");
            let error = MeshError::new(ErrorCode::MessageTooLarge).limit(limit);
            return Err(error.mismatch(expected, alloc::format!("{}", payload.len())));
        }
        let (key, record) = self.own.key(&self.dag, rng)?;
        let author = key.author();
        if let Some(record) = record {
            self.storing.add(record);
            self.listen(author);
        }
        let credential = self.own.credential(&self.dag, &author);
        let header = self.dag.draft(author, credential.as_ref(), flags, now.wall, rng);
        let header = header.ok_or_else(|| too_many("an author with room for a block", 0))?;
        let body = salted(rng.bytes(), payload);
        let run = VerifiedRun::sign(&self.dag.room(), &key, header, &body);
        let offered = self.dag.offer(run.map_err(|fault| refused_as(&fault))?, Source::OWN);
        if let Some(refused) = offered.refused.first() {
            return Err(refused_as(&refused.fault));
        }
        if offered.held_count == 0 {
            return Err(too_many("a ledger with room for a block", 0));
        }
        self.own.wrote();
        let block = BlockIndex(self.dag.held_count() - 1);
        self.untold.push(block);
        if self.storing.is_on() && self.dag.withheld().is_none() {
            self.dag.withhold(Some(block));
        }
        self.settle();
        Ok(block)
    }

    fn listen(&mut self, author: AuthorId) {
        self.has_new_author = true;
        self.sync.listen(author);
        self.dag.add_own(author);
    }

    /// A batch is durable, or nothing more will be. Whether it was awaited.
    pub(super) fn on_stored(
        &mut self,
        now: Now,
        ticket: Ticket,
        result: Result<(), StorageFault>,
    ) -> bool {
        let Some(to) = self.storing.settle(ticket) else { return false };
        match result {
            Ok(()) => self.release(now, BlockIndex(to), true),
            Err(fault) => {
                self.storing.stop();
                self.release(now, BlockIndex(self.dag.held_count()), false);
                let code = match fault {
                    StorageFault::Refused => ErrorCode::StorageRefused,
                    StorageFault::Full => ErrorCode::StorageFull,
                };
                self.notices.push(Notice::LedgerUnsaved(MeshError::new(code)));
            }
        }
        true
    }

    /// Our own blocks before this one may be known to others.
    fn release(&mut self, now: Now, to: BlockIndex, are_stored: bool) {
        let count = self.untold.partition_point(|block| *block < to);
        let rest = self.untold.split_off(count);
        let released = core::mem::replace(&mut self.untold, rest);
        self.dag.withhold(self.untold.first().copied());
        let mut authors: Vec<AuthorId> = Vec::new();
        for block in &released {
            let Some(view) = self.dag.block(*block) else { continue };
            let author = view.author;
            if !authors.contains(&author) {
                authors.push(author);
                // What follows it in its chain goes with it. Of a chain that was found to be forked
                // meanwhile nobody is told: they would take us for who forked it.
                if self.dag.fork_of(&author).is_none() {
                    self.sync.push(now, &self.dag, *block);
                }
            }
        }
        if are_stored {
            for author in authors {
                let last = self.dag.told_head(&author).map(|(_, count)| count);
                if let (Some(author), Some(count)) = (self.dag.author_index(&author), last) {
                    self.notices.push(Notice::LedgerStored { author, count });
                }
            }
        }
    }

    pub(super) fn import(&mut self, now: Now, bytes: &[u8]) -> Result<Imported, MeshError> {
        let imported = self.dag.import(bytes).map_err(|fault| refused_as(&fault));
        self.give(now, SyncInput::Check);
        imported
    }

    /// The end of a turn: tells what changed, and returns what is to be stored.
    pub(super) fn flush(&mut self, now: Now, rng: &mut Rng) -> Option<Batch> {
        self.tell_forks(now, rng);
        self.settle();
        if !self.storing.is_on() && !self.untold.is_empty() {
            self.release(now, BlockIndex(self.dag.held_count()), false);
        }
        // One batch is out at a time: what was in an earlier one is told by now.
        self.storing.next(&self.dag, self.untold.first().copied())
    }

    /// Brings the order up to date, and tells where it changed.
    fn settle(&mut self) {
        let Some(from) = self.order.settle(&self.dag) else { return };
        let length = self.order.len();
        // What was not told yet is told with it.
        let told = self.notices.iter_mut().find_map(|notice| match notice {
            Notice::LedgerChanged { from, length } => Some((from, length)),
            _ => None,
        });
        match told {
            Some(told) => (*told.0, *told.1) = (from.min(*told.0), length),
            None => self.notices.push(Notice::LedgerChanged { from, length }),
        }
    }

    fn tell_forks(&mut self, now: Now, rng: &mut Rng) {
        let forked = self.dag.take_forked();
        let has_writer = self.sync.take_has_writer();
        if forked.is_empty() && !has_writer && !core::mem::take(&mut self.has_new_author) {
            return;
        }
        for author in forked {
            let Some(proof) = self.dag.author(author).and_then(|it| it.fork) else { continue };
            let (seq, is_own) = (proof.seq(), self.dag.is_own(&proof.author()));
            self.notices.push(Notice::LedgerForked { author, seq, is_own });
            self.storing.add(replacing(proof_key(&proof.author()), proof.bytes().to_vec()));
        }
        for proof in self.dag.forks() {
            for forker in self.sync.accuse(proof) {
                let link = self.links.iter().find(|(link, _)| *link == forker);
                let Some((_, peer)) = link else { continue };
                if !self.leaving.iter().any(|(_, other, _)| other == peer) {
                    let at = now.monotonic.after(FORKER_PATIENCE);
                    self.leaving.push((at, *peer, proof.author()));
                }
            }
        }
        // Whoever comes first speaks for all; the others find its evidence and stay silent.
        if self.evidence_at.is_none() && self.unsaid_fork().is_some() {
            let pause = Span::from_ms(1 + rng.below(EVIDENCE_DELAY_MAX.as_ms()));
            self.evidence_at = Some(now.monotonic.after(pause));
        }
    }

    /// A fork's proof that no block holds, where we write here at all.
    fn unsaid_fork(&self) -> Option<Vec<u8>> {
        let own = self.own.author().filter(|author| self.dag.count_of(author) > 0)?;
        let limit = BLOCK_BODY_BYTES_MAX - SALT_BYTES;
        let proof = self.dag.fork_without_evidence(limit)?;
        (proof.author() != own).then(|| proof.bytes().to_vec())
    }

    fn publish_evidence(&mut self, now: Now, rng: &mut Rng) {
        if let Some(proof) = self.unsaid_fork()
            && self.write(now, &proof, Flags::EVIDENCE, rng).is_ok()
            && self.unsaid_fork().is_some()
        {
            self.evidence_at = Some(now.monotonic.after(Span::from_ms(1)));
        }
    }
}

/// Whether an id is the one that was named, whole or by its first eight bytes.
fn fits(id: &BlockId, named: Option<&[u8; BlockId::BYTES]>) -> bool {
    let Some(named) = named else { return true };
    let (short, rest) = named.split_at(8);
    id.as_bytes() == named
        || (id.as_bytes().starts_with(short) && rest.iter().all(|byte| *byte == 0))
}

fn fault_error(fault: &SyncFault) -> MeshError {
    match fault {
        SyncFault::Malformed(cause) => refused_as(&LedgerFault::Malformed(*cause)),
        SyncFault::Ledger(fault) => refused_as(fault),
        SyncFault::TooManyPages { limit } => one_more(limit, "pages"),
        SyncFault::TooManyRounds { limit } => one_more(limit, "rounds"),
    }
}

fn one_more(limit: &u32, what: &str) -> MeshError {
    let expected = alloc::format!("at most {limit} {what}");
    MeshError::new(ErrorCode::ProtocolViolation).mismatch(expected, "one more")
}
