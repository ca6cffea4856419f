//! From a verified block to a held one: what it names is there, and the rules hold.

use alloc::vec::Vec;

use crate::crypto::{Context, derive};
use crate::id::{AuthorId, BlockId};
use crate::limits::{PARENT_COUNT_MAX, SLOT_COUNT_MAX};

use super::super::block::{Anchor, Flags, Header, VerifiedBlock};
use super::super::fault::LedgerFault;
use super::super::fork::ForkProof;
use super::{Author, BlockIndex, Dag, Entry, Links, NONE, Offered, Refused, Source};

impl Dag {
    /// Whether a block is void, or over a cap, so that only what needs it brings it in.
    pub(super) fn is_outsider(&self, header: &Header) -> bool {
        if let Some(author) = self.author_of(&header.author) {
            if author.is_void(header.seq) {
                return true;
            }
            if author.member.is_some() {
                return author.chain.len() >= self.caps.author_block_count;
            }
        }
        if self.ranks.len() >= self.caps.author_count {
            return true;
        }
        let Some(credential) = &header.credential else { return false };
        let same = |author: &&Author| author.member == Some(credential.member);
        self.authors.iter().filter(same).count() >= usize::from(SLOT_COUNT_MAX)
    }

    /// Whether a good pending block needs this one, directly or through outsiders.
    pub(super) fn is_wanted(&self, id: &BlockId) -> bool {
        let mut waiting = self.pending.waiting(id);
        while let Some(block) = waiting.pop() {
            if !self.is_outsider(&block.header) {
                return true;
            }
            waiting.append(&mut self.pending.waiting(&block.id));
        }
        false
    }

    /// Holds a block if its ancestors are held, and then whatever waited for it.
    pub(super) fn admit(&mut self, block: VerifiedBlock, source: Source, offered: &mut Offered) {
        let mut work = Vec::new();
        let mut is_first = true;
        let mut next = Some((block, source));
        while let Some((block, source)) = next {
            let id = block.id;
            match self.links(&block.header) {
                Err(missing) => {
                    offered.pending_count += u32::from(is_first);
                    offered.dropped_count += self.pending.add(block, source, missing);
                }
                Ok(links) => match self.attach(block, &links, offered) {
                    Ok(true) => self.pending.take_waiting(&id, &mut work),
                    Ok(false) => self.discard_waiting(id, offered),
                    Err(fault) => {
                        offered.refused.push(Refused { source, block: id, fault });
                        self.discard_waiting(id, offered);
                    }
                },
            }
            is_first = false;
            next = work.pop();
        }
    }

    /// Drops what waits for a block that will not be held, and what waits for that.
    pub(super) fn discard_waiting(&mut self, id: BlockId, offered: &mut Offered) {
        let mut lost = Vec::new();
        self.pending.take_waiting(&id, &mut lost);
        while let Some((block, _)) = lost.pop() {
            offered.dropped_count += 1;
            self.pending.take_waiting(&block.id, &mut lost);
        }
    }

    /// What a block names, or the first of it that is not held.
    fn links(&self, header: &Header) -> Result<Links, BlockId> {
        let number_of = |id: &BlockId| self.number_of(id).ok_or(*id);
        let parent_count = header.parents.as_slice().len();
        let mut links = Links { prev: NONE, parents: [NONE; PARENT_COUNT_MAX], parent_count };
        if let Some(prev) = &header.prev {
            links.prev = number_of(prev)?;
        }
        for (place, id) in links.parents.iter_mut().zip(header.parents.as_slice()) {
            *place = number_of(id)?;
        }
        Ok(links)
    }

    /// Holds a block whose ancestors are held. `Ok(false)`: it is an outsider that nobody needs.
    fn attach(
        &mut self,
        block: VerifiedBlock,
        links: &Links,
        offered: &mut Offered,
    ) -> Result<bool, LedgerFault> {
        self.check(&block.header, links)?;
        let proof = self.check_evidence(&block)?;
        if self.body_bytes + block.body.len() > self.caps.body_bytes {
            offered.dropped_count += 1;
            return Ok(false);
        }
        self.find_late_fork(&block, offered);
        if self.is_outsider(&block.header) && !self.is_wanted(&block.id) {
            offered.dropped_count += 1;
            return Ok(false);
        }
        let header = &block.header;
        let author = self.enter_author(header);
        let seq = header.seq as usize;
        let is_good = self
            .authors
            .get(author as usize)
            .is_some_and(|it| !it.is_void(header.seq) && it.chain.len() == seq);
        if !is_good && !self.is_void(author, header.seq) {
            // A second history without a proof yet: it comes again with the run that proves it.
            offered.dropped_count += 1;
            return Ok(false);
        }
        self.push(block, author, links, is_good);
        offered.held_count += 1;
        if let Some(proof) = proof {
            let number = self.author_slot(&proof.author()) as usize;
            if let Some(author) = self.authors.get_mut(number) {
                author.has_evidence = true;
            }
            self.enter_fork(proof, offered);
        }
        Ok(true)
    }

    pub(super) fn is_void(&self, author: u32, seq: u32) -> bool {
        self.authors.get(author as usize).is_some_and(|it| it.is_void(seq))
    }

