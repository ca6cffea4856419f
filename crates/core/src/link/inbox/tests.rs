use alloc::vec;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Small { first: u64, sizes: Vec<usize> },
    Piece { number: u64, offset: u64, total: u64, size: usize },
    Grant,
    NextGrant,
    Ack(u64),
    Restart(u64),
    Abandon,
}

fn step() -> impl Strategy<Value = Step> {
    let number = || prop_oneof![8 => 0_u64..12, 1 => any::<u64>()];
    let offset = prop_oneof![4 => Just(0_u64), 4 => (0_u64..20).prop_map(|n| n * 16_000),
        1 => any::<u64>()];
    let total = prop_oneof![Just(16_000_u64), Just(32_000_u64), Just(320_000_u64), 0_u64..10_000];
    prop_oneof![
        4 => (number(), proptest::collection::vec(0_usize..9_000, 0..4))
            .prop_map(|(first, sizes)| Step::Small { first, sizes }),
        8 => (number(), offset, total, prop_oneof![Just(16_000_usize), 0_usize..17_000])
            .prop_map(|(number, offset, total, size)| Step::Piece { number, offset, total, size }),
        2 => Just(Step::Grant),
        2 => Just(Step::NextGrant),
        2 => any::<u64>().prop_map(Step::Ack),
        1 => number().prop_map(Step::Restart),
        1 => Just(Step::Abandon),
    ]
}

proptest! {
    /// whatever a peer sends, nothing panics, what waits stays within its
    /// bounds, numbers only rise, and each is delivered at most once.
    #[test]
    fn arbitrary_frames_stay_within_bounds(
        steps in proptest::collection::vec(step(), 1..80),
    ) {
        let mut inbox = Inbox::new(0);
        let body = vec![7; 17_000];
        let mut received_to = 0;
        for step in steps {
            let result = match step {
                Step::Small { first, sizes } => {
                    let bodies: Vec<&[u8]> = sizes.iter().map(|size| &body[..*size]).collect();
                    inbox.receive_small(first, &bodies).map(|ready| ready.len())
                }
                Step::Piece { number, offset, total, size } => {
                    let bytes = &body[..size];
                    inbox.receive_piece(number, offset, total, bytes).map(|ready| ready.len())
                }
                Step::Grant => {
                    inbox.grant();
                    Ok(0)
                }
                Step::NextGrant => {
                    let _ = inbox.next_grant();
                    Ok(0)
                }
                Step::Ack(at) => {
                    let _ = inbox.next_ack(Timestamp::from_ms(at));
                    Ok(0)
                }
                Step::Restart(from) => {
                    let before = inbox.received_to();
                    let ready = inbox.restart(from).map(|ready| ready.len());
                    received_to += inbox.received_to() - before - *ready.as_ref().unwrap_or(&0) as u64;
                    ready
                }
                Step::Abandon => {
                    inbox.abandon();
                    Ok(0)
                }
            };
            // A fault closes the link; the inbox is not asked again.
            let Ok(count) = result else { break };
            received_to += count as u64;
            prop_assert_eq!(inbox.received_to(), received_to);
            prop_assert!(inbox.stash_bytes <= STASH_BYTES_MAX);
            let held: usize = inbox.stash.values().map(Vec::len).sum();
            prop_assert!(held <= STASH_BYTES_MAX + inbox.pool_bytes());
        }
    }
}

/// a lone message is acknowledged at once, a stream after so many, so much, or so long.
#[test]
fn acknowledges_lone_messages_at_once_and_streams_by_count_and_time() {
    let at = Timestamp::from_ms;
    let mut inbox = Inbox::new(0);
    let _ = inbox.receive_small(1, &[b"lone"]).expect("in order");
    assert!(inbox.next_ack(at(1_000)).is_some(), "in the same turn");
    let _ = inbox.receive_small(2, &[b"next"]).expect("in order");
    assert!(inbox.next_ack(at(1_000)).is_some(), "its sender may await each before the next");
    let _ = inbox.receive_small(3, &[b"two", b"at once"]).expect("in order");
    assert!(inbox.next_ack(at(1_001)).is_none(), "more may follow");
    assert_eq!(inbox.ack_deadline(), Some(at(1_000).after(ACK_DELAY)));
    let bodies = [b"x".as_slice(); ACK_MESSAGE_COUNT];
    let _ = inbox.receive_small(5, &bodies).expect("in order");
    assert!(inbox.next_ack(at(1_002)).is_some(), "so many");
    let large = [[0; 8_000].as_slice(); 9];
    let _ = inbox.receive_small(5 + ACK_MESSAGE_COUNT as u64, &large).expect("in order");
    assert!(inbox.next_ack(at(1_003)).is_some(), "so much");
    assert_eq!(inbox.ack_deadline(), None);
}

/// pieces of a message that is not complete are acknowledged by larger measures, the complete
/// message as any other.
#[test]
fn acknowledges_pieces_seldom_and_their_end_soon() {
    let at = Timestamp::from_ms;
    let mut inbox = Inbox::new(0);
    inbox.acked(at(1_000));
    let piece = vec![0; ACK_PIECES_BYTES / 4];
    let total = (ACK_PIECES_BYTES + 2 * piece.len()) as u64;
    let mut offset = 0;
    let mut receive = |inbox: &mut Inbox| {
        let _ = inbox.receive_piece(1, offset, total, &piece).expect("in order");
        inbox.grant();
        let _ = inbox.next_grant();
        offset += piece.len() as u64;
    };
    receive(&mut inbox);
    assert_eq!(inbox.ack_deadline(), Some(at(1_000).after(ACK_PIECES_DELAY)));
    assert!(inbox.next_ack(at(1_000).after(ACK_DELAY)).is_none(), "nobody waits for it");
    while inbox.owed_pieces_bytes < ACK_PIECES_BYTES {
        assert!(inbox.next_ack(at(1_001)).is_none());
        receive(&mut inbox);
    }
    assert!(inbox.next_ack(at(1_001)).is_some(), "so much");
    receive(&mut inbox);
    receive(&mut inbox);
    assert_eq!(inbox.received_to(), 1);
    assert_eq!(inbox.ack_deadline(), Some(at(1_001).after(ACK_DELAY)), "the end is waited for");
}

/// a peer cannot make us hold more than may be in flight.
#[test]
fn stash_over_its_bound_is_a_fault() {
    let mut inbox = Inbox::new(0);
    let body = [0; SMALL_MESSAGE_BYTES_MAX];
    let mut number = 2;
    let fault = loop {
        match inbox.receive_small(number, &[&body]) {
            Ok(ready) => assert!(ready.is_empty()),
            Err(fault) => break fault,
        }
        number += 1;
    };
    assert_eq!(fault, InboxFault::StashOverflow { limit: STASH_BYTES_MAX });
    let far = 1 + FLIGHT_COUNT_MAX as u64 + 1;
    let fault = Inbox::new(0).receive_small(far, &[b""]);
    assert!(matches!(fault, Err(InboxFault::NumberOutOfRange { .. })), "{fault:?}");
}
