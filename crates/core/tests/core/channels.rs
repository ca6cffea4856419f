//! Channels that are made when somebody needs them.

use meshlace_core::error::ErrorCode;
use meshlace_core::limits::{HELLO_DEADLINE, LOSSY_BUFFER_BYTES_HIGH, PROBE_RETRY};
use meshlace_core::link::frame::Frame;
use meshlace_core::link::{Body, Channel, LinkInput, LinkState};

use super::pair::Pair;

static LONG: [u8; 20_000] = [7; 20_000];

fn lossy(pair: &mut Pair, body: &[u8]) {
    pair.input(0, LinkInput::SendLossy(Body::new(body.to_vec())));
}

fn probes(pair: &Pair, side: usize) -> usize {
    pair.sent(side, |frame| (*frame == Frame::Probe).then_some(())).len()
}

/// a connection has control alone until a side has something for another channel; then both make that
/// one, once, and nothing goes out on it before.
#[test]
fn channels_are_made_when_they_are_needed() {
    let mut pair = Pair::open();
    pair.send(0, b"short");
    assert_eq!(pair.sides.each_ref().map(|side| side.opened.clone()), [[], []]);
    pair.send(0, &LONG);
    pair.send(1, &LONG);
    assert_eq!(pair.sides.each_ref().map(|side| side.opened.clone()), [[Channel::Bulk]; 2]);
    lossy(&mut pair, b"maybe");
    lossy(&mut pair, b"again");
    for side in &pair.sides {
        assert_eq!(side.opened, [Channel::Bulk, Channel::Lossy]);
    }
    assert!(pair.sides[0].messages == [LONG]);
    assert!(pair.sides[1].messages == [&b"short"[..], &LONG]);
    assert_eq!(pair.sides[1].lossy, [b"maybe", b"again"]);
    assert_eq!(pair.unheard, 0);
}

/// a lost probe is sent again until the other side says that it came, and no longer.
#[test]
fn lost_probe_is_sent_again() {
    let mut pair = Pair::open();
    pair.lossy_losses = 6;
    lossy(&mut pair, b"maybe");
    assert_eq!([probes(&pair, 0), probes(&pair, 1)], [1, 1]);
    pair.advance(PROBE_RETRY.as_ms());
    assert_eq!([probes(&pair, 0), probes(&pair, 1)], [2, 2]);
    assert_eq!(pair.sides[1].lossy.len(), 0);
    pair.advance(2 * PROBE_RETRY.as_ms());
    assert_eq!(pair.sides[1].lossy, [b"maybe"]);
    let before = [probes(&pair, 0), probes(&pair, 1)];
    pair.advance(10 * PROBE_RETRY.as_ms());
    assert_eq!([probes(&pair, 0), probes(&pair, 1)], before);
    assert_eq!(pair.unheard, 0);
}

/// lossy messages wait while their channel is made, as many as it would buffer, and come in their
/// order; the others, and those of a connection that ends, are dropped and counted.
#[test]
fn few_lossy_messages_wait_for_their_channel() {
    for opens in [true, false] {
        let mut pair = Pair::open();
        pair.opens = [false; 2];
        let count = LOSSY_BUFFER_BYTES_HIGH / 10_000;
        for number in 0..count + 2 {
            lossy(&mut pair, &[u8::try_from(number).expect("few"); 9_990]);
        }
        let dropped = |pair: &Pair| pair.sides[0].link.report(None).lossy_dropped_count;
        assert_eq!((pair.sides[1].lossy.len(), dropped(&pair)), (0, 2));
        pair.opens = [true; 2];
        if opens {
            for side in 0..2 {
                let id = pair.sides[side].browser.as_ref().expect("open").id;
                pair.input(side, LinkInput::ChannelOpened(id, Channel::Lossy));
            }
            let first: Vec<usize> = pair.sides[1].lossy.iter().map(|it| it[0].into()).collect();
            assert_eq!(first, (0..count).collect::<Vec<_>>());
        } else {
            pair.advance(HELLO_DEADLINE.as_ms() + 10_000);
            assert_eq!((pair.sides[1].lossy.len(), dropped(&pair)), (0, 2 + count as u64));
        }
    }
}

/// where the peer is heard and its channel is not, the connection is replaced, and what waited comes
/// over the next one.
#[test]
fn channel_that_never_opens_ends_its_connection() {
    for silent in 0..2 {
        let mut pair = Pair::open();
        pair.opens[silent] = false;
        pair.send(0, &LONG);
        // Somebody speaks all the time, so that it is the channel that is missed.
        for _ in 0..HELLO_DEADLINE.as_ms() / 1_000 {
            assert_eq!(pair.sides[0].messages.len() + pair.sides[1].messages.len(), 0);
            assert_eq!(pair.states(), [LinkState::Open; 2]);
            pair.advance(1_000);
        }
        pair.opens = [true; 2];
        pair.advance(10_000);
        let failures = pair.sides.each_ref().map(|side| side.link.report(None).last_failure);
        assert!(failures.contains(&Some(ErrorCode::ChannelTimeout)), "{failures:?}");
        assert_eq!(pair.states(), [LinkState::Open; 2]);
        assert!(pair.sides[1].messages == [LONG]);
        assert_eq!(pair.sides[0].settled.len(), 1);
    }
}

/// a side that was asleep while a channel was made is not blamed for it, but has all the time again.
#[test]
fn sleeper_has_time_to_make_its_channel() {
    let mut pair = Pair::open();
    pair.opens = [true, false];
    pair.send(0, &LONG);
    // Nobody's timers run meanwhile.
    pair.now = pair.now.after(HELLO_DEADLINE.times(3));
    pair.forge(0, Channel::Control, Frame::Pong { token: 0 }.encode());
    pair.forge(1, Channel::Control, Frame::Pong { token: 0 }.encode());
    pair.advance(HELLO_DEADLINE.as_ms() - 1_000);
    let id = pair.sides[1].browser.as_ref().expect("open").id;
    pair.input(1, LinkInput::ChannelOpened(id, Channel::Bulk));
    assert_eq!(pair.sides.each_ref().map(|side| side.created.len()), [1, 1]);
    assert!(pair.sides[1].messages == [LONG], "{} messages", pair.sides[1].messages.len());
}
