//! Every bound in one place: its unit, the reason for the number, and how it relates to the others.

use crate::time::Span;

/// Bytes in one KiB.
const KIB: usize = 1024;
/// Bytes in one MiB.
const MIB: usize = 1024 * KIB;

// ---- identifiers

/// Bytes of an instance: 6 of wall time and 10 of chance.
pub const INSTANCE_BYTES: usize = 16;
/// Bytes of a room that nobody creates, such as those a passphrase is stretched to.
pub const ROOM_BYTES: usize = 16;
/// Fewest bytes of a room's secret: 128 bits, out of reach of guessing.
pub const SECRET_BYTES_MIN: usize = 16;
/// Most bytes of a room's secret: a passphrase is stretched to 32.
pub const SECRET_BYTES_MAX: usize = 64;
/// Most bytes of a public room's bare name.
pub const ROOM_NAME_BYTES_MAX: usize = 128;
/// Most bytes of a room address, the page's own URL included.
pub const ADDRESS_BYTES_MAX: usize = 4 * KIB;

// ---- frames and messages

/// Most bytes of a frame on control and lossy: every browser takes 16 KiB in one piece.
pub const FRAME_BYTES_MAX: usize = 16 * KIB;
/// Most bytes of a frame on bulk where both descriptions allow it: 64 KiB frames carry up to twice what
/// 16 KiB frames do, and 128 KiB frames take a tenth less time of all processes. Those of 256 KiB, the
/// most that Chromium takes, gain nothing more.
pub const BULK_FRAME_BYTES_MAX: usize = 128 * KIB;
/// Bytes of a frame that are not body: heads, kind, numbers, acknowledgement.
pub const FRAME_OVERHEAD_BYTES: usize = 64;
/// A message up to here travels in a control frame, a longer one on bulk. Half a frame, so that
/// small messages still share frames.
pub const SMALL_MESSAGE_BYTES_MAX: usize = 8 * KIB;
/// Most bytes of one message's content.
pub const MESSAGE_BYTES_MAX: usize = 32 * MIB;
/// Most bytes of what stands before the content: purpose, kind, names.
pub const HEADER_BYTES_MAX: usize = KIB;
/// Most bytes of a message as it travels.
pub const BODY_BYTES_MAX: usize = MESSAGE_BYTES_MAX + HEADER_BYTES_MAX;
/// Most bytes of a message on an unreliable channel: it is never split.
pub const LOSSY_BYTES_MAX: usize = FRAME_BYTES_MAX - HEADER_BYTES_MAX - FRAME_OVERHEAD_BYTES;
/// Most messages in one frame: bounds the work that one frame can cause.
pub const FRAME_MESSAGE_COUNT_MAX: usize = 512;

// ---- queues

