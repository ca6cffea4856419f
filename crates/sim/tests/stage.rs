//! Two honest pages and a stranger that says what it likes: where peers that lie are caught.
#![expect(clippy::expect_used, reason = "what these helpers expect, the tests say")]

use meshlace_core::crypto::{Context, Signature, Signing};
use meshlace_core::error::ErrorCode;
use meshlace_core::id::{BlockId, BodyHash};
use meshlace_core::ledger::block::{self, UnverifiedBlock};
use meshlace_core::ledger::sync::message::SyncMessage;
use meshlace_core::ledger::{
    Anchor, Credential, Flags, Genesis, Grant, Header, LedgerFault, Parents, RoomKind,
};
use meshlace_core::limits::SALT_BYTES;
use meshlace_core::node::{MeshError, Notice};
use meshlace_core::time::WallTime;
use meshlace_sim::ledgers::{Ledgers, SiteId};

/// A block as it travels, and its id.
#[derive(Clone)]
pub(crate) struct Wire {
    pub(crate) id: BlockId,
    pub(crate) header: Vec<u8>,
    pub(crate) body: Vec<u8>,
    pub(crate) signature: Option<Signature>,
}

impl Wire {
    pub(crate) fn view(&self) -> UnverifiedBlock<'_> {
        UnverifiedBlock { header: &self.header, body: &self.body, signature: self.signature }
    }
}

pub(crate) const REST_MS: u64 = 240_000;

/// Two honest pages with blocks of their own, and a stranger linked with both.
pub(crate) struct Stage {
    pub(crate) world: Ledgers,
    pub(crate) genesis: Genesis,
    pub(crate) honest: [SiteId; 2],
    pub(crate) stranger: SiteId,
    pub(crate) member: Signing,
    pub(crate) author: Signing,
}

impl Stage {
    pub(crate) fn new(kind: RoomKind) -> Self {
        let mut world = Ledgers::of_kind(7, kind);
        let honest = [world.add(), world.add()];
        world.heal(None);
        world.run(500);
        for _ in 0..3 {
            world.write(honest[0], b"ours").expect("may write");
        }
        if kind == RoomKind::Open {
            world.write(honest[1], b"theirs").expect("may write");
        }
        world.rest(REST_MS);
        let stranger = world.add_stranger();
        honest.iter().for_each(|site| world.link(*site, stranger));
        world.run(500);
        let genesis = world.genesis().clone();
        let (member, author) = (Signing::from_seed(&[1; 32]), Signing::from_seed(&[2; 32]));
        Self { world, genesis, honest, stranger, member, author }
    }

    pub(crate) fn credential(&self, slot: u8, grants: Vec<Grant>) -> Credential {
        let room = self.genesis.room();
        Credential::issue(&room, &self.member, &self.author.author(), slot, grants)
    }

    /// A first block without parents, which is good as it is.
    pub(crate) fn first(&self) -> Header {
        Header {
            author: self.author.author(),
            seq: 0,
            prev: None,
            parents: Parents::default(),
            anchor: Anchor::Genesis,
            height: 1,
            flags: Flags::NONE,
            wall: WallTime::from_ms(5),
            body_bytes: 0,
            body_hash: BodyHash::from_bytes([0; 32]),
            credential: Some(Box::new(self.credential(0, vec![]))),
        }
    }

    pub(crate) fn after(&self, before: &Wire, seq: u32, height: u32) -> Header {
        Header { seq, prev: Some(before.id), height, credential: None, ..self.first() }
    }

    /// Fills in the body's length and hash and signs.
    pub(crate) fn seal(&self, mut header: Header, payload: &[u8]) -> Wire {
        let body = block::salted([9; SALT_BYTES], payload);
        header.body_bytes = u32::try_from(body.len()).expect("short");
        header.body_hash = block::body_hash(&body);
        self.sign(header.encode(), body)
    }

    pub(crate) fn sign(&self, header: Vec<u8>, body: Vec<u8>) -> Wire {
        let id = block::block_id(&self.genesis.room(), &header);
        let signature = Some(self.author.sign(Context::BLOCK_SIGNATURE, id.as_bytes()));
        Wire { id, header, body, signature }
    }

    /// The last block of an honest page.
    pub(crate) fn tip(&self, site: usize) -> (BlockId, u32) {
        let view = self.world.view(self.honest[site]).expect("open");
        let tip = view.dag().tips().pop().and_then(|at| view.dag().block(at)).expect("a block");
        (tip.id, tip.height)
    }

    pub(crate) fn push(&mut self, runs: &[&[Wire]]) {
        let runs = runs.iter().map(|run| run.iter().map(Wire::view).collect()).collect();
        self.say(&SyncMessage::Page { number: 0, runs });
    }

    pub(crate) fn say(&mut self, message: &SyncMessage<'_>) {
        self.world.say_sync(self.stranger, self.honest[0], message);
        self.world.run(1_000);
    }

    pub(crate) fn troubles(&self, site: SiteId) -> Vec<MeshError> {
        let notices = self.world.site(site).notices.iter();
        let errors = notices.filter_map(|notice| match notice {
            Notice::Trouble(error) => Some(error.clone()),
            _ => None,
        });
        errors.collect()
    }

    /// The page that heard the lie names the stranger and the rule and is not linked with it any more.
    /// The other page heard nothing, and both hold what they held.
    pub(crate) fn assert_expelled(mut self, fault: &LedgerFault) {
        let told = self.troubles(self.honest[0]);
        let (expected, found) = fault.mismatch();
        assert_eq!(told.len(), 1, "{fault:?}: {told:?}");
        let error = &told[0];
        assert_eq!(error.code, fault.code(), "{fault:?}");
        assert_eq!(error.peer, Some(self.world.site(self.stranger).peer), "{fault:?}");
        assert_eq!(error.expected.as_deref(), Some(expected), "{fault:?}");
        assert_eq!(error.found.as_deref(), Some(&*found), "{fault:?}");
        assert!(!self.world.is_linked(self.honest[0], self.stranger), "{fault:?}");
        self.assert_unharmed();
    }

    /// The same where the stranger said more than it may.
    pub(crate) fn assert_expelled_after(mut self, limit: &str) {
        let told = self.troubles(self.honest[0]);
        assert_eq!(told.len(), 1, "{limit}: {told:?}");
        assert_eq!(told[0].code, ErrorCode::ProtocolViolation);
        assert_eq!(told[0].peer, Some(self.world.site(self.stranger).peer));
        assert_eq!(told[0].expected.as_deref(), Some(limit));
        assert!(!self.world.is_linked(self.honest[0], self.stranger));
        self.assert_unharmed();
    }

    pub(crate) fn assert_unharmed(&mut self) {
        assert_eq!(self.troubles(self.honest[1]), vec![]);
        assert!(self.world.is_linked(self.honest[0], self.honest[1]));
        self.world.write(self.honest[0], b"and on").expect("may write");
        self.world.rest(REST_MS);
        self.world.assert_converged();
    }
}

pub(crate) fn expel(fault: &LedgerFault, lie: impl Fn(&Stage) -> Vec<Wire>) {
    expel_from(RoomKind::Open, fault, lie);
}

pub(crate) fn expel_from(kind: RoomKind, fault: &LedgerFault, lie: impl Fn(&Stage) -> Vec<Wire>) {
    let mut stage = Stage::new(kind);
    let run = lie(&stage);
    stage.push(&[&run]);
    stage.assert_expelled(fault);
}
