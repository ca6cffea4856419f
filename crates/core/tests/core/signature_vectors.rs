//! Verdicts on Ed25519 signatures: `vectors/v1/signatures.json`, from RFC 8032, the Wycheproof test set
//! and points of small order. The WebAssembly must give the same ones, so both read one file.

use meshlace_core::crypto::{Signing, verifies};

use super::golden;
use super::hex::bytes_of;

const FILE: &str = "signatures.json";

/// every verdict is the one in the file, and keys grown from a seed are those of the RFC.
#[test]
fn signatures_are_judged_as_the_golden_verdicts_say() {
    let golden = golden::read(FILE);
    let vectors = golden["vectors"].as_array().expect("a list");
    let mut valid_count = 0;
    for vector in vectors {
        let [key, message, signature] =
            ["key", "message", "signature"].map(|name| bytes_of(&vector[name]));
        let valid = vector["valid"].as_bool().expect("a verdict");
        assert_eq!(verifies(&key, &message, &signature), valid, "{}", vector["name"]);
        valid_count += usize::from(valid);
        if let Some(seed) = vector.get("seed").map(bytes_of) {
            let seed = seed.try_into().expect("32 bytes");
            assert_eq!(Signing::from_seed(&seed).peer().as_bytes()[..], key[..]);
        }
    }
    assert_eq!((vectors.len(), valid_count), (214, 92));
}
