use alloc::vec;

use proptest::prelude::*;

use super::super::member::Credential;
use super::*;
use crate::time::WallTime;

const ROOM: RoomId = RoomId::from_bytes([1; 32]);

fn key(fill: u8) -> Signing {
    Signing::from_seed(&[fill; 32])
}

fn id(fill: u8) -> BlockId {
    BlockId::from_bytes([fill; 32])
}

fn header(seq: u32, prev: Option<BlockId>) -> Header {
    let author = key(2).author();
    let credential =
        (seq == 0).then(|| Box::new(Credential::issue(&ROOM, &key(3), &author, 0, vec![])));
    Header {
        author,
        seq,
        prev,
        parents: Parents::new(&[id(9), id(8)]),
        anchor: Anchor::Genesis,
        height: seq + 7,
        flags: Flags::FINALIZE,
        wall: WallTime::from_ms(1_700_000_000_000),
        body_bytes: 0,
        body_hash: BodyHash::from_bytes([0; 32]),
        credential,
    }
}

/// A block as it travels, owned.
#[derive(Clone)]
struct Wire {
    header: Vec<u8>,
    body: Vec<u8>,
    signature: Option<Signature>,
}

impl Wire {
    fn of(mut header: Header, payload: &[u8]) -> Self {
        let body = salted([4; SALT_BYTES], payload);
        header.body_bytes = u32::try_from(body.len()).expect("short");
        header.body_hash = body_hash(&body);
        Self { header: header.encode(), body, signature: None }
    }

    fn id(&self) -> BlockId {
        block_id(&ROOM, &self.header)
    }

    fn signed(mut self) -> Self {
        self.signature = Some(key(2).sign(Context::BLOCK_SIGNATURE, self.id().as_bytes()));
        self
    }
}

/// `count` blocks of one author from 0 on, the last one signed.
fn run(count: u32) -> Vec<Wire> {
    let mut blocks: Vec<Wire> = Vec::new();
    for seq in 0..count {
        let prev = blocks.last().map(Wire::id);
        blocks.push(Wire::of(header(seq, prev), &seq.to_le_bytes()));
    }
    let last = blocks.pop().expect("one");
    blocks.push(last.signed());
    blocks
}

fn check(blocks: &[Wire]) -> Result<VerifiedRun, LedgerFault> {
    let views: Vec<UnverifiedBlock<'_>> = blocks
        .iter()
        .map(|block| UnverifiedBlock {
            header: &block.header,
            body: &block.body,
            signature: block.signature,
        })
        .collect();
    VerifiedRun::check(&ROOM, &views)
}

fn refusal(header: Header) -> LedgerFault {
    check(&[Wire::of(header, b"x").signed()]).expect_err("refused")
}

/// header, id and signature hold, and the header reads back.
#[test]
fn signed_block_is_verified() {
    let made = VerifiedRun::sign(&ROOM, &key(2), header(0, None), &salted([4; 16], b"hello"));
    let made = made.expect("a block");
    let block = &made.blocks()[0];
    assert_eq!(block.payload(), b"hello");
    assert_eq!(Header::decode(&block.header().encode()).as_ref(), Ok(block.header()));
    assert_eq!(block_id(&ROOM, &block.header().encode()), block.id());
}

/// a run costs one signature, and signatures inside it are not taken over.
#[test]
fn one_signature_vouches_for_a_whole_run() {
    let mut blocks = run(256);
    blocks[3].signature = Some(Signature::from_bytes([0; 64]));
    let verified = check(&blocks).expect("a run");
    let signed = verified.blocks().iter().filter(|block| block.signature().is_some()).count();
    assert_eq!((verified.blocks().len(), signed), (256, 1));
}

/// a run has 1 to 256 blocks and ends in a signature.
#[test]
fn refuses_empty_long_and_unsigned_runs() {
    assert_eq!(check(&[]), Err(LedgerFault::EmptyRun));
    let too_long = LedgerFault::RunTooLong { limit: 256, found: 257 };
    assert_eq!(check(&run(257)), Err(too_long));
    assert_eq!(check(&run(3)[..2]), Err(LedgerFault::UnsignedRun));
}

/// a run fits into one page.
#[test]
fn refuses_run_of_too_many_bytes() {
    let mut blocks: Vec<Wire> = Vec::new();
    for seq in 0..2 {
        let prev = blocks.last().map(Wire::id);
        blocks.push(Wire::of(header(seq, prev), &[0; 31_000]).signed());
    }
    let refusal = check(&blocks).expect_err("refused");
    assert!(matches!(refusal, LedgerFault::RunTooLarge { limit: RUN_BYTES_MAX, .. }));
    assert!(check(&blocks[..1]).is_ok());
}

