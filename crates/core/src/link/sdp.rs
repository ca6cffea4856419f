//! What the link reads out of session descriptions and candidates: fingerprint, message size and
//! candidate type. The rest of the text is the browsers' business.
//!
//! Source: RFC 8866 (SDP), RFC 8122 (`a=fingerprint`), RFC 8841 (`a=max-message-size`), RFC 8839
//! (candidates); docs/protocol.md R-223.

use alloc::format;
use alloc::string::String;

use crate::id::Fingerprint;

use super::transport::Candidate;

/// Why a description was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SdpError {
    /// No `a=fingerprint` at all.
    NoFingerprint,
    /// More than one distinct fingerprint: one of them could be somebody else's.
    SecondFingerprint,
    /// A fingerprint that is not 32 bytes of SHA-256 in hex.
    MalformedFingerprint,
}

/// The one fingerprint of a description.
///
/// # Errors
/// - [`SdpError::NoFingerprint`], [`SdpError::SecondFingerprint`] - not exactly one distinct.
/// - [`SdpError::MalformedFingerprint`] - not SHA-256, or not 32 bytes in hex.
pub fn fingerprint(sdp: &str) -> Result<Fingerprint, SdpError> {
    let mut found = None;
    for line in sdp.lines() {
        let Some(value) = line.trim_end().strip_prefix("a=fingerprint:") else { continue };
        let parsed = parse_fingerprint(value).ok_or(SdpError::MalformedFingerprint)?;
        if found.is_some_and(|first| first != parsed) {
            return Err(SdpError::SecondFingerprint);
        }
        found = Some(parsed);
    }
    found.ok_or(SdpError::NoFingerprint)
}

fn parse_fingerprint(value: &str) -> Option<Fingerprint> {
    let (algorithm, hex) = value.trim().split_once(' ')?;
    if !algorithm.eq_ignore_ascii_case("sha-256") {
        return None;
    }
    let mut bytes = [0; Fingerprint::BYTES];
    let mut pairs = hex.split(':');
    for byte in &mut bytes {
        let pair = pairs.next()?;
        if pair.len() != 2 || !pair.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    pairs.next().is_none().then(|| Fingerprint::from_bytes(bytes))
}

/// The largest message this side takes on a data channel; 65,536 where it does not say
/// (RFC 8841 section 6.1), `usize::MAX` where it says 0, "any".
#[must_use]
pub fn message_bytes_max(sdp: &str) -> usize {
    sdp.lines().find_map(|line| line.trim_end().strip_prefix("a=max-message-size:")).map_or(
        65_536,
        |value| match value.trim().parse::<u64>() {
            Ok(0) => usize::MAX,
            Ok(size) => usize::try_from(size).unwrap_or(usize::MAX),
            Err(_) => 16_384,
        },
    )
}

/// The type of a candidate: `host`, `srflx`, `prflx` or `relay`.
#[must_use]
pub fn candidate_type(candidate: &str) -> Option<&'static str> {
    let mut words = candidate.split_ascii_whitespace();
    words.find(|word| *word == "typ")?;
    match words.next()? {
        "host" => Some("host"),
        "srflx" => Some("srflx"),
        "prflx" => Some("prflx"),
        "relay" => Some("relay"),
        _ => None,
    }
}

/// The types of the candidates that stand in a description.
pub fn candidate_types(sdp: &str) -> impl Iterator<Item = &'static str> {
    sdp.lines().filter(|line| line.starts_with("a=candidate:")).filter_map(candidate_type)
}

