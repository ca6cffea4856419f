//! Effects and notices on their way out. The order of the values is that of the arguments in
//! `src/machine.ts`.

use alloc::string::String;
use meshlace_core::link::DescriptionKind;
use meshlace_core::node::{Audience, Content, Effect, IceServer, MeshError, Notice};

use crate::machine::hand_over;
use crate::names::{EffectName, NoticeName};
use crate::report;
use crate::values::{Writer, is_long};

/// Writes an effect, and hands over all that is written where it carries long bytes, so that these
/// are not copied.
#[inline(never)]
pub(crate) fn perform(effect: &Effect, out: &mut Writer) {
    match effect {
        Effect::SendFrame { connection, channel, bytes } => {
            let out =
                out.effect(EffectName::SendFrame).number(connection.0).number(*channel as u32);
            with(out.payload(bytes), bytes);
        }
        Effect::Notify(notice) => tell(notice, out),
        Effect::OpenSocket { socket, url } => {
            out.effect(EffectName::OpenSocket).number(socket.0).text(url);
        }
        Effect::SendSocket { socket, bytes } => {
            let out = out.effect(EffectName::SendSocket).number(socket.0);
            with(out.payload(bytes), bytes);
        }
        Effect::CloseSocket { socket } => {
            out.effect(EffectName::CloseSocket).number(socket.0);
        }
        Effect::CreateConnection { connection, peer, ice_servers, relay_only } => {
            let out = out.effect(EffectName::CreateConnection).number(connection.0).peer(peer);
            servers(ice_servers, out).bool(*relay_only);
        }
        Effect::Describe { connection, ticket } => {
            out.effect(EffectName::Describe).number(connection.0).number(ticket.0);
        }
        Effect::Apply { connection, ticket, description } => {
            let is_offer = description.kind == DescriptionKind::Offer;
            let out = out.effect(EffectName::Apply).number(connection.0).number(ticket.0);
            out.bool(is_offer).text(&description.sdp);
        }
        Effect::AddCandidate { connection, candidate } => {
            let out = out.effect(EffectName::AddCandidate).number(connection.0);
            out.text(&candidate.candidate)
                .optional_text(candidate.mid.as_deref())
                .optional_count(candidate.line_index.map(u64::from))
                .optional_text(candidate.username_fragment.as_deref());
        }
        Effect::RestartIce { connection, ice_servers, relay_only } => {
            let out = out.effect(EffectName::RestartIce).number(connection.0);
            servers(ice_servers, out).bool(*relay_only);
        }
        Effect::OpenChannel { connection, channel } => {
            let out = out.effect(EffectName::OpenChannel).number(connection.0);
            out.number(*channel as u32);
        }
        Effect::AttachStream { connection, stream } => {
            out.effect(EffectName::AttachStream).number(connection.0).number(stream.0);
        }
        Effect::DetachStream { connection, stream } => {
            out.effect(EffectName::DetachStream).number(connection.0).number(stream.0);
        }
        Effect::ReadStats { connection, ticket } => {
            out.effect(EffectName::ReadStats).number(connection.0).number(ticket.0);
        }
        Effect::CloseConnection { connection } => {
            out.effect(EffectName::CloseConnection).number(connection.0);
        }
        Effect::Store { ticket, records, has_own } => {
            for record in records {
                if let Some(bytes) = &record.bytes {
                    let out = out.effect(EffectName::StoreRecord).bytes(&record.key);
                    with(out.payload(bytes).bool(record.replaces), bytes);
                } else {
                    out.effect(EffectName::DeleteRecord).bytes(&record.key);
                }
            }
            out.effect(EffectName::CommitRecords).number(ticket.0).bool(*has_own);
        }
        // The enum may grow; every kind there is today stands above.
        _ => {}
    }
}

