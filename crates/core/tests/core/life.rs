//! An open link: messages, silence, broken paths, leaving and coming back.

use meshlace_core::error::{Delivery, ErrorCode};
use meshlace_core::id::{Instance, LinkSession};
use meshlace_core::limits::{
    AWAY_KEPT, BULK_BUFFER_BYTES_HIGH, CONTROL_BUFFER_BYTES_HIGH, DEAD_AFTER,
    DISCONNECTED_PATIENCE, FLIGHT_BYTES_MAX, GONE_AFTER, HEARTBEAT_INTERVAL, LINK_QUEUE_BYTES_MAX,
    LOSSY_BUFFER_BYTES_HIGH, MESSAGE_BYTES_MAX, RESTART_DEADLINE, SMALL_MESSAGE_BYTES_MAX,
    SUSPECT_AFTER, UNGRANTED_BYTES_MAX,
};
use meshlace_core::link::frame::Frame;
use meshlace_core::link::{
    Body, Channel, ConnectionState, IceState, LinkInput, LinkState, MessageKey,
};
use meshlace_core::time::Span;

use super::pair::Pair;

const SMALL: usize = SMALL_MESSAGE_BYTES_MAX;

fn first_and_count(frame: &Frame<'_>) -> Option<(u64, usize)> {
    match frame {
        Frame::Messages { first, bodies, .. } => Some((*first, bodies.len())),
        _ => None,
    }
}

fn number_and_offset(frame: &Frame<'_>) -> Option<(u64, u64)> {
    match frame {
        Frame::Piece { number, offset, .. } => Some((*number, *offset)),
        _ => None,
    }
}

/// an opened connection's round trip is measured once the rush is over, by one ping.
#[test]
fn round_trip_is_measured_after_opening() {
    let mut pair = Pair::open();
    let pings =
        |pair: &Pair| pair.sent(0, |frame| matches!(frame, Frame::Ping { .. }).then_some(())).len();
    assert_eq!(pings(&pair), 0);
    pair.advance(499);
    assert_eq!(pings(&pair), 0);
    pair.advance(1);
    assert_eq!(pings(&pair), 1);
    pair.advance(1_000);
    assert_eq!(pings(&pair), 1);
    assert!(pair.sides[0].link.report(None).round_trip_ms.is_some());
}

/// a ping is answered with its token.
#[test]
fn ping_is_answered() {
    let mut pair = Pair::open();
    pair.forge(1, Channel::Control, Frame::Ping { token: 77 }.encode());
    assert!(pair.sent(1, |frame| (*frame == Frame::Pong { token: 77 }).then_some(())) == [()]);
}

/// nothing is added to a full buffer, and what waited goes once there is room.
#[test]
fn full_buffer_holds_messages_back() {
    let mut pair = Pair::open();
    pair.buffered(0, Channel::Control, CONTROL_BUFFER_BYTES_HIGH);
    pair.send(0, b"one");
    pair.send(0, b"two");
    assert_eq!(pair.sent(0, first_and_count), []);
    pair.buffered(0, Channel::Control, 0);
    assert_eq!(pair.sent(0, first_and_count), [(1, 2)], "and they share a frame");
    assert_eq!(pair.sides[1].messages, [b"one", b"two"]);
}

/// a lossy message goes out over an open link with room, or is dropped and counted by its sender.
#[test]
fn lossy_message_never_waits() {
    let mut pair = Pair::open();
    let lossy = |pair: &mut Pair| pair.input(0, LinkInput::SendLossy(Body::new(b"x".to_vec())));
    let counts = |pair: &Pair| {
        let dropped = pair.sides.each_ref().map(|side| side.link.report(None).lossy_dropped_count);
        (pair.sides[1].lossy.len(), dropped)
    };
    lossy(&mut pair);
    assert_eq!((pair.sides[1].lossy[0].as_slice(), counts(&pair)), (&b"x"[..], (1, [0, 0])));
    pair.buffered(0, Channel::Lossy, LOSSY_BUFFER_BYTES_HIGH);
    lossy(&mut pair);
    pair.buffered(0, Channel::Lossy, 0);
    assert_eq!(counts(&pair), (1, [1, 0]));
    pair.set_server(false);
    pair.cut = [true, true];
    lossy(&mut pair);
    assert_eq!(counts(&pair), (1, [1, 0]), "what is lost on the way is not counted");
    pair.advance(SUSPECT_AFTER.as_ms());
    lossy(&mut pair);
    assert_eq!((pair.states(), counts(&pair)), ([LinkState::Suspect; 2], (1, [2, 0])));
    pair.input(0, LinkInput::Close(ErrorCode::PeerLeft));
    lossy(&mut pair);
    assert_eq!(counts(&pair), (1, [3, 0]));
}

