use alloc::collections::BTreeSet;
use alloc::vec;
use core::cell::Cell;

use proptest::prelude::*;

use super::super::message::SyncMessage;
use super::*;
use crate::crypto::derive;
use crate::id::AuthorId;
use crate::limits::SYNC_ROUND_COUNT_MAX;

/// Blocks that are nothing but their places, with a count of how often one was looked at.
struct Places {
    all: Vec<Edge>,
    look_count: Cell<usize>,
}

impl Places {
    fn new(places: impl IntoIterator<Item = Edge>) -> Self {
        let all: BTreeSet<Edge> = places.into_iter().collect();
        Self { all: all.into_iter().collect(), look_count: Cell::new(0) }
    }

    fn numbers(&self) -> Vec<u32> {
        (0..u32::try_from(self.all.len()).expect("few")).collect()
    }

    fn missing_in(&self, other: &Self) -> BTreeSet<BlockId> {
        let theirs: BTreeSet<&Edge> = other.all.iter().collect();
        self.all.iter().filter(|edge| !theirs.contains(edge)).map(|edge| edge.id).collect()
    }

    fn take(&mut self, ids: &BTreeSet<BlockId>, from: &Self) {
        self.all.extend(from.all.iter().filter(|edge| ids.contains(&edge.id)));
        self.all.sort_unstable();
    }
}

impl Places {
    fn look_up(&self, at: u32) -> Option<(u32, Listed)> {
        self.look_count.set(self.look_count.get() + 1);
        let Edge { height, id } = *self.all.get(at as usize)?;
        Some((height, Listed { author: AuthorId::from_bytes([1; 32]), seq: at, id }))
    }
}

const KEY: [Nonce; 2] = [Nonce::from_bytes([1; 16]), Nonce::from_bytes([2; 16])];

fn place(height: u32, number: u64) -> Edge {
    let id = derive(Context::RNG, &[&number.to_le_bytes()]);
    Edge { height, id: BlockId::from_bytes(*id.as_bytes()) }
}

/// What each of two sides finds out that the other holds and it does not, and in how many messages.
fn reconcile(one: &Places, other: &Places) -> (BTreeSet<BlockId>, BTreeSet<BlockId>, u32) {
    let (by_one, by_other) = (|at| one.look_up(at), |at| other.look_up(at));
    let sides = [
        Side { look_up: &by_one, list: one.numbers(), key: KEY },
        Side { look_up: &by_other, list: other.numbers(), key: KEY },
    ];
    let held = [one, other].map(|side| side.all.iter().map(|edge| edge.id).collect());
    let held: [BTreeSet<BlockId>; 2] = held;
    let mut found = [BTreeSet::new(), BTreeSet::new()];
    let mut said = sides[0].answer(&everything(sides[0].imprint(&[])));
    let mut rounds = 1;
    loop {
        let bytes = SyncMessage::Bands(said.clone()).encode();
        let read = SyncMessage::decode(&bytes).expect("within every limit");
        assert_eq!(read, SyncMessage::Bands(said.clone()));
        let hearer = usize::from(rounds % 2 == 1);
        let listed = said.listed.iter().map(|listed| listed.id);
        found[hearer].extend(listed.filter(|id| !held[hearer].contains(id)));
        if said.bands.is_empty() || rounds == SYNC_ROUND_COUNT_MAX {
            break;
        }
        said = sides[hearer].answer(&said);
        rounds += 1;
    }
    let [by_one, by_other] = found;
    (by_one, by_other, rounds)
}

/// Who holds what: both, one, or the other.
fn sets(places: &[(u32, u8)]) -> (Places, Places) {
    let held = |who: u8| {
        let all = places.iter().zip(0_u64..).filter(move |((_, by), _)| *by == 0 || *by == who);
        Places::new(all.map(|((height, _), number)| place(*height, number)))
    };
    (held(1), held(2))
}

fn assert_exact(one: &Places, other: &Places) {
    let (by_one, by_other, rounds) = reconcile(one, other);
    assert_eq!(by_one, other.missing_in(one));
    assert_eq!(by_other, one.missing_in(other));
    assert!(rounds <= SYNC_ROUND_COUNT_MAX);
}

/// two sides that hold the same find it out in two messages, one that asks and one that does not.
#[test]
fn equal_sets_take_two_messages() {
    for count in [0, 1, 16, 17, 5_000] {
        let places: Vec<(u32, u8)> = (0..count).map(|at| (at / 3, 0)).collect();
        let (one, other) = sets(&places);
        let (by_one, by_other, rounds) = reconcile(&one, &other);
        assert_eq!((by_one.len(), by_other.len(), rounds), (0, 0, 2), "{count} blocks");
    }
}

/// one side holds nothing, or the two nothing in common.
#[test]
fn sets_without_anything_in_common_are_found_out() {
    for (one, other) in [(0, 400), (400, 0), (0, 0), (1, 1), (17, 300), (250, 250)] {
        let places = [vec![(1, 1); one], vec![(2, 2); other]].concat();
        let (one, other) = sets(&places);
        assert_exact(&one, &other);
    }
}

/// the set that is asked about lies within one of the bands of the other, again and again.
#[test]
fn uneven_sets_come_to_lists_in_time() {
    let common = (0..60_000_u32).map(|at| (1_000 + at / 7, 0));
    // What only one side holds lies below, in the middle and above, all in one place each.
    let lone = (0..90).map(|at| ([500, 3_000, 70_000][at % 3], 1 + u8::from(at % 5 == 0)));
    let (one, other) = sets(&common.chain(lone).collect::<Vec<_>>());
    assert_exact(&one, &other);
    assert_exact(&other, &one);
}