/// Most bytes queued for one peer, unacknowledged ones included.
pub const LINK_QUEUE_BYTES_MAX: usize = 64 * MIB;
/// Most bytes queued for all peers together.
pub const NODE_QUEUE_BYTES_MAX: usize = 256 * MIB;
/// Most messages queued for one peer: bounds the bookkeeping of empty messages.
pub const LINK_QUEUE_COUNT_MAX: usize = 100_000;
/// Most bytes sent and not yet acknowledged on one link.
pub const FLIGHT_BYTES_MAX: usize = 4 * MIB;
/// Of large messages so much at least may be sent and not yet acknowledged. Two Chromium processes on one
/// machine carried a tenth more with it, and two frames in the channel, than with half as much and three;
/// with 4 MiB one transfer in eight lost so much at once that SCTP's timeouts took 1 to 5 s.
pub const WINDOW_BYTES_MIN: usize = 512 * KIB;
/// After so long the shortest round trip is measured anew.
pub const PATH_AGE_MAX: Span = Span::from_secs(10);
/// Most messages sent and not yet acknowledged on one link.
pub const FLIGHT_COUNT_MAX: usize = 32_768;
/// Most bytes a receiver holds of messages that overtook a larger one: what may be in flight, and
/// a frame of slack.
pub const STASH_BYTES_MAX: usize = FLIGHT_BYTES_MAX + 2 * BULK_FRAME_BYTES_MAX;
/// Most bytes of one message that come without the receiver's grant: as much as is on its way while the
/// grant is asked for, so that nothing pauses.
pub const UNGRANTED_BYTES_MAX: usize = 256 * KIB;
/// What one receiver puts together at a time, over all its links.
pub const REASSEMBLY_BYTES_MAX: usize = 64 * MIB;
/// Above this many bytes buffered in the control channel no further message is handed to it, so
/// that heartbeats and acknowledgements never wait behind a long line.
pub const CONTROL_BUFFER_BYTES_HIGH: usize = 64 * KIB;
/// The control channel asks for more below this.
pub const CONTROL_BUFFER_BYTES_LOW: usize = 16 * KIB;
/// Above this many bytes buffered in the bulk channel no further piece is handed to it: a frame and
/// little more, so that about two are in it at most, one on its way and one to follow. A line of 1 MiB
/// overruns the receiver's socket, and Chromium's SCTP answers with timeouts: a bare channel carried
/// 10 MB/s with it and 25 to 30 with this.
pub const BULK_BUFFER_BYTES_HIGH: usize = BULK_FRAME_BYTES_MAX + 16 * KIB;
/// The bulk channel asks for more below this.
pub const BULK_BUFFER_BYTES_LOW: usize = 128 * KIB;
/// A driver that handed so much to a channel since it last told how full that is tells it again. To tell it after
/// every frame costs as much as a small frame. Less than lies between any high mark and its low one: where the core
/// waits for room though it was last told of less than the low mark, nothing would tell it of any.
pub const UNTOLD_BYTES_MAX: usize = 8 * KIB;
/// Above this many bytes buffered, lossy messages are dropped: the newest state matters, not all.
pub const LOSSY_BUFFER_BYTES_HIGH: usize = 64 * KIB;
/// The lossy channel tells of itself below this.
pub const LOSSY_BUFFER_BYTES_LOW: usize = 16 * KIB;
/// `drained` waits while more than this is queued for a peer.
pub const DRAINED_BYTES: usize = MIB;
/// Messages kept until the application listens.
pub const UNHEARD_COUNT_MAX: usize = 1_000;
/// Bytes kept until the application listens.
pub const UNHEARD_BYTES_MAX: usize = MIB;

// ---- acknowledgements

/// A stream of messages is acknowledged at least every so many.
pub const ACK_MESSAGE_COUNT: usize = 64;
/// A stream of messages is acknowledged at least every so many bytes.
pub const ACK_BYTES: usize = 64 * KIB;
/// A stream of messages is acknowledged at least this often.
pub const ACK_DELAY: Span = Span::from_ms(10);
/// Pieces of a message that is not complete yet are acknowledged at least every so many bytes: a
/// half of the least window, so that a sender whose window is full never waits for the rest of it, and
/// no more often: sending one costs a page as much as receiving a piece.
pub const ACK_PIECES_BYTES: usize = WINDOW_BYTES_MIN / 2;
/// Pieces of a message that is not complete yet are acknowledged at least this often.
pub const ACK_PIECES_DELAY: Span = Span::from_ms(100);

// ---- liveness

/// After so long without sending, a heartbeat.
pub const HEARTBEAT_INTERVAL: Span = Span::from_secs(5);
/// After so long without hearing anything, a peer is suspect.
pub const SUSPECT_AFTER: Span = Span::from_secs(12);
/// After so long without hearing anything, a peer whose socket is gone too is dead.
pub const GONE_AFTER: Span = Span::from_secs(14);
/// After so long without hearing anything, a peer is dead.
pub const DEAD_AFTER: Span = Span::from_secs(45);
/// A timer that fires this late says that we were asleep, not that others are silent.
pub const STALL_MIN: Span = Span::from_secs(2);
/// A timer that fires this late says that the machine slept: every path is checked.
pub const WAKE_MIN: Span = Span::from_secs(10);
/// Numbers, queue and replay of a peer that said it is frozen are kept so long.
pub const AWAY_KEPT: Span = Span::from_secs(300);
/// Most peers that are gone and whose numbers are kept, some 2 KiB each: eight full rooms may come
/// and go while a machine sleeps.
pub const REMNANT_COUNT_MAX: usize = 512;

