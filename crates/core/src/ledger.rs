//! The ledger: a DAG of signed blocks that every peer of a room builds alike.
//!
//! A *blocklace* (Almeida and Shapiro, 2024, arXiv 2402.08068): each author extends its own hash
//! chain and cites the tips it has seen. The union of two peers' blocks is their merge, so peers
//! that hold the same blocks agree without asking; an author that writes two histories is caught by
//! whoever holds both, with a proof that anyone can check.
//!
//! ```text
//! bytes -> UnverifiedBlock -> VerifiedBlock -> pending -> held      fork -> ForkProof
//!              (a run that ends in a signature)   (Dag)                      (void from there)
//! ```
//!
//! Out of scope: finality, which will build on this; what payloads mean; storage and transport,
//! which are the driver's and the node's.
//!
//! Source: docs/protocol.md, section "Ledger".

mod arena;
pub mod block;
pub mod dag;
mod fault;
mod fork;
pub mod genesis;
mod id_table;
pub mod member;
mod order;
pub mod profile;
mod restore;
mod sort;
pub mod sync;

pub use block::{Anchor, Flags, Header, Parents, UnverifiedBlock, VerifiedBlock, VerifiedRun};
pub use dag::{AuthorView, BlockIndex, BlockView, Dag, FrontierEntry, Offered, Refused, Source};
pub use fault::LedgerFault;
pub use fork::ForkProof;
pub use genesis::{Genesis, RoomKind};
pub use member::{Credential, Grant};
pub use order::Order;
pub use restore::{FileItem, Imported, Restore, blocks_offset, file_genesis};
pub use sync::{Heard, Sync, SyncEffect, SyncFault, SyncInput, SyncOutcome};