/// under other nonces the same blocks have another imprint, so none can be ground for.
#[test]
fn imprints_are_keyed_by_both_nonces() {
    let (one, _) = sets(&[(1, 0), (2, 0)]);
    let look_up = |at| one.look_up(at);
    let imprint =
        |key, list: &[u32]| Side { look_up: &look_up, list: one.numbers(), key }.imprint(list);
    let third = Nonce::from_bytes([3; 16]);
    let all = [KEY, [KEY[0], third], [KEY[1], third]].map(|key| imprint(key, &[0, 1]));
    assert!(all[0] != all[1] && all[0] != all[2] && all[1] != all[2]);
    assert!(imprint(KEY, &[0]) != all[0] && imprint(KEY, &[]) != imprint(KEY, &[0]));
}

/// an answer to as many bands as a message may have looks at each block a few times, and no more.
#[test]
fn work_of_an_answer_grows_with_the_set_and_not_with_the_bands() {
    let places: Vec<(u32, u8)> = (0..20_000).map(|at| (at, 0)).collect();
    let (one, _) = sets(&places);
    let look_up = |at| one.look_up(at);
    let side = Side { look_up: &look_up, list: one.numbers(), key: KEY };
    for count in [1, 16, 1_000] {
        let edge =
            |at: u32| Edge { height: at * (20_000 / count), id: BlockId::from_bytes([0; 32]) };
        let bands = (1..=count).map(|at| Band { edge: edge(at), imprint: [9; 16] });
        let heard = Bands { name: [1; 16], bands: bands.collect(), listed: vec![] };
        one.look_count.set(0);
        let said = side.answer(&heard);
        assert!(!said.bands.is_empty());
        let looks = one.look_count.get();
        assert!(looks <= 3 * 20_000 + 40 * 1_000, "{looks} looks for {count} bands");
    }
}

fn any_edge() -> impl Strategy<Value = Edge> {
    (0_u32..60, any::<u8>())
        .prop_map(|(height, id)| Edge { height, id: BlockId::from_bytes([id; 32]) })
}

/// The name is `[4; 16]`.
fn any_imprint() -> impl Strategy<Value = [u8; 16]> {
    prop_oneof![Just(SKIP), Just([4; 16]), any::<[u8; 16]>()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// two arbitrary sets that differ in up to 500 blocks come out exactly, within eight messages.
    #[test]
    fn arbitrary_sets_come_out_exactly(
        places in proptest::collection::vec((0_u32..200, 0_u8..3), 0..500),
    ) {
        let (one, other) = sets(&places);
        assert_exact(&one, &other);
    }

    /// and so do a few differences anywhere in large ones.
    #[test]
    fn few_differences_in_large_sets_come_out_exactly(
        lone in proptest::collection::vec((0_u32..3_000, 1_u8..3), 0..35),
        count in 0_u32..9_000,
    ) {
        let common = (0..count).map(|at| (at / 3, 0));
        let (one, other) = sets(&lone.into_iter().chain(common).collect::<Vec<_>>());
        assert_exact(&one, &other);
    }

    /// of more than fits, the lowest come out first, nothing that is not there, and again and again
    /// until nothing is left.
    #[test]
    fn more_differences_than_fit_come_out_in_turns(
        places in proptest::collection::vec((0_u32..500, 0_u8..3), 2_000..5_000),
    ) {
        let (mut one, mut other) = sets(&places);
        let mut turns = 0;
        while one.all != other.all {
            let (by_one, by_other, _) = reconcile(&one, &other);
            prop_assert!(by_one.is_subset(&other.missing_in(&one)));
            prop_assert!(by_other.is_subset(&one.missing_in(&other)));
            prop_assert!(!by_one.is_empty() || !by_other.is_empty());
            one.take(&by_one, &other);
            other.take(&by_other, &one);
            turns += 1;
        }
        prop_assert!(turns < 40, "{} turns", turns);
    }

    /// whatever bands are heard, the answer is within its limits and says nothing false.
    #[test]
    fn whatever_is_heard_the_answer_is_within_limits(
        bands in proptest::collection::vec((any_edge(), any_imprint()), 0..200),
        places in proptest::collection::vec((0_u32..60, Just(0_u8)), 0..3_000),
    ) {
        let band = |(edge, imprint)| Band { edge, imprint };
        let mut bands: Vec<Band> = bands.into_iter().map(band).collect();
        bands.sort_by_key(|band| band.edge);
        bands.dedup_by_key(|band| band.edge);
        let (one, _) = sets(&places);
        let listed = one.all.iter().map(|edge| edge.id).cycle().step_by(7);
        let listed = listed.map(|id| Listed { author: AuthorId::from_bytes([3; 32]), seq: 5, id });
        let heard = Bands { name: [4; 16], bands, listed: listed.take(400).collect() };
        let look_up = |at| one.look_up(at);
        let side = Side { look_up: &look_up, list: one.numbers(), key: KEY };
        let said = side.answer(&heard);
        let bytes = SyncMessage::Bands(said.clone()).encode();
        prop_assert_eq!(SyncMessage::decode(&bytes), Ok(SyncMessage::Bands(said.clone())));
        let held: BTreeSet<BlockId> = one.all.iter().map(|edge| edge.id).collect();
        prop_assert!(said.listed.iter().all(|listed| held.contains(&listed.id)));
        if heard.bands.is_empty() {
            prop_assert!(said.bands.is_empty() && said.listed.is_empty());
        }
    }
}
