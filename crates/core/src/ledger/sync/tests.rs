//! Ledgers on virtual time, joined by links that deliver, delay, lose and lie as the test says.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec;

use super::*;
use crate::crypto::Signing;
use crate::ledger::block::{UnverifiedBlock, VerifiedRun, salted};
use crate::ledger::{Credential, Flags, Genesis, RoomKind};
use crate::limits::{SYNC_PAGE_BYTES_MAX, SYNC_PAGE_COUNT_MAX};
use crate::rng::{Rng, Seed};
use crate::time::WallTime;

mod asking;
mod hostile;
mod meeting;
mod reconciling;

fn key(fill: u8) -> Signing {
    Signing::from_seed(&[fill; 32])
}

fn now(ms: u64) -> Now {
    Now { monotonic: Timestamp::from_ms(ms), wall: WallTime::from_ms(ms) }
}

fn frontier(claims: Vec<Claim>) -> Vec<u8> {
    SyncMessage::Frontier { digest: [7; 32], asks_back: false, claims }.encode()
}

struct Node {
    dag: Dag,
    sync: Sync,
    refused: u32,
    faults: Vec<SyncFault>,
}

/// Nodes by number; a node knows a link to another as `Source(other + 1)`.
struct World {
    nodes: Vec<Node>,
    ms: u64,
    /// Who is linked with whom, both ways.
    links: BTreeSet<(usize, usize)>,
    /// On their way: when, from, to, bytes. In order on each link.
    wire: VecDeque<(u64, usize, usize, Vec<u8>)>,
    /// Nodes that hear and never answer.
    mute: BTreeSet<usize>,
    message_count: usize,
    /// Answers heard from each node, in bytes.
    answered: BTreeMap<usize, usize>,
    /// Whether heads of chains that are equally long agree in their first eight bytes, whatever they are.
    hides_heads: bool,
    /// Messages of bands, and their bytes.
    bands: Vec<usize>,
}

fn link_to(other: usize) -> Source {
    Source(u32::try_from(other + 1).expect("small"))
}

impl World {
    fn new(count: usize) -> Self {
        let genesis =
            Genesis::create(RoomKind::Open, key(250).member(), "w", [1; 16]).expect("a genesis");
        let node = |number: usize| Node {
            dag: Dag::new(genesis.clone(), Seed([u8::try_from(number).expect("small"); 32])),
            sync: Sync::new(Seed([u8::try_from(number).expect("small"); 32])),
            refused: 0,
            faults: vec![],
        };
        Self {
            nodes: (0..count).map(node).collect(),
            ms: 0,
            links: BTreeSet::new(),
            wire: VecDeque::new(),
            mute: BTreeSet::new(),
            message_count: 0,
            answered: BTreeMap::new(),
            hides_heads: false,
            bands: vec![],
        }
    }

    /// A node's author writes one block, citing tips, and pushes it to nobody.
    fn write(&mut self, node: usize, author: u8) -> BlockIndex {
        self.write_bytes(node, author, &[author])
    }

    fn write_bytes(&mut self, node: usize, author: u8, payload: &[u8]) -> BlockIndex {
        let dag = &mut self.nodes[node].dag;
        let own = key(author);
        let credential = Credential::issue(
            &dag.room(),
            &key(author / 2 + 100),
            &own.author(),
            author % 64,
            vec![],
        );
        let mut rng =
            Rng::new(Seed([author ^ u8::try_from(dag.held_count() % 256).expect("small"); 32]));
        let header = dag
            .draft(own.author(), Some(&credential), Flags::NONE, WallTime::from_ms(1), &mut rng)
            .expect("may write");
        let run = VerifiedRun::sign(&dag.room(), &own, header, &salted(rng.bytes(), payload));
        // What waited for it here, because two nodes write under one key, is held after it.
        let block = BlockIndex(dag.held_count());
        assert!(dag.offer(run.expect("a block"), Source(0)).held_count >= 1);
        block
    }

    fn push(&mut self, node: usize, author: u8) {
        let block = self.write(node, author);
        let Node { dag, sync, .. } = &mut self.nodes[node];
        sync.push(now(self.ms), dag, block);
        self.collect(node);
    }

