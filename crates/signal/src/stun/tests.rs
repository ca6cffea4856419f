use proptest::prelude::*;

use super::*;

const TRANSACTION: [u8; 12] =
    [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];

fn request(attributes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(attributes.len()).expect("short").to_be_bytes();
    [&BINDING_REQUEST[..], &length, &MAGIC_COOKIE, &TRANSACTION, attributes].concat()
}

/// The IPv4 answer of RFC 5769 section 2.2, without its other attributes.
#[test]
fn answers_as_the_test_vector_of_rfc_5769() {
    let from = "192.0.2.1:32853".parse().expect("an address");
    let answer = response(&request(&[]), from).expect("an answer");
    assert_eq!(answer[..8], [0x01, 0x01, 0x00, 0x0c, 0x21, 0x12, 0xa4, 0x42]);
    assert_eq!(answer[8..20], TRANSACTION);
    let expected = [0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43];
    assert_eq!(answer[20..], expected);
}

/// The IPv6 answer of RFC 5769 section 2.3.
#[test]
fn answers_over_ipv6_as_the_test_vector() {
    let from = "[2001:db8:1234:5678:11:2233:4455:6677]:32853".parse().expect("an address");
    let answer = response(&request(&[]), from).expect("an answer");
    let expected = [
        0x00, 0x20, 0x00, 0x14, 0x00, 0x02, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1,
        0x79, 0xbc, 0x25, 0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9,
    ];
    assert_eq!(answer[20..], expected);
}

/// A socket that listens on IPv6 sees IPv4 clients as mapped addresses; they must be told the real.
#[test]
fn mapped_address_is_told_as_ipv4() {
    let mapped = "[::ffff:192.0.2.1]:32853".parse().expect("an address");
    let plain = "192.0.2.1:32853".parse().expect("an address");
    assert_eq!(response(&request(&[]), mapped), response(&request(&[]), plain));
}

#[test]
fn attributes_of_ice_agents_are_passed_over() {
    let attributes = [
        &[0x80, 0x22, 0, 3, b'a', b'b', b'c', 0][..], // SOFTWARE, padded
        &[0x00, 0x24, 0, 4, 1, 2, 3, 4],              // PRIORITY
        &[0x80, 0x28, 0, 4, 1, 2, 3, 4],              // FINGERPRINT
    ];
    let from = "192.0.2.1:1".parse().expect("an address");
    let answer = response(&request(&attributes.concat()), from).expect("an answer");
    assert_eq!(answer[..2], BINDING_SUCCESS);
}

#[test]
fn unknown_attribute_is_named_in_an_error() {
    let from = "192.0.2.1:1".parse().expect("an address");
    let answer = response(&request(&[0x00, 0x02, 0, 4, 1, 2, 3, 4]), from).expect("an answer");
    assert_eq!(answer[..2], BINDING_ERROR);
    assert_eq!(answer[20..28], [0, 9, 0, 21, 0, 0, 4, 20]);
    assert_eq!(answer[answer.len() - 8..], [0, 0x0a, 0, 2, 0, 2, 0, 0]);
    let many: Vec<u8> = (0..100).flat_map(|_| [0x00, 0x02, 0, 0]).collect();
    let long = response(&request(&many), from).expect("an answer");
    assert!(long.len() < 100, "an error does not grow with the request");
}

#[test]
fn says_nothing_to_what_is_no_request() {
    let from = "192.0.2.1:1".parse().expect("an address");
    let whole = request(&[0x80, 0x22, 0, 4, b'a', b'b', b'c', b'd']);
    for length in 0..whole.len() {
        assert_eq!(response(&whole[..length], from), None, "prefix of {length}");
    }
    let mut longer = whole.clone();
    longer.push(0);
    assert_eq!(response(&longer, from), None, "trailing byte");
    for index in 0..8 {
        for bit in 0..8 {
            let mut bent = whole.clone();
            bent[index] ^= 1 << bit;
            assert_eq!(response(&bent, from), None, "bit {bit} of byte {index}");
        }
    }
    let answer = response(&whole, from).expect("an answer");
    assert_eq!(response(&answer, from), None, "an answer is not answered");
    assert_eq!(response(&request(&[0x80, 0x22, 0, 5, 0, 0, 0, 0]), from), None, "cut attribute");
}

proptest! {
    /// Nothing panics, nothing is amplified, and no answer is answered.
    #[test]
    fn arbitrary_packets_are_answered_briefly_or_not_at_all(
        attributes in proptest::collection::vec((any::<u16>(), 0..12_usize), 0..12),
        noise in proptest::collection::vec(any::<u8>(), 0..100),
        v6 in any::<bool>(),
    ) {
        let from = if v6 { "[2001:db8::1]:9" } else { "192.0.2.1:9" };
        let from = from.parse().expect("an address");
        prop_assert!(response(&noise, from).is_none());
        let mut bytes = Vec::new();
        for (kind, length) in attributes {
            bytes.extend(kind.to_be_bytes());
            bytes.extend(u16::try_from(length).expect("short").to_be_bytes());
            bytes.resize(bytes.len() + length.next_multiple_of(4), 7);
        }
        let whole = request(&bytes);
        let answer = response(&whole, from).expect("well-formed");
        prop_assert!(answer.len() <= whole.len() + 32);
        prop_assert!(response(&answer, from).is_none());
        if let Some(answer) = response(&request(&noise), from) {
            prop_assert!(answer.len() <= HEAD_BYTES + noise.len() + 32);
        }
    }
}
