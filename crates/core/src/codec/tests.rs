use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

fn sample() -> Vec<u8> {
    let mut writer = Writer::new();
    writer.array(5).u64(70_000).bytes(b"abc").text("xyz").bool(true).null();
    writer.finish()
}

fn read_sample(bytes: &[u8]) -> Result<(), DecodeError> {
    let mut reader = Reader::new(bytes);
    reader.fields(5)?;
    reader.u64()?;
    reader.bytes(3)?;
    reader.text(3)?;
    reader.bool()?;
    reader.optional(Reader::u64)?;
    reader.end()
}

/// every prefix of a message is refused.
#[test]
fn refuses_truncation_at_each_length() {
    let bytes = sample();
    assert_eq!(read_sample(&bytes), Ok(()));
    for len in 0..bytes.len() {
        assert!(read_sample(&bytes[..len]).is_err(), "prefix of {len} bytes");
    }
}

/// longer heads than needed and indefinite lengths are refused.
#[test]
fn refuses_every_longer_form() {
    let longer: [(&[u8], &str); 6] = [
        (&[0x18, 0x17], "one byte too many"),
        (&[0x19, 0x00, 0xff], "two bytes for one"),
        (&[0x1a, 0x00, 0x00, 0xff, 0xff], "four bytes for two"),
        (&[0x1b, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff], "eight bytes for four"),
        (&[0x1b, 0, 0, 0, 0, 0, 0, 0, 1], "eight bytes for one"),
        (&[0x19, 0x00, 0x01], "two bytes for a small number"),
    ];
    for (bytes, why) in longer {
        let refusal = Reader::new(bytes).u64();
        assert_eq!(refusal, Err(DecodeError::NonCanonical { offset: 0 }), "{why}");
    }
    let indefinite = [0x5f, 0x41, 0x61, 0xff];
    assert_eq!(Reader::new(&indefinite).bytes(9), Err(DecodeError::NonCanonical { offset: 0 }));
    assert_eq!(Reader::new(&[0x9f, 0xff]).array(9), Err(DecodeError::NonCanonical { offset: 0 }));
    let long_head = [0x58, 0x01, 0x61];
    assert_eq!(Reader::new(&long_head).bytes(9), Err(DecodeError::NonCanonical { offset: 0 }));
    let long_array = [0x98, 0x01, 0x00];
    assert_eq!(Reader::new(&long_array).array(9), Err(DecodeError::NonCanonical { offset: 0 }));
}

/// what follows the last item is refused.
#[test]
fn refuses_trailing_bytes() {
    let mut bytes = sample();
    let offset = bytes.len();
    bytes.push(0);
    assert_eq!(read_sample(&bytes), Err(DecodeError::Trailing { offset }));
}

/// a length over its limit is refused, with the limit.
#[test]
fn refuses_what_is_over_the_limit() {
    let mut writer = Writer::new();
    writer.bytes(&[0; 30]);
    let bytes = writer.finish();
    let refusal = Reader::new(&bytes).bytes(29);
    assert_eq!(refusal, Err(DecodeError::Oversize { offset: 0, limit: 29, found: 30 }));
    let claims_much = vec![0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    assert!(matches!(Reader::new(&claims_much).array(8), Err(DecodeError::Oversize { .. })));
    let claims_bytes = vec![0x5b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    assert_eq!(Reader::new(&claims_bytes).bytes(8), Err(DecodeError::Truncated { offset: 0 }));
}

proptest! {
    /// arbitrary bytes never panic the reader.
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = read_sample(&bytes);
    }

    /// what is read was written by the one encoding there is.
    #[test]
    fn what_is_accepted_encodes_back_to_itself(bytes in proptest::collection::vec(any::<u8>(), 1..10)) {
        let mut reader = Reader::new(&bytes);
        if let Ok(value) = reader.u64() {
            let mut writer = Writer::new();
            writer.u64(value);
            prop_assert_eq!(writer.finish(), &bytes[..reader.offset()]);
        }
    }
}