// ---- connecting and recovery

/// Candidates gathered within this time share a signal where several links are made at once. A single
/// link sends each at once: 10 ms on each side cost 20 of the 47 ms that two pages took to their first
/// message, and 2 ms still cost 4.
pub const CANDIDATE_BATCH: Span = Span::from_ms(4);
/// Where several links are made at once, the first description of a connection waits so long for
/// candidates, which then stand in it and need no signal, and no call of the browser for each.
pub const DESCRIPTION_PATIENCE: Span = Span::from_ms(100);
/// An unacknowledged signal is sent again after this, then after twice as long, and so on.
pub const SIGNAL_RETRY_MIN: Span = Span::from_ms(1_500);
/// An acknowledgement of a signal waits so long for a signal to ride on.
pub const SIGNAL_ACK_DELAY: Span = Span::from_ms(400);
/// The longest pause between two tries of a signal.
pub const SIGNAL_RETRY_MAX: Span = Span::from_secs(8);
/// The side that was there first leaves the first offer to the newcomer for so long.
pub const OFFER_PATIENCE: Span = Span::from_secs(3);
/// TURN servers are added when no direct path was found after this.
pub const RELAY_STAGE_AFTER: Span = Span::from_secs(4);
/// An attempt without an answer ends after this.
pub const ANSWER_DEADLINE: Span = Span::from_secs(15);
/// An attempt whose ICE or DTLS does not complete ends after this.
pub const CONNECT_DEADLINE: Span = Span::from_secs(15);
/// An attempt whose channels do not open or whose hello does not come ends after this.
pub const HELLO_DEADLINE: Span = Span::from_secs(10);
/// A driver operation that does not come back ends the attempt after this.
pub const OPERATION_DEADLINE: Span = Span::from_secs(10);
/// A lost probe is sent again after this.
pub const PROBE_RETRY: Span = Span::from_ms(200);
/// `disconnected` for so long without a byte asks for an ICE restart.
pub const DISCONNECTED_PATIENCE: Span = Span::from_ms(2_500);
/// An ICE restart that does not bring a byte ends after this.
pub const RESTART_DEADLINE: Span = Span::from_secs(8);
/// Attempts in a row before a peer is reported unreachable.
pub const ATTEMPT_COUNT_MAX: u32 = 3;
/// An unreachable peer that is still in the room is tried again after this, then twice as long.
pub const RETRY_MIN: Span = Span::from_secs(10);
/// The longest pause between two tries of an unreachable peer.
pub const RETRY_MAX: Span = Span::from_secs(120);

// ---- signals

/// Most bytes of a session description, or of a part of one, in one signal.
pub const SDP_BYTES_MAX: usize = 14 * KIB;
/// Most bytes of a whole session description. Chromium's takes 0.5 KiB for the channels, 1 KiB for
/// each audio track and 4 to 5 KiB for each video track: this is room for some twenty of both.
pub const DESCRIPTION_BYTES_MAX: usize = 8 * SDP_BYTES_MAX;
/// Most bytes of one ICE candidate.
pub const CANDIDATE_BYTES_MAX: usize = KIB;
/// Most candidates in one signal.
pub const CANDIDATE_COUNT_MAX: usize = 32;
/// Most candidates held for a description that has not come.
pub const EARLY_CANDIDATE_COUNT_MAX: usize = 128;
/// Most signals sent and not yet acknowledged.
pub const SIGNAL_FLIGHT_COUNT_MAX: usize = 64;
/// Most signals held because an earlier one is missing.
pub const SIGNAL_EARLY_COUNT_MAX: usize = 64;

