use super::bands::Side;
use super::message::{Band, Bands, Edge, IMPRINT_BYTES, Listed};
use super::*;
use crate::id::Nonce;
use crate::limits::{SYNC_RECONCILE_INTERVAL, SYNC_RECONCILE_PAUSE, SYNC_ROUND_COUNT_MAX};
use crate::time::Span;

/// Two nodes that hold `common` blocks of author 1, and then `branch` of it that the other does not, with
/// ids that agree wherever frontiers show them; and what others wrote, which both hold.
fn ground(common: u32, branch: u32) -> World {
    let mut world = World::new(2);
    world.link(0, 1);
    for n in 0..common.max(30) {
        if n < common {
            world.push(0, 1);
        }
        world.push(1, u8::try_from(3 + n % 5).expect("small"));
    }
    world.settle();
    world.cut(0, 1);
    for _ in 0..branch {
        world.write_bytes(0, 1, b"left");
        world.write_bytes(1, 1, b"right");
    }
    world.hides_heads = true;
    world
}

/// where frontiers agree and digests do not, the sets are reconciled, what comes out is
/// asked for, and it ends with both knowing the fork, wherever the histories part.
#[test]
fn what_ground_heads_hide_is_reconciled() {
    for (common, branch) in [(0, 1), (1, 1), (3, 2), (10, 700), (300, 1)] {
        let mut world = ground(common, branch);
        world.link(0, 1);
        world.settle();
        world.assert_alike(&[0, 1]);
        for node in &world.nodes {
            let fork = node.dag.fork_of(&key(1).author()).expect("a fork");
            assert_eq!(fork.seq(), common, "branches of {branch} blocks");
        }
        let count = world.bands.len();
        assert!((2..=8).contains(&count), "{count} messages for branches of {branch} blocks");
        assert!(world.bands.iter().all(|bytes| *bytes <= SYNC_PAGE_BYTES_MAX));
    }
}

/// many authors that ground at once, met by a third peer that has neither history.
#[test]
fn many_ground_histories_come_out() {
    let mut world = World::new(3);
    for author in 1..40 {
        let common = author % 4;
        for _ in 0..common {
            world.write(0, author);
        }
    }
    world.link(0, 1);
    world.settle();
    world.cut(0, 1);
    for author in 1..40 {
        for _ in 0..=author % 3 {
            world.write_bytes(0, author, b"left");
            world.write_bytes(1, author, b"right");
        }
    }
    world.hides_heads = true;
    for (a, b) in [(0, 1), (0, 2), (1, 2)] {
        world.link(a, b);
    }
    world.settle();
    world.assert_alike(&[0, 1, 2]);
    for author in 1..40 {
        let fork = world.nodes[0].dag.fork_of(&key(author).author()).expect("a fork");
        assert_eq!(fork.seq(), u32::from(author % 4), "author {author}");
    }
}

/// ledgers that differ openly, or not at all, are never reconciled: frontiers say it.
#[test]
fn nothing_is_reconciled_that_frontiers_show() {
    let mut world = World::new(2);
    for n in 0..40 {
        world.write(0, n % 3);
        world.write(1, 2 + n % 4);
    }
    world.link(0, 1);
    world.settle();
    world.assert_alike(&[0, 1]);
    assert_eq!(world.bands, [0_usize; 0]);
}

/// One node, and what a peer says to it.
struct Stage {
    world: World,
    ms: u64,
}

impl Stage {
    fn new() -> Self {
        let mut world = World::new(1);
        for n in 0..600_u32 {
            world.write(0, u8::try_from(n % 7).expect("small"));
        }
        world.links.insert((0, 1));
        world.input(0, SyncInput::LinkUp(link_to(1)));
        Self { world, ms: 0 }
    }

    /// What it answers to this, and whether the link is to be closed.
    fn hear(
        &mut self,
        message: &SyncMessage<'_>,
    ) -> (Vec<SyncMessage<'static>>, Option<SyncFault>) {
        let bytes = message.encode();
        let Node { dag, sync, .. } = &mut self.world.nodes[0];
        let input = SyncInput::Message { from: link_to(1), bytes: &bytes };
        let fault = sync.handle(now(self.ms), dag, input).fault;
        (self.said(), fault)
    }

