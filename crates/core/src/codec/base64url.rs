//! Unpadded base64url (RFC 4648 section 5) in its one canonical form: 40 lines here against a crate
//! whose engines and padding modes would all have to be switched off.

use alloc::string::String;
use alloc::vec::Vec;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The text form of `bytes`.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let word = group.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte))
            << (8 * (3 - group.len()));
        for place in 0..=group.len() {
            let index = (word >> (18 - 6 * place)) & 63;
            text.push(char::from(ALPHABET[index as usize]));
        }
    }
    text
}

/// The bytes of a text form; `None` for padding, foreign characters, impossible lengths or stray
/// bits in the last character.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for group in text.as_bytes().chunks(4) {
        let mut word = 0_u32;
        for &symbol in group {
            let index = ALPHABET.iter().position(|&known| known == symbol)?;
            word = word << 6 | u32::try_from(index).ok()?;
        }
        word <<= 6 * (4 - group.len());
        let [_, b0, b1, b2] = word.to_be_bytes();
        match group.len() {
            4 => bytes.extend([b0, b1, b2]),
            3 if b2 == 0 => bytes.extend([b0, b1]),
            2 if b1 == 0 && b2 == 0 => bytes.push(b0),
            _ => return None,
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_and_refuses_second_spellings() {
        for bytes in [&b""[..], b"f", b"fo", b"foo", b"foob", &[255, 254, 253, 0, 1]] {
            assert_eq!(decode(&encode(bytes)).as_deref(), Some(bytes));
        }
        assert_eq!(encode(b"fo"), "Zm8");
        assert_eq!(decode("Zm9"), None, "stray bits");
        assert_eq!(decode("Zm8="), None, "padding");
        assert_eq!(decode("Z"), None, "impossible length");
        assert_eq!(decode("Z+8"), None, "standard alphabet");
    }
}
