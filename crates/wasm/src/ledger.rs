//! The ledger as JavaScript reads and feeds it. Numbers of blocks and authors are those of the core.

use alloc::string::String;
use alloc::vec::Vec;
use js_sys::{Object, Reflect, Uint8Array};
use meshlace_core::crypto::{Context, derive};
use meshlace_core::error::ErrorCode;
use meshlace_core::id::Ticket;
use meshlace_core::ledger::profile::create_room;
use meshlace_core::ledger::{BlockIndex, Flags, RoomKind};
use meshlace_core::node::{Input, LedgerConfig, MeshError, Outcome, StorageFault};
use meshlace_core::signalling::address::RoomAddress;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::host::{self, Shapes};
use crate::machine::{Machine, address_refused, seed_of};

/// The cursor after the last part of a file.
const NO_CURSOR: u32 = u32::MAX;

#[wasm_bindgen]
impl Machine {
    /// Opens the ledger; with storage, records are fed next.
    ///
    /// # Errors
    /// `GenesisMismatch` if the genesis is not the one that the address names, `InvalidArgument` if
    /// `profile` has another length.
    #[wasm_bindgen(js_name = ledgerOpen)]
    pub fn ledger_open(
        &mut self,
        profile: &[u8],
        slot: u8,
        is_clean: bool,
        has_storage: bool,
        genesis: Option<Vec<u8>>,
    ) -> Result<(), JsValue> {
        let profile = seed_of(profile).map_err(|error| host::error(&self.shapes, &error))?;
        let config = LedgerConfig { profile, slot, is_clean, has_storage, genesis };
        self.call(Input::OpenLedger(config)).map(drop)
    }

    /// One stored record, in the order of the keys.
    #[wasm_bindgen(js_name = ledgerRestore)]
    pub fn ledger_restore(&mut self, key: Vec<u8>, bytes: Vec<u8>) {
        self.feed(Input::Restored { key, bytes });
    }

    /// All records were fed.
    #[wasm_bindgen(js_name = ledgerRestored)]
    pub fn ledger_restored(&mut self) {
        self.feed(Input::RestoreDone);
    }

    /// A transaction is durable.
    #[wasm_bindgen(js_name = recordsStored)]
    pub fn records_stored(&mut self, ticket: u32) {
        self.feed(Input::Stored { ticket: Ticket(ticket), result: Ok(()) });
    }

    /// A transaction failed for good.
    #[wasm_bindgen(js_name = recordsFailed)]
    pub fn records_failed(&mut self, ticket: u32, code: &str) {
        let is_full = code == ErrorCode::StorageFull.name();
        let fault = if is_full { StorageFault::Full } else { StorageFault::Refused };
        self.feed(Input::Stored { ticket: Ticket(ticket), result: Err(fault) });
    }

    /// Writes a block. Returns its number.
    ///
    /// # Errors
    /// `LedgerNotReady`, `MessageTooLarge`, `TooMany`, `BlockRefused`, `RoomClosed`.
    #[wasm_bindgen(js_name = ledgerWrite)]
    pub fn ledger_write(&mut self, payload: Vec<u8>, flags: u8) -> Result<u32, JsValue> {
        let flags = if flags == 0 { Flags::NONE } else { Flags::FINALIZE };
        self.call(Input::WriteBlock { payload, flags }).map(|block| block.0)
    }

    /// How many blocks are in the order.
    #[wasm_bindgen(js_name = ledgerLength)]
    #[must_use]
    pub fn ledger_length(&self) -> u32 {
        self.node.ledger().map_or(0, |ledger| count_of(ledger.order().len()))
    }

    /// Blocks by place, in columns; see `LedgerView::read`.
    #[wasm_bindgen(js_name = ledgerRead)]
    #[must_use]
    pub fn ledger_read(&self, from: u32, count: u32, bytes_max: u32) -> Vec<u8> {
        let ledger = self.node.ledger();
        ledger.map_or_else(
            || alloc::vec![0; 8],
            |ledger| ledger.read(from as usize, count as usize, bytes_max as usize),
        )
    }

    /// Authors from this number on; see `LedgerView::authors`.
    #[wasm_bindgen(js_name = ledgerAuthors)]
    #[must_use]
    pub fn ledger_authors(&self, from: u32) -> Vec<u8> {
        self.node.ledger().map(|ledger| ledger.authors(from)).unwrap_or_default()
    }

    /// What blocks name; see `LedgerView::links`.
    #[wasm_bindgen(js_name = ledgerLinks)]
    #[must_use]
    pub fn ledger_links(&self, from: u32, count: u32) -> Vec<u8> {
        self.node.ledger().map(|ledger| ledger.links(from, count)).unwrap_or_default()
    }

    /// Where a block stands; -1 if nowhere.
    #[wasm_bindgen(js_name = ledgerPlace)]
    #[must_use]
    pub fn ledger_place(&self, number: u32) -> i32 {
        let place = self.node.ledger().and_then(|ledger| ledger.place(BlockIndex(number)));
        place.and_then(|place| i32::try_from(place).ok()).unwrap_or(-1)
    }