#[expect(clippy::too_many_lines, reason = "a table")]
#[inline(never)]
fn tell(notice: &Notice, out: &mut Writer) {
    match notice {
        Notice::Message { peer, to, content, payload } => {
            let out = out.notice(NoticeName::Message).peer(peer).bool(*to == Audience::Me);
            carry(content, payload, out);
        }
        Notice::Sent { ticket, delivered, failed } => {
            for peer in delivered {
                out.notice(NoticeName::Delivered).number(ticket.0).peer(peer);
            }
            for (peer, cause) in failed {
                out.notice(NoticeName::Undelivered).number(ticket.0).peer(peer).error(cause);
            }
            out.notice(NoticeName::Sent).number(ticket.0);
        }
        Notice::TopicMessage { peer, name, content, payload } => {
            let out = out.notice(NoticeName::TopicMessage).peer(peer).text(name);
            carry(content, payload, out);
        }
        Notice::Asked { request, peer, name, content, payload } => {
            let out = out.notice(NoticeName::Asked).number(request.0).peer(peer).text(name);
            carry(content, payload, out);
        }
        Notice::Withdrawn { request } => {
            out.notice(NoticeName::Withdrawn).number(request.0);
        }
        Notice::Answered { ticket, result: Ok((content, payload)) } => {
            carry(content, payload, out.notice(NoticeName::Answered).number(ticket.0));
        }
        Notice::Answered { ticket, result: Err(cause) }
        | Notice::Refused { ticket, error: cause } => {
            out.notice(NoticeName::Refused).number(ticket.0).error(cause);
        }
        Notice::Drained { ticket } => {
            out.notice(NoticeName::Drained).number(ticket.0);
        }
        Notice::Diagnosis { ticket, report } => {
            report::write(report, out.notice(NoticeName::Diagnosis).number(ticket.0));
        }
        Notice::Admitted => {
            out.notice(NoticeName::Admitted);
        }
        Notice::JoinFailed(cause) => {
            out.notice(NoticeName::JoinFailed).error(cause);
        }
        Notice::Status(status) => {
            out.notice(NoticeName::Status).text(status.name());
        }
        Notice::PeerAdded { peer } => {
            out.notice(NoticeName::PeerAdded).peer(peer);
        }
        Notice::PeerJoined { peer } => {
            out.notice(NoticeName::PeerJoined).peer(peer);
        }
        Notice::PeerState { peer, state } => {
            out.notice(NoticeName::PeerState).peer(peer).text(state.name());
        }
        Notice::PeerLeft { peer, joined, reason } => {
            let reason = MeshError::new(*reason).about(*peer);
            out.notice(NoticeName::PeerLeft).peer(peer).bool(*joined).error(&reason);
        }
        Notice::Presence { peer, payload: Some(json) } => {
            let out = out.notice(NoticeName::Presence).peer(peer);
            with(out.payload(json), json);
        }
        Notice::Presence { peer, payload: None } => {
            out.notice(NoticeName::PresenceCleared).peer(peer);
        }
        Notice::StreamAdded { peer, media_id, label } => {
            out.notice(NoticeName::StreamAdded).peer(peer).text(media_id).text(label);
        }
        Notice::StreamRemoved { peer, media_id } => {
            out.notice(NoticeName::StreamRemoved).peer(peer).text(media_id);
        }
        Notice::LedgerOpened { member, restored_count } => {
            let out = out.notice(NoticeName::LedgerOpened).text(&member.to_text());
            out.number(*restored_count);
        }
        Notice::LedgerChanged { from, length } => {
            out.notice(NoticeName::LedgerChanged).count(*from as u64).count(*length as u64);
        }
        Notice::LedgerStored { author, count } => {
            out.notice(NoticeName::LedgerStored).number(*author).number(*count);
        }
        Notice::LedgerSeen { peer, author, count } => {
            out.notice(NoticeName::LedgerSeen).peer(peer).number(*author).number(*count);
        }
        Notice::LedgerForked { author, seq, is_own } => {
            out.notice(NoticeName::LedgerForked).number(*author).number(*seq).bool(*is_own);
        }
        Notice::LedgerImported { ticket, imported } => {
            out.notice(NoticeName::LedgerImported)
                .number(ticket.0)
                .number(imported.held_count)
                .number(imported.refused_count)
                .count(imported.unsigned_count as u64);
        }
        Notice::LedgerUnsaved(cause) => {
            out.notice(NoticeName::LedgerUnsaved).error(cause);
        }
        Notice::Trouble(cause) => {
            out.notice(NoticeName::Trouble).error(cause);
        }
        Notice::Closed(cause) => {
            let out = out.notice(NoticeName::Closed);
            match cause {
                Some(cause) => out.error(cause),
                None => out.undefined(),
            };
        }
        // The enum may grow; every kind there is today stands above.
        _ => {}
    }
}

/// A content as a number and, for blobs and files, what stands beside the bytes; then the bytes.
fn carry(content: &Content, payload: &[u8], out: &mut Writer) {
    let (kind, meta) = match content {
        Content::Nothing => (0, None),
        Content::Text => (1, None),
        Content::Json => (2, None),
        Content::Bytes => (3, None),
        Content::Blob { media_type } => (4, Some((None, media_type))),
        Content::File { name, media_type } => (5, Some((Some(name), media_type))),
    };
    out.number(kind);
    match meta {
        Some((name, media_type)) => {
            out.map().text("name").optional_text(name.map(String::as_str));
            out.text("type").text(media_type).end()
        }
        None => out.undefined(),
    };
    with(out.payload(payload), payload);
}

/// ICE servers as `RTCConfiguration` wants them: what is not there must not stand there as undefined.
fn servers<'a>(servers: &[IceServer], out: &'a mut Writer) -> &'a mut Writer {
    out.list();
    for server in servers {
        out.map().text("urls").texts(&server.urls);
        if let Some(username) = &server.username {
            out.text("username").text(username);
        }
        if let Some(credential) = &server.credential {
            out.text("credential").text(credential);
        }
        out.end();
    }
    out.end()
}

/// Hands over what is written with bytes that travel beside it, if they do.
fn with(out: &mut Writer, payload: &[u8]) {
    if is_long(payload) {
        hand_over(out, payload);
    }
}
