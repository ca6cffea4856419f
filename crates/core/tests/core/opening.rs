//! From the first signal to an open link.

use meshlace_core::codec::Reader;
use meshlace_core::crypto::Signature;
use meshlace_core::error::ErrorCode;
use meshlace_core::id::{ConnectionId, Epoch, Nonce};
use meshlace_core::limits::{
    CANDIDATE_BATCH, CONNECT_DEADLINE, DESCRIPTION_BYTES_MAX, HELLO_DEADLINE, OFFER_PATIENCE,
    OPERATION_DEADLINE, RELAY_STAGE_AFTER, SDP_BYTES_MAX,
};
use meshlace_core::link::frame::Frame;
use meshlace_core::link::signal::{GiveUp, NumberedSignal, Signal};
use meshlace_core::link::{
    Candidate, Channel, ConnectionState, Description, DescriptionKind, IceStage, IceState,
    LinkFault, LinkInput, LinkState,
};
use meshlace_core::time::Span;

use super::pair::{Pair, sdp};

const OFFER: LinkInput = LinkInput::Connect { offer: true };

/// A candidate of this type for the section of a description with this index.
fn candidate(of_type: &str, line_index: u16) -> Candidate {
    Candidate {
        candidate: format!("candidate:1 1 udp 2 10.0.0.1 9 typ {of_type}"),
        mid: None,
        line_index: Some(line_index),
        username_fragment: None,
    }
}

/// three channels, by the ids that both sides give them.
#[test]
fn channels_have_their_ids() {
    let named = Channel::ALL.map(|channel| (channel.index(), channel.name()));
    assert_eq!(named, [(0, "control"), (1, "bulk"), (2, "lossy")]);
    assert_eq!(Channel::from_index(3), None);
}

/// control frames before the descriptions are held, but no more than there can be.
#[test]
fn holds_few_frames_before_the_descriptions() {
    let mut pair = Pair::new();
    pair.server = false;
    pair.input(0, OFFER);
    for count in 1..=17 {
        pair.forge(0, Channel::Control, Frame::Ready.encode());
        assert_eq!(pair.sides[0].faults.len(), count / 17);
    }
    assert_eq!(pair.sides[0].faults, [LinkFault::TooEarly { limit: 16 }]);
}

/// the first control frame is the hello, and it comes once; before it, nothing is believed.
#[test]
fn hello_comes_first_and_once() {
    let mut pair = Pair::open();
    let control = |side: usize| {
        let mut frames = pair.sides[side].frames.iter().filter(|(at, _)| *at == Channel::Control);
        frames.next().expect("a frame").1.clone()
    };
    let hello = control(0);
    for side in 0..2 {
        let first = control(side);
        assert!(matches!(Frame::decode(Channel::Control, &first), Ok(Frame::Hello { .. })));
    }
    pair.forge(1, Channel::Control, hello);
    assert_eq!(pair.sides[1].faults, [LinkFault::Unexpected { found: "a second hello" }]);

    let mut pair = Pair::new();
    (pair.path, pair.cut) = (true, [true, true]);
    pair.input(0, OFFER);
    pair.forge(1, Channel::Control, Frame::Ready.encode());
    let found = "a frame before the hello";
    assert_eq!(pair.sides[1].faults, [LinkFault::Unexpected { found }]);
}

/// what was sent before the link is open goes in the place of our ready, and opens the link on
/// the other side.
#[test]
fn first_messages_stand_for_ready() {
    let mut pair = Pair::new();
    pair.send(0, b"early");
    pair.send(0, b"too");
    pair.input(0, OFFER);
    assert_eq!(pair.states(), [LinkState::Open; 2]);
    let is_messages = |frame: &Frame<'_>| match frame {
        Frame::Ready => Some(None),
        Frame::Messages { bodies, .. } => Some(Some(bodies.len())),
        _ => None,
    };
    assert_eq!(pair.sent(0, is_messages), [Some(2)]);
    assert_eq!(pair.sent(1, is_messages), [None]);
    assert_eq!(pair.sides[1].messages, [&b"early"[..], b"too"]);
    assert_eq!(pair.sides[0].settled.len(), 2);
}

