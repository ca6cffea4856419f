//! The bytes of a message on their way out, which several links may carry at once.
//!
//! Out of scope: what the header says, which the node decides; numbers and pieces, which the outbox does.
//!
//! Source: docs/protocol.md.

use alloc::borrow::Cow;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

use crate::limits::FRAME_BYTES_MAX;

/// The bytes of a message, shared by the links that carry it.
///
/// A long one stays in the two parts in which it came, header and payload: to put them in one place would
/// move up to 32 MiB, in a turn in which nothing else can happen. Vectors and not slices, because making
/// a shared slice copies.
#[derive(Clone, Debug, Default)]
pub struct Body(Arc<Parts>);

#[derive(Debug, Default)]
struct Parts {
    head: Vec<u8>,
    /// Empty where all of it fits a control frame.
    payload: Vec<u8>,
}

impl Body {
    /// A body in one part.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Parts { head: bytes, payload: Vec::new() }))
    }

    /// `head`, then `payload`.
    #[must_use]
    pub fn joined(mut head: Vec<u8>, payload: Vec<u8>) -> Self {
        if head.len() + payload.len() > FRAME_BYTES_MAX {
            return Self(Arc::new(Parts { head, payload }));
        }
        head.extend_from_slice(&payload);
        Self::new(head)
    }

    /// Units: bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.head.len() + self.0.payload.len()
    }

    /// Whether there is not one byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A part of it; what lies beyond its end is left out. Copied only where it spans header and payload.
    #[must_use]
    pub fn range(&self, Range { start, end }: Range<usize>) -> Cow<'_, [u8]> {
        let Parts { head, payload } = &*self.0;
        let split = head.len();
        let of_head = head.get(start.min(split)..end.min(split)).unwrap_or_default();
        let rest = start.saturating_sub(split)..end.saturating_sub(split).min(payload.len());
        let of_payload = payload.get(rest).unwrap_or_default();
        match (of_head, of_payload) {
            (bytes, []) | ([], bytes) => Cow::Borrowed(bytes),
            (of_head, of_payload) => {
                let mut spanning = of_head.to_vec();
                spanning.extend_from_slice(of_payload);
                Cow::Owned(spanning)
            }
        }
    }

    /// All of it, where it fits a control frame: then it is in one part, and no copy is ever made.
    #[must_use]
    pub(super) fn short(&self) -> &[u8] {
        debug_assert!(self.0.payload.is_empty(), "a body of {} bytes is in two parts", self.len());
        &self.0.head
    }

    /// All of it.
    #[must_use]
    pub fn bytes(&self) -> Cow<'_, [u8]> {
        self.range(0..self.len())
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    /// a body is its header and then its payload, whether it is kept in one part or in two.
    #[test]
    fn every_range_is_that_of_the_joined_bytes() {
        for payload_len in [0, 1, 40, FRAME_BYTES_MAX - 8, FRAME_BYTES_MAX - 7, FRAME_BYTES_MAX + 3]
        {
            let head: Vec<u8> = (1..9).collect();
            let payload: Vec<u8> =
                (0..payload_len).map(|at| u8::try_from(at % 251).unwrap_or(0)).collect();
            let whole = [head.clone(), payload.clone()].concat();
            let body = Body::joined(head, payload);
            assert_eq!(body.len(), whole.len());
            assert_eq!(body.bytes(), whole);
            let marks =
                [0, 1, 7, 8, 9, 30, whole.len().saturating_sub(1), whole.len(), whole.len() + 5];
            for start in marks {
                for end in marks {
                    let end_in = end.min(whole.len());
                    let expected = whole.get(start..end_in).unwrap_or_default();
                    assert_eq!(body.range(start..end), expected, "{start}..{end} of {payload_len}");
                }
            }
        }
    }

    /// what shares frames with others is in one part, and a long payload stays where it is.
    #[test]
    fn long_payloads_are_not_moved() {
        let payload = vec![7; 1 << 20];
        let at = payload.as_ptr();
        let body = Body::joined(vec![1, 2, 3], payload);
        assert_eq!(body.range(3..5).as_ptr(), at);
        assert!(matches!(body.range(0..3), Cow::Borrowed(_)));
        assert!(matches!(body.range(2..9), Cow::Owned(_)));
        let short = Body::joined(vec![1, 2, 3], vec![7; FRAME_BYTES_MAX - 3]);
        assert_eq!((short.short().len(), short.len()), (FRAME_BYTES_MAX, FRAME_BYTES_MAX));
        assert!(Body::default().is_empty());
    }
}
