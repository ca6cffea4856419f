//! The node as JavaScript holds it.

use alloc::string::String;
use alloc::vec::Vec;
use js_sys::{Array, Reflect};
use meshlace_core::error::ErrorCode;
use meshlace_core::id::PeerId;
use meshlace_core::node::{Content, IceServer, Input, MeshError, Node, NodeConfig, Recipient};
use meshlace_core::rng::Seed;
use meshlace_core::signalling::address::{AddressError, RoomAddress};
use meshlace_core::time::{Now, Span, Timestamp, WallTime};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

use crate::host::{self, Shapes};
use crate::words::Words;

/// One peer in one room.
#[wasm_bindgen]
#[expect(missing_debug_implementations, reason = "JavaScript holds it")]
pub struct Machine {
    pub(crate) node: Node,
    pub(crate) now: Now,
    pub(crate) shapes: Shapes,
    pub(crate) words: Words,
}

#[wasm_bindgen]
impl Machine {
    /// A node that has not started yet.
    ///
    /// # Errors
    /// A `MeshError` where the address or an option cannot be used.
    #[wasm_bindgen(constructor)]
    #[expect(
        clippy::too_many_arguments,
        reason = "plain arguments cross more cheaply than an object"
    )]
    pub fn new(
        shapes: Shapes,
        address: String,
        server: Option<String>,
        identity: Option<Vec<u8>>,
        seed: &[u8],
        ice_servers: Option<Array>,
        relay_only: bool,
        timeout_ms: Option<f64>,
        wall: f64,
    ) -> Result<Self, JsValue> {
        let now = Now { monotonic: Timestamp::ZERO, wall: WallTime::from_ms(whole(wall)) };
        let made = seed_of(seed).and_then(|seed| {
            let config = NodeConfig {
                address,
                server,
                identity: identity.map(|bytes| seed_of(&bytes)).transpose()?,
                ice_servers: ice_servers.map(|servers| servers.iter().map(ice_server).collect()),
                relay_only,
                timeout: timeout_ms.map(|timeout| Span::from_ms(whole(timeout))),
            };
            Node::new(config, seed, now)
        });
        match made {
            Ok(node) => Ok(Self { node, now, shapes, words: Words::default() }),
            Err(error) => Err(host::error(&shapes, &error)),
        }
    }

    /// Our own name.
    #[wasm_bindgen(js_name = selfId)]
    #[must_use]
    pub fn self_id(&self) -> String {
        self.node.self_id().to_text()
    }

    /// The address that opens this room.
    #[must_use]
    pub fn address(&self) -> String {
        self.node.address()
    }

    /// Says what time it is, for the inputs that follow. Units: milliseconds.
    pub fn at(&mut self, monotonic: f64, wall: f64) {
        self.now = Now {
            monotonic: Timestamp::from_ms(whole(monotonic)),
            wall: WallTime::from_ms(whole(wall)),
        };
    }

    /// When to call `tick` next, on the monotonic clock; negative if never.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "2^53 ms are 285,000 years")]
    pub fn timeout(&self) -> f64 {
        self.node.poll_timeout().map_or(-1.0, |at| at.as_ms() as f64)
    }
}

impl Machine {
    /// Feeds one input. What it says of faults has been acted upon inside; effects tell the rest.
    pub(crate) fn feed(&mut self, input: Input) {
        let _ = self.node.handle(self.now, input);
    }
}

/// A number of JavaScript as whole milliseconds or bytes: negative and NaN are 0.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, which is what is wanted"
)]
pub(crate) fn whole(number: f64) -> u64 {
    number as u64
}

/// Whom a name of JavaScript's means: the empty one is everyone. Names come from the core, so one that
/// cannot be read is nobody's, and the core refuses it as unknown.
pub(crate) fn recipient(name: &str) -> Recipient {
    if name.is_empty() { Recipient::All } else { Recipient::One(peer(name)) }
}

/// The peer of this name.
pub(crate) fn peer(name: &str) -> PeerId {
    PeerId::parse(name).unwrap_or(PeerId::from_bytes([0; PeerId::BYTES]))
}

/// The kind of a content, in the numbers of `src/machine.ts`.
pub(crate) fn content(kind: u32, name: String, media_type: String) -> Content {
    match kind {
        0 => Content::Nothing,
        1 => Content::Text,
        2 => Content::Json,
        4 => Content::Blob { media_type },
        5 => Content::File { name, media_type },
        _ => Content::Bytes,
    }
}

/// Text or JSON.
pub(crate) fn text_content(json: bool) -> Content {
    if json { Content::Json } else { Content::Text }
}

/// A seed from bytes of JavaScript.
pub(crate) fn seed_of(bytes: &[u8]) -> Result<Seed, MeshError> {
    let found = bytes.len();
    bytes.try_into().map(Seed).map_err(|_| {
        let found = if found < 32 { "fewer bytes" } else { "more bytes" };
        MeshError::new(ErrorCode::InvalidArgument).mismatch("32 bytes", found)
    })
}

/// The address of a new room.
pub(crate) fn create_address(
    room: &[u8],
    secret: &[u8],
    page: Option<&str>,
    server: &str,
) -> Result<RoomAddress, MeshError> {
    let (Ok(room), Ok(secret)) = (room.try_into(), secret.try_into()) else {
        return Err(MeshError::new(ErrorCode::InvalidArgument).mismatch("16 bytes", "others"));
    };
    RoomAddress::create(room, secret, page, server).map_err(|error| address_refused(&error))
}

pub(crate) fn address_refused(error: &AddressError) -> MeshError {
    MeshError::new(ErrorCode::InvalidAddress).mismatch(error.expected(), error.found())
}

/// Reads `{ urls, username, credential }`; what is not there or no text is left out.
fn ice_server(value: JsValue) -> IceServer {
    let field = |name: &str| Reflect::get(&value, &JsValue::from_str(name)).ok();
    let urls = field("urls").and_then(|urls| urls.dyn_into::<Array>().ok());
    IceServer {
        urls: urls
            .map_or_else(Vec::new, |urls| urls.iter().filter_map(|url| url.as_string()).collect()),
        username: field("username").and_then(|text| text.as_string()),
        credential: field("credential").and_then(|text| text.as_string()),
    }
}
