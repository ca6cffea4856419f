//! What happened outside and what the application asks for, read from the arguments of a call. The
//! order of the arguments is that of the methods in `src/machine.ts`.

use meshlace_core::error::ErrorCode;
use meshlace_core::id::{ConnectionId, PeerId, SocketId, StreamKey, Ticket};
use meshlace_core::ledger::Flags;
use meshlace_core::link::{
    Candidate, Channel, ConnectionState, ConnectionStats, Description, DescriptionKind, IceState,
};
use meshlace_core::node::{
    Answer, Content, Input, LedgerConfig, Lifecycle, Recipient, StorageFault,
};
use meshlace_core::rng::Seed;
use meshlace_core::time::Span;

use crate::names::Call;
use crate::values::Reader;

/// The input that a call stands for; `None` if it asks for something else.
///
/// Three tables, each a function of its own: an engine compiles what is called often again and with more care,
/// and takes 20 to 80 ms for one large function, just when a page joins a room.
pub(crate) fn read(call: Call, from: &mut Reader<'_>) -> Option<Input> {
    happened(call, from).or_else(|| asked(call, from)).or_else(|| of_ledger(call, from))
}

/// What happened to the page, the server's socket and the connections.
#[inline(never)]
fn happened(call: Call, from: &mut Reader<'_>) -> Option<Input> {
    Some(match call {
        Call::Start => Input::Start,
        Call::Tick => Input::Tick,
        Call::Entropy => Input::Entropy(seed(from)),
        Call::Lifecycle => Input::Lifecycle(match from.number() {
            0 => Lifecycle::Frozen,
            1 => Lifecycle::Resumed,
            2 => Lifecycle::Hidden,
            3 => Lifecycle::Shown,
            _ => Lifecycle::Online,
        }),

        Call::SocketOpened => Input::SocketOpened { socket: socket(from) },
        Call::SocketReceived => Input::SocketReceived { socket: socket(from), bytes: from.bytes() },
        Call::SocketClosed => Input::SocketClosed { socket: socket(from) },

        Call::Described => Input::Described {
            connection: connection(from),
            ticket: ticket(from),
            description: Description {
                kind: if from.bool() { DescriptionKind::Offer } else { DescriptionKind::Answer },
                sdp: from.text(),
            },
        },
        Call::Applied => Input::Applied { connection: connection(from), ticket: ticket(from) },
        Call::OperationFailed => Input::OperationFailed {
            connection: connection(from),
            ticket: ticket(from),
            detail: from.text(),
        },
        Call::CandidateGathered => Input::CandidateGathered {
            connection: connection(from),
            candidate: Candidate {
                candidate: from.text(),
                mid: from.optional(Reader::text),
                line_index: from.optional(short),
                username_fragment: from.optional(Reader::text),
            },
        },
        Call::GatheringDone => Input::GatheringDone { connection: connection(from) },
        Call::GatheringFailed => Input::GatheringFailed {
            connection: connection(from),
            url: from.text(),
            code: short(from),
            detail: from.text(),
        },
        Call::NegotiationNeeded => Input::NegotiationNeeded { connection: connection(from) },
        Call::TransportChanged => Input::TransportChanged {
            connection: connection(from),
            ice: match from.number() {
                0 => IceState::New,
                1 => IceState::Checking,
                2 => IceState::Connected,
                3 => IceState::Completed,
                4 => IceState::Disconnected,
                5 => IceState::Failed,
                _ => IceState::Closed,
            },
            state: match from.number() {
                0 => ConnectionState::New,
                1 => ConnectionState::Connecting,
                2 => ConnectionState::Connected,
                3 => ConnectionState::Disconnected,
                4 => ConnectionState::Failed,
                _ => ConnectionState::Closed,
            },
        },
        Call::ChannelOpened => {
            Input::ChannelOpened { connection: connection(from), channel: channel(from.number()) }
        }
        Call::ChannelClosed => {
            Input::ChannelClosed { connection: connection(from), channel: channel(from.number()) }
        }
        Call::Buffered => Input::Buffered {
            connection: connection(from),
            channel: channel(from.number()),
            bytes: from.number() as usize,
        },
        Call::TrackArrived => {
            Input::TrackArrived { connection: connection(from), media_id: from.text() }
        }
        Call::Stats => Input::Stats {
            connection: connection(from),
            ticket: ticket(from),
            stats: ConnectionStats {
                local_candidate: from.optional(Reader::text),
                remote_candidate: from.optional(Reader::text),
                protocol: from.optional(Reader::text),
                round_trip_ms: from.optional(Reader::number),
                sent_bytes: whole(from.double()),
                received_bytes: whole(from.double()),
            },
        },
        _ => return None,
    })
}