// ---- signalling server

/// Most bytes of a message between client and server.
pub const SERVER_MESSAGE_BYTES_MAX: usize = 16 * KIB;
/// Most bytes of a sealed envelope inside one: the message less its own fields.
pub const ENVELOPE_BYTES_MAX: usize = SERVER_MESSAGE_BYTES_MAX - 256;
/// Most bytes of a sealed introduction.
pub const INTRODUCTION_BYTES_MAX: usize = KIB;
/// Most members of one room at one server.
pub const ROOM_MEMBER_COUNT_MAX: usize = 64;
/// A session whose socket dropped can be resumed for so long.
pub const RESUME_KEPT: Span = Span::from_secs(120);
/// Most messages kept for a session whose socket dropped.
pub const RESUME_MESSAGE_COUNT_MAX: usize = 256;
/// Most bytes kept for a session whose socket dropped.
pub const RESUME_BYTES_MAX: usize = 256 * KIB;
/// A client that has not joined so long after its socket opened is cut.
pub const JOIN_DEADLINE: Span = Span::from_secs(10);
/// `joinRoom` rejects after this without admission.
pub const ADMISSION_DEADLINE: Span = Span::from_secs(10);
/// A room that is stored waits so long for admission, and opens without it: a server that is there
/// answers sooner, and who sits before an empty page begins to wonder.
pub const STORED_ADMISSION_DEADLINE: Span = Span::from_secs(1);
/// First pause before a lost server is tried again.
pub const SOCKET_RETRY_MIN: Span = Span::from_ms(500);
/// Longest pause before a lost server is tried again.
pub const SOCKET_RETRY_MAX: Span = Span::from_secs(15);
/// A client asks a silent server for a sign of life after this.
pub const SERVER_PING_INTERVAL: Span = Span::from_secs(20);
/// A server that does not answer so long after being asked is taken for lost.
pub const SERVER_PONG_DEADLINE: Span = Span::from_secs(10);
/// Most ICE server addresses in a welcome.
pub const ICE_SERVER_COUNT_MAX: usize = 8;
/// Most bytes of one ICE server address, name or credential.
pub const ICE_SERVER_BYTES_MAX: usize = 512;
/// Most bytes the server reads of one message: so much more than it takes that a signal slightly
/// too large is answered with a reason instead of a closed socket.
pub const SERVER_READ_BYTES_MAX: usize = 32 * KIB;
/// Most bytes of a host with its port: a DNS name has at most 253.
pub const HOST_BYTES_MAX: usize = 260;
/// Most bytes of what a refusal says it expected or found.
pub const REFUSAL_TEXT_BYTES_MAX: usize = 128;
/// One try to reach the server and be admitted ends after this.
pub const SOCKET_ATTEMPT_DEADLINE: Span = Span::from_secs(10);
/// A server that does not answer so long after we woke or changed network is taken for lost: the
/// usual patience would leave a newcomer unheard for too long.
pub const WAKE_PONG_DEADLINE: Span = Span::from_secs(4);
/// A try that began so long before we woke or changed network is begun anew.
pub const WAKE_ATTEMPT_AGE: Span = Span::from_ms(1_000);
/// A client that was silent for so long is cut. Throttled tabs run timers once a minute, so two
/// such timers may be late before this one fires.
pub const CLIENT_SILENCE_MAX: Span = Span::from_secs(150);
/// A client acknowledges the server's events at least every so many.
pub const EVENT_ACK_COUNT: u64 = 32;
/// A client acknowledges the server's events at least this often.
pub const EVENT_ACK_DELAY: Span = Span::from_ms(1_000);
/// Most sockets and resumable sessions of one server.
pub const SERVER_CLIENT_COUNT_MAX: usize = 65_536;
/// Most sockets and resumable sessions from one address: a lecture hall behind one router.
pub const ADDRESS_CLIENT_COUNT_MAX: u32 = 1_024;
/// Most addresses one server keeps account of: those in use and those that left a moment ago.
pub const ADDRESS_COUNT_MAX: usize = 2 * SERVER_CLIENT_COUNT_MAX;
/// An allowance not used is saved up for so long.
pub const ALLOWANCE_SAVED: Span = Span::from_secs(10);
/// Messages one client may send in a second, on average. The burst saved up in 10 s lets a
/// newcomer send 30 signals to each member of a full room.
pub const CLIENT_MESSAGES_PER_SECOND: u64 = 200;
/// Bytes one client may send in a second, on average.
pub const CLIENT_BYTES_PER_SECOND: u64 = 512 * 1024;
/// How many times what one client may send all clients of one address may send together.
pub const ADDRESS_ALLOWANCE_FACTOR: u64 = 16;
/// A client that sent so many messages more beyond its allowance than within it is cut.
pub const EXCESS_COUNT_MAX: u32 = 256;

