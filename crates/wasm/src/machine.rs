//! The node as JavaScript holds it, and the one call by which everything enters.

use alloc::vec::Vec;
use meshlace_core::id::ConnectionId;
use meshlace_core::node::{Input, MeshError, Node, Outcome};
use meshlace_core::time::{Now, Timestamp, WallTime};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::input::{self, channel, whole};
use crate::names::Call;
use crate::values::{Reader, Writer, unreadable};
use crate::{drain, golden, ledger, rooms};

#[wasm_bindgen]
extern "C" {
    /// Takes what was written, and what travels beside it: views that hold until it returns. It must
    /// not throw, nor call the core.
    fn take(written: &[u8], beside: &[u8]);
}

/// What a call comes to, where it did not fail.
pub(crate) enum Answer {
    Nothing,
    Number(f64),
    Bytes(Vec<u8>),
    /// It was written.
    Written,
}

/// One peer in one room, from the call that opens it.
#[wasm_bindgen]
#[derive(Default)]
#[expect(missing_debug_implementations, reason = "JavaScript holds it")]
pub struct Core {
    node: Option<Node>,
    out: Writer,
}

#[wasm_bindgen]
impl Core {
    /// A core that has no node yet.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Does what the number stands for. What it comes to is returned if it is a number, else handed
    /// over, as an error is. With [`DRAINS`] beside the number, what it led to is handed over as well,
    /// and the deadline returned. Times in milliseconds.
    pub fn call(
        &mut self,
        monotonic: f64,
        wall: f64,
        number: u32,
        arguments: &[u8],
        beside: Vec<u8>,
    ) -> f64 {
        let mut from = Reader::new(arguments, beside);
        let mut result = 0.0;
        match self.answer(time(monotonic, wall), number & !DRAINS, &mut from) {
            Ok(Answer::Nothing) => {}
            Ok(Answer::Number(number)) => result = number,
            Ok(Answer::Bytes(bytes)) => hand_over(self.out.payload(&bytes), &bytes),
            Ok(Answer::Written) => hand_over(&mut self.out, &[]),
            Err(error) => hand_over(self.out.error(&error), &[]),
        }
        if number & DRAINS == 0 { result } else { self.drain() }
    }

    /// A frame came in: the one call so frequent that reading its arguments would show. With
    /// [`DRAINS`] beside the channel as in `call`.
    pub fn frame(
        &mut self,
        monotonic: f64,
        wall: f64,
        connection: u32,
        index: u32,
        bytes: Vec<u8>,
    ) -> f64 {
        if let Some(node) = &mut self.node {
            let (connection, channel) = (ConnectionId(connection), channel(index & !DRAINS));
            // What it says of faults has been acted upon inside; effects tell the rest.
            let _ = node
                .handle(time(monotonic, wall), Input::FrameReceived { connection, channel, bytes });
        }
        if index & DRAINS == 0 { 0.0 } else { self.drain() }
    }
}

impl Core {
    fn answer(
        &mut self,
        now: Now,
        number: u32,
        from: &mut Reader<'_>,
    ) -> Result<Answer, MeshError> {
        let call = Call::from_number(number).ok_or_else(unreadable)?;
        match call {
            Call::Open => {
                let (config, seed) = (rooms::config(from), input::seed(from));
                from.check()?;
                self.node = Some(Node::new(config, seed, now)?);
                return Ok(Answer::Nothing);
            }
            Call::CreateRoom => return rooms::create(from, &mut self.out),
            Call::StateHash | Call::Reencode | Call::VerifySignature => {
                return golden::answer(call, from);
            }
            _ => {}
        }
        let node = self.node.as_mut().ok_or_else(unreadable)?;
        if let Some(input) = input::read(call, from) {
            from.check()?;
            // What else it says of faults has been acted upon inside; effects tell the rest.
            return match node.handle(now, input) {
                Outcome::Written(block) => Ok(Answer::Number(block.0.into())),
                Outcome::Refused(error) if call.throws() => Err(*error),
                _ => Ok(Answer::Nothing),
            };
        }
        if let Some(answer) = ledger::read(node, call, from) {
            return from.check().map(|()| answer);
        }
        from.check()?;
        match call {
            Call::SelfId => {
                self.out.text(&node.self_id().to_text());
            }
            Call::Address => {
                self.out.text(&node.address());
            }
            // Timeout.
            _ => return Ok(Answer::Number(timeout(node))),
        }
        Ok(Answer::Written)
    }

    /// Runs through all that the inputs led to. Returns when the node wants a tick.
    #[inline(never)]
    fn drain(&mut self) -> f64 {
        let Some(node) = &mut self.node else { return -1.0 };
        while let Some(effect) = node.poll_effect() {
            drain::perform(&effect, &mut self.out);
            if self.out.bytes.len() > BATCH_BYTES_MAX {
                hand_over(&mut self.out, &[]);
            }
        }
        hand_over(&mut self.out, &[]);
        timeout(node)
    }
}

/// When the node wants a tick, in milliseconds; negative if it waits for nothing.
#[expect(clippy::cast_precision_loss, reason = "2^53 ms are 285,000 years")]
fn timeout(node: &Node) -> f64 {
    node.poll_timeout().map_or(-1.0, |at| at.as_ms() as f64)
}

/// Hands over what is written, and what travels beside it, and begins anew.
pub(crate) fn hand_over(out: &mut Writer, beside: &[u8]) {
    if !out.bytes.is_empty() {
        take(&out.bytes, beside);
        out.bytes.clear();
    }
}

fn time(monotonic: f64, wall: f64) -> Now {
    Now { monotonic: Timestamp::from_ms(whole(monotonic)), wall: WallTime::from_ms(whole(wall)) }
}

/// Beside the number of a call or a channel: what it leads to is to be handed over in the same crossing.
const DRAINS: u32 = 0x100;
/// What is written in a drain is handed over when it is longer than this: enough that crossing costs
/// nothing, and little memory.
const BATCH_BYTES_MAX: usize = 16 * 1024;
