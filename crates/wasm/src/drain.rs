//! Effects and notices on their way out.

use meshlace_core::link::DescriptionKind;
use meshlace_core::node::{Audience, Content, Effect, MeshError, Notice};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::host::{self, Effects, Notices, Shapes};
use crate::ledger;
use crate::machine::Machine;
use crate::report;
use crate::words::Words;

#[wasm_bindgen]
impl Machine {
    /// Runs through all that the last inputs led to. The methods called must not throw, nor call
    /// this machine.
    pub fn drain(&mut self, effects: &Effects, notices: &Notices) {
        while let Some(effect) = self.node.poll_effect() {
            perform(effect, effects, notices, &self.shapes, &mut self.words);
        }
    }
}

fn perform(
    effect: Effect,
    effects: &Effects,
    notices: &Notices,
    shapes: &Shapes,
    words: &mut Words,
) {
    match effect {
        Effect::SendFrame { connection, channel, bytes } => {
            effects.send_frame(connection.0, channel as u32, &bytes);
        }
        Effect::Notify(notice) => tell(notice, notices, shapes, words),
        Effect::OpenSocket { socket, url } => effects.open_socket(socket.0, &url),
        Effect::SendSocket { socket, bytes } => effects.send_socket(socket.0, &bytes),
        Effect::CloseSocket { socket } => effects.close_socket(socket.0),
        Effect::CreateConnection { connection, peer, ice_servers, relay_only } => {
            let servers = host::ice_servers(shapes, ice_servers);
            effects.create_connection(connection.0, words.peer(peer), servers, relay_only);
        }
        Effect::Describe { connection, ticket } => effects.describe(connection.0, ticket.0),
        Effect::Apply { connection, ticket, description } => {
            let offer = description.kind == DescriptionKind::Offer;
            effects.apply(connection.0, ticket.0, offer, &description.sdp);
        }
        Effect::AddCandidate { connection, candidate } => effects.add_candidate(
            connection.0,
            &candidate.candidate,
            candidate.mid,
            candidate.line_index,
            candidate.username_fragment,
        ),
        Effect::RestartIce { connection, ice_servers, relay_only } => {
            let servers = host::ice_servers(shapes, ice_servers);
            effects.restart_ice(connection.0, servers, relay_only);
        }
        Effect::AttachStream { connection, stream } => {
            effects.attach_stream(connection.0, stream.0)
        }
        Effect::DetachStream { connection, stream } => {
            effects.detach_stream(connection.0, stream.0)
        }
        Effect::ReadStats { connection, ticket } => effects.read_stats(connection.0, ticket.0),
        Effect::CloseConnection { connection } => effects.close_connection(connection.0),
        Effect::Store { ticket, records } => {
            for record in records {
                match record.bytes {
                    Some(bytes) => effects.store_record(&record.key, &bytes, record.replaces),
                    None => effects.delete_record(&record.key),
                }
            }
            effects.commit_records(ticket.0);
        }
        // The enum may grow; every kind there is today stands above.
        _ => {}
    }
}

fn tell(notice: Notice, notices: &Notices, shapes: &Shapes, words: &mut Words) {
    let error = |error: &MeshError| host::error(shapes, error);
    match notice {
        Notice::Message { peer, to, content, payload } => {
            let (kind, meta) = split(content, shapes);
            notices.message(words.peer(peer), to == Audience::Me, kind, meta, &payload);
        }
        Notice::Sent { ticket, delivered, failed } => {
            for peer in delivered {
                notices.delivered(ticket.0, words.peer(peer));
            }
            for (peer, cause) in failed {
                notices.undelivered(ticket.0, words.peer(peer), error(&cause));
            }
            notices.sent(ticket.0);
        }
        Notice::TopicMessage { peer, name, content, payload } => {
            let (kind, meta) = split(content, shapes);
            notices.topic_message(words.peer(peer), &name, kind, meta, &payload);
        }
        Notice::Asked { request, peer, name, content, payload } => {
            let (kind, meta) = split(content, shapes);
            notices.asked(request.0, words.peer(peer), &name, kind, meta, &payload);
        }
        Notice::Withdrawn { request } => notices.withdrawn(request.0),
        Notice::Answered { ticket, result: Ok((content, payload)) } => {
            let (kind, meta) = split(content, shapes);
            notices.answered(ticket.0, kind, meta, &payload);
        }
        Notice::Answered { ticket, result: Err(cause) }
        | Notice::Refused { ticket, error: cause } => {
            notices.refused(ticket.0, error(&cause));
        }
        Notice::Drained { ticket } => notices.drained(ticket.0),
        Notice::Diagnosis { ticket, report } => {
            notices.diagnosis(ticket.0, report::value(&report));
        }
        Notice::Admitted => notices.admitted(),
        Notice::JoinFailed(cause) => notices.join_failed(error(&cause)),
        Notice::Status(status) => notices.status(status.name()),
        Notice::PeerAdded { peer } => notices.peer_added(words.peer(peer)),
        Notice::PeerJoined { peer } => notices.peer_joined(words.peer(peer)),
        Notice::PeerState { peer, state } => notices.peer_state(words.peer(peer), state.name()),
        Notice::PeerLeft { peer, joined, reason } => {
            let reason = error(&MeshError::new(reason).about(peer));
            notices.peer_left(words.peer(peer), joined, reason);
        }
        Notice::Presence { peer, payload: Some(json) } => notices.presence(words.peer(peer), &json),
        Notice::Presence { peer, payload: None } => notices.presence_cleared(words.peer(peer)),
        Notice::StreamAdded { peer, media_id, label } => {
            notices.stream_added(words.peer(peer), &media_id, &label);
        }
        Notice::StreamRemoved { peer, media_id } => {
            notices.stream_removed(words.peer(peer), &media_id);
        }
        Notice::LedgerOpened { member, restored_count } => {
            notices.ledger_opened(&member.to_text(), restored_count);
        }
        Notice::LedgerChanged { from, length } => {
            notices.ledger_changed(ledger::count_of(from), ledger::count_of(length));
        }
        Notice::LedgerStored { author, count } => notices.ledger_stored(author, count),
        Notice::LedgerSeen { peer, author, count } => {
            notices.ledger_seen(words.peer(peer), author, count);
        }
        Notice::LedgerForked { author, seq, is_own } => notices.ledger_forked(author, seq, is_own),
        Notice::LedgerImported { ticket, imported } => notices.ledger_imported(
            ticket.0,
            imported.held_count,
            imported.refused_count,
            ledger::count_of(imported.unsigned_count),
        ),
        Notice::LedgerUnsaved(cause) => notices.ledger_unsaved(error(&cause)),
        Notice::Trouble(cause) => notices.trouble(error(&cause)),
        Notice::Closed(cause) => {
            notices.closed(cause.as_ref().map_or(JsValue::UNDEFINED, error));
        }
        // The enum may grow; every kind there is today stands above.
        _ => {}
    }
}

/// A content as a number and, for blobs and files, what stands beside the bytes.
fn split(content: Content, shapes: &Shapes) -> (u32, JsValue) {
    match content {
        Content::Nothing => (0, JsValue::UNDEFINED),
        Content::Text => (1, JsValue::UNDEFINED),
        Content::Json => (2, JsValue::UNDEFINED),
        Content::Bytes => (3, JsValue::UNDEFINED),
        Content::Blob { media_type } => (4, shapes.meta(None, &media_type)),
        Content::File { name, media_type } => (5, shapes.meta(Some(name), &media_type)),
    }
}
