use alloc::vec;

use proptest::prelude::*;

use super::*;
use crate::crypto::Signature;

fn author(fill: u8) -> AuthorId {
    AuthorId::from_bytes([fill; 32])
}

fn claim(fill: u8, forked: Option<u32>) -> Claim {
    let mut head = [0; 32];
    head[..8].fill(fill);
    Claim { author: author(fill), count: u32::from(fill) * 100, head, forked }
}

fn frontier(claims: Vec<Claim>) -> SyncMessage<'static> {
    SyncMessage::Frontier { digest: [7; 32], asks_back: false, claims }
}

fn listed(fill: u8) -> Listed {
    Listed { author: author(fill), seq: u32::from(fill) * 100, id: BlockId::from_bytes([fill; 32]) }
}

fn band(height: u32, imprint: [u8; 16]) -> Band {
    Band { edge: Edge { height, id: BlockId::from_bytes([3; 32]) }, imprint }
}

fn message_of(bands: Vec<Band>, listed: Vec<Listed>) -> SyncMessage<'static> {
    SyncMessage::Bands(Bands { name: [6; 16], bands, listed })
}

fn samples() -> Vec<SyncMessage<'static>> {
    let block = UnverifiedBlock {
        header: b"header",
        body: b"salt and payload",
        signature: Some(Signature::from_bytes([5; 64])),
    };
    let inner = UnverifiedBlock { signature: None, ..block };
    vec![
        SyncMessage::Digest([1; 32]),
        frontier(vec![claim(1, None), claim(2, Some(7))]),
        SyncMessage::Frontier { digest: [8; 32], asks_back: true, claims: vec![] },
        SyncMessage::Request(Request {
            number: 3,
            ranges: vec![Range { author: author(1), from: 0, to: 70_000 }],
            singles: vec![Single { id: BlockId::from_bytes([2; 32]), down: 255 }],
            proofs: vec![author(4)],
        }),
        SyncMessage::Page { number: 3, runs: vec![vec![inner, block], vec![block]] },
        SyncMessage::Page { number: 0, runs: vec![] },
        SyncMessage::Proof { number: 3, proof: b"proof" },
        SyncMessage::End { number: 300 },
        SyncMessage::Seen(vec![(author(1), 70_000), (author(2), 0)]),
        SyncMessage::Seen(vec![]),
        SyncMessage::Reconcile(Nonce::from_bytes([9; 16])),
        message_of(
            vec![band(1, SKIP), band(300, [5; 16]), band(70_000, [6; 16])],
            vec![listed(1), listed(2), listed(3)],
        ),
        message_of(vec![], vec![]),
    ]
}

/// every message reads back, and every prefix of it is refused.
#[test]
fn messages_round_trip_and_refuse_truncation_at_each_length() {
    for message in samples() {
        let bytes = message.encode();
        assert_eq!(SyncMessage::decode(&bytes).as_ref(), Ok(&message));
        for len in 0..bytes.len() {
            assert!(SyncMessage::decode(&bytes[..len]).is_err(), "{message:?} cut at {len}");
        }
        let mut long = bytes.clone();
        long.push(0);
        assert!(matches!(SyncMessage::decode(&long), Err(DecodeError::Trailing { .. })));
    }
}

/// a flipped bit is another message or a refusal.
#[test]
fn bent_messages_are_others_or_refused() {
    for message in samples() {
        let bytes = message.encode();
        for at in 0..bytes.len() * 8 {
            let mut bent = bytes.clone();
            bent[at / 8] ^= 1 << (at % 8);
            if let Ok(other) = SyncMessage::decode(&bent) {
                assert_ne!(other, message);
                assert_eq!(other.encode(), bent, "one encoding");
            }
        }
    }
}

/// kinds that are not there, and fields too many or too few.
#[test]
fn refuses_unknown_kinds_and_wrong_counts() {
    assert_eq!(SyncMessage::decode(&[0x81, 9]), Err(DecodeError::UnknownKind { found: 9 }));
    let count = DecodeError::WrongCount { offset: 0, expected: 2, found: 3 };
    assert_eq!(SyncMessage::decode(&[0x83, 5, 1, 1]), Err(count));
}

/// authors rise, and count from one block on.
#[test]
fn refuses_frontier_out_of_order_or_of_nothing() {
    let twice = vec![claim(2, None), claim(2, None)];
    let falling = vec![claim(2, None), claim(1, None)];
    for claims in [twice, falling] {
        let bytes = frontier(claims).encode();
        assert!(matches!(SyncMessage::decode(&bytes), Err(DecodeError::NonCanonical { .. })));
    }
    let bytes = frontier(vec![Claim { count: 0, ..claim(1, None) }]).encode();
    assert!(matches!(SyncMessage::decode(&bytes), Err(DecodeError::OutOfRange { .. })));
}

