//! Random histories, and what everyone must make of them.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use meshlace_core::crypto::{Context, Signing, derive};
use meshlace_core::id::{AuthorId, BlockId, MemberId};
use meshlace_core::ledger::block::{self, Anchor, Flags, Header, Parents, UnverifiedBlock};
use meshlace_core::ledger::{Credential, Genesis, RoomKind, VerifiedRun};
use meshlace_core::rng::Rng;
use meshlace_core::time::WallTime;

use crate::{Plan, pick, seed};

/// A block of a history, and what the model knows of it.
#[derive(Debug)]
struct Made {
    id: BlockId,
    author: usize,
    seq: u32,
    height: u32,
    /// As it travels.
    header: Vec<u8>,
    body: Vec<u8>,
    run: VerifiedRun,
}

/// Everything that was ever written in a room.
#[derive(Debug)]
pub struct History {
    genesis: Genesis,
    authors: Vec<(AuthorId, MemberId)>,
    blocks: Vec<Made>,
    /// Runs of more than one block.
    runs: Vec<VerifiedRun>,
}

fn keys(author: usize) -> (Signing, Signing) {
    let key = |kind: u8| {
        Signing::from_seed(
            derive(Context::RNG, &[&[kind], &(author as u64).to_le_bytes()]).as_bytes(),
        )
    };
    // Every third author is a second slot of the member before it.
    let member = if author % 3 == 2 { author - 1 } else { author };
    let member = derive(Context::RNG, &[&[1], &(member as u64).to_le_bytes()]);
    (key(0), Signing::from_seed(member.as_bytes()))
}

impl History {
    /// Authors take turns at random. Each block names some of the last blocks of some others, late
    /// or not; a forker goes on from one of its two histories.
    #[must_use]
    pub fn write(plan: &Plan) -> Self {
        let mut rng = Rng::new(seed(plan.seed));
        let creator = keys(0).1.member();
        let genesis =
            Genesis::create(RoomKind::Open, creator, "model", [1; 16]).expect("a genesis");
        let pairs: Vec<(Signing, Signing)> = (0..plan.author_count).map(keys).collect();
        let authors = pairs.iter().map(|(own, member)| (own.author(), member.member())).collect();
        let mut history = Self { genesis, authors, blocks: Vec::new(), runs: Vec::new() };
        let mut branches: Vec<[Vec<usize>; 2]> = vec![[vec![], vec![]]; plan.author_count];
        while history.blocks.len() < plan.block_count {
            let author = pick(&mut rng, plan.author_count);
            let is_forker = author < plan.forker_count;
            let branch = if is_forker { pick(&mut rng, 2) } else { 0 };
            if is_forker && branches[author][1].is_empty() && branches[author][0].len() > 3 {
                branches[author][1] = branches[author][0].clone();
            }
            let chain = &branches[author][branch];
            let made = history.next_block(&mut rng, &pairs, author, chain, &branches);
            history.blocks.push(made);
            let number = history.blocks.len() - 1;
            branches[author][branch].push(number);
        }
        for chains in &branches {
            for chain in chains {
                history.cut_into_runs(&mut rng, chain);
            }
        }
        history
    }

    pub(crate) fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// Every block as a run of its own.
    pub(crate) fn single_runs(&self) -> impl Iterator<Item = (BlockId, &VerifiedRun)> {
        self.blocks.iter().map(|made| (made.id, &made.run))
    }

    /// Every block twice: alone, and in a longer run.
    pub(crate) fn all_runs(&self) -> impl Iterator<Item = &VerifiedRun> {
        self.blocks.iter().map(|made| &made.run).chain(&self.runs)
    }

