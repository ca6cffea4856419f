//! The ledger as JavaScript reads it. Numbers of blocks and authors are those of the core.

use meshlace_core::ledger::BlockIndex;
use meshlace_core::node::Node;

use crate::machine::Answer;
use crate::names::Call;
use crate::values::Reader;

/// The cursor after the last part of a file.
const NO_CURSOR: u32 = u32::MAX;

/// What a call reads of the ledger; of one that is not open yet, what an empty one has.
/// `None` if it asks for something else.
#[inline(never)]
pub(crate) fn read(node: &Node, call: Call, from: &mut Reader<'_>) -> Option<Answer> {
    let ledger = node.ledger();
    Some(match call {
        Call::LedgerLength => count(ledger.map_or(0, |it| it.order().len())),
        Call::LedgerRead => {
            let (start, count, bytes_max) = (from.number(), from.number(), from.number());
            Answer::Bytes(ledger.map_or_else(
                || alloc::vec![0; 8],
                |it| it.read(start as usize, count as usize, bytes_max as usize),
            ))
        }
        Call::LedgerAuthors => {
            let start = from.number();
            Answer::Bytes(ledger.map(|it| it.authors(start)).unwrap_or_default())
        }
        Call::LedgerLinks => {
            let (start, count) = (from.number(), from.number());
            Answer::Bytes(ledger.map(|it| it.links(start, count)).unwrap_or_default())
        }
        Call::LedgerPlace => {
            let block = BlockIndex(from.number());
            ledger.and_then(|it| it.place(block)).map_or(Answer::Number(-1.0), count)
        }
        Call::LedgerCheck => {
            let block = BlockIndex(from.number());
            count(ledger.map_or(0, |it| it.check(block)))
        }
        Call::LedgerDigest => {
            Answer::Bytes(ledger.map(|it| it.digest().as_bytes().to_vec()).unwrap_or_default())
        }
        Call::LedgerUnbatched => count(ledger.map_or(0, |it| it.unbatched_count())),
        Call::LedgerProof => {
            let author = from.number();
            Answer::Bytes(ledger.map(|it| it.proof(author).to_vec()).unwrap_or_default())
        }
        Call::LedgerExport => {
            let cursor = from.number();
            let (part, next) = ledger.map(|it| it.export(cursor)).unwrap_or_default();
            Answer::Bytes([&next.unwrap_or(NO_CURSOR).to_le_bytes()[..], &part].concat())
        }
        _ => return None,
    })
}

#[expect(clippy::cast_precision_loss, reason = "limits keep counts far below 2^53")]
fn count(count: usize) -> Answer {
    Answer::Number(count as f64)
}