/// a driver may feed several inputs before it asks for effects. What opens the link and what
/// makes it ping come together here, and ready still goes first.
#[test]
fn ready_goes_before_all_else_of_an_open_link() {
    for early in [0, 1] {
        let mut pair = Pair::new();
        for _ in 0..early {
            pair.send(0, b"early");
        }
        pair.cut = [false, true];
        pair.input(0, OFFER);
        let id = pair.sides[0].browser.as_ref().expect("a connection").id;
        for (channel, bytes) in pair.sides[1].frames.clone() {
            pair.feed(0, LinkInput::FrameReceived(id, channel, bytes));
        }
        pair.input(0, LinkInput::CheckPath);
        assert_eq!(pair.states(), [LinkState::Open; 2]);
        let control = pair.sent(0, |frame| match frame {
            Frame::Hello { .. } => Some(1),
            Frame::Ready | Frame::Messages { .. } => Some(2),
            Frame::Ping { .. } => Some(3),
            _ => None,
        });
        assert_eq!(control[..3], [1, 2, 3]);
        assert_eq!((pair.sides[0].faults.len(), pair.sides[1].faults.len()), (0, 0));
    }
}

/// messages wait until a hello crossed both ways; a connection that comes to nothing loses none.
#[test]
fn messages_wait_until_both_hellos_crossed() {
    for opens in [true, false] {
        let mut pair = Pair::new();
        pair.send(0, b"early");
        pair.send(0, &[7; 20_000]);
        pair.opens = [true, false];
        pair.input(0, OFFER);
        assert_eq!(pair.states(), [LinkState::AwaitingHello; 2]);
        assert_eq!(pair.sides[0].frames.len(), 1, "nothing but the hello");
        pair.opens = [true; 2];
        if opens {
            let id = pair.sides[1].browser.as_ref().expect("a connection").id;
            pair.input(1, LinkInput::ChannelOpened(id, Channel::Control));
        } else {
            pair.advance(HELLO_DEADLINE.as_ms() + 2_000);
        }
        assert_eq!(pair.states(), [LinkState::Open; 2]);
        assert_eq!(pair.sides[1].messages, [b"early".to_vec(), vec![7; 20_000]]);
        assert_eq!(pair.sides[0].settled.iter().filter(|(_, result)| result.is_ok()).count(), 2);
    }
}

/// before both are ready a frame of an open link is a fault, messages are held, a lossy message
/// dropped.
#[test]
fn believes_nothing_before_ready() {
    // Side 1 heard the hello; it has no channel yet to send its own.
    let unready = || {
        let mut pair = Pair::new();
        pair.opens = [true, false];
        pair.input(0, OFFER);
        pair
    };
    let piece = Frame::Piece { number: 1, offset: 0, total: 9_000, bytes: b"piece" };
    let frames = [
        (Channel::Control, Frame::Ping { token: 1 }),
        (Channel::Bulk, piece),
        (Channel::Lossy, Frame::Probe),
    ];
    for (channel, frame) in frames {
        let mut pair = unready();
        pair.forge(1, channel, frame.encode());
        let found = "a frame before ready";
        assert_eq!(pair.sides[1].faults, [LinkFault::Unexpected { found }]);
    }

    let mut pair = unready();
    pair.forge(1, Channel::Lossy, Frame::Lossy { body: b"x" }.encode());
    let bodies = vec![&[0; 8_000][..]; 2];
    let messages = Frame::Messages { first: 1, received_to: 0, bodies }.encode();
    let limit = 4 * 1024 * 1024 + 256 * 1024;
    for held in 1..=limit / messages.len() {
        pair.forge(1, Channel::Control, messages.clone());
        assert_eq!((pair.sides[1].lossy.len(), pair.sides[1].faults.len()), (0, 0), "{held}");
    }
    pair.forge(1, Channel::Control, messages);
    assert_eq!(pair.sides[1].messages.len(), 0);
    assert_eq!(pair.sides[1].faults, [LinkFault::TooEarly { limit }]);
}

/// who was there first leaves the offer to the other for a while, and then offers itself.
#[test]
fn first_one_waits_for_the_offer() {
    let mut pair = Pair::new();
    pair.input(1, LinkInput::Connect { offer: false });
    pair.advance(OFFER_PATIENCE.as_ms() - 1);
    assert_eq!(pair.sides[1].created, []);
    pair.advance(1);
    assert_eq!(pair.states(), [LinkState::Open; 2]);
}

/// both offer at the same instant, and one connection comes of it. The polite side's
/// first one is given up, and that is no rebuild.
#[test]
fn glare_makes_one_connection() {
    let mut pair = Pair::new();
    pair.server = false;
    pair.input(0, OFFER);
    pair.input(1, OFFER);
    pair.set_server(true);
    assert_eq!(pair.states(), [LinkState::Open; 2]);
    let mut created = pair.sides.each_ref().map(|side| side.created.len());
    created.sort_unstable();
    assert_eq!(created, [1, 2]);
    assert_eq!(pair.sides.each_ref().map(|side| side.link.report(None).rebuild_count), [0, 0]);
}

