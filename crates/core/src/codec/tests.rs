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

/// One item of each kind, as drawn.
#[derive(Clone, Debug)]
enum Item {
    Number(u64),
    Bytes(Vec<u8>),
    Text(String),
    Array(usize),
    Bool(bool),
    Null,
}

fn item() -> impl Strategy<Value = Item> {
    let number = prop_oneof![any::<u64>(), any::<u32>().prop_map(u64::from), 0..300_u64];
    prop_oneof![
        number.prop_map(Item::Number),
        prop::collection::vec(any::<u8>(), 0..300).prop_map(Item::Bytes),
        ".{0,80}".prop_map(Item::Text),
        (0..100_000_usize).prop_map(Item::Array),
        any::<bool>().prop_map(Item::Bool),
        Just(Item::Null),
    ]
}

/// What another implementation makes of bytes that were accepted as an item of this kind.
fn is_same(bytes: &[u8], kind: usize, found: &Item) -> bool {
    let mut decoder = minicbor::Decoder::new(bytes);
    match (kind, found) {
        (0, Item::Number(value)) => decoder.u64().is_ok_and(|it| it == *value),
        (1, Item::Bytes(value)) => decoder.bytes().is_ok_and(|it| it == value.as_slice()),
        (2, Item::Text(value)) => decoder.str().is_ok_and(|it| it == value),
        (3, Item::Array(count)) => decoder.array().is_ok_and(|it| it == Some(*count as u64)),
        (4, Item::Bool(value)) => decoder.bool().is_ok_and(|it| it == *value),
        _ => false,
    }
}

proptest! {
    /// what is written is what another implementation writes, item by item, and reads back.
    #[test]
    fn writes_what_another_implementation_writes(items in prop::collection::vec(item(), 0..20)) {
        let mut writer = Writer::new();
        let mut other = minicbor::Encoder::new(Vec::new());
        for item in &items {
            match item {
                Item::Number(value) => {
                    writer.u64(*value);
                    other.u64(*value).expect("in memory");
                }
                Item::Bytes(value) => {
                    writer.bytes(value);
                    other.bytes(value).expect("in memory");
                }
                Item::Text(value) => {
                    writer.text(value);
                    other.str(value).expect("in memory");
                }
                Item::Array(count) => {
                    writer.array(*count);
                    other.array(*count as u64).expect("in memory");
                }
                Item::Bool(value) => {
                    writer.bool(*value);
                    other.bool(*value).expect("in memory");
                }
                Item::Null => {
                    writer.null();
                    other.null().expect("in memory");
                }
            }
        }
        let bytes = writer.finish();
        prop_assert_eq!(&bytes, other.writer());
        let mut reader = Reader::new(&bytes);
        for item in items {
            match item {
                Item::Number(value) => prop_assert_eq!(reader.u64(), Ok(value)),
                Item::Bytes(value) => prop_assert_eq!(reader.bytes(300), Ok(value.as_slice())),
                Item::Text(value) => prop_assert_eq!(reader.text(400), Ok(value.as_str())),
                Item::Array(count) => prop_assert_eq!(reader.array(100_000), Ok(count)),
                Item::Bool(value) => prop_assert_eq!(reader.bool(), Ok(value)),
                Item::Null => prop_assert_eq!(reader.optional(Reader::u64), Ok(None)),
            }
        }
        prop_assert_eq!(reader.end(), Ok(()));
    }

    /// of any bytes, what is accepted is what another implementation reads, in its shortest form.
    #[test]
    fn accepts_only_what_another_implementation_reads(
        head in any::<u8>(),
        rest in prop::collection::vec(prop_oneof![Just(0_u8), any::<u8>()], 0..40),
        kind in 0..5_usize,
    ) {
        let bytes = [&[head][..], &rest].concat();
        let mut reader = Reader::new(&bytes);
        let found = match kind {
            0 => reader.u64().map(Item::Number),
            1 => reader.bytes(99).map(|it| Item::Bytes(it.to_vec())),
            2 => reader.text(99).map(|it| Item::Text(String::from(it))),
            3 => reader.array(99_999).map(Item::Array),
            _ => reader.bool().map(Item::Bool),
        };
        if let Ok(found) = found {
            prop_assert!(is_same(&bytes, kind, &found), "{found:?} of {bytes:02x?}");
        }
    }
}