    fn next_block(
        &self,
        rng: &mut Rng,
        pairs: &[(Signing, Signing)],
        author: usize,
        chain: &[usize],
        branches: &[[Vec<usize>; 2]],
    ) -> Made {
        let room = self.genesis.room();
        let (own, member) = &pairs[author];
        let mut parents: Vec<usize> = Vec::new();
        for _ in 0..pick(rng, 6) {
            let other = pick(rng, pairs.len());
            let seen = &branches[other][pick(rng, 2)];
            let lag = 1 + pick(rng, 4);
            let known = |at: &usize| self.blocks[*at].author == other;
            if other != author && seen.len() >= lag && !parents.iter().any(known) {
                parents.push(seen[seen.len() - lag]);
            }
        }
        let prev = chain.last().map(|at| &self.blocks[*at]);
        let below = parents.iter().map(|at| self.blocks[*at].height);
        let height = 1 + below.chain(prev.map(|prev| prev.height)).max().unwrap_or(0);
        let ids: Vec<BlockId> = parents.iter().map(|at| self.blocks[*at].id).collect();
        let seq = u32::try_from(chain.len()).expect("short");
        let first = || Box::new(Credential::issue(&room, member, &own.author(), 0, vec![]));
        let body = block::salted(rng.bytes(), &seq.to_le_bytes());
        let header = Header {
            author: own.author(),
            seq,
            prev: prev.map(|prev| prev.id),
            parents: Parents::new(&ids),
            anchor: Anchor::Genesis,
            height,
            flags: Flags::NONE,
            wall: WallTime::from_ms(rng.below(1 << 40)),
            body_bytes: u32::try_from(body.len()).expect("short"),
            body_hash: block::body_hash(&body),
            credential: (seq == 0).then(first),
        };
        let run = VerifiedRun::sign(&room, own, header.clone(), &body).expect("a block");
        let id = run.blocks()[0].id();
        Made { id, author, seq, height, header: header.encode(), body, run }
    }

    /// The same chain once more, as runs that one signature vouches for.
    fn cut_into_runs(&mut self, rng: &mut Rng, chain: &[usize]) {
        let mut rest = chain;
        while !rest.is_empty() {
            let count = (2 + pick(rng, 30)).min(rest.len());
            let (run, after) = rest.split_at(count);
            let last = *run.last().expect("one");
            let blocks: Vec<UnverifiedBlock<'_>> = run
                .iter()
                .map(|at| {
                    let made = &self.blocks[*at];
                    let signature =
                        (*at == last).then(|| made.run.blocks()[0].signature()).flatten();
                    UnverifiedBlock { header: &made.header, body: &made.body, signature }
                })
                .collect();
            let run = VerifiedRun::check(&self.genesis.room(), &blocks).expect("a true run");
            self.runs.push(run);
            rest = after;
        }
    }

    /// What everyone must end with: good blocks in order, and who forked where.
    #[must_use]
    pub fn model(&self) -> (Vec<BlockId>, BTreeMap<AuthorId, u32>) {
        let mut forks: BTreeMap<AuthorId, u32> = BTreeMap::new();
        let mut seen: BTreeMap<(usize, u32), BlockId> = BTreeMap::new();
        for made in &self.blocks {
            if *seen.entry((made.author, made.seq)).or_insert(made.id) != made.id {
                let lowest = forks.entry(self.authors[made.author].0).or_insert(made.seq);
                *lowest = made.seq.min(*lowest);
            }
        }
        let room = self.genesis.room();
        let place = |author: usize| {
            let member = self.authors[author].1;
            let parts: [&[u8]; 2] = [room.as_bytes(), member.as_bytes()];
            *derive(Context::PLACE, &parts).as_bytes()
        };
        let places: Vec<[u8; 32]> = (0..self.authors.len()).map(place).collect();
        let mut good: Vec<&Made> = self
            .blocks
            .iter()
            .filter(|made| {
                forks.get(&self.authors[made.author].0).is_none_or(|lowest| made.seq < *lowest)
            })
            .collect();
        good.sort_by_key(|made| {
            (made.height, places[made.author], self.authors[made.author].0, made.seq, made.id)
        });
        (good.iter().map(|made| made.id).collect(), forks)
    }
}
