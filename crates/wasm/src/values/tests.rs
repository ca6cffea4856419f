use super::*;

/// What JavaScript would write: the writer here, with the tag of bytes beside.
fn written() -> Vec<u8> {
    let mut out = Writer::default();
    out.bool(true).number(70_000).text("caf\u{e9}").bytes(&[1, 2, 3]).undefined();
    out.texts(&[String::from("a"), String::new()]);
    out.bytes
}

fn read(from: &mut Reader<'_>) -> (bool, u32, String, Vec<u8>, Option<String>, Vec<String>) {
    (
        from.bool(),
        from.number(),
        from.text(),
        from.bytes(),
        from.optional(Reader::text),
        from.list(Reader::text),
    )
}

#[test]
fn values_of_every_kind_come_back() {
    let bytes = written();
    let mut from = Reader::new(&bytes, Vec::new());
    let (flag, number, text, given, none, list) = read(&mut from);
    assert_eq!((flag, number, text.as_str()), (true, 70_000, "caf\u{e9}"));
    assert_eq!((given.as_slice(), none), (&[1, 2, 3][..], None));
    assert_eq!(list, ["a", ""]);
    assert!(from.check().is_ok());
}

#[test]
fn numbers_saturate_and_keep_their_fraction() {
    let mut out = Writer::default();
    out.double(-1.0).double(1e12).double(0.5);
    let mut from = Reader::new(&out.bytes, Vec::new());
    assert_eq!((from.number(), from.number()), (0, u32::MAX));
    assert!((from.double() - 0.5).abs() < f64::EPSILON);
    assert!(from.check().is_ok());
}

#[test]
fn what_is_cut_anywhere_is_refused() {
    let bytes = written();
    for length in 0..bytes.len() {
        let mut from = Reader::new(&bytes[..length], Vec::new());
        read(&mut from);
        let refused = from.check().expect_err("cut");
        assert_eq!(refused.code, ErrorCode::InternalFault, "{length} bytes");
    }
}

#[test]
fn what_is_too_much_or_of_another_kind_is_refused() {
    let mut bytes = written();
    bytes.push(UNDEFINED);
    let mut from = Reader::new(&bytes, Vec::new());
    read(&mut from);
    assert!(from.check().is_err(), "one value too many");
    let mut from = Reader::new(&[NUMBER, 0, 0, 0, 0, 0, 0, 0, 0], Vec::new());
    assert_eq!(from.text(), "");
    assert!(from.check().is_err(), "a number for a text");
    let mut from = Reader::new(&[TEXT, 1, 0, 0, 0, 0xff], Vec::new());
    assert_eq!(from.text(), "");
    assert!(from.check().is_err(), "a text that is no UTF-8");
    let mut from = Reader::new(&[TEXT, 0xff, 0xff, 0xff, 0xff], Vec::new());
    assert!(from.bytes().is_empty() && from.check().is_err(), "a length beyond the end");
    let mut from = Reader::new(&[LIST, TEXT], Vec::new());
    from.list(Reader::text);
    assert!(from.check().is_err(), "a list without an end");
    let mut from = Reader::new(&[77], Vec::new());
    from.bool();
    assert!(from.check().is_err(), "an unknown tag");
}

#[test]
fn long_bytes_travel_beside() {
    let long = [7; INLINE_BYTES_MAX + 1];
    let mut out = Writer::default();
    out.payload(&long).payload(&long[1..]);
    assert_eq!(out.bytes.len(), 1 + 5 + INLINE_BYTES_MAX);
    let mut from = Reader::new(&out.bytes, long.to_vec());
    assert_eq!((from.bytes().len(), from.bytes().len()), (long.len(), INLINE_BYTES_MAX));
    assert!(from.check().is_ok());
}

#[test]
fn a_peer_is_named_once_until_there_are_too_many() {
    let peer = |number: u8| PeerId::from_bytes([number; 32]);
    let mut out = Writer::default();
    let first = out.peer(&peer(1)).bytes.len();
    let second = out.peer(&peer(1)).bytes.len() - first;
    assert_eq!((first, second), (1 + 4 + 4 + 43, 1 + 4));
    for index in 0..PEER_COUNT_MAX {
        let mut name = [2; 32];
        name[..8].copy_from_slice(&(index as u64).to_le_bytes());
        out.peer(&PeerId::from_bytes(name));
    }
    assert_eq!(out.peers.len(), 1, "begun anew");
    out.bytes.clear();
    out.peer(&peer(1));
    assert_eq!(out.bytes[..5], [NEW_PEER, 1, 0, 0, 0], "at another place");
}
