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
    /// over, as an error is. Times in milliseconds.
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
        match self.answer(time(monotonic, wall), number, &mut from) {
            Ok(Answer::Nothing) => {}
            Ok(Answer::Number(number)) => result = number,
            Ok(Answer::Bytes(bytes)) => hand_over(self.out.payload(&bytes), &bytes),
            Ok(Answer::Written) => hand_over(&mut self.out, &[]),
            Err(error) => hand_over(self.out.error(&error), &[]),
        }
        result
    }

    /// A frame came in: the one call so frequent that reading its arguments would show.
    pub fn frame(
        &mut self,
        monotonic: f64,
        wall: f64,
        connection: u32,
        index: u32,
        bytes: Vec<u8>,
    ) {
        if let Some(node) = &mut self.node {
            let (connection, channel) = (ConnectionId(connection), channel(index));
            // What it says of faults has been acted upon inside; effects tell the rest.
            let _ = node
                .handle(time(monotonic, wall), Input::FrameReceived { connection, channel, bytes });
        }
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
            Call::Timeout => return Ok(Answer::Number(timeout(node))),
            // Drain, which would be followed by Timeout each time.
            _ => {
                drain(node, &mut self.out);
                return Ok(Answer::Number(timeout(node)));
            }
        }
        Ok(Answer::Written)
    }
}

#[inline(never)]
fn drain(node: &mut Node, out: &mut Writer) {
    while let Some(effect) = node.poll_effect() {
        drain::perform(&effect, out);
        if out.bytes.len() > BATCH_BYTES_MAX {
            hand_over(out, &[]);
        }
    }
    hand_over(out, &[]);
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

/// What is written in a drain is handed over when it is longer than this: enough that crossing costs
/// nothing, and little memory.
const BATCH_BYTES_MAX: usize = 16 * 1024;
