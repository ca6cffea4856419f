//! What holds of ledgers at rest.

use std::collections::BTreeSet;

use meshlace_core::id::BlockId;
use meshlace_core::ledger::block::block_id;
use meshlace_core::ledger::profile::member_key;
use meshlace_core::ledger::sync::message::SyncMessage;
use meshlace_core::ledger::{ForkProof, Header};
use meshlace_core::limits::PENDING_COUNT_MAX;
use meshlace_core::node::{Ledger, LedgerView};

use super::{Ledgers, Site, SiteId};

impl Ledgers {
    /// Nothing of its own leaves a peer before it is on its disk.
    pub(super) fn check_said(&mut self, site: SiteId, payload: &[u8]) {
        let host = &self.sites[site];
        let Ok(SyncMessage::Page { runs, .. }) = SyncMessage::decode(payload) else { return };
        if !host.has_storage || self.storage_fault.is_some() {
            return;
        }
        let view = host.ledger.as_ref().and_then(Ledger::view).expect("who speaks is open");
        let disk = &self.sites[host.home].disk;
        let said = runs.iter().flatten().filter_map(|block| {
            let header = Header::decode(block.header).ok()?;
            Some((header.author, header.height, block_id(&self.genesis.room(), block.header)))
        });
        let unstored = said
            .filter(|(author, ..)| view.dag().is_own(author))
            .filter(|(_, height, id)| {
                let key = [&[2][..], &height.to_be_bytes(), id.as_bytes()].concat();
                !disk.holds(&key)
            })
            .count();
        if unstored > 0 {
            self.violations.push(format!("site {site} says {unstored} blocks that are not stored"));
        }
    }

    /// What holds once everything has come to rest and all are linked: everyone has the same, nothing
    /// that was stored is gone, nobody honest forked, and nothing is kept beyond its bounds.
    ///
    /// # Panics
    /// With what does not hold.
    pub fn assert_converged(&self) {
        assert!(self.violations.is_empty(), "{:?}", self.violations);
        let open = self.open_sites();
        let first = *open.first().expect("somebody runs");
        let (ids, digest) = (self.ids(first), self.view(first).map(|view| view.digest()));
        let all: BTreeSet<BlockId> = ids.iter().copied().collect();
        for site in open {
            let view = self.view(site).expect("an open ledger");
            assert_eq!(self.ids(site).len(), ids.len(), "site {site} holds as many as {first}");
            assert!(self.ids(site) == ids, "site {site} has the order of {first}");
            assert!(Some(view.digest()) == digest, "site {site} has the digest of {first}");
            let host = &self.sites[site];
            assert!(host.mirror == ids, "site {site}: its application mirrors the order");
            let held = view.dag().held_count() as usize;
            let bytes = view.dag().memory_bytes();
            // A chunk of each arena is set aside at once.
            assert!(bytes <= 300 * held + 200_000, "site {site}: {bytes} bytes for {held} blocks");
            assert!(view.dag().pending_count() <= PENDING_COUNT_MAX);
            for proof in view.dag().forks() {
                let is_honest = self.sites.iter().any(|it| !it.is_forker && it.wrote(view, proof));
                assert!(!is_honest, "site {site} holds a fork of an honest author");
            }
        }
        for (site, host) in self.sites.iter().enumerate() {
            let lost = host.stored.iter().filter(|id| !all.contains(id)).count();
            assert!(host.is_forker || lost == 0, "site {site}: {lost} stored blocks are gone");
        }
    }
}

impl Site {
    /// Whether an author of a fork belongs to this site's member.
    fn wrote(&self, view: LedgerView<'_>, proof: &ForkProof) -> bool {
        let dag = view.dag();
        let author = dag.author_index(&proof.author()).and_then(|index| dag.author(index));
        let member = member_key(&self.profile, dag.genesis());
        author.and_then(|author| author.member) == Some(member.member())
    }
}
