//! The files of `vectors/v1`, which Rust and TypeScript both read: what these tests write must be what
//! a file holds, byte for byte, or one version of Meshlace no longer understands another.
//!
//! A new file, or one that no release holds yet, is written by
//!
//! ```text
//! MESHLACE_WRITE_VECTORS=1 cargo test -p meshlace-core --test core what_is_written
//! ```
//!
//! That writes every file that [`assert_holds`] is called for, and runs no test that only reads one,
//! which might be faster: what changed shows in the diff. A released file never changes.

use std::path::PathBuf;

use serde_json::Value;

/// Set, whatever to, where files are to be written.
const WRITE: &str = "MESHLACE_WRITE_VECTORS";

/// What a failure tells the reader to type.
const COMMAND: &str =
    "`MESHLACE_WRITE_VECTORS=1 cargo test -p meshlace-core --test core what_is_written`";

/// The vectors in this file.
pub(crate) fn read(file: &str) -> Value {
    let text = std::fs::read_to_string(place(file));
    let text = text.unwrap_or_else(|error| panic!("{} cannot be read: {error}", named(file)));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", named(file)))
}

/// Fails, with the first place of difference, unless the file holds these vectors as they are
/// written. Belongs in a test named `.._what_is_written`: by that name the command finds it.
#[track_caller]
pub(crate) fn assert_holds(file: &str, vectors: &Value) {
    let written = serde_json::to_string_pretty(vectors).expect("JSON") + "\n";
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(place(file), &written)
            .unwrap_or_else(|error| panic!("{} cannot be written: {error}", named(file)));
    }
    let held = std::fs::read_to_string(place(file)).unwrap_or_else(|error| {
        panic!("{} cannot be read: {error}. {COMMAND} writes it.", named(file))
    });
    let Some(at) = first_difference(held.as_bytes(), written.as_bytes()) else { return };
    let line = held.bytes().take(at).filter(|byte| *byte == b'\n').count();
    panic!(
        "{name} is not what is written, from line {number}, byte {at} on:\n\
         file:    {}\nwritten: {}\n\
         If no release holds the file, {COMMAND} writes it anew.",
        around(&held, at),
        around(&written, at),
        name = named(file),
        number = line + 1,
    );
}

fn place(file: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/v1")).join(file)
}

fn named(file: &str) -> String {
    format!("vectors/v1/{file}")
}

/// The index of the first byte that differs or that only one of the two has.
fn first_difference(one: &[u8], other: &[u8]) -> Option<usize> {
    let differs = one.iter().zip(other).position(|(left, right)| left != right);
    differs.or_else(|| (one.len() != other.len()).then(|| one.len().min(other.len())))
}

/// What stands about a byte of a text, and no more: one line may have a hundred thousand.
fn around(text: &str, at: usize) -> String {
    let bytes = text.as_bytes();
    let shown = &bytes[at.saturating_sub(40)..bytes.len().min(at + 40)];
    format!("{:?}", String::from_utf8_lossy(shown))
}

/// Both ends of a text are places of difference too.
#[test]
fn first_difference_is_found_wherever_it_is() {
    assert_eq!(first_difference(b"golden", b"golden"), None);
    assert_eq!(first_difference(b"golden", b"Golden"), Some(0));
    assert_eq!(first_difference(b"golden", b"goldem"), Some(5));
    assert_eq!(first_difference(b"golden", b"golden\n"), Some(6));
    assert_eq!(first_difference(b"golden\n", b""), Some(0));
}