/// numbers begin at 1 and are given at sending: what is taken back before leaves no gap.
#[test]
fn number_is_given_at_sending() {
    let mut pair = Pair::open();
    pair.buffered(0, Channel::Control, CONTROL_BUFFER_BYTES_HIGH);
    let key = pair.send(0, b"not this");
    pair.input(0, LinkInput::Cancel(key));
    pair.send(0, b"this");
    pair.buffered(0, Channel::Control, 0);
    assert_eq!(pair.sent(0, first_and_count), [(1, 1)]);
    let cancelled = (key, Err((ErrorCode::Cancelled, Delivery::NotSent)));
    assert_eq!(pair.sides[0].settled, [cancelled, (MessageKey(2), Ok(()))]);
}

/// long messages go in pieces and are overtaken on the wire, but arrive in order.
#[test]
fn long_message_is_overtaken_and_arrives_first() {
    let mut pair = Pair::open();
    pair.pool = false;
    let long = vec![5; UNGRANTED_BYTES_MAX + 1];
    pair.send(0, &long);
    pair.send(0, &[1; SMALL]);
    assert_eq!(pair.sent(0, first_and_count), [(2, 1)]);
    assert_eq!(pair.sides[1].messages, [[0_u8; 0]; 0]);
    pair.input(1, LinkInput::PoolGranted);
    assert_eq!(pair.sides[1].messages, [long, vec![1; SMALL]]);
    let mut pair = Pair::open();
    pair.send(0, &[1; SMALL + 1]);
    assert_eq!(pair.sent(0, first_and_count), []);
    assert_eq!(pair.sent(0, number_and_offset), [(1, 0)]);
}

/// no more than the window is on the wire without an acknowledgement.
#[test]
fn window_bounds_what_is_on_the_wire() {
    let mut pair = Pair::open();
    pair.cut = [true, true];
    for _ in 0..FLIGHT_BYTES_MAX / SMALL + 10 {
        pair.send(0, &[0; SMALL]);
    }
    let sent: usize = pair.sent(0, first_and_count).iter().map(|(_, count)| count * SMALL).sum();
    assert!(sent <= FLIGHT_BYTES_MAX && sent + SMALL > FLIGHT_BYTES_MAX - SMALL, "{sent}");
}

/// what does not fit the queue of a link is refused before anything of it is sent.
#[test]
fn full_queue_refuses() {
    let mut pair = Pair::new();
    let body = vec![0; MESSAGE_BYTES_MAX - 64];
    pair.send(0, &body);
    assert!(pair.sides[0].link.takes(body.len()));
    pair.send(0, &body);
    assert_eq!(pair.sides[0].link.queued_bytes(), LINK_QUEUE_BYTES_MAX);
    assert!(!pair.sides[0].link.takes(0));
}

/// what a dead connection may have lost is sent again, what it carried counts once.
#[test]
fn next_connection_replays_without_doubling() {
    for lost in [[true, false], [false, true], [true, true]] {
        let mut pair = Pair::open();
        pair.cut = lost;
        for body in [b"a", b"b", b"c"] {
            pair.send(0, body);
        }
        let arrived = usize::from(!lost[0]) * 3;
        assert_eq!((pair.sides[1].messages.len(), pair.sides[0].settled.len()), (arrived, 0));
        pair.cut = [false, false];
        let id = pair.sides[0].browser.as_ref().expect("open").id;
        pair.input(0, LinkInput::ChannelClosed(id, Channel::Control));
        pair.advance(1_000);
        assert_eq!(pair.sides[1].messages, [b"a", b"b", b"c"], "lost {lost:?}");
        let all: Vec<_> = (1..=3).map(|key| (MessageKey(key), Ok(()))).collect();
        assert_eq!(pair.sides[0].settled, all);
    }
}

