//! What a hostile peer, or one that vanishes in the middle, cannot do to a link.

use meshlace_core::codec::Writer;
use meshlace_core::limits::{
    FILE_NAME_BYTES_MAX, FLIGHT_COUNT_MAX, FRAME_BYTES_MAX, LOSSY_BYTES_MAX, NAME_BYTES_MAX,
    SMALL_MESSAGE_BYTES_MAX, UNGRANTED_BYTES_MAX,
};
use meshlace_core::link::frame::{Frame, Partial};
use meshlace_core::link::hello::LINK_VERSION;
use meshlace_core::link::{Channel, LinkFault, LinkInput, LinkState};
use meshlace_core::node::Content;
use meshlace_core::node::parcel::Parcel;

use super::pair::Pair;

/// A frame that breaks the rules closes the link and is named; here: any of `frames` on an open one.
fn fault_of(channel: Channel, frame: &Frame<'_>) -> LinkFault {
    let mut pair = Pair::open();
    pair.forge(1, channel, frame.encode());
    assert_eq!(pair.sides[1].link.state(), LinkState::Closed);
    pair.sides[1].faults.pop().expect("a fault")
}

/// an acknowledgement of what was never sent is a fault, up to the end of the numbers.
#[test]
fn refuses_acknowledgement_of_the_unsent() {
    for received_to in [1, u64::MAX - 1, u64::MAX] {
        let ack = Frame::Ack { received_to, partial: None };
        assert!(matches!(fault_of(Channel::Control, &ack), LinkFault::FalseAck(_)));
        let messages = Frame::Messages { first: 1, received_to, bodies: vec![] };
        assert!(matches!(fault_of(Channel::Control, &messages), LinkFault::FalseAck(_)));
        let partial = Some(Partial { number: received_to, bytes: 1 });
        let ack = Frame::Ack { received_to: 0, partial };
        assert!(matches!(fault_of(Channel::Control, &ack), LinkFault::FalseAck(_)));
    }
}

/// a message too far ahead of its turn is a fault, up to the end of the numbers.
#[test]
fn refuses_number_out_of_range() {
    for first in [2 + FLIGHT_COUNT_MAX as u64, u64::MAX - 1, u64::MAX] {
        let bodies = vec![&b"x"[..], &b"y"[..]];
        let messages = Frame::Messages { first, received_to: 0, bodies };
        assert!(matches!(fault_of(Channel::Control, &messages), LinkFault::Inbox(_)));
        let total = 2 * SMALL_MESSAGE_BYTES_MAX as u64;
        let piece = Frame::Piece { number: first, offset: 0, total, bytes: b"x" };
        assert!(matches!(fault_of(Channel::Bulk, &piece), LinkFault::Inbox(_)));
    }
}

/// pieces with a gap, of another total, empty, or of a message that needs none are faults.
#[test]
fn refuses_pieces_out_of_place() {
    let total = 2 * SMALL_MESSAGE_BYTES_MAX as u64;
    let small = Frame::Piece { number: 1, offset: 0, total: 9, bytes: b"x" };
    let empty = Frame::Piece { number: 1, offset: 0, total, bytes: b"" };
    let late = Frame::Piece { number: 1, offset: 1, total, bytes: b"x" };
    let long = vec![0; SMALL_MESSAGE_BYTES_MAX + 1];
    for piece in [small, empty, late] {
        assert!(matches!(fault_of(Channel::Bulk, &piece), LinkFault::Inbox(_)), "{piece:?}");
    }
    let message = Frame::Messages { first: 1, received_to: 0, bodies: vec![&long] };
    assert!(matches!(fault_of(Channel::Control, &message), LinkFault::Inbox(_)));
    for (offset, total) in [(1, total + 1), (2, total), (0, total)] {
        let mut pair = Pair::open();
        pair.cut = [true, true];
        let first = Frame::Piece { number: 1, offset: 0, total: 16_384, bytes: b"x" };
        pair.forge(1, Channel::Bulk, first.encode());
        assert_eq!(pair.sides[1].faults, []);
        let second = Frame::Piece { number: 1, offset, total, bytes: b"x" };
        pair.forge(1, Channel::Bulk, second.encode());
        assert!(matches!(pair.sides[1].faults[..], [LinkFault::Inbox(_)]), "{offset} {total}");
    }
}

