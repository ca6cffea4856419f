//! JavaScript strings made once and handed over by reference: the names of peers.

use meshlace_core::id::PeerId;
use meshlace_core::table::Table;
use wasm_bindgen::JsValue;

/// The names of peers that were mentioned lately.
#[derive(Debug, Default)]
pub(crate) struct Words {
    known: Table<PeerId, JsValue>,
    none: JsValue,
}

impl Words {
    /// The peer's name. Decoding 43 characters each time would cost more than the rest of a message.
    pub(crate) fn peer(&mut self, peer: PeerId) -> &JsValue {
        if self.known.len() >= WORD_COUNT_MAX && !self.known.contains_key(&peer) {
            self.known.clear();
        }
        let Some(word) = self.known.or_default(peer) else { return &self.none };
        if word.is_undefined() {
            *word = JsValue::from_str(&peer.to_text());
        }
        word
    }
}

/// Well above the peers of one room; those that left go when it is reached.
const WORD_COUNT_MAX: usize = 256;
