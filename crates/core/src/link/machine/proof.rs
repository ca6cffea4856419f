//! From an open control channel to a verified connection: a hello each way, and the link is open.

use super::super::connection::Connection;
use super::super::fault::LinkFault;
use super::super::frame::Frame;
use super::super::hello::{self, Side, Standing, Terms};
use super::super::report::LinkState;
use super::super::transport::Channel;
use super::liveness::MEASURE_AFTER;
use super::{Link, LinkNotice};

impl Link {
    /// What a true hello from our side says.
    fn terms(&self) -> Option<Terms> {
        let connection = self.connection.as_ref()?;
        Some(Terms {
            room: self.config.room,
            session: self.config.session,
            epoch: self.epoch,
            ours: Side {
                peer: self.config.key.peer(),
                instance: self.config.instance,
                nonce: connection.nonce,
                fingerprint: connection.fingerprint?,
            },
            theirs: Side {
                peer: self.config.peer,
                instance: self.config.peer_instance,
                nonce: connection.peer_nonce?,
                fingerprint: connection.peer_fingerprint?,
            },
        })
    }

    /// What a true hello from the peer's side says.
    pub(super) fn peer_terms(&self) -> Option<Terms> {
        self.terms().map(|terms| terms.mirrored())
    }

    /// Sends the hello as soon as it may go, is ready once the other's was heard, and opens the link when both
    /// sides are. Ready itself goes out with the first output, which stands for it where it is messages.
    #[inline(never)]
    pub(super) fn prove(&mut self) -> Result<(), LinkFault> {
        if self.connection.as_ref().is_none_or(Connection::is_verified) {
            return Ok(());
        }
        let Some(terms) = self.terms() else { return Ok(()) };
        let standing = Standing {
            received_to: self.inbox.received_to(),
            partial: self.inbox.partial(),
            sends_from: self.outbox.sends_from(),
        };
        let Some(connection) = &mut self.connection else { return Ok(()) };
        if connection.carries(Channel::Control) && !connection.hello_sent {
            connection.hello_sent = true;
            let (body, signature) = hello::sign(&self.config.key, &terms, &standing);
            let frame = Frame::Hello { body: &body, signature }.encode();
            self.send_frame(Channel::Control, frame);
        }
        self.take_early_frames()?;
        let Some(connection) = &mut self.connection else { return Ok(()) };
        if connection.hello_sent && connection.is_authentic() && !connection.is_ready {
            connection.is_ready = true;
            let standing = connection.peer_standing.unwrap_or_default();
            for key in self.outbox.restart(self.now, &standing).map_err(LinkFault::FalseAck)? {
                self.notice(LinkNotice::Settled(key, Ok(())));
            }
            self.notice(LinkNotice::Ready);
        }
        if self.connection.as_ref().is_some_and(Connection::is_proven) {
            self.open()?;
        }
        Ok(())
    }

    fn open(&mut self) -> Result<(), LinkFault> {
        // Before anything else that an open link may say, however late it is asked for output.
        self.say_ready();
        let Some(connection) = &mut self.connection else { return Ok(()) };
        let id = connection.id;
        connection.is_opened = true;
        let standing = connection.peer_standing.take().unwrap_or_default();
        let held = core::mem::take(&mut connection.held);
        self.was_open = true;
        self.attempt_count = 0;
        self.heard_at = self.now;
        (self.away_since, self.closed_by_peer) = (None, false);
        (self.restart_at, self.restarted_at, self.check_at) = (None, None, None);
        self.enter(LinkState::Open);
        self.notice(LinkNotice::Opened(id));
        for body in self.inbox.restart(standing.sends_from).map_err(LinkFault::Inbox)? {
            self.notice(LinkNotice::Message(body));
        }
        self.measure_at = Some(self.now.after(MEASURE_AFTER));
        self.take_again(held)
    }
}
