//! JavaScript strings made once and handed over by reference: the names of peers.

use std::collections::BTreeMap;

use meshlace_core::id::PeerId;
use wasm_bindgen::JsValue;

/// The names of peers that were mentioned lately.
#[derive(Debug, Default)]
pub(crate) struct Words(BTreeMap<PeerId, JsValue>);

impl Words {
    /// The peer's name. Decoding 43 characters each time would cost more than the rest of a message.
    pub(crate) fn peer(&mut self, peer: PeerId) -> &JsValue {
        if self.0.len() >= WORD_COUNT_MAX && !self.0.contains_key(&peer) {
            self.0.clear();
        }
        self.0.entry(peer).or_insert_with(|| JsValue::from_str(&peer.to_text()))
    }
}

/// Well above the peers of one room; those that left go when it is reached.
const WORD_COUNT_MAX: usize = 256;