/// only an offer begins a connection, and only one of a later epoch replaces another.
#[test]
fn later_epoch_wins() {
    let mut pair = Pair::new();
    pair.server = false;
    let mut number = 0;
    let mut signal = |pair: &mut Pair, epoch, kind| {
        number += 1;
        let description = Description { kind, sdp: sdp(ConnectionId(9), 0xaa) };
        let nonce = Nonce::from_bytes([0; 16]);
        let body = Signal::Description { description, nonce }.encode();
        let signal = NumberedSignal { epoch: Epoch(epoch), number, ack: 0, body };
        pair.input(1, LinkInput::Signal(signal));
        (pair.sides[1].created.len(), pair.sides[1].link.report(None).epoch.0)
    };
    assert_eq!(signal(&mut pair, 3, DescriptionKind::Answer), (0, 0));
    assert_eq!(signal(&mut pair, 5, DescriptionKind::Offer), (1, 5));
    assert_eq!(signal(&mut pair, 4, DescriptionKind::Offer), (1, 5));
    assert_eq!(signal(&mut pair, 6, DescriptionKind::Offer), (2, 6));
}

/// a connection that is lost is followed by one of the next epoch, in its hello too.
#[test]
fn next_connection_has_the_next_epoch() {
    let mut pair = Pair::open();
    let id = pair.sides[0].browser.as_ref().expect("open").id;
    pair.input(0, LinkInput::ChannelClosed(id, Channel::Bulk));
    pair.advance(1_000);
    assert_eq!(pair.states(), [LinkState::Open; 2]);
    let epochs = pair.sent(0, |frame| match frame {
        Frame::Hello { body, .. } => {
            let mut reader = Reader::new(body);
            reader.fields(16).and_then(|()| reader.u64()).expect("a version");
            reader
                .u64()
                .and_then(|_| reader.bytes(32))
                .and_then(|_| reader.bytes(16))
                .expect("names");
            reader.u32().ok()
        }
        _ => None,
    });
    assert_eq!(epochs.first(), Some(&1));
    assert!(epochs.last() > Some(&1), "{epochs:?}");
}

/// an open link carries its signals itself; what that loses goes through the server.
#[test]
fn open_link_carries_its_signals() {
    let mut pair = Pair::open();
    pair.advance(10_000);
    let before = pair.sides[0].signals.len();
    pair.need_negotiation(0);
    let signals = pair.sent(0, |frame| matches!(frame, Frame::Signal { .. }).then_some(()));
    assert!(!signals.is_empty());
    assert_eq!(pair.sides[0].signals.len(), before);

    pair.cut = [true, true];
    pair.need_negotiation(0);
    assert_eq!(pair.sides[0].signals.len(), before);
    pair.advance(12_000);
    let offer = Signal::decode(&pair.sides[0].signals[before]).expect("a signal");
    assert!(matches!(offer, Signal::Description { .. }), "{offer:?}");
}

/// candidates gathered within 4 ms share a signal, after the description; later ones do not, and
/// none where only one link is made.
#[test]
fn candidates_share_a_signal() {
    let mut pair = Pair::new();
    pair.path = false;
    pair.input(0, OFFER);
    let id = pair.sides[0].browser.as_ref().expect("a connection").id;
    let candidate = candidate("host", 0);
    for batch in [CANDIDATE_BATCH, Span::ZERO] {
        for pause_ms in [1, 0, 4, 4] {
            pair.input(0, LinkInput::CandidateGathered(id, candidate.clone(), batch));
            pair.advance(pause_ms);
        }
    }
    let counts: Vec<usize> = pair.sides[0]
        .signals
        .iter()
        .filter_map(|body| match Signal::decode(body) {
            Ok(Signal::Candidates(candidates)) => Some(candidates.len()),
            _ => None,
        })
        .collect();
    assert_eq!(counts, [3, 1, 1, 1, 1, 1]);
}