// ---- application

/// Most peers a node keeps.
pub const PEER_COUNT_MAX: usize = ROOM_MEMBER_COUNT_MAX;
/// The same trouble with the same peer is told once in this time: often enough for a person.
pub const TROUBLE_INTERVAL: Span = Span::from_secs(1);
/// Most troubles that are told in this time: four with each peer.
pub const TROUBLE_COUNT_MAX: usize = 4 * PEER_COUNT_MAX;
/// Most bytes of a request's or channel's name.
pub const NAME_BYTES_MAX: usize = 128;
/// Most bytes of a file's name or type.
pub const FILE_NAME_BYTES_MAX: usize = 255;
/// Most bytes of a presence.
pub const PRESENCE_BYTES_MAX: usize = 16 * KIB;
/// Most requests of ours that await an answer, over all peers; and most of one peer that await ours.
pub const REQUEST_COUNT_MAX: usize = 1_024;
/// A request without a timeout of its own waits so long.
pub const REQUEST_TIMEOUT: Span = Span::from_secs(30);
/// Most streams of one peer.
pub const STREAM_COUNT_MAX: usize = 16;
/// Most bytes of a stream's label or id.
pub const STREAM_LABEL_BYTES_MAX: usize = 255;
/// `leave` waits so long for acknowledgements.
pub const LEAVE_DEADLINE: Span = Span::from_secs(2);
/// `diagnose` waits so long for the driver's figures.
pub const STATS_DEADLINE: Span = Span::from_secs(1);

// ---- ledger