    fn link(&mut self, a: usize, b: usize) {
        self.links.insert((a, b));
        self.links.insert((b, a));
        self.input(a, SyncInput::LinkUp(link_to(b)));
        self.input(b, SyncInput::LinkUp(link_to(a)));
    }

    fn cut(&mut self, a: usize, b: usize) {
        self.links.remove(&(a, b));
        self.links.remove(&(b, a));
        self.wire.retain(|(_, from, to, _)| (*from, *to) != (a, b) && (*from, *to) != (b, a));
        self.input(a, SyncInput::LinkDown(link_to(b)));
        self.input(b, SyncInput::LinkDown(link_to(a)));
    }

    fn input(&mut self, node: usize, input: SyncInput<'_>) {
        let now = now(self.ms);
        let Node { dag, sync, refused, faults } = &mut self.nodes[node];
        let outcome = sync.handle(now, dag, input);
        *refused += u32::try_from(outcome.offered.refused.len()).expect("few");
        faults.extend(outcome.fault);
        self.collect(node);
    }

    fn collect(&mut self, node: usize) {
        while let Some(effect) = self.nodes[node].sync.poll_effect() {
            let to = effect.to.0 as usize - 1;
            if self.links.contains(&(node, to)) && !self.mute.contains(&node) {
                self.wire.push_back((self.ms + 20, node, to, effect.bytes));
            }
        }
    }

    /// Delivers and ticks until nothing is left to do, or `until` ms. Returns whether all is quiet.
    fn run(&mut self, until: u64) -> bool {
        loop {
            let timers = self.nodes.iter().filter_map(|node| node.sync.poll_timeout());
            let timer = timers.map(Timestamp::as_ms).min();
            let arrival = self.wire.front().map(|(at, ..)| *at);
            let next = match (timer, arrival) {
                (None, None) => return true,
                (a, b) => a.into_iter().chain(b).min().expect("one"),
            };
            if next > until {
                self.ms = until;
                return false;
            }
            self.ms = self.ms.max(next);
            if arrival.is_some_and(|at| at <= self.ms) {
                let (_, from, to, mut bytes) = self.wire.pop_front().expect("one");
                self.message_count += 1;
                match SyncMessage::decode(&bytes) {
                    Ok(SyncMessage::Page { .. }) => {
                        *self.answered.entry(from).or_default() += bytes.len();
                    }
                    Ok(SyncMessage::Bands(_)) => self.bands.push(bytes.len()),
                    Ok(frontier @ SyncMessage::Frontier { .. }) if self.hides_heads => {
                        bytes = self.hide_heads(to, frontier);
                    }
                    _ => {}
                }
                self.input(to, SyncInput::Message { from: link_to(from), bytes: &bytes });
            } else {
                for node in 0..self.nodes.len() {
                    let due = self.nodes[node].sync.poll_timeout();
                    if due.is_some_and(|at| at.as_ms() <= self.ms) {
                        self.input(node, SyncInput::Tick);
                    }
                }
            }
        }
    }

    /// A frontier as it would be if whoever wrote differing histories had ground their ids.
    fn hide_heads(&self, to: usize, message: SyncMessage<'_>) -> Vec<u8> {
        let SyncMessage::Frontier { digest, asks_back, mut claims } = message else {
            panic!("a frontier: {message:?}")
        };
        for claim in &mut claims {
            let (count, head) = (claim.count, self.nodes[to].dag.told_head(&claim.author));
            if let Some((head, _)) = head.filter(|(_, ours)| *ours == count) {
                claim.head[..8].copy_from_slice(&head.as_bytes()[..8]);
            }
        }
        SyncMessage::Frontier { digest, asks_back, claims }.encode()
    }

    /// Runs to the end: all quiet within ten minutes, and nobody broke a rule.
    fn settle(&mut self) {
        let until = self.ms + 600_000;
        assert!(self.run(until), "it never goes quiet");
        for node in &self.nodes {
            assert_eq!((node.refused, node.faults.len()), (0, 0));
        }
    }

    fn assert_alike(&self, nodes: &[usize]) {
        let digest = self.nodes[nodes[0]].dag.digest();
        for node in nodes {
            assert!(self.nodes[*node].dag.digest() == digest, "node {node} differs");
            assert_eq!(self.nodes[*node].dag.pending_count(), 0);
        }
    }
}