/// where several links are made, the first description waits up to 100 ms for candidates, and goes out
/// with those that came within 4 ms of one another; where one is made alone, nothing waits.
#[test]
fn first_description_waits_for_candidates() {
    // Line indices of candidates with the time before each; whether gathering ends then; when the
    // description goes out, with how many candidates, and how many go in signals of their own.
    type Case = (u64, &'static [(u64, u16)], bool, u64, usize, usize);
    let cases: [Case; 7] = [
        (0, &[], false, 0, 0, 0),
        (100, &[], false, 100, 0, 0),
        (100, &[(30, 0), (2, 0)], false, 34, 2, 0),
        (100, &[(98, 0)], false, 100, 1, 0),
        (100, &[(10, 0), (1, 7)], false, 14, 1, 1),
        (100, &[(3, 0)], true, 3, 1, 0),
        (100, &[(3, 0), (5, 0)], false, 7, 1, 1),
    ];
    for (patience_ms, candidates, is_done, at_ms, within, beside) in cases {
        let mut pair = Pair::new();
        (pair.path, pair.patience) = (false, Span::from_ms(patience_ms));
        pair.input(0, OFFER);
        let id = pair.sides[0].browser.as_ref().expect("a connection").id;
        let mut passed_ms = 0;
        for (pause_ms, line_index) in candidates {
            pair.advance(*pause_ms);
            passed_ms += pause_ms;
            let candidate = candidate("host", *line_index);
            let input = LinkInput::CandidateGathered(id, candidate, CANDIDATE_BATCH);
            pair.input(0, input);
        }
        if is_done {
            pair.input(0, LinkInput::GatheringDone(id));
        }
        if at_ms > passed_ms {
            pair.advance(at_ms - passed_ms - 1);
            assert_eq!(pair.sides[0].signals.len(), 0, "{candidates:?}");
            pair.advance(1);
        }
        let first = pair.sides[0].signals.first().map(|body| Signal::decode(body));
        let Some(Ok(Signal::Description { description, .. })) = first else {
            panic!("{candidates:?}: a description, not {first:?}")
        };
        let lines = description.sdp.lines().filter(|line| line.starts_with("a=candidate:"));
        assert_eq!(lines.count(), within, "{candidates:?}");
        pair.advance(50);
        let others = pair.sides[0].signals.iter().filter_map(|body| match Signal::decode(body) {
            Ok(Signal::Candidates(candidates)) => Some(candidates.len()),
            _ => None,
        });
        assert_eq!(others.sum::<usize>(), beside, "{candidates:?}");
    }
}

/// candidates in a description are known to the other side, and later descriptions wait for none.
#[test]
fn only_the_first_description_waits() {
    let mut pair = Pair::new();
    pair.patience = Span::from_ms(100);
    pair.input(0, OFFER);
    let id = pair.sides[0].browser.as_ref().expect("a connection").id;
    let candidate = candidate("srflx", 0);
    pair.input(0, LinkInput::CandidateGathered(id, candidate, CANDIDATE_BATCH));
    pair.advance(1_000);
    assert_eq!(pair.sides[1].link.report(None).remote_candidates, ["srflx"]);
    assert_eq!(pair.sides[0].link.state(), LinkState::Open);
    let described = |pair: &Pair| {
        pair.sent(0, |frame| match frame {
            Frame::Signal { body, .. } => Signal::decode(body).ok(),
            _ => None,
        })
        .iter()
        .any(|signal| matches!(signal, Signal::Description { .. }))
    };
    assert!(!described(&pair));
    pair.need_negotiation(0);
    assert!(described(&pair), "at once");
}

/// every attempt has a deadline and a reason, and three of them close a link never open.
#[test]
fn attempts_end_in_time_with_their_reason() {
    type Arrange = fn(&mut Pair);
    let cases: [(Arrange, u64, ErrorCode); 5] = [
        (|pair| pair.server = false, CONNECT_DEADLINE.as_ms(), ErrorCode::SignallingLost),
        (|pair| pair.path = false, CONNECT_DEADLINE.as_ms(), ErrorCode::NoCandidates),
        (|pair| pair.cut = [true; 2], HELLO_DEADLINE.as_ms(), ErrorCode::HelloTimeout),
        (|pair| pair.opens = [false; 2], HELLO_DEADLINE.as_ms(), ErrorCode::ChannelTimeout),
        (|pair| pair.stuck = true, OPERATION_DEADLINE.as_ms(), ErrorCode::WebRtcFailed),
    ];
    for (arrange, deadline_ms, reason) in cases {
        let mut pair = Pair::new();
        arrange(&mut pair);
        pair.input(1, OFFER);
        pair.advance(deadline_ms - 1);
        assert_eq!(pair.sides[1].created.len(), 1, "{reason:?}");
        pair.advance(1);
        assert_eq!(pair.sides[1].link.report(None).last_failure, Some(reason));
        pair.advance(3 * deadline_ms + 3_000);
        assert_eq!(pair.sides[1].closed, [reason]);
    }
}

/// where ICE says that it failed, nobody waits for the deadline.
#[test]
fn failed_ice_ends_an_attempt_at_once() {
    let mut pair = Pair::new();
    pair.path = false;
    pair.input(1, OFFER);
    let id = pair.sides[1].browser.as_ref().expect("a connection").id;
    let failed = LinkInput::TransportChanged(id, IceState::Failed, ConnectionState::Failed);
    pair.input(1, failed);
    assert_eq!(pair.sides[1].link.report(None).last_failure, Some(ErrorCode::NoCandidates));
}

/// a fault on one side is told to the other, which closes for the same reason.
#[test]
fn fault_is_told_to_its_maker() {
    let mut pair = Pair::open();
    pair.forge(1, Channel::Control, Frame::Ack { received_to: 9, partial: None }.encode());
    let give_up = Signal::GiveUp(GiveUp::ProtocolViolation).encode();
    assert!(pair.sides[1].signals.contains(&give_up));
    assert_eq!(pair.sides[0].closed, [ErrorCode::ProtocolViolation]);

    let mut pair = Pair::new();
    pair.bend_hello = Some(Box::new(|body| body[..body.len() - 1].to_vec()));
    pair.input(0, OFFER);
    assert_eq!(pair.sides[0].closed, [ErrorCode::HelloRejected]);
    assert_eq!(pair.sides[1].closed, [ErrorCode::HelloRejected]);

    let mut pair = Pair::new();
    pair.path = false;
    pair.input(0, OFFER);
    pair.input(0, LinkInput::Leave);
    assert_eq!(pair.sides[1].closed, [ErrorCode::PeerLeft]);
}

/// relays come in once no direct path was found for a while, and only then.
#[test]
fn relays_are_the_second_stage() {
    let mut pair = Pair::new();
    pair.path = false;
    for side in 0..2 {
        pair.input(side, LinkInput::Relays { available: true });
    }
    pair.input(0, OFFER);
    let start = pair.now;
    pair.advance(RELAY_STAGE_AFTER.as_ms());
    for side in &pair.sides {
        assert_eq!(side.created, [(start, IceStage::Direct)]);
        assert_eq!(side.restarts, [(start.after(RELAY_STAGE_AFTER), IceStage::Relayed)]);
    }
}

/// another certificate is another connection, with a proof of its own.
#[test]
fn another_fingerprint_is_another_connection() {
    let mut pair = Pair::open();
    pair.sides[0].fingerprint = 0xcc;
    pair.need_negotiation(0);
    assert_eq!(pair.sides[1].link.report(None).last_failure, Some(ErrorCode::DtlsFailed));
    pair.advance(5_000);
    assert_eq!(pair.states(), [LinkState::Open; 2]);
    assert!(pair.sides[1].created.len() > 1);
    assert_eq!(pair.sides[1].faults, []);
}

/// a hello that another key signed is refused, and nothing is opened.
#[test]
fn forged_hello_opens_nothing() {
    let mut pair = Pair::new();
    pair.cut = [true, true];
    pair.input(0, OFFER);
    let (_, hello) = &pair.sides[0].frames[0];
    let Ok(Frame::Hello { body, .. }) = Frame::decode(Channel::Control, hello) else {
        panic!("the first frame is a hello");
    };
    let forged = Frame::Hello { body, signature: Signature::from_bytes([9; 64]) }.encode();
    pair.forge(1, Channel::Control, forged);
    assert_eq!(pair.sides[1].closed, [ErrorCode::HelloRejected]);
}

/// a description too long for one signal comes in parts, whole; one too long for all of them
/// is not sent, and parts without an end are a fault.
#[test]
fn long_description_comes_in_parts() {
    let mut pair = Pair::new();
    pair.sdp_padding_bytes = 3 * SDP_BYTES_MAX;
    pair.input(0, OFFER);
    assert_eq!(pair.states(), [LinkState::Open; 2]);
    pair.need_negotiation(1);
    pair.advance(1_000);
    assert_eq!(pair.states(), [LinkState::Open; 2]);
    assert_eq!(pair.sides.each_ref().map(|side| side.created.len()), [1, 1]);

    let mut pair = Pair::new();
    pair.sdp_padding_bytes = DESCRIPTION_BYTES_MAX + 8;
    pair.input(0, OFFER);
    let failure = pair.sides[0].link.report(None).last_failure;
    assert_eq!(failure, Some(ErrorCode::SignalTooLarge));

    let mut pair = Pair::new();
    for number in 1..=8 {
        assert_eq!(pair.sides[1].faults, []);
        let body = Signal::Part("x".repeat(SDP_BYTES_MAX)).encode();
        let signal = NumberedSignal { epoch: Epoch(1), number, ack: 0, body };
        pair.input(1, LinkInput::Signal(signal));
    }
    assert_eq!(pair.sides[1].closed, [ErrorCode::ProtocolViolation]);
}
