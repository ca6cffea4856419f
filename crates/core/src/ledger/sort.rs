//! One sort for all lists of numbers.
//!
//! The standard library's sorts are made anew for every type and key: six of them took 150 KB of
//! WebAssembly, more than everything else of the ledger. This one is made once; its comparison is
//! called through a pointer. Merging from below leaves what is in order already where it is.

use alloc::vec::Vec;

/// Stretches of this length are sorted by insertion.
const STRETCH_COUNT: usize = 8;

/// Sorts `list` so that no number stands after one that it is `less` than. Stable.
///
/// Cost: `n log n` comparisons, `n` where the list is in order; as much memory again.
pub(super) fn sort(list: &mut [u32], less: &dyn Fn(u32, u32) -> bool) {
    for stretch in list.chunks_mut(STRETCH_COUNT) {
        insert_each(stretch, less);
    }
    let mut merged = Vec::with_capacity(list.len());
    let mut width = STRETCH_COUNT;
    while width < list.len() {
        for pair in list.chunks_mut(width * 2) {
            merge(pair, width, &mut merged, less);
        }
        width *= 2;
    }
}

fn insert_each(list: &mut [u32], less: &dyn Fn(u32, u32) -> bool) {
    for end in 1..list.len() {
        let mut at = end;
        while let Some([before, own]) = list.get(at.wrapping_sub(1)..=at) {
            if !less(*own, *before) {
                break;
            }
            list.swap(at - 1, at);
            at -= 1;
        }
    }
}

/// Merges the sorted lists before and after `middle`.
fn merge(list: &mut [u32], middle: usize, merged: &mut Vec<u32>, less: &dyn Fn(u32, u32) -> bool) {
    let Some((left, right)) = list.split_at_checked(middle) else { return };
    let (Some(last), Some(first)) = (left.last(), right.first()) else { return };
    if !less(*first, *last) {
        return;
    }
    merged.clear();
    let (mut left, mut right) = (left.iter().copied().peekable(), right.iter().copied().peekable());
    loop {
        let next = match (left.peek(), right.peek()) {
            (Some(a), Some(b)) if less(*b, *a) => right.next(),
            (Some(_), _) => left.next(),
            (None, _) => right.next(),
        };
        let Some(next) = next else { break };
        merged.push(next);
    }
    list.copy_from_slice(merged);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Any list ends as the standard library's stable sort leaves it.
        #[test]
        fn sorts_as_the_standard_library_does(
            mut list in proptest::collection::vec(0_u32..500, 0..300),
        ) {
            let mut expected = list.clone();
            expected.sort_by_key(|number| number / 3);
            sort(&mut list, &|a, b| a / 3 < b / 3);
            prop_assert_eq!(list, expected);
        }
    }
}