/// empty ranges, steps over 255, and the number of pushed blocks, are no request.
#[test]
fn refuses_requests_for_nothing_or_too_much() {
    let range = |from, to| Range { author: author(1), from, to };
    let single = |down| Single { id: BlockId::from_bytes([2; 32]), down };
    let good = Request { number: 1, ..Request::default() };
    let bad = [
        Request { ranges: vec![range(5, 5)], ..good.clone() },
        Request { ranges: vec![range(5, 4)], ..good.clone() },
        Request { singles: vec![single(256)], ..good.clone() },
        Request { number: 0, ..good.clone() },
    ];
    for request in bad {
        let bytes = SyncMessage::Request(request).encode();
        assert!(matches!(SyncMessage::decode(&bytes), Err(DecodeError::OutOfRange { .. })));
    }
    let over = [
        Request { ranges: vec![range(0, 1); SYNC_RANGE_COUNT_MAX + 1], ..good.clone() },
        Request { singles: vec![single(0); SYNC_ID_COUNT_MAX + 1], ..good.clone() },
        Request { proofs: vec![author(1); SYNC_PROOF_COUNT_MAX + 1], ..good },
    ];
    for request in over {
        let bytes = SyncMessage::Request(request).encode();
        assert!(matches!(SyncMessage::decode(&bytes), Err(DecodeError::Oversize { .. })));
    }
}

/// a page over 64 KiB is refused by its length.
#[test]
fn refuses_page_over_64_kib() {
    let body = vec![0; 40_000];
    let block = UnverifiedBlock { header: b"h", body: &body, signature: None };
    let bytes = SyncMessage::Page { number: 1, runs: vec![vec![block, block]] }.encode();
    let found = bytes.len() as u64;
    let limit = SYNC_PAGE_BYTES_MAX;
    let refusal = DecodeError::Oversize { offset: 0, limit, found };
    assert_eq!(SyncMessage::decode(&bytes), Err(refusal));
}

/// edges rise, and entries are whole.
#[test]
fn refuses_bands_that_fall_and_entries_cut_short() {
    let edge = |(height, id)| Edge { height, id: BlockId::from_bytes([id; 32]) };
    for (low, high) in [((2, 1), (1, 2)), ((1, 2), (1, 1)), ((1, 1), (1, 1)), ((256, 1), (255, 1))]
    {
        let bands = [low, high].map(|at| Band { edge: edge(at), imprint: SKIP });
        let bytes = message_of(bands.to_vec(), vec![]).encode();
        assert!(matches!(SyncMessage::decode(&bytes), Err(DecodeError::NonCanonical { .. })));
    }
    for (bands, listed, rest) in [(51, 68, 51), (53, 68, 1), (52, 67, 67), (52, 69, 1), (0, 1, 1)] {
        let mut writer = Writer::new();
        writer.array(4).u64(8).bytes(&[6; 16]).bytes(&vec![0; bands]).bytes(&vec![0; listed]);
        let refusal = SyncMessage::decode(&writer.finish()).map(|message| message.encode());
        let Err(DecodeError::OutOfRange { found, .. }) = refusal else { panic!("{refusal:?}") };
        assert_eq!(found, rest);
    }
}

/// each list has its limit, and so the message that of a page.
#[test]
fn refuses_bands_over_a_limit() {
    let bands = |count: usize| {
        let heights = 1..=u32::try_from(count).expect("few");
        heights.map(|height| band(height, SKIP)).collect()
    };
    let long = |count| vec![listed(1); count];
    let full = message_of(bands(SYNC_BAND_COUNT_MAX), long(SYNC_LISTED_COUNT_MAX)).encode();
    assert!(SyncMessage::decode(&full).is_ok() && full.len() <= SYNC_PAGE_BYTES_MAX);
    for (limit, over) in [
        (SYNC_BAND_COUNT_MAX * 52, message_of(bands(SYNC_BAND_COUNT_MAX + 1), vec![])),
        (SYNC_LISTED_COUNT_MAX * 68, message_of(vec![], long(SYNC_LISTED_COUNT_MAX + 1))),
    ] {
        let refusal = SyncMessage::decode(&over.encode()).map(|message| message.encode());
        let Err(DecodeError::Oversize { limit: found, .. }) = refusal else { panic!("{limit}") };
        assert_eq!(found, limit);
    }
}

/// a page put together from written runs is the page.
#[test]
fn page_of_written_runs_is_the_page() {
    let block = UnverifiedBlock { header: b"h", body: b"b", signature: None };
    let mut writer = Writer::new();
    writer.array(1);
    block.write(&mut writer);
    let run = writer.finish();
    let whole = SyncMessage::Page { number: 9, runs: vec![vec![block], vec![block]] };
    assert_eq!(page(9, &[run.clone(), run]), whole.encode());
}

proptest! {
    /// arbitrary bytes never panic, and what is accepted encodes back to itself.
    #[test]
    fn arbitrary_bytes_never_panic(
        kind in 0_u8..9,
        bytes in proptest::collection::vec(any::<u8>(), 0..120),
    ) {
        let mut message = vec![0x82 + kind % 4, kind];
        message.extend(bytes);
        if let Ok(read) = SyncMessage::decode(&message) {
            prop_assert_eq!(read.encode(), message);
        }
    }
}