    fn tick(&mut self, ms: u64) -> Vec<SyncMessage<'static>> {
        self.ms = ms;
        let Node { dag, sync, .. } = &mut self.world.nodes[0];
        let _ = sync.handle(now(ms), dag, SyncInput::Tick);
        self.said()
    }

    fn said(&mut self) -> Vec<SyncMessage<'static>> {
        let mut said = vec![];
        while let Some(effect) = self.world.nodes[0].sync.poll_effect() {
            match SyncMessage::decode(&effect.bytes).expect("a message") {
                SyncMessage::Reconcile(nonce) => said.push(SyncMessage::Reconcile(nonce)),
                SyncMessage::Bands(bands) => said.push(SyncMessage::Bands(bands)),
                SyncMessage::Request(request) => said.push(SyncMessage::Request(request)),
                _ => {}
            }
        }
        said
    }

    /// A frontier that is ours, with a digest that is not.
    fn hint(&mut self) -> Vec<SyncMessage<'static>> {
        let claims = self.world.nodes[0].dag.frontier().iter().map(Claim::of).collect();
        self.hear(&SyncMessage::Frontier { digest: [7; 32], asks_back: false, claims }).0
    }

    fn timeout(&self) -> Option<u64> {
        self.world.nodes[0].sync.poll_timeout().map(Timestamp::as_ms)
    }
}

const LOW: SyncMessage<'_> = SyncMessage::Reconcile(Nonce::from_bytes([0; 16]));
const HIGH: SyncMessage<'_> = SyncMessage::Reconcile(Nonce::from_bytes([0xff; 16]));

fn only_bands(said: Vec<SyncMessage<'static>>) -> Bands {
    let mut bands = said.into_iter().filter_map(|message| match message {
        SyncMessage::Bands(bands) => Some(bands),
        _ => None,
    });
    let first = bands.next().expect("bands");
    assert_eq!(bands.next(), None);
    first
}

/// Every imprint in it bent.
fn bent(mut bands: Bands) -> Bands {
    bands.listed.clear();
    for band in &mut bands.bands {
        band.imprint = [9; IMPRINT_BYTES];
    }
    bands
}

/// a nonce is answered by a nonce, and whose is lower begins; within ten seconds there is
/// no other, whoever asks.
#[test]
fn reconciliations_begin_once_in_ten_seconds() {
    let interval = SYNC_RECONCILE_INTERVAL.as_ms();
    let mut stage = Stage::new();
    stage.ms = 50;
    let said = stage.hint();
    assert!(matches!(said[..], [SyncMessage::Reconcile(_)]));
    assert_eq!(stage.hint(), []);
    let (said, fault) = stage.hear(&HIGH);
    assert_eq!((only_bands(said).bands.len(), fault), (16, None));
    for ms in [50, 5_000, interval + 49] {
        stage.ms = ms;
        assert_eq!(stage.hear(&LOW), (vec![], None), "{ms} ms");
    }
    stage.ms = interval + 50;
    let (said, _) = stage.hear(&LOW);
    assert!(matches!(said[..], [SyncMessage::Reconcile(_)]), "theirs is lower: they begin");
    // Our own wish waits until the pause is over, and is dropped where digests agree meanwhile.
    let ended = stage.tick(2 * interval + 50);
    assert_eq!(ended, []);
    assert_eq!(stage.timeout(), Some(interval + 50 + SYNC_RECONCILE_PAUSE.as_ms()));
    let digest = *stage.world.nodes[0].dag.digest().as_bytes();
    let _ = stage.hear(&SyncMessage::Digest(digest));
    assert_eq!(stage.timeout(), None);
}