/// What the application asks for.
#[inline(never)]
fn asked(call: Call, from: &mut Reader<'_>) -> Option<Input> {
    Some(match call {
        Call::SendText => Input::Send {
            ticket: ticket(from),
            to: recipient(from),
            content: text_content(from),
            payload: from.text_bytes(),
        },
        Call::SendBytes => Input::Send {
            ticket: ticket(from),
            to: recipient(from),
            content: content(from),
            payload: from.bytes(),
        },
        Call::SendTopicText => topic(from, true),
        Call::SendTopicBytes => topic(from, false),
        Call::Cancel => Input::Cancel { ticket: ticket(from) },
        Call::Request => Input::Request {
            ticket: ticket(from),
            peer: peer(from),
            name: from.text(),
            content: content(from),
            payload: from.bytes(),
            // Negative means the default.
            timeout: Some(from.double()).filter(|ms| *ms >= 0.0).map(|ms| Span::from_ms(whole(ms))),
        },
        Call::Respond => Input::Respond {
            request: ticket(from),
            answer: Answer::Value { content: content(from), payload: from.bytes() },
        },
        Call::RespondNoHandler => {
            Input::Respond { request: ticket(from), answer: Answer::NoHandler }
        }
        Call::RespondFailed => {
            Input::Respond { request: ticket(from), answer: Answer::Failed { detail: from.text() } }
        }
        Call::SetPresence => Input::SetPresence { payload: Some(from.text_bytes()) },
        Call::ClearPresence => Input::SetPresence { payload: None },
        Call::AddStream => Input::AddStream {
            stream: StreamKey(from.number()),
            media_id: from.text(),
            label: from.text(),
            to: recipient(from),
        },
        Call::RemoveStream => Input::RemoveStream { stream: StreamKey(from.number()) },
        Call::AwaitDrained => Input::AwaitDrained { ticket: ticket(from), peer: peer(from) },
        Call::Diagnose => Input::Diagnose { ticket: ticket(from) },
        Call::Leave => Input::Leave,
        _ => return None,
    })
}

/// What happened to the ledger's storage, and what the application asks of the ledger.
#[inline(never)]
fn of_ledger(call: Call, from: &mut Reader<'_>) -> Option<Input> {
    Some(match call {
        Call::LedgerOpen => Input::OpenLedger(LedgerConfig {
            profile: seed(from),
            slot: u8::try_from(from.number()).unwrap_or_else(|_| from.refuse()),
            is_clean: from.bool(),
            has_storage: from.bool(),
            genesis: from.optional(Reader::bytes),
        }),
        Call::LedgerRestore => Input::Restored { key: from.bytes(), bytes: from.bytes() },
        Call::LedgerRestored => Input::RestoreDone,
        Call::RecordsStored => Input::Stored { ticket: ticket(from), result: Ok(()) },
        Call::RecordsFailed => Input::Stored {
            ticket: ticket(from),
            result: Err(if from.text() == ErrorCode::StorageFull.name() {
                StorageFault::Full
            } else {
                StorageFault::Refused
            }),
        },
        Call::LedgerWrite => Input::WriteBlock {
            payload: from.bytes(),
            flags: if from.number() == 0 { Flags::NONE } else { Flags::FINALIZE },
        },
        Call::LedgerImport => Input::Import { ticket: ticket(from), bytes: from.bytes() },
        _ => return None,
    })
}

fn topic(from: &mut Reader<'_>, is_text: bool) -> Input {
    let (ticket, to, name) = (ticket(from), recipient(from), from.text());
    let is_lossy = from.bool();
    let (content, payload) = if is_text {
        (text_content(from), from.text_bytes())
    } else {
        (content(from), from.bytes())
    };
    if is_lossy {
        Input::SendLossy { ticket, to, name, content, payload }
    } else {
        Input::SendTopic { ticket, to, name, content, payload }
    }
}

fn socket(from: &mut Reader<'_>) -> SocketId {
    SocketId(from.number())
}

fn connection(from: &mut Reader<'_>) -> ConnectionId {
    ConnectionId(from.number())
}

fn ticket(from: &mut Reader<'_>) -> Ticket {
    Ticket(from.number())
}

fn short(from: &mut Reader<'_>) -> u16 {
    u16::try_from(from.number()).unwrap_or(u16::MAX)
}

/// The channel with this id; numbers come from our own driver, which knows of no other.
pub(crate) fn channel(index: u32) -> Channel {
    Channel::from_index(index as usize).unwrap_or(Channel::Lossy)
}

/// The kind of a content, in the numbers of `src/machine.ts`, and what stands beside its bytes.
fn content(from: &mut Reader<'_>) -> Content {
    let (kind, name, media_type) = (from.number(), from.text(), from.text());
    match kind {
        0 => Content::Nothing,
        1 => Content::Text,
        2 => Content::Json,
        4 => Content::Blob { media_type },
        5 => Content::File { name, media_type },
        _ => Content::Bytes,
    }
}

/// Text or JSON.
fn text_content(from: &mut Reader<'_>) -> Content {
    if from.bool() { Content::Json } else { Content::Text }
}

/// Whom a name means: the empty one is everyone.
fn recipient(from: &mut Reader<'_>) -> Recipient {
    let name = from.text();
    if name.is_empty() { Recipient::All } else { Recipient::One(named(&name)) }
}

fn peer(from: &mut Reader<'_>) -> PeerId {
    named(&from.text())
}

/// Names come from the core, so one that cannot be read is nobody's, and the core refuses it as
/// unknown.
fn named(name: &str) -> PeerId {
    PeerId::parse(name).unwrap_or(PeerId::from_bytes([0; PeerId::BYTES]))
}

pub(crate) fn seed(from: &mut Reader<'_>) -> Seed {
    Seed(from.bytes().try_into().unwrap_or_else(|_| from.refuse()))
}

/// A number of JavaScript as whole milliseconds or bytes: negative and NaN are 0.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, which is what is wanted"
)]
pub(crate) fn whole(number: f64) -> u64 {
    number as u64
}
