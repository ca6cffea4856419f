//! IP addresses as hosts of a URL: checked, and written as browsers write them.
//!
//! `core::net` reads and writes them too, and brings 5 KB of WebAssembly; the tests hold this against
//! it. Source: RFC 4291 section 2.2, RFC 5952 section 4, URL standard section 3.5.

use alloc::format;
use alloc::string::String;

/// Four decimal numbers without leading zeros.
pub(super) fn read_v4(text: &str) -> Option<[u8; 4]> {
    let mut parts = text.split('.');
    let mut bytes = [0; 4];
    for byte in &mut bytes {
        let part = parts.next()?;
        let is_plain = matches!(part.as_bytes(), [b'0'] | [b'1'..=b'9', ..]);
        *byte = part.parse().ok().filter(|_| is_plain && !part.starts_with('+'))?;
    }
    parts.next().is_none().then_some(bytes)
}

/// Eight groups, of which one run of zeros may be left out; the last two may be an IPv4 address.
pub(super) fn read_v6(text: &str) -> Option<[u16; 8]> {
    let mut groups = [0; 8];
    let (mut count, mut gap) = (0, None);
    let mut rest = text;
    if let Some(after) = rest.strip_prefix("::") {
        (rest, gap) = (after, Some(0));
    }
    while !rest.is_empty() {
        if let Some([a, b, c, d]) = read_v4(rest) {
            *groups.get_mut(count)? = u16::from_be_bytes([a, b]);
            *groups.get_mut(count + 1)? = u16::from_be_bytes([c, d]);
            count += 2;
            break;
        }
        let (group, after) = rest.split_once(':').map_or((rest, None), |(a, b)| (a, Some(b)));
        let is_hex = (1..=4).contains(&group.len()) && group.bytes().all(|b| b.is_ascii_hexdigit());
        let value = u16::from_str_radix(group, 16).ok().filter(|_| is_hex)?;
        *groups.get_mut(count)? = value;
        count += 1;
        rest = match after {
            None => break,
            Some("") => return None,
            Some(after) => match after.strip_prefix(':') {
                Some(_) if gap.is_some() => return None,
                Some(after) => {
                    gap = Some(count);
                    after
                }
                None => after,
            },
        };
    }
    match gap {
        Some(gap) if count < 8 => {
            // What stands after the gap moves to the end.
            groups.get_mut(gap..)?.rotate_right(8 - count);
            Some(groups)
        }
        None if count == 8 => Some(groups),
        _ => None,
    }
}

/// Hexadecimal groups without leading zeros; the first of the longest runs of zeros left out, if it
/// is longer than one.
pub(super) fn write_v6(groups: [u16; 8]) -> String {
    let (mut best, mut run) = (0..0, 0..0);
    for (at, group) in groups.iter().enumerate() {
        run = if *group == 0 { run.start..at + 1 } else { at + 1..at + 1 };
        if run.len() > best.len().max(1) {
            best = run.clone();
        }
    }
    let mut text = String::new();
    for (at, group) in groups.iter().enumerate() {
        if best.contains(&at) {
            if at == best.start {
                text.push_str("::");
            }
            continue;
        }
        if !text.is_empty() && !text.ends_with(':') {
            text.push(':');
        }
        text += &format!("{group:x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use core::net::{Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;

    fn agrees(text: &str) {
        assert_eq!(read_v4(text), text.parse::<Ipv4Addr>().ok().map(|ip| ip.octets()), "{text}");
        assert_eq!(read_v6(text), text.parse::<Ipv6Addr>().ok().map(|ip| ip.segments()), "{text}");
    }

    proptest! {
        #[test]
        fn reads_what_the_standard_library_reads(
            soup in "[0-9a-f:.]{0,24}",
            list in proptest::collection::vec("(::?|\\.|0|1|25[0-9]|[0-9a-f]{1,5})", 0..20),
        ) {
            agrees(&soup);
            agrees(&list.concat());
        }

        #[test]
        fn writes_what_the_standard_library_writes(
            groups in proptest::array::uniform8(prop_oneof![Just(0_u16), any::<u16>()]),
        ) {
            let ip = Ipv6Addr::from(groups);
            let text = write_v6(groups);
            prop_assert_eq!(read_v6(&text), Some(groups));
            agrees(&ip.to_string());
            // Rust writes mapped addresses with dots, browsers do not.
            if ip.to_ipv4_mapped().is_none() {
                prop_assert_eq!(text, ip.to_string());
            }
        }
    }

    #[test]
    fn odd_forms() {
        for text in [
            "",
            ":",
            "::",
            ":::",
            "::1",
            "1::",
            "1:2:3:4:5:6:7:8",
            "1:2:3:4:5:6:7::",
            "::2:3:4:5:6:7:8",
            "1:2:3:4:5:6:7:8:9",
            "::1.2.3.4",
            "::1.2.3.4.5",
            "1.2.3.4::",
            "1:2:3:4:5:6:1.2.3.4",
            "1:2:3:4:5:6:7:1.2.3.4",
            "01.2.3.4",
            "+1.2.3.4",
            "1.2.3.256",
            "1:",
            ":1",
            "1::2::3",
            "00001::",
            "+1::",
            "::ffff:1.2.3.4",
            "0:0:0:0:0:0:0:0",
            "1.2.3.4:5",
        ] {
            agrees(text);
        }
    }
}