/// a long message waits for its grant after its beginning; on the next connection it
/// goes on where it was, and needs the grant again.
#[test]
fn long_message_goes_on_where_it_was() {
    let mut pair = Pair::open();
    pair.pool = false;
    let long = vec![5; 2 * UNGRANTED_BYTES_MAX];
    pair.send(0, &long);
    let pieces = pair.sent(0, number_and_offset);
    let beginning = pieces.clone();
    assert!(
        beginning.len() > 1 && beginning.iter().all(|(_, at)| *at < UNGRANTED_BYTES_MAX as u64)
    );
    pair.advance(100);
    let partial = pair.sent(1, |frame| match frame {
        Frame::Ack { partial, .. } => partial.map(|partial| partial.bytes),
        _ => None,
    });
    let id = pair.sides[0].browser.as_ref().expect("open").id;
    pair.input(0, LinkInput::ChannelClosed(id, Channel::Bulk));
    pair.advance(1_000);
    assert_eq!(pair.states(), [LinkState::Open; 2]);
    assert_eq!(pair.sent(0, number_and_offset), beginning, "nothing without a grant");
    pair.input(1, LinkInput::PoolGranted);
    assert_eq!(
        pair.sent(0, number_and_offset)[beginning.len()],
        (1, *partial.last().expect("acks"))
    );
    assert_eq!(pair.sides[1].messages, [long]);
}

/// a closed link settles everything; what it gave up never arrives, what comes after
/// it does.
#[test]
fn closed_link_settles_everything_and_keeps_its_numbers() {
    let mut pair = Pair::open();
    pair.set_server(false);
    pair.cut = [true, true];
    pair.send(0, b"sent");
    pair.buffered(0, Channel::Bulk, BULK_BUFFER_BYTES_HIGH);
    pair.send(0, &[0; SMALL + 1]);
    pair.advance(DEAD_AFTER.as_ms());
    assert_eq!(pair.sides[0].closed, [ErrorCode::PeerLeft]);
    let left = ErrorCode::PeerLeft;
    let unknown = (MessageKey(1), Err((left, Delivery::Unknown)));
    assert_eq!(pair.sides[0].settled, [unknown, (MessageKey(2), Err((left, Delivery::NotSent)))]);
    pair.cut = [false, false];
    pair.set_server(true);
    pair.input(0, LinkInput::Connect { offer: true });
    pair.send(0, b"after");
    pair.advance(1_000);
    assert_eq!(pair.sides[1].messages, [b"after"]);
    assert_eq!(pair.sent(0, first_and_count).last(), Some(&(3, 1)));
}

/// what was sent to a former start of the peer is unknown; what was not goes to the new one.
#[test]
fn new_instance_gets_the_unsent() {
    let mut pair = Pair::open();
    pair.cut = [true, true];
    pair.send(0, b"sent");
    pair.buffered(0, Channel::Control, CONTROL_BUFFER_BYTES_HIGH);
    pair.send(0, b"queued");
    (pair.path, pair.server) = (false, false);
    let session = LinkSession::from_bytes([9; 16]);
    // Both sides forget the other's numbers; only side 0 had something to send.
    pair.input(1, LinkInput::PeerRestarted(Instance::from_bytes([1; 16]), session));
    pair.input(0, LinkInput::PeerRestarted(Instance::from_bytes([2; 16]), session));
    let restarted = (ErrorCode::PeerRestarted, Delivery::Unknown);
    assert_eq!(pair.sides[0].settled, [(MessageKey(1), Err(restarted))]);
    (pair.cut, pair.path, pair.server) = ([false, false], true, true);
    pair.input(0, LinkInput::Connect { offer: true });
    assert_eq!(pair.sides[1].messages, [b"queued"]);
    assert_eq!(pair.sent(0, first_and_count).last(), Some(&(1, 1)));
}

/// a message alone in its frame is acknowledged at once, so that a sender who awaits each
/// before the next waits for nothing but the path.
#[test]
fn messages_awaited_one_by_one_are_acknowledged_one_by_one() {
    let mut pair = Pair::open();
    pair.advance(100);
    for count in 1..=256 {
        pair.send(0, b"one of many");
        assert_eq!(pair.sides[0].settled.len(), count, "without a millisecond passing");
    }
}