    /// Checks a block anew; see `LedgerView::check`.
    #[wasm_bindgen(js_name = ledgerCheck)]
    #[must_use]
    pub fn ledger_check(&self, number: u32) -> u32 {
        self.node.ledger().map_or(0, |ledger| count_of(ledger.check(BlockIndex(number))))
    }

    /// Equal on pages that hold the same blocks; empty before the ledger is open.
    #[wasm_bindgen(js_name = ledgerDigest)]
    #[must_use]
    pub fn ledger_digest(&self) -> Vec<u8> {
        let ledger = self.node.ledger();
        ledger.map(|ledger| ledger.digest().as_bytes().to_vec()).unwrap_or_default()
    }

    /// How many of our own blocks are not stored yet.
    #[wasm_bindgen(js_name = ledgerUnstored)]
    #[must_use]
    pub fn ledger_unstored(&self) -> u32 {
        self.node.ledger().map_or(0, |ledger| count_of(ledger.unstored_count()))
    }

    /// The proof that an author forked; empty if there is none.
    #[wasm_bindgen(js_name = ledgerProof)]
    #[must_use]
    pub fn ledger_proof(&self, author: u32) -> Vec<u8> {
        self.node.ledger().map(|ledger| ledger.proof(author).to_vec()).unwrap_or_default()
    }

    /// A part of a file after the cursor of the next, u32 little endian.
    #[wasm_bindgen(js_name = ledgerExport)]
    #[must_use]
    pub fn ledger_export(&self, cursor: u32) -> Vec<u8> {
        let (part, next) = self.node.ledger().map(|it| it.export(cursor)).unwrap_or_default();
        [&next.unwrap_or(NO_CURSOR).to_le_bytes()[..], &part].concat()
    }

    /// Takes in a file.
    #[wasm_bindgen(js_name = ledgerImport)]
    pub fn ledger_import(&mut self, ticket: u32, bytes: Vec<u8>) {
        self.feed(Input::Import { ticket: Ticket(ticket), bytes });
    }
}

impl Machine {
    /// Feeds an input that is answered at once.
    fn call(&mut self, input: Input) -> Result<BlockIndex, JsValue> {
        match self.node.handle(self.now, input) {
            Outcome::Written(block) => Ok(block),
            Outcome::Refused(error) => Err(host::error(&self.shapes, &error)),
            _ => Ok(BlockIndex(0)),
        }
    }
}

/// A count that limits keep far below 2^32.
pub(crate) fn count_of(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Makes a room that this profile owns, or that is open to all who know its address. Returns
/// `{ address, genesis }`.
///
/// # Errors
/// `InvalidAddress` if the server or page cannot be read, `InvalidArgument` if the name is too long or
/// bytes have another length.
#[wasm_bindgen(js_name = createRoom)]
#[expect(clippy::too_many_arguments, reason = "plain arguments cross more cheaply than an object")]
pub fn create(
    shapes: &Shapes,
    is_owned: bool,
    name: &str,
    profile: &[u8],
    nonce: &[u8],
    secret: &[u8],
    page: Option<String>,
    server: &str,
) -> Result<Object, JsValue> {
    let kind = if is_owned { RoomKind::Owned } else { RoomKind::Open };
    make(kind, name, profile, nonce, secret, page.as_deref(), server)
        .map_err(|error| host::error(shapes, &error))
}

fn make(
    kind: RoomKind,
    name: &str,
    profile: &[u8],
    nonce: &[u8],
    secret: &[u8],
    page: Option<&str>,
    server: &str,
) -> Result<Object, MeshError> {
    let invalid =
        |expected| MeshError::new(ErrorCode::InvalidArgument).mismatch(expected, "others");
    let (Ok(nonce), Ok(secret)) = (nonce.try_into(), secret.try_into()) else {
        return Err(invalid("16 bytes"));
    };
    let genesis = create_room(&seed_of(profile)?, kind, name, nonce);
    let genesis = genesis.ok_or_else(|| invalid("a name of at most 128 bytes"))?;
    let address = RoomAddress::of_created(genesis.room(), secret, page, server);
    let address = address.map_err(|error| address_refused(&error))?;
    let made = Object::new();
    // Setting a field of an object of our own cannot fail.
    let set = |name: &str, value: JsValue| {
        let _ = Reflect::set(&made, &JsValue::from_str(name), &value);
    };
    set("address", JsValue::from_str(&address.to_text()));
    set("genesis", Uint8Array::from(genesis.bytes()).into());
    Ok(made)
}

/// The hash of a store's state.
#[wasm_bindgen(js_name = stateHash)]
#[must_use]
pub fn state_hash(bytes: &[u8]) -> Vec<u8> {
    derive(Context::STATE, &[bytes]).as_bytes().to_vec()
}
