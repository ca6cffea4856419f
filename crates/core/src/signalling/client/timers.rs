//! What happens when time passes.

use crate::limits::{SERVER_PING_INTERVAL, STALL_MIN};
use crate::time::{Timestamp, earliest};

use super::{Client, Failure, State};

impl Client {
    pub(super) fn next_timeout(&self) -> Option<Timestamp> {
        match self.state {
            State::Idle | State::Ended => None,
            _ => earliest(self.state.due(), self.admission_due),
        }
    }

    /// Each branch leaves a state whose deadline lies in the future, so this ends at once.
    pub(super) fn run_timers(&mut self, now: Timestamp) {
        if self.admission_due.is_some_and(|due| due <= now)
            && !matches!(self.state, State::Idle | State::Ended)
        {
            self.say_leave();
            return self.refuse(self.admission_failure());
        }
        match self.state {
            State::Waiting { until } if until <= now => self.open_socket(now),
            State::Opening { due, .. } if due <= now => {
                self.fail(now, Failure::unreachable("a socket that does not open"));
            }
            State::ExpectChallenge { due, .. }
            | State::ExpectAnswer { due, .. }
            | State::ExpectMembers { due, .. }
                if due <= now =>
            {
                self.fail(now, Failure::unreachable("an open socket and silence"));
            }
            State::Online { heard_at, pong_due, ack_due, .. } => {
                if ack_due.is_some_and(|due| due <= now) {
                    self.ack();
                }
                self.run_liveness(now, heard_at, pong_due);
            }
            _ => {}
        }
    }

    /// A pong that is overdue because our own timers stood still is no fault of the server: what it
    /// sent may still wait unread. It is asked once more.
    fn run_liveness(&mut self, now: Timestamp, heard_at: Timestamp, pong_due: Option<Timestamp>) {
        match pong_due {
            Some(due) if due <= now && now.since(due) > STALL_MIN => self.ping(now),
            Some(due) if due <= now => {
                self.fail(now, Failure::unreachable("an open socket and silence"));
            }
            None if heard_at.after(SERVER_PING_INTERVAL) <= now => self.ping(now),
            _ => {}
        }
    }

    /// Why nobody admitted us: what stands in the way now, or stopped the last try.
    fn admission_failure(&self) -> Failure {
        match self.state {
            State::Opening { .. } if self.failure_count == 0 => {
                Failure::unreachable("a socket that does not open")
            }
            State::ExpectChallenge { .. }
            | State::ExpectAnswer { .. }
            | State::ExpectMembers { .. } => Failure::unreachable("an open socket and silence"),
            _ => self.failure.clone(),
        }
    }
}
