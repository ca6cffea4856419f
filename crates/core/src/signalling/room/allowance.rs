//! How much one client, and all clients of one address, may send.
//!
//! A meter is a token bucket kept as one number (the generic cell rate algorithm): the moment at
//! which everything spent so far would have been earned. Spending moves it on; it may lie at most
//! the saved-up span in the future.

use alloc::collections::BTreeMap;

use crate::limits::{
    ADDRESS_ALLOWANCE_FACTOR, ADDRESS_COUNT_MAX, ALLOWANCE_SAVED, CLIENT_BYTES_PER_SECOND,
    CLIENT_MESSAGES_PER_SECOND,
};
use crate::time::Timestamp;

use super::AddressKey;

/// Messages and bytes, measured apart.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Allowance {
    messages: Meter,
    bytes: Meter,
}

impl Allowance {
    /// Spends one message of so many bytes; `false` if that is more than is left.
    pub(super) fn spend(&mut self, now: Timestamp, byte_count: usize, factor: u64) -> bool {
        let byte_count = u64::try_from(byte_count).unwrap_or(u64::MAX);
        let message = MICROS / (CLIENT_MESSAGES_PER_SECOND * factor);
        let bytes = byte_count.saturating_mul(MICROS) / (CLIENT_BYTES_PER_SECOND * factor);
        let (mut messages_after, mut bytes_after) = (self.messages, self.bytes);
        if !messages_after.spend(now, message) || !bytes_after.spend(now, bytes) {
            return false;
        }
        (self.messages, self.bytes) = (messages_after, bytes_after);
        true
    }
}

/// When everything spent so far is earned. Units: microseconds on the server's clock.
#[derive(Clone, Copy, Debug, Default)]
struct Meter(u64);

impl Meter {
    fn spend(&mut self, now: Timestamp, cost: u64) -> bool {
        let now = now.as_ms().saturating_mul(1_000);
        let after = self.0.max(now).saturating_add(cost);
        if after - now > ALLOWANCE_SAVED.as_ms() * 1_000 {
            return false;
        }
        self.0 = after;
        true
    }
}

const MICROS: u64 = 1_000_000;

/// What the server keeps of each address.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    entries: BTreeMap<AddressKey, Address>,
}

#[derive(Debug, Default)]
struct Address {
    /// Sockets, and sessions without one.
    count: u32,
    allowance: Allowance,
    /// When the entry may be forgotten, if nobody is there until then.
    forget_at: Option<Timestamp>,
}

impl Addresses {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.entries.len() >= ADDRESS_COUNT_MAX
    }

    pub(super) fn count(&self, address: Option<AddressKey>) -> u32 {
        address.and_then(|address| self.entries.get(&address)).map_or(0, |entry| entry.count)
    }

    /// One more socket or session.
    pub(super) fn enter(&mut self, address: Option<AddressKey>) {
        if let Some(address) = address {
            let entry = self.entries.entry(address).or_default();
            entry.count = entry.count.saturating_add(1);
        }
    }

    /// One socket or session fewer. Where it was the last: when to come back with
    /// [`Addresses::forget`], since an account that vanished with the last socket would make a new
    /// socket a way around the limits.
    pub(super) fn leave(
        &mut self,
        now: Timestamp,
        address: Option<AddressKey>,
    ) -> Option<(AddressKey, Timestamp)> {
        let address = address?;
        let entry = self.entries.get_mut(&address)?;
        entry.count = entry.count.saturating_sub(1);
        if entry.count > 0 || entry.forget_at.is_some() {
            return None;
        }
        let due = now.after(ALLOWANCE_SAVED);
        entry.forget_at = Some(due);
        Some((address, due))
    }

    /// Forgets an address if nobody is there any more.
    pub(super) fn forget(&mut self, address: AddressKey) {
        if let Some(entry) = self.entries.get_mut(&address) {
            entry.forget_at = None;
            if entry.count == 0 {
                self.entries.remove(&address);
            }
        }
    }

    /// Spends one message of so many bytes for an address that has an account.
    pub(super) fn spend(
        &mut self,
        now: Timestamp,
        address: Option<AddressKey>,
        byte_count: usize,
    ) -> bool {
        match address.and_then(|address| self.entries.get_mut(&address)) {
            Some(entry) => entry.allowance.spend(now, byte_count, ADDRESS_ALLOWANCE_FACTOR),
            None => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_ms(ms)
    }

    /// ten seconds' worth can be spent at once, then as much as time brings.
    #[test]
    fn allowance_saves_up_and_runs_out() {
        let mut allowance = Allowance::default();
        let burst = CLIENT_MESSAGES_PER_SECOND * 10;
        let spent = (0..burst * 2).filter(|_| allowance.spend(at(0), 0, 1)).count();
        assert_eq!(spent as u64, burst);
        let spent = (0..burst).filter(|_| allowance.spend(at(1_000), 0, 1)).count();
        assert_eq!(spent as u64, CLIENT_MESSAGES_PER_SECOND);
    }

    /// bytes are measured apart from messages, and a refusal spends neither.
    #[test]
    fn bytes_are_measured_apart() {
        let mut allowance = Allowance::default();
        let burst = usize::try_from(CLIENT_BYTES_PER_SECOND * 10).expect("fits");
        assert!(!allowance.spend(at(0), burst + 8, 1));
        assert!(allowance.spend(at(0), burst, 1));
        assert!(!allowance.spend(at(0), 8, 1));
        assert!(allowance.spend(at(0), 0, 1));
    }

    /// closing the last socket does not bring a fresh account.
    #[test]
    fn address_is_remembered_until_its_allowance_is_earned_back() {
        let (mut addresses, address) = (Addresses::default(), Some(AddressKey([1; 16])));
        addresses.enter(address);
        while addresses.spend(at(0), address, 0) {}
        let (key, due) = addresses.leave(at(0), address).expect("the last one");
        addresses.enter(address);
        assert!(!addresses.spend(at(0), address, 0));
        assert_eq!(addresses.leave(at(1), address), None, "already to be forgotten");
        assert_eq!(due, at(0).after(Span::from_secs(10)));
        addresses.forget(key);
        assert_eq!(addresses.len(), 0);
    }
}