/// more than the beginning before the grant is a fault, and takes nothing of the pool.
#[test]
fn refuses_piece_before_the_grant() {
    let mut pair = Pair::open();
    (pair.pool, pair.cut) = (false, [true, true]);
    let total = 2 * UNGRANTED_BYTES_MAX as u64;
    let bytes = &[0; UNGRANTED_BYTES_MAX / 8];
    for index in 0..9 {
        let offset = index * bytes.len() as u64;
        let fault_count = usize::from(index == 8);
        let piece = Frame::Piece { number: 1, offset, total, bytes };
        pair.forge(1, Channel::Bulk, piece.encode());
        assert_eq!(pair.sides[1].faults.len(), fault_count);
        assert_eq!(pair.sides[1].link.pool_bytes(), 0);
    }
}

/// a sender that is gone in the middle of a large message holds nothing of the pool, and its
/// next large message is asked for anew.
#[test]
fn vanished_sender_frees_the_pool() {
    for granted in [false, true] {
        let mut pair = Pair::open();
        let body = vec![7; UNGRANTED_BYTES_MAX + 1];
        (pair.pool, pair.server) = (false, false);
        pair.send(0, &body);
        assert_eq!(pair.sides[1].pool_bytes, [body.len()]);
        pair.set_path(false);
        if granted {
            pair.input(1, LinkInput::PoolGranted);
            assert_eq!(pair.sides[1].link.pool_bytes(), body.len());
        }
        pair.advance(50_000);
        assert_eq!(pair.states(), [LinkState::Closed; 2]);
        assert_eq!(pair.sides[1].link.pool_bytes(), 0);

        (pair.pool, pair.path) = (true, true);
        pair.set_server(true);
        pair.input(0, LinkInput::Connect { offer: true });
        assert_eq!(pair.states(), [LinkState::Open; 2]);
        pair.send(0, &body);
        pair.advance(100);
        assert_eq!(pair.sides[1].messages, [body], "granted before: {granted}");
    }
}

/// the first number a sender still sends may lie ahead, but not where no sender gets.
#[test]
fn refuses_first_number_that_no_sender_reaches() {
    for (sends_from, holds) in
        [(1, true), (1 << 53, true), ((1 << 53) + 1, false), (u64::MAX, false)]
    {
        let mut pair = Pair::new();
        pair.bend_hello = Some(Box::new(move |body| {
            let mut tail = Writer::new();
            tail.u64(sends_from).null();
            [&body[..body.len() - 2], &tail.finish()].concat()
        }));
        pair.input(0, LinkInput::Connect { offer: true });
        assert_eq!(pair.sides[1].link.state() == LinkState::Open, holds, "{sends_from}");
        if holds {
            let bodies = vec![&b"x"[..]];
            let messages = Frame::Messages { first: sends_from, received_to: 0, bodies };
            pair.forge(1, Channel::Control, messages.encode());
            assert_eq!(pair.sides[1].messages, [b"x"]);
        }
    }
}

/// a hello of a peer that speaks only other versions is refused by name.
#[test]
fn refuses_hello_of_another_version() {
    let mut pair = Pair::new();
    pair.bend_hello = Some(Box::new(|body| {
        let mut head = Writer::new();
        head.array(16).u64(LINK_VERSION + 1).u64(LINK_VERSION + 2);
        [&head.finish(), &body[3..]].concat()
    }));
    pair.input(0, LinkInput::Connect { offer: true });
    let fault = pair.sides[1].faults.pop().expect("a fault");
    assert_eq!(fault.to_string(), "expected link version 1, found link version 3");
}

/// the largest lossy message with the longest names fits into one frame.
#[test]
fn largest_lossy_message_fits_a_frame() {
    let long = |count| "x".repeat(count);
    let media_type = long(FILE_NAME_BYTES_MAX);
    let content = Content::File { name: long(FILE_NAME_BYTES_MAX), media_type };
    let body = Parcel::Topic { name: long(NAME_BYTES_MAX), content }.seal(vec![0; LOSSY_BYTES_MAX]);
    let frame = Frame::Lossy { body: &body.bytes() }.encode();
    assert_eq!((LOSSY_BYTES_MAX, frame.len() <= FRAME_BYTES_MAX), (15_296, true));
}