/// an answer given in the turn in which its question came carries the acknowledgement.
#[test]
fn answer_carries_the_acknowledgement() {
    let acks = |pair: &Pair, side| {
        pair.sent(side, |frame| matches!(frame, Frame::Ack { .. }).then_some(())).len()
    };
    let mut pair = Pair::open();
    pair.advance(100);
    pair.echoes = Some(1);
    let before = [acks(&pair, 0), acks(&pair, 1)];
    for count in 1..=10 {
        pair.send(0, b"question");
        assert_eq!(pair.sides[0].settled.len(), count);
        assert_eq!(pair.sides[1].settled.len(), count, "what nobody answers is acknowledged too");
        assert_eq!([acks(&pair, 0), acks(&pair, 1)], [before[0] + count, before[1]]);
    }
}

/// the same where several messages came in one frame, and with no answer in that turn the tick sends it.
#[test]
fn answer_to_one_of_several_carries_the_acknowledgement() {
    let acks =
        |pair: &Pair| pair.sent(1, |frame| matches!(frame, Frame::Ack { .. }).then_some(())).len();
    for echoes in [Some(1), None] {
        let mut pair = Pair::open();
        pair.advance(100);
        pair.echoes = echoes;
        let before = acks(&pair);
        pair.buffered(0, Channel::Control, CONTROL_BUFFER_BYTES_HIGH);
        pair.send(0, b"one");
        pair.send(0, b"two");
        assert_eq!(pair.sides[0].settled.len(), 0);
        pair.buffered(0, Channel::Control, 0);
        assert_eq!(pair.sides[0].settled.len(), 2, "without a millisecond passing");
        assert_eq!(acks(&pair) - before, usize::from(echoes.is_none()));
    }
}

/// silence is broken by heartbeats; without them a peer is suspect, then dead.
#[test]
fn silence_is_suspect_then_dead() {
    let pings =
        |pair: &Pair| pair.sent(0, |frame| matches!(frame, Frame::Ping { .. }).then_some(())).len();
    let mut pair = Pair::open();
    let before = pings(&pair);
    pair.advance(20 * HEARTBEAT_INTERVAL.as_ms());
    assert!(pings(&pair) > before);
    assert_eq!(pair.states(), [LinkState::Open; 2]);

    pair.set_server(false);
    pair.send(0, b"heard");
    pair.send(1, b"heard");
    let silent_since = pair.now;
    pair.cut = [true, true];
    pair.advance(SUSPECT_AFTER.as_ms());
    assert_eq!(pair.states(), [LinkState::Suspect; 2]);
    pair.advance(DEAD_AFTER.as_ms() - SUSPECT_AFTER.as_ms());
    assert_eq!(pair.states(), [LinkState::Closed; 2]);
    assert_eq!(pair.now.since(silent_since), DEAD_AFTER);
}

/// a silent peer whose socket is gone as well is dead sooner.
#[test]
fn silent_peer_without_a_socket_is_dead_sooner() {
    let mut pair = Pair::open();
    pair.cut = [true, true];
    pair.input(0, LinkInput::PeerSocket { attached: false });
    pair.advance(GONE_AFTER.as_ms() - 1);
    assert_eq!(pair.sides[0].closed, []);
    pair.advance(1);
    assert_eq!(pair.sides[0].closed, [ErrorCode::PeerLeft]);
}

/// a broken path is restarted, by one side, and then replaced.
#[test]
fn broken_path_climbs_the_ladder() {
    let mut pair = Pair::open();
    pair.set_path(false);
    pair.advance(DISCONNECTED_PATIENCE.as_ms() + 1_500);
    let restarts = pair.sides.each_ref().map(|side| side.restarts.len());
    assert_eq!(restarts, [0, 1], "the impolite side's, and that is enough");
    assert_eq!(pair.states(), [LinkState::Restarting; 2]);
    pair.advance(RESTART_DEADLINE.as_ms());
    assert!(pair.sides.iter().all(|side| side.created.len() > 1));
    pair.path = true;
    pair.advance(20_000);
    assert_eq!(pair.states(), [LinkState::Open; 2]);
}