/// each block of a run follows the one before.
#[test]
fn refuses_broken_run() {
    let blocks = run(3);
    let gap = [blocks[0].clone(), blocks[2].clone()];
    assert_eq!(check(&gap), Err(LedgerFault::BrokenRun { index: 1 }));
    let other = Wire::of(header(1, Some(id(7))), b"x").signed();
    assert_eq!(check(&[blocks[0].clone(), other]), Err(LedgerFault::BrokenRun { index: 1 }));
    let skip = Wire::of(header(2, Some(blocks[0].id())), b"x").signed();
    assert_eq!(check(&[blocks[0].clone(), skip]), Err(LedgerFault::BrokenRun { index: 1 }));
}

/// signed by another, for another block, or in another room.
#[test]
fn refuses_bad_signature() {
    let mut forged = run(1);
    forged[0].signature = Some(key(9).sign(Context::BLOCK_SIGNATURE, forged[0].id().as_bytes()));
    assert_eq!(check(&forged), Err(LedgerFault::BadSignature));
    let blocks = run(1);
    let view = UnverifiedBlock {
        header: &blocks[0].header,
        body: &blocks[0].body,
        signature: blocks[0].signature,
    };
    let elsewhere = VerifiedRun::check(&RoomId::from_bytes([2; 32]), &[view]);
    assert_eq!(elsewhere, Err(LedgerFault::BadSignature));
}

/// only the first block has no previous one.
#[test]
fn refuses_missing_or_misplaced_prev() {
    assert_eq!(refusal(header(0, Some(id(1)))), LedgerFault::PrevMismatch { seq: 0 });
    assert_eq!(refusal(header(1, None)), LedgerFault::PrevMismatch { seq: 1 });
}

/// only the first block carries a credential.
#[test]
fn refuses_missing_or_misplaced_credential() {
    let bare = Header { credential: None, ..header(0, None) };
    assert_eq!(refusal(bare), LedgerFault::CredentialMismatch { seq: 0 });
    let twice = Header { credential: header(0, None).credential, ..header(1, Some(id(1))) };
    assert_eq!(refusal(twice), LedgerFault::CredentialMismatch { seq: 1 });
}

/// parents rise, which makes them distinct too, and there are at most eight.
#[test]
fn refuses_unsorted_repeated_and_too_many_parents() {
    let good = header(1, Some(id(1)));
    let mut unsorted = good.clone();
    unsorted.parents.ids.swap(0, 1);
    assert_eq!(refusal(unsorted), LedgerFault::ParentsUnsorted);
    let repeated = Header { parents: Parents::new(&[id(5), id(5)]), ..good.clone() };
    assert_eq!(refusal(repeated), LedgerFault::ParentsUnsorted);
    // The encoded header, with a ninth parent put in before the eight.
    let eight: Vec<BlockId> = (11..19).map(id).collect();
    let bytes = Header { parents: Parents::new(&eight), ..good }.encode();
    let head = bytes.iter().position(|byte| *byte == 0x88).expect("an array of eight");
    let mut nine = bytes.clone();
    nine[head] = 0x89;
    nine.splice(head + 1..head + 1, [0x58, 0x20].into_iter().chain([10; 32]));
    let refused = Header::decode(&nine);
    assert!(matches!(refused, Err(LedgerFault::Malformed(DecodeError::Oversize { .. }))));
}

/// flags that nobody knows yet cannot be ignored.
#[test]
fn refuses_unknown_flags() {
    let unknown = Header { flags: Flags(8), ..header(0, None) };
    assert_eq!(refusal(unknown), LedgerFault::UnknownFlags { found: 8 });
}

/// a body shorter than its salt.
#[test]
fn refuses_body_without_salt() {
    let mut header = header(0, None);
    header.body_bytes = 15;
    header.body_hash = body_hash(&[4; 15]);
    let block = Wire { header: header.encode(), body: vec![4; 15], signature: None }.signed();
    assert_eq!(check(&[block]), Err(LedgerFault::NoSalt { found: 15 }));
}

/// a body over 48 KiB.
#[test]
fn refuses_oversize_body() {
    let refused = refusal_of_payload(BLOCK_BODY_BYTES_MAX - SALT_BYTES + 1);
    assert!(matches!(refused, LedgerFault::Malformed(DecodeError::Oversize { .. })));
    let most = vec![0; BLOCK_BODY_BYTES_MAX - SALT_BYTES];
    assert!(check(&[Wire::of(header(0, None), &most).signed()]).is_ok());
}

fn refusal_of_payload(bytes: usize) -> LedgerFault {
    check(&[Wire::of(header(0, None), &vec![0; bytes]).signed()]).expect_err("refused")
}

/// a body of another length.
#[test]
fn refuses_body_of_another_length() {
    let mut block = Wire::of(header(0, None), b"hello").signed();
    block.body.pop();
    let refusal = LedgerFault::BodyLength { expected: 21, found: 20 };
    assert_eq!(check(&[block]), Err(refusal));
}

