//! The ledger against a model of it: a plain list of blocks, and a sort.
//!
//! Random histories, with and without forkers, are delivered in random orders, with duplicates and in
//! runs of random lengths, each to a ledger of its own. All must end with the order that the model
//! finds by looking at everything at once. Optimised builds (`cargo test --release`) take histories
//! of 10,000 blocks by 20 authors in 100 orders; others take smaller ones.

use std::collections::BTreeMap;

use meshlace_core::crypto::{Context, Signing, derive};
use meshlace_core::id::{AuthorId, BlockId, MemberId};
use meshlace_core::ledger::block::{self, Anchor, Flags, Header, Parents, UnverifiedBlock};
use meshlace_core::ledger::{
    BlockIndex, Credential, Dag, Genesis, Order, RoomKind, Source, VerifiedRun,
};
use meshlace_core::rng::{Rng, Seed};
use meshlace_core::time::WallTime;
use proptest::prelude::*;

/// A block of a history, and what the model knows of it.
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
struct History {
    genesis: Genesis,
    authors: Vec<(AuthorId, MemberId)>,
    blocks: Vec<Made>,
    /// Runs of more than one block.
    runs: Vec<VerifiedRun>,
}

struct Plan {
    block_count: usize,
    author_count: usize,
    forker_count: usize,
    seed: u64,
}

fn pick(rng: &mut Rng, count: usize) -> usize {
    usize::try_from(rng.below(count as u64)).expect("small")
}

fn seed(number: u64) -> Seed {
    Seed(*derive(Context::RNG, &[&number.to_le_bytes()]).as_bytes())
}

fn keys(author: usize) -> (Signing, Signing) {
    let key = |kind: u8| {
        Signing::from_seed(derive(Context::RNG, &[&[kind], &author.to_le_bytes()]).as_bytes())
    };
    // Every third author is a second slot of the member before it.
    let member = if author % 3 == 2 { author - 1 } else { author };
    let member = derive(Context::RNG, &[&[1], &member.to_le_bytes()]);
    (key(0), Signing::from_seed(member.as_bytes()))
}

impl History {
    /// Authors take turns at random. Each block names some of the last blocks of some others, late
    /// or not; a forker goes on from one of its two histories.
    fn write(plan: &Plan) -> Self {
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
    fn model(&self) -> (Vec<BlockId>, BTreeMap<AuthorId, u32>) {
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

/// A peer, and the order as its application mirrors it change by change.
struct Peer {
    dag: Dag,
    order: Order,
    mirror: Vec<BlockIndex>,
}

impl Peer {
    fn new(history: &History, number: u64) -> Self {
        let dag = Dag::new(history.genesis.clone(), seed(number));
        Self { dag, order: Order::new(), mirror: Vec::new() }
    }

    fn take(&mut self, run: &VerifiedRun, source: Source) {
        let offered = self.dag.offer(run.clone(), source);
        assert!(offered.refused.is_empty(), "{:?}", offered.refused);
    }

    fn settle(&mut self) {
        if let Some(changed) = self.order.settle(&self.dag) {
            self.mirror.truncate(changed);
            self.mirror.extend(self.order.from(changed));
        }
    }

    fn ids(&self) -> Vec<BlockId> {
        self.mirror.iter().filter_map(|at| self.dag.block(*at)).map(|view| view.id).collect()
    }

    /// Everything once in an order of its own, some of it again, and then what is still missing until
    /// nothing more comes of it, as sync would do.
    fn take_all(&mut self, history: &History, rng: &mut Rng) {
        let mut deliveries: Vec<&VerifiedRun> =
            history.blocks.iter().map(|made| &made.run).chain(&history.runs).collect();
        for _ in 0..deliveries.len() / 8 {
            deliveries.push(deliveries[pick(rng, deliveries.len())]);
        }
        for at in (1..deliveries.len()).rev() {
            deliveries.swap(at, pick(rng, at + 1));
        }
        for (number, run) in deliveries.iter().enumerate() {
            self.take(run, Source(u32::try_from(number % 5).expect("small")));
            if number % 61 == 0 {
                self.settle();
            }
        }
        let mut before = None;
        while before != Some((self.dag.held_count(), self.dag.missing(64))) {
            before = Some((self.dag.held_count(), self.dag.missing(64)));
            for made in &history.blocks {
                if self.dag.index_of(&made.id).is_none() {
                    self.take(&made.run, Source(1));
                }
            }
        }
        self.settle();
    }
}

fn compare(plan: &Plan, order_count: u64) {
    let history = History::write(plan);
    let (expected, forks) = history.model();
    assert_eq!(forks.len(), plan.forker_count, "every forker forked");
    let mut digest = None;
    for number in 0..order_count {
        let mut peer = Peer::new(&history, number);
        peer.take_all(&history, &mut Rng::new(seed(plan.seed ^ (number << 32))));
        assert!(peer.ids() == expected, "order {number} of history {}", plan.seed);
        let known = peer.dag.forks().map(|fork| (fork.author(), fork.seq())).collect();
        assert_eq!(forks, known);
        assert_eq!(*digest.get_or_insert(peer.dag.digest()), peer.dag.digest());
        if plan.forker_count == 0 {
            assert_eq!(peer.dag.pending_count(), 0);
        }
    }
}

const IS_OPTIMISED: bool = !cfg!(debug_assertions);

/// whatever the order of arrival, the order and the digest are the model's.
#[test]
fn any_order_of_arrival_ends_in_the_order_of_the_model() {
    let (block_count, order_count) = if IS_OPTIMISED { (10_000, 100) } else { (3_000, 6) };
    compare(&Plan { block_count, author_count: 20, forker_count: 0, seed: 1 }, order_count);
}

/// and so with authors that wrote two histories, whose void blocks others name.
#[test]
fn any_order_of_arrival_ends_alike_with_forkers_too() {
    let (block_count, order_count) = if IS_OPTIMISED { (3_000, 50) } else { (1_000, 6) };
    compare(&Plan { block_count, author_count: 12, forker_count: 4, seed: 2 }, order_count);
}

/// an address and the ledger give a public room the same id.
#[test]
fn public_room_has_one_id_everywhere() {
    let genesis = Genesis::public("lobby").expect("a genesis");
    assert_eq!(genesis.room(), meshlace_core::signalling::keys::public_room_id("lobby"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if IS_OPTIMISED { 64 } else { 12 }))]

    /// small histories of every kind.
    #[test]
    fn small_histories_end_in_the_order_of_the_model(
        seed in any::<u32>(),
        block_count in 60_usize..160,
        author_count in 2_usize..7,
    ) {
        let plan = Plan { block_count, author_count, forker_count: 0, seed: u64::from(seed) };
        compare(&plan, 3);
    }
}