/// who answers imprint by imprint that everything differs is heard eight times; one more message
/// is a fault. Each answer is within its limits.
#[test]
fn one_that_never_ends_is_stopped_and_named() {
    for first in [LOW, HIGH] {
        let mut stage = Stage::new();
        let said = stage.hint();
        let [SyncMessage::Reconcile(ours)] = said[..] else { panic!("{said:?}") };
        let SyncMessage::Reconcile(theirs) = first else { panic!("a nonce") };
        let key = [ours.min(theirs), ours.max(theirs)];
        let name = Side { look_up: &|_| None, list: vec![], key }.imprint(&[]);
        let _ = stage.hear(&first);
        let edge = Edge { height: 9_999, id: BlockId::from_bytes([0; 32]) };
        let all = Band { edge, imprint: [9; IMPRINT_BYTES] };
        let mut lie = Bands { name, bands: vec![all], listed: vec![] };
        let mut heard = 0;
        let fault = loop {
            let (said, fault) = stage.hear(&SyncMessage::Bands(lie.clone()));
            if fault.is_some() {
                break fault;
            }
            heard += 1;
            assert!(heard <= SYNC_ROUND_COUNT_MAX);
            let mut answers = said.into_iter().filter_map(|message| match message {
                SyncMessage::Bands(bands) => Some(bands),
                _ => None,
            });
            lie = answers.next_back().map_or(lie, bent);
        };
        assert_eq!(fault, Some(SyncFault::TooManyRounds { limit: SYNC_ROUND_COUNT_MAX }));
        assert_eq!(heard, SYNC_ROUND_COUNT_MAX / 2, "they and we by turns");
        assert_eq!(stage.timeout(), None, "nothing is awaited");
    }
}

/// who says nothing more is given up after ten seconds and asked again, four times in all.
#[test]
fn silent_one_is_given_up() {
    let mut stage = Stage::new();
    let mut nonces = usize::from(!stage.hint().is_empty());
    while let Some(ms) = stage.timeout() {
        assert!(ms <= 60_000 + 10_000);
        nonces += stage.tick(ms).len();
    }
    assert_eq!(nonces, 4);
    let late = Bands { name: [1; 16], bands: vec![], listed: vec![] };
    assert_eq!(stage.hear(&SyncMessage::Bands(late)), (vec![], None), "it may be late");
}

/// bands of another reconciliation, or of none, are ignored: they may be late.
#[test]
fn bands_of_another_reconciliation_are_ignored() {
    let mut stage = Stage::new();
    let stray = SyncMessage::Bands(Bands { name: [1; 16], bands: vec![], listed: vec![] });
    assert_eq!(stage.hear(&stray), (vec![], None));
    let _ = stage.hint();
    assert_eq!(stage.hear(&stray), (vec![], None));
    let _ = stage.hear(&HIGH);
    for _ in 0..20 {
        assert_eq!(stage.hear(&stray), (vec![], None));
    }
}

/// what a peer lists is a hint: it is asked for as a range of its chain, four times at most, and
/// of that peer alone.
#[test]
fn listed_blocks_that_are_not_there_are_asked_for_a_few_times() {
    let mut stage = Stage::new();
    let _ = stage.hint();
    let said = only_bands(stage.hear(&HIGH).0);
    let author = key(3).author();
    let lie = |seq, fill| Listed { author, seq, id: BlockId::from_bytes([fill; 32]) };
    let stranger = Listed { author: key(99).author(), ..lie(3, 4) };
    // The lowest counts; what lies above the claim, or is of nobody, does not.
    let listed = vec![lie(9, 1), lie(7, 2), lie(8, 3), lie(9_999, 5), stranger];
    let reply = Bands { name: said.name, bands: vec![], listed };
    let (mut said, fault) = stage.hear(&SyncMessage::Bands(reply));
    let mut asked = 0;
    loop {
        for message in said {
            let SyncMessage::Request(request) = message else { panic!("{message:?}") };
            assert_eq!(request.ranges, [message::Range { author, from: 7, to: 8 }]);
            asked += 1;
            let _ = stage.hear(&SyncMessage::End { number: request.number });
        }
        let Some(ms) = stage.timeout() else { break };
        said = stage.tick(ms);
    }
    assert_eq!((asked, fault), (4, None));
    assert!(stage.ms < Span::from_secs(30).as_ms());
}