    /// The rules that need what a block names. Source: docs/protocol.md.
    fn check(&self, header: &Header, links: &Links) -> Result<(), LedgerFault> {
        if let Anchor::Checkpoint { index, .. } = header.anchor {
            return Err(LedgerFault::UnknownAnchor { found: index });
        }
        let own = self.author_number(&header.author).unwrap_or(NONE);
        let mut height = 0;
        if header.prev.is_some() {
            let prev = self.entries.get(links.prev).ok_or(LedgerFault::PrevAuthor)?;
            if prev.author != own {
                return Err(LedgerFault::PrevAuthor);
            }
            let found = prev.seq;
            if found.checked_add(1) != Some(header.seq) {
                let expected = header.seq.saturating_sub(1);
                return Err(LedgerFault::PrevSeq { expected, found });
            }
            height = prev.height;
        }
        let mut authors = [NONE; PARENT_COUNT_MAX];
        for (number, at) in links.parents.iter().take(links.parent_count).enumerate() {
            let parent = self.entries.get(*at).ok_or(LedgerFault::ParentsUnsorted)?;
            if parent.author == own {
                return Err(LedgerFault::ParentOwn);
            }
            if authors.contains(&parent.author) {
                return Err(LedgerFault::ParentAuthorTwice);
            }
            height = height.max(parent.height);
            if let Some(place) = authors.get_mut(number) {
                *place = parent.author;
            }
        }
        let expected = height.saturating_add(1);
        if header.height == expected && height < u32::MAX {
            Ok(())
        } else {
            Err(LedgerFault::WrongHeight { expected, found: header.height })
        }
    }

    pub(super) fn check_evidence(
        &self,
        block: &VerifiedBlock,
    ) -> Result<Option<ForkProof>, LedgerFault> {
        if !block.header.flags.has(Flags::EVIDENCE) {
            return Ok(None);
        }
        let proof = ForkProof::check(&self.room, block.payload());
        proof.map(Some).map_err(|_| LedgerFault::BadEvidence)
    }

    /// The number of a block's author, entered with its first block.
    pub(super) fn enter_author(&mut self, header: &Header) -> u32 {
        let number = self.author_slot(&header.author);
        if let Some(credential) = &header.credential
            && let Some(author) = self.authors.get_mut(number as usize)
            && author.member.is_none()
        {
            let member = credential.member;
            let parts: [&[u8]; 2] = [self.room.as_bytes(), member.as_bytes()];
            author.member = Some(member);
            author.place = *derive(Context::PLACE, &parts).as_bytes();
            self.enter_rank(number);
        }
        number
    }

    pub(super) fn author_slot(&mut self, key: &AuthorId) -> u32 {
        if let Some(number) = self.author_number(key) {
            return number;
        }
        let number = u32::try_from(self.authors.len()).unwrap_or(NONE);
        self.author_ids.insert(key.as_bytes(), number);
        let at = self.keys.partition_point(|other| {
            self.authors.get(*other as usize).is_some_and(|other| other.key < *key)
        });
        self.keys.insert(at, number);
        self.authors.push(Author {
            key: *key,
            member: None,
            place: [0; 32],
            rank: 0,
            chain: Vec::new(),
            fork: None,
            has_evidence: false,
        });
        number
    }

    pub(super) fn enter_rank(&mut self, number: u32) {
        let key = |number: u32| {
            self.authors.get(number as usize).map(|author| (&author.place, &author.key))
        };
        let own = key(number);
        let from = self.ranks.partition_point(|other| key(*other) < own);
        self.ranks.insert(from, number);
        for (rank, number) in self.ranks.iter().enumerate().skip(from) {
            if let Some(author) = self.authors.get_mut(*number as usize) {
                author.rank = u32::try_from(rank).unwrap_or(NONE);
            }
        }
    }

    pub(super) fn push(&mut self, block: VerifiedBlock, author: u32, links: &Links, is_good: bool) {
        let VerifiedBlock { id, header, body, signature } = block;
        let parents = self.parents.len();
        let named = links.parents.get(..links.parent_count).unwrap_or_default();
        for parent in named {
            self.parents.push(*parent);
        }
        let signature = signature.map_or(NONE, |signature| self.signatures.push(signature));
        self.body_bytes += body.len();
        let at = self.entries.push(Entry {
            id,
            body_hash: header.body_hash,
            wall: header.wall,
            body,
            author,
            seq: header.seq,
            height: header.height,
            prev: links.prev,
            next: NONE,
            parents,
            signature,
            parent_count: u8::try_from(links.parent_count).unwrap_or(0),
            flags: header.flags,
            citer_count: 0,
        });
        self.ids.insert(id.as_bytes(), at);
        if let Some(credential) = header.credential {
            self.credentials.insert(at, credential);
        }
        if let Some(prev) = self.entries.get_mut(links.prev)
            && prev.next == NONE
        {
            prev.next = at;
        }
        if is_good {
            self.count_citer(at, 1);
            if let Some(author) = self.authors.get_mut(author as usize) {
                author.chain.push(at);
            }
        }
    }

    /// What a block names is named by one good block more, or by one less.
    pub(super) fn count_citer(&mut self, at: u32, change: i16) {
        for named in self.names_of(BlockIndex(at)) {
            if let Some(entry) = self.entries.get_mut(named.0)
                && entry.citer_count < u16::MAX
            {
                entry.citer_count = entry.citer_count.wrapping_add_signed(change);
            }
        }
    }
}
