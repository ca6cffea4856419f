//! Every rule of the protocol has a test, and no test names a rule that is not there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use meshlace_core::crypto::Context;
use meshlace_core::signalling::envelope::SIGNAL_PAYLOAD_BYTES_MAX;

/// Where tests are that may name a rule.
const FOLDERS: [&str; 4] = ["crates", "tests", "packages", "apps"];
/// What is not ours, or holds no tests.
const SKIPPED: [&str; 6] = ["target", "node_modules", "dist", "build", "generated", "pkg"];

/// Reads docs/protocol.md and all sources: the same ids stand on both sides.
#[test]
fn every_rule_is_named_by_a_test_and_every_named_rule_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let protocol = fs::read_to_string(root.join("docs/protocol.md")).expect("the protocol");
    let rules = rules(&protocol);
    let mut named: BTreeMap<u32, PathBuf> = BTreeMap::new();
    for folder in FOLDERS {
        walk(&root.join(folder), &mut |place, text| {
            for id in ids_in_tests(place, text) {
                named.entry(id).or_insert_with(|| place.to_path_buf());
            }
        });
    }
    let untested: Vec<u32> = rules.iter().filter(|id| !named.contains_key(id)).copied().collect();
    let unknown: Vec<_> = named.iter().filter(|(id, _)| !rules.contains(id)).collect();
    assert!(untested.is_empty(), "rules that no test names: {untested:?}");
    assert!(unknown.is_empty(), "tests that name rules which are not there: {unknown:?}");
}

/// its table names each context that there is, and no other.
#[test]
fn every_context_stands_in_the_protocol() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let protocol = fs::read_to_string(root.join("docs/protocol.md")).expect("the protocol");
    let rows = protocol.lines().filter_map(|line| line.strip_prefix("| `meshlace v1 "));
    let named: BTreeSet<_> = rows.filter_map(|row| row.split('`').next()).collect();
    let used: BTreeSet<_> = Context::ALL
        .iter()
        .filter_map(|context| context.as_str().strip_prefix("meshlace v1 "))
        .collect();
    assert_eq!(named, used);
}

/// the number of bytes that always fit is the one of the code.
#[test]
fn largest_payload_of_a_signal_stands_in_the_protocol() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let protocol = fs::read_to_string(root.join("docs/protocol.md")).expect("the protocol");
    let (thousands, rest) = (SIGNAL_PAYLOAD_BYTES_MAX / 1000, SIGNAL_PAYLOAD_BYTES_MAX % 1000);
    let sentence =
        format!("**R-119** A payload of at most {thousands},{rest:03} bytes always fits");
    assert!(protocol.contains(&sentence), "{sentence}");
}

/// `- **R-n**` begins a rule; none begins twice.
fn rules(protocol: &str) -> BTreeSet<u32> {
    let mut rules = BTreeSet::new();
    for line in protocol.lines() {
        let Some(rest) = line.trim_start().trim_start_matches("- ").strip_prefix("**R-") else {
            continue;
        };
        let id = rest.split("**").next().and_then(|number| number.parse().ok());
        let id = id.unwrap_or_else(|| panic!("an id that is no number: {line}"));
        assert!(rules.insert(id), "R-{id} begins twice");
    }
    rules
}

/// Ids in what tests say of themselves. In Rust sources only doc comments above a test count, so
/// that a module's "Source:" line is no proof.
fn ids_in_tests(place: &Path, text: &str) -> Vec<u32> {
    if place.extension().is_some_and(|extension| extension != "rs") {
        return ids(text);
    }
    let mut found = Vec::new();
    let mut above: Vec<u32> = Vec::new();
    for line in text.lines().map(str::trim_start) {
        if line.starts_with("///") {
            above.extend(ids(line));
        } else if line.starts_with("#[") {
            if line.starts_with("#[test]") {
                found.append(&mut above);
            }
        } else {
            above.clear();
        }
    }
    found
}

/// `R-7` and `R-7 to R-9` in a text.
fn ids(text: &str) -> Vec<u32> {
    let mut found: Vec<u32> = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("R-") {
        let between = rest.get(..start).unwrap_or_default();
        let after = rest.get(start + 2..).unwrap_or_default();
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        let (number, further) = after.split_at(digits);
        if let Ok(id) = number.parse() {
            match found.last() {
                Some(&first) if between == " to " => found.extend(first + 1..=id),
                _ => found.push(id),
            }
        }
        rest = further;
    }
    found
}

fn walk(folder: &Path, visit: &mut impl FnMut(&Path, &str)) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let place = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if place.is_dir() {
            if !name.starts_with('.') && !SKIPPED.contains(&name.as_str()) {
                walk(&place, visit);
            }
        } else if is_test_source(&place)
            && let Ok(text) = fs::read_to_string(&place)
        {
            visit(&place, &text);
        }
    }
}

/// Rust anywhere, since tests stand beside what they test; JavaScript and TypeScript in tests only.
fn is_test_source(place: &Path) -> bool {
    let Some(extension) = place.extension().and_then(|extension| extension.to_str()) else {
        return false;
    };
    match extension {
        "rs" => true,
        "js" | "mjs" | "ts" => place
            .components()
            .any(|part| matches!(part.as_os_str().to_str(), Some("test" | "suites"))),
        _ => false,
    }
}

/// A range stands for all between its ends.
#[test]
fn ids_are_read_one_by_one_and_as_ranges() {
    assert_eq!(ids("R-7: as in R-9 to R-11."), [7, 9, 10, 11]);
    assert_eq!(ids("no R-, no R-x"), [0_u32; 0]);
}