/// Most slot keys of one member: as many tabs and devices at once.
pub const SLOT_COUNT_MAX: u8 = 64;
/// Most grants between a room's creator and a member: each is a signature check for every peer.
pub const GRANT_COUNT_MAX: usize = 4;
/// Bytes drawn for a genesis, so that no two rooms are alike.
pub const GENESIS_NONCE_BYTES: usize = 16;
/// Most bytes of a genesis: name, key, nonce and heads.
pub const GENESIS_BYTES_MAX: usize = 256;
/// Most authors a block cites beside its own chain. Eight tips joined per block keep the count of
/// open tips low with hundreds of writers at once.
pub const PARENT_COUNT_MAX: usize = 8;
/// Random bytes before a payload, so that the hash of a short one cannot be guessed.
pub const SALT_BYTES: usize = 16;
/// Most bytes of a block's body, salt included: header, body and heads fit into one sync page.
pub const BLOCK_BODY_BYTES_MAX: usize = 48 * KIB;
/// Most bytes of a block's header: eight parents and a credential with four grants take 970.
pub const BLOCK_HEADER_BYTES_MAX: usize = KIB;
/// Most blocks of one author that one signature vouches for, its own block included.
pub const RUN_COUNT_MAX: usize = 256;
/// Most bytes of a run: whatever was taken over as one run can be served as one, in one page.
pub const RUN_BYTES_MAX: usize = 60 * KIB;
/// Most bytes of a fork's proof: two runs of headers.
pub const FORK_PROOF_BYTES_MAX: usize = 2 * RUN_COUNT_MAX * (BLOCK_HEADER_BYTES_MAX + 3) + 256;
/// Most blocks held because an ancestor is missing, over all peers.
pub const PENDING_COUNT_MAX: usize = 8_192;
/// Most of these that one peer brought.
pub const PENDING_PEER_COUNT_MAX: usize = 4_096;
/// Most of these by one author.
pub const PENDING_AUTHOR_COUNT_MAX: usize = 1_024;
/// Most bytes of bodies held because an ancestor is missing, over all peers.
pub const PENDING_BYTES_MAX: usize = 16 * MIB;
/// Most authors of a room that has an address.
pub const AUTHOR_COUNT_MAX: usize = 16_384;
/// Most blocks of one author in such a room.
pub const AUTHOR_BLOCK_COUNT_MAX: usize = 4 * MIB;
/// Most bytes of bodies in such a room: what a page can hold beside the application.
pub const LEDGER_BODY_BYTES_MAX: usize = 1024 * MIB;
/// Most authors of a public room, where nobody is kept from making keys.
pub const PUBLIC_AUTHOR_COUNT_MAX: usize = 1_024;
/// Most blocks of one author in a public room.
pub const PUBLIC_AUTHOR_BLOCK_COUNT_MAX: usize = 16_384;
/// Most bytes of bodies in a public room.
pub const PUBLIC_BODY_BYTES_MAX: usize = 64 * MIB;
/// Most bytes of a page of blocks: one frame on bulk.
pub const SYNC_PAGE_BYTES_MAX: usize = 64 * KIB;
/// Most pages that answer one request. At 50 ms there and back 512 KiB make 10 MB/s.
pub const SYNC_PAGE_COUNT_MAX: u32 = 8;
/// Most ranges in one request.
pub const SYNC_RANGE_COUNT_MAX: usize = 64;
/// Most single blocks asked for in one request.
pub const SYNC_ID_COUNT_MAX: usize = 32;
/// Most forks' proofs asked for in one request.
pub const SYNC_PROOF_COUNT_MAX: usize = 8;
/// So many blocks below are asked for again where two histories of an author meet, to find where
/// they part. Most blocks below a single one that are served with it, too.
pub const SYNC_DOWN_COUNT_MAX: u32 = 255;
/// A request that brings no page for so long is over; another peer is asked.
pub const SYNC_DEADLINE: Span = Span::from_secs(10);
/// A missing ancestor is asked for after this: it may be on its way over another link.
pub const SYNC_CHASE_MIN: Span = Span::from_ms(300);
/// The longest pause between two tries, after requests that brought nothing.
pub const SYNC_RETRY_MAX: Span = Span::from_secs(30);
/// After so many requests in a row that brought nothing, a peer's claims are void.
pub const SYNC_FRUITLESS_COUNT_MAX: u32 = 4;
/// Missing ancestors are asked for so often in a row without one coming.
pub const SYNC_CHASE_COUNT_MAX: u32 = 10;
/// Most bands in one message, which has the length of a page at most.
pub const SYNC_BAND_COUNT_MAX: usize = 600;
/// A band with at most so many blocks is listed.
pub const SYNC_LIST_COUNT_MAX: usize = 16;
/// A band with more is split in so many: 65,536 blocks come to lists within seven messages wherever they
/// lie, and far more where they lie evenly.
pub const SYNC_SPLIT_COUNT: usize = 16;
/// Most blocks listed in one message.
pub const SYNC_LISTED_COUNT_MAX: usize = 500;
/// Most messages of bands in one reconciliation, of both sides together.
pub const SYNC_ROUND_COUNT_MAX: u32 = 8;
/// A link's reconciliations begin at least so long after one another.
pub const SYNC_RECONCILE_INTERVAL: Span = Span::from_secs(10);
/// Who begins one itself waits so long since the last: messages do not take equally long, and one that
/// comes before the interval is over is ignored.
pub const SYNC_RECONCILE_PAUSE: Span = Span::from_secs(15);
/// While less than this is queued on a link or awaits its acknowledgement, another message of the ledger
/// is handed to it. At 50 ms there and back that makes 5 MB/s; over 10 Mbit/s an application's message
/// waits 0.2 s for what stands before it.
pub const LEDGER_AHEAD_BYTES: usize = 256 * KIB;
/// Most bytes of the ledger that wait for one link. An answer has half a MiB.
pub const LEDGER_QUEUE_BYTES_MAX: usize = 4 * MIB;
/// Most bytes of a message of the ledger: a frontier of all authors takes 0.9 MiB.
pub const LEDGER_MESSAGE_BYTES_MAX: usize = 2 * MIB;
/// About so many bytes of blocks are stored in one transaction.
pub const STORE_BATCH_BYTES: usize = 512 * KIB;
/// Most records of one transaction.
pub const STORE_BATCH_COUNT: usize = 1_024;
/// Evidence of a fork is published after a random pause of at most this, by whoever is first.
pub const EVIDENCE_DELAY_MAX: Span = Span::from_ms(2_000);
/// Who writes as an author that forked has the proof for so long before its link is closed: ten times
/// there and back, so that an honest page learns that its profile was copied.
pub const FORKER_PATIENCE: Span = Span::from_ms(1_000);
/// Bytes served to one link in a second, on average.
pub const SYNC_SERVED_BYTES_PER_SECOND: u64 = 8 * 1024 * 1024;
/// Bytes served to one link at once, saved up: a cold sync of 100,000 small blocks.
pub const SYNC_SERVED_BYTES_SAVED: u64 = 64 * 1024 * 1024;
/// Blocks that a peer pushed are confirmed together after so long: once per burst, and soon enough for
/// whoever waits to see that others have what it wrote.
pub const SEEN_DELAY: Span = Span::from_ms(200);
/// After so long without a block sent unasked, digests tell whether they reached everyone.
pub const SETTLE_DELAY: Span = Span::from_ms(1_000);
/// Where blocks never cease to come, digests are said this often.
pub const SETTLE_DELAY_MAX: Span = Span::from_secs(10);
/// Most authors in one confirmation.
pub const SEEN_COUNT_MAX: usize = 64;
/// Most authors in a frontier.
pub const SYNC_CLAIM_COUNT_MAX: usize = AUTHOR_COUNT_MAX;