/// while the two cannot exchange descriptions, no restart is given up.
#[test]
fn restart_waits_for_the_server() {
    let mut pair = Pair::open();
    pair.set_server(false);
    pair.set_path(false);
    pair.advance(30_000);
    assert_eq!(pair.states(), [LinkState::Restarting; 2]);
    assert!(pair.sides.iter().all(|side| side.created.len() == 1));
    pair.path = true;
    pair.set_server(true);
    pair.advance(9_000);
    assert_eq!(pair.states(), [LinkState::Open; 2]);
    assert!(pair.sides.iter().all(|side| side.created.len() == 1));
}

/// ICE that failed is not waited for, and a path that is asked for must answer.
#[test]
fn failed_or_unanswering_path_is_restarted() {
    let mut pair = Pair::open();
    let id = pair.sides[1].browser.as_ref().expect("open").id;
    pair.cut = [true, true];
    let failed = LinkInput::TransportChanged(id, IceState::Failed, ConnectionState::Failed);
    pair.input(1, failed);
    assert_eq!(pair.sides[1].restarts.len(), 1);

    let mut pair = Pair::open();
    pair.cut = [true, true];
    pair.input(1, LinkInput::CheckPath);
    pair.advance(2_999);
    assert_eq!(pair.sides[1].restarts.len(), 0);
    pair.advance(1);
    assert_eq!(pair.sides[1].restarts.len(), 1);
}

/// the time we slept says nothing about the other.
#[test]
fn own_sleep_buries_nobody() {
    let mut pair = Pair::open();
    let slept = Span::from_secs(60);
    pair.now = pair.now.after(slept);
    for side in 0..2 {
        pair.input(side, LinkInput::Stalled(slept));
        pair.input(side, LinkInput::CheckPath);
    }
    pair.advance(10_000);
    assert_eq!(pair.states(), [LinkState::Open; 2]);
    assert!(pair.sides.iter().all(|side| side.closed.is_empty()));
}

/// a peer that said it would be frozen is waited for, but not for ever.
#[test]
fn frozen_peer_is_waited_for() {
    let mut pair = Pair::open();
    pair.input(0, LinkInput::Freeze);
    assert!(pair.sides[1].link.is_away());
    pair.cut = [true, true];
    pair.send(1, b"while away");
    let frozen_at = pair.now;
    pair.advance(AWAY_KEPT.as_ms() - 1_000);
    assert!(pair.sides[1].link.is_away());
    assert_eq!(pair.sides[1].settled, []);
    pair.advance(1_000);
    assert_eq!(pair.sides[1].closed, [ErrorCode::PeerFrozen]);
    assert_eq!(pair.now.since(frozen_at), AWAY_KEPT);

    let mut pair = Pair::open();
    pair.input(0, LinkInput::Freeze);
    pair.input(0, LinkInput::Thaw);
    assert!(!pair.sides[1].link.is_away());
}

/// a goodbye closes both sides at once.
#[test]
fn goodbye_closes_at_once() {
    let mut pair = Pair::open();
    pair.input(0, LinkInput::Leave);
    assert_eq!(pair.sides[1].closed, [ErrorCode::PeerLeft]);
    assert_eq!(pair.sides[0].closed, [ErrorCode::RoomClosed]);

    let mut pair = Pair::open();
    pair.cut = [true, true];
    pair.input(0, LinkInput::Leave);
    pair.advance(500);
    assert_eq!(pair.sides[0].closed, [ErrorCode::RoomClosed]);
}

/// a page that is left says goodbye and closes the connection in one turn, in which its own application is told
/// of nothing: it is not the others who left.
#[test]
fn page_that_is_left_says_goodbye_in_its_last_turn() {
    let mut pair = Pair::open();
    pair.input(0, LinkInput::LeaveAtOnce);
    assert_eq!(pair.sides[1].closed, [ErrorCode::PeerLeft]);
    assert_eq!(pair.sides[0].closed, []);
    // What comes back from the cache of pages to go back to.
    pair.advance(500);
    assert_eq!(pair.sides[0].closed, [ErrorCode::RoomClosed]);
}