/// Writes a candidate into the section of a description that it belongs to, as if the browser had found
/// it before it described itself (RFC 8839). Returns whether it stands there now: not if the
/// description would be longer than `bytes_max`, or has no such section.
pub fn insert_candidate(sdp: &mut String, candidate: &Candidate, bytes_max: usize) -> bool {
    let line = format!("a={}\r\n", candidate.candidate);
    let is_line = line.starts_with("a=candidate:") && line.lines().count() == 1;
    let mut sections = sdp.match_indices("\r\nm=").map(|(at, _)| at + 2);
    let section = candidate.line_index.and_then(|index| sections.nth(index.into()));
    let end = sections.next().unwrap_or(sdp.len());
    if section.is_none() || !is_line || !sdp.ends_with("\r\n") || sdp.len() + line.len() > bytes_max
    {
        return false;
    }
    sdp.insert_str(end, &line);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(byte: &str) -> String {
        format!("a=fingerprint:sha-256 {}", [byte; 32].join(":"))
    }

    /// one distinct fingerprint is taken, however often it stands there.
    #[test]
    fn reads_the_one_fingerprint() {
        let sdp = format!("v=0\r\n{}\r\nm=application\r\n{}\r\n", line("aB"), line("AB"));
        assert_eq!(fingerprint(&sdp), Ok(Fingerprint::from_bytes([0xab; 32])));
    }

    /// a second fingerprint, another hash or none at all is refused, each by name.
    #[test]
    fn refuses_second_foreign_and_missing_fingerprints() {
        let two = format!("{}\r\n{}\r\n", line("AB"), line("AC"));
        assert_eq!(fingerprint(&two), Err(SdpError::SecondFingerprint));
        assert_eq!(fingerprint("v=0\r\n"), Err(SdpError::NoFingerprint));
        for bad in ["sha-1 AB:CD", "sha-256 AB:CD", "sha-256", "sha-256 +A:+B"] {
            let sdp = format!("a=fingerprint:{bad}\r\n");
            assert_eq!(fingerprint(&sdp), Err(SdpError::MalformedFingerprint), "{bad}");
        }
        let longer = format!("{}:00\r\n", line("AB"));
        assert_eq!(fingerprint(&longer), Err(SdpError::MalformedFingerprint));
    }

    /// a candidate is written into its own section, on a line of its own, or nowhere.
    #[test]
    fn writes_candidates_into_their_sections() {
        let candidate = |text: &str, line_index| Candidate {
            candidate: String::from(text),
            mid: None,
            line_index,
            username_fragment: None,
        };
        let before = "v=0\r\nm=audio 9\r\na=mid:0\r\nm=application 9\r\na=mid:1\r\n";
        let mut sdp = String::from(before);
        for (text, line_index) in [
            ("candidate:1 typ host", None),
            ("candidate:1 typ host", Some(2)),
            ("candidate:1 typ host\r\na=x", Some(0)),
            ("x:1 typ host", Some(0)),
            ("", Some(0)),
        ] {
            assert!(!insert_candidate(&mut sdp, &candidate(text, line_index), 1_000), "{text:?}");
        }
        assert_eq!(sdp, before);
        let (first, second) = ("candidate:1 typ host", "candidate:2 typ relay");
        assert!(!insert_candidate(&mut sdp, &candidate(first, Some(0)), before.len() + 23));
        assert!(insert_candidate(&mut sdp, &candidate(first, Some(0)), before.len() + 24));
        assert!(insert_candidate(&mut sdp, &candidate(second, Some(1)), 1_000));
        assert_eq!(
            sdp,
            "v=0\r\nm=audio 9\r\na=mid:0\r\na=candidate:1 typ host\r\n\
             m=application 9\r\na=mid:1\r\na=candidate:2 typ relay\r\n"
        );
        assert!(candidate_types(&sdp).eq(["host", "relay"]));
        assert!(!insert_candidate(
            &mut String::from("v=0\r\nm=audio 9"),
            &candidate(first, Some(0)),
            1_000
        ));
    }

    /// a description that does not say how long a message may be means 64 KiB, 0 any length.
    #[test]
    fn reads_message_size_and_candidate_type() {
        assert_eq!(message_bytes_max("v=0"), 65_536);
        assert_eq!(message_bytes_max("a=max-message-size:262144\r\n"), 262_144);
        assert_eq!(message_bytes_max("a=max-message-size:0\r\n"), usize::MAX);
        assert_eq!(message_bytes_max("a=max-message-size:x\r\n"), 16_384);
        assert_eq!(
            candidate_type("candidate:1 1 udp 2 10.0.0.1 9 typ srflx raddr 0"),
            Some("srflx")
        );
        assert_eq!(candidate_type("candidate:1 1 udp 2 10.0.0.1 9"), None);
    }
}
