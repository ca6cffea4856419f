//! What happens when time passes.

use crate::limits::{JOIN_DEADLINE, STALL_MIN};
use crate::signalling::message::RefusalReason;
use crate::time::Timestamp;

use super::{ClientId, ClientState, CloseReason, Rooms, Timer};

impl Rooms {
    /// Each timer is taken out before it runs and put back only for a later moment, so this ends.
    pub(super) fn run_timers(&mut self, now: Timestamp) {
        while let Some(&(due, timer)) = self.timers.first() {
            if due > now {
                return;
            }
            self.timers.remove(&(due, timer));
            match timer {
                Timer::Client(client) => self.client_due(now, due, client),
                Timer::Session(session_key) => self.end_session(session_key),
                Timer::Address(address) => self.addresses.forget(address),
            }
        }
    }

    fn client_due(&mut self, now: Timestamp, due: Timestamp, client: ClientId) {
        let Some(entry) = self.clients.get_mut(&client) else { return };
        let silent_at = Self::silence_due(entry.heard_at);
        // A server that was stopped itself has not listened; what its clients said may be unread.
        let stalled = now.since(due) > STALL_MIN;
        match entry.state {
            _ if stalled => entry.due = now.after(JOIN_DEADLINE),
            ClientState::ExpectJoin { .. } => {
                let found = "none in time";
                return self.cut(now, client, RefusalReason::Deadline, "a join", found);
            }
            ClientState::Member { .. } if silent_at <= now => {
                return self.close(now, client, CloseReason::Silent);
            }
            ClientState::Member { .. } => entry.due = silent_at,
        }
        self.timers.insert((entry.due, Timer::Client(client)));
    }
}
