//! A state that depends on the order of blocks, as the application's does.

use alloc::collections::BTreeMap;
use alloc::string::String;
use core::fmt::Write;

use meshlace_core::crypto::{Context, Digest, derive};
use meshlace_core::id::{AuthorId, BlockId};

/// Cells that the last writer holds, and how often each was written.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    cells: BTreeMap<u8, (BlockId, u32)>,
    by: BTreeMap<AuthorId, u32>,
}

impl State {
    /// Folds one block in: it takes the cell that its id names.
    pub(crate) fn fold(&mut self, id: BlockId, author: AuthorId) {
        let cell = self.cells.entry(id.as_bytes()[0]).or_insert((id, 0));
        *cell = (id, cell.1 + 1);
        *self.by.entry(author).or_default() += 1;
    }

    /// The hash of its canonical JSON, as of any store's state.
    pub(crate) fn hash(&self) -> Digest {
        let mut json = String::from("{\"by\":{");
        for (place, (author, count)) in self.by.iter().enumerate() {
            separate(&mut json, place);
            entry(&mut json, author.as_bytes(), *count);
        }
        json.push_str("},\"cells\":[");
        for (place, (id, count)) in self.cells.values().enumerate() {
            separate(&mut json, place);
            json.push('{');
            entry(&mut json, id.as_bytes(), *count);
            json.push('}');
        }
        json.push_str("]}");
        derive(Context::STATE, &[json.as_bytes()])
    }
}

fn separate(json: &mut String, place: usize) {
    if place > 0 {
        json.push(',');
    }
}

fn entry(json: &mut String, key: &[u8; 32], count: u32) {
    json.push('"');
    for byte in key {
        write!(json, "{byte:02x}").expect("text takes everything");
    }
    write!(json, "\":{count}").expect("text takes everything");
}