const _: () = assert!(BLOCK_HEADER_BYTES_MAX + BLOCK_BODY_BYTES_MAX + 256 <= SYNC_PAGE_BYTES_MAX);
const _: () =
    assert!(SYNC_PAGE_COUNT_MAX as u64 * (SYNC_PAGE_BYTES_MAX as u64) < SYNC_SERVED_BYTES_SAVED);
const _: () = assert!((SYNC_DOWN_COUNT_MAX as usize) < RUN_COUNT_MAX);
const _: () = assert!(SYNC_CLAIM_COUNT_MAX * 56 + 64 < LEDGER_MESSAGE_BYTES_MAX);
const _: () = assert!(SYNC_RECONCILE_INTERVAL.as_ms() < SYNC_RECONCILE_PAUSE.as_ms());
const _: () = assert!(SYNC_SPLIT_COUNT.pow(3) * SYNC_LIST_COUNT_MAX == 65_536);
const _: () = assert!(FORK_PROOF_BYTES_MAX + 64 < LEDGER_MESSAGE_BYTES_MAX);
const _: () =
    assert!(SYNC_PAGE_COUNT_MAX as usize * SYNC_PAGE_BYTES_MAX * 2 < LEDGER_QUEUE_BYTES_MAX);
const _: () = assert!(SYNC_CHASE_MIN.as_ms() < SYNC_RETRY_MAX.as_ms());
const _: () = assert!(PUBLIC_AUTHOR_COUNT_MAX <= AUTHOR_COUNT_MAX);
const _: () = assert!(PUBLIC_AUTHOR_BLOCK_COUNT_MAX <= AUTHOR_BLOCK_COUNT_MAX);
const _: () = assert!(PUBLIC_BODY_BYTES_MAX <= LEDGER_BODY_BYTES_MAX);
const _: () = assert!(BLOCK_BODY_BYTES_MAX < PUBLIC_BODY_BYTES_MAX);
const _: () = assert!(PENDING_AUTHOR_COUNT_MAX >= 2 * RUN_COUNT_MAX);
const _: () = assert!(PENDING_AUTHOR_COUNT_MAX <= PENDING_PEER_COUNT_MAX);
const _: () = assert!(2 * PENDING_PEER_COUNT_MAX <= PENDING_COUNT_MAX);
const _: () = assert!(SMALL_MESSAGE_BYTES_MAX + FRAME_OVERHEAD_BYTES <= FRAME_BYTES_MAX);
const _: () = assert!(FRAME_BYTES_MAX <= BULK_FRAME_BYTES_MAX);
const _: () = assert!(BULK_BUFFER_BYTES_LOW + UNTOLD_BYTES_MAX < BULK_BUFFER_BYTES_HIGH);
const _: () = assert!(CONTROL_BUFFER_BYTES_LOW + UNTOLD_BYTES_MAX < CONTROL_BUFFER_BYTES_HIGH);
const _: () = assert!(LOSSY_BUFFER_BYTES_LOW + UNTOLD_BYTES_MAX < LOSSY_BUFFER_BYTES_HIGH);
const _: () = assert!(UNTOLD_BYTES_MAX < CONTROL_BUFFER_BYTES_LOW);
const _: () = assert!(BODY_BYTES_MAX <= REASSEMBLY_BYTES_MAX);
const _: () = assert!(BODY_BYTES_MAX <= LINK_QUEUE_BYTES_MAX);
const _: () = assert!(LINK_QUEUE_BYTES_MAX <= NODE_QUEUE_BYTES_MAX);
const _: () = assert!(UNGRANTED_BYTES_MAX < FLIGHT_BYTES_MAX);
const _: () = assert!(HEARTBEAT_INTERVAL.as_ms() * 2 < SUSPECT_AFTER.as_ms());
const _: () = assert!(SUSPECT_AFTER.as_ms() < GONE_AFTER.as_ms());
const _: () = assert!(GONE_AFTER.as_ms() < DEAD_AFTER.as_ms());
const _: () = assert!(SDP_BYTES_MAX + 512 < ENVELOPE_BYTES_MAX);
const _: () = assert!(SDP_BYTES_MAX + FRAME_OVERHEAD_BYTES < FRAME_BYTES_MAX);
const _: () = assert!(SERVER_MESSAGE_BYTES_MAX < SERVER_READ_BYTES_MAX);
const _: () = assert!(INTRODUCTION_BYTES_MAX * 2 < SERVER_MESSAGE_BYTES_MAX);
const _: () = assert!(ENVELOPE_BYTES_MAX <= RESUME_BYTES_MAX);
const _: () = assert!(EVENT_ACK_COUNT * 2 < RESUME_MESSAGE_COUNT_MAX as u64);
const _: () = assert!(
    SERVER_PING_INTERVAL.as_ms() + SERVER_PONG_DEADLINE.as_ms() < CLIENT_SILENCE_MAX.as_ms()
);
const _: () = assert!(WAKE_PONG_DEADLINE.as_ms() <= SERVER_PONG_DEADLINE.as_ms());
const _: () = assert!(
    CLIENT_MESSAGES_PER_SECOND * ALLOWANCE_SAVED.as_ms() / 1_000
        >= 30 * ROOM_MEMBER_COUNT_MAX as u64
);
const _: () = assert!(SIGNAL_ACK_DELAY.as_ms() * 2 < SIGNAL_RETRY_MIN.as_ms());
const _: () = assert!(PRESENCE_BYTES_MAX <= MESSAGE_BYTES_MAX);