/// a body with another hash.
#[test]
fn refuses_body_with_another_hash() {
    let mut block = Wire::of(header(0, None), b"hello").signed();
    block.body[20] ^= 1;
    assert_eq!(check(&[block]), Err(LedgerFault::BodyHash));
}

/// a header over 1 KiB is refused by its length.
#[test]
fn refuses_oversize_header() {
    let limit = BLOCK_HEADER_BYTES_MAX;
    let found = limit as u64 + 1;
    let refusal = LedgerFault::Malformed(DecodeError::Oversize { offset: 0, limit, found });
    assert_eq!(Header::decode(&vec![0; limit + 1]), Err(refusal));
}

/// the longest header there is fits.
#[test]
fn longest_header_fits() {
    let author = key(2).author();
    let grant = super::super::Grant::issue(&ROOM, &key(1), key(3).member(), true);
    let grants = vec![grant; crate::limits::GRANT_COUNT_MAX];
    let credential = Credential::issue(&ROOM, &key(3), &author, 63, grants);
    let longest = Header {
        seq: u32::MAX,
        prev: Some(id(1)),
        parents: Parents::new(&(11..19).map(id).collect::<Vec<_>>()),
        anchor: Anchor::Checkpoint { index: u64::MAX, id: id(1) },
        height: u32::MAX,
        wall: WallTime::from_ms(u64::MAX),
        body_bytes: u32::MAX,
        credential: Some(Box::new(credential)),
        ..header(0, None)
    };
    assert!(longest.encode().len() <= BLOCK_HEADER_BYTES_MAX, "{}", longest.encode().len());
}

/// each truncation, flipped bit and trailing byte is refused, by form or by signature.
#[test]
fn refuses_cut_bent_and_prolonged_headers() {
    let block = &run(1)[0];
    assert!(check(core::slice::from_ref(block)).is_ok());
    for len in 0..block.header.len() {
        let cut = Wire { header: block.header[..len].to_vec(), ..block.clone() };
        assert!(matches!(check(&[cut]), Err(LedgerFault::Malformed(_))), "cut at {len}");
        let mut bent = block.clone();
        bent.header[len] ^= 1;
        assert!(check(&[bent]).is_err(), "bent at {len}");
    }
    let mut long = block.clone();
    long.header.push(0);
    assert!(matches!(check(&[long]), Err(LedgerFault::Malformed(DecodeError::Trailing { .. }))));
}

/// the same header with a number in a longer form is refused, though it says the same.
#[test]
fn refuses_non_canonical_header() {
    let block = &run(1)[0];
    let mut longer = block.header.clone();
    // After the array's head and the author (1 + 34 bytes) stands the sequence number 0.
    longer.splice(35..36, [0x18, 0]);
    let refusal = LedgerFault::Malformed(DecodeError::NonCanonical { offset: 35 });
    assert_eq!(Header::decode(&longer), Err(refusal));
}

/// a block travels as header, body and signature.
#[test]
fn block_as_it_travels_reads_back_and_refuses_truncation() {
    for block in &run(2) {
        let view = UnverifiedBlock {
            header: &block.header,
            body: &block.body,
            signature: block.signature,
        };
        let mut writer = Writer::new();
        view.write(&mut writer);
        let bytes = writer.finish();
        assert_eq!(UnverifiedBlock::read(&mut Reader::new(&bytes)), Ok(view));
        for len in 0..bytes.len() {
            assert!(UnverifiedBlock::read(&mut Reader::new(&bytes[..len])).is_err());
        }
    }
}

/// an anchor's index counts from 1; the genesis is `null` and nothing else.
#[test]
fn refuses_anchor_with_index_zero() {
    let anchored =
        Header { anchor: Anchor::Checkpoint { index: 0, id: id(1) }, ..header(1, Some(id(1))) };
    let refused = Header::decode(&anchored.encode());
    assert!(matches!(refused, Err(LedgerFault::Malformed(DecodeError::OutOfRange { .. }))));
    let anchored =
        Header { anchor: Anchor::Checkpoint { index: 3, id: id(1) }, body_bytes: 16, ..anchored };
    assert_eq!(Header::decode(&anchored.encode()), Ok(anchored));
}

/// what stands between is told in words.
#[test]
fn faults_say_what_was_expected_and_found() {
    let fault = LedgerFault::BodyLength { expected: 21, found: 20 };
    assert_eq!(fault.mismatch(), ("a body as long as its header says", "20".into()));
    assert_eq!(fault.code().name(), "BlockRefused");
}

proptest! {
    /// arbitrary bytes never panic, and what is accepted encodes back to itself.
    #[test]
    fn arbitrary_headers_never_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        at in 0_usize..200,
        value in any::<u8>(),
    ) {
        let _ = Header::decode(&bytes);
        let mut near = run(1)[0].header.clone();
        if let Some(byte) = near.get_mut(at) {
            *byte = value;
        }
        if let Ok(header) = Header::decode(&near) {
            prop_assert_eq!(header.encode(), near);
        }
    }
}
