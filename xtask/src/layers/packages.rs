//! The dependencies' licences and duplicate versions.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Says which package has a licence we cannot ship, and which comes in two versions.
pub(crate) fn breaches(metadata: &Value) -> Vec<String> {
    let mut breaches = licence_breaches(metadata);
    breaches.extend(duplicate_breaches(metadata));
    breaches
}

fn licence_breaches(metadata: &Value) -> Vec<String> {
    let mut breaches = Vec::new();
    for package in list(&metadata["packages"]) {
        let licence = package["license"].as_str().unwrap_or("no licence");
        if !is_allowed(licence) {
            breaches.push(format!("package {}: licence '{licence}'", name(package)));
        }
    }
    breaches
}

/// Whether an SPDX expression can be fulfilled with the allowed licences. Old packages write `/` for
/// `OR`. `AND` binds closer than `OR`, as SPDX has it.
fn is_allowed(expression: &str) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    any_of(&mut rest) == Some(true) && rest.is_empty()
}

/// `None` where the expression is broken off.
fn any_of(words: &mut &[&str]) -> Option<bool> {
    let mut allowed = all_of(words)?;
    while let Some((&"OR", rest)) = words.split_first() {
        *words = rest;
        allowed |= all_of(words)?;
    }
    Some(allowed)
}

fn all_of(words: &mut &[&str]) -> Option<bool> {
    let mut allowed = one_of(words)?;
    while let Some((&"AND", rest)) = words.split_first() {
        *words = rest;
        allowed &= one_of(words)?;
    }
    Some(allowed)
}

fn one_of(words: &mut &[&str]) -> Option<bool> {
    let (first, rest) = words.split_first()?;
    *words = rest;
    if *first == "(" {
        let allowed = any_of(words)?;
        let (_, rest) = words.split_first().filter(|(mark, _)| **mark == ")")?;
        *words = rest;
        return Some(allowed);
    }
    // An exception only ever adds freedom.
    if let ["WITH", _, after @ ..] = rest {
        *words = after;
    }
    Some(LICENCES.contains(first))
}

/// Only what ends up in a program of ours is looked at: not tests, not what runs while compiling.
fn duplicate_breaches(metadata: &Value) -> Vec<String> {
    let shipped = shipped(metadata);
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in list(&metadata["packages"]) {
        if shipped.contains(text(&package["id"])) {
            versions.entry(name(package)).or_default().insert(text(&package["version"]));
        }
    }
    let mut breaches = Vec::new();
    for (package, versions) in &versions {
        let accepted = DUPLICATES.iter().any(|(accepted, _)| accepted == package);
        if versions.len() > 1 && !accepted {
            let list = versions.iter().copied().collect::<Vec<_>>().join(", ");
            breaches
                .push(format!("package {package} comes in {} versions: {list}", versions.len()));
        }
    }
    for (package, _) in DUPLICATES {
        if versions.get(package).is_none_or(|versions| versions.len() < 2) {
            breaches
                .push(format!("package {package} comes once: strike it from the accepted ones"));
        }
    }
    breaches
}

/// The ids of all packages that our programs reach over normal dependencies.
fn shipped(metadata: &Value) -> BTreeSet<&str> {
    let mut nodes = BTreeMap::new();
    for node in list(&metadata["resolve"]["nodes"]) {
        nodes.insert(text(&node["id"]), node);
    }
    let ours = list(&metadata["packages"]).filter(|package| package["source"].is_null());
    let mut open: Vec<&str> = ours
        .filter(|package| !BUILD_TOOLS.contains(&name(package)))
        .map(|package| text(&package["id"]))
        .collect();
    let macros = list(&metadata["packages"]).filter(|package| is_macro(package));
    let macros: BTreeSet<&str> = macros.map(|package| text(&package["id"])).collect();
    let mut reached = BTreeSet::new();
    while let Some(id) = open.pop() {
        if macros.contains(id) || !reached.insert(id) {
            continue;
        }
        let Some(node) = nodes.get(id) else { continue };
        for dependency in list(&node["deps"]) {
            if list(&dependency["dep_kinds"]).any(|kind| kind["kind"].is_null()) {
                open.push(text(&dependency["pkg"]));
            }
        }
    }
    reached
}

/// A macro and what it uses run while compiling.
fn is_macro(package: &Value) -> bool {
    list(&package["targets"]).any(|target| list(&target["kind"]).any(|kind| kind == "proc-macro"))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn name(package: &Value) -> &str {
    text(&package["name"])
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Licences under which we may ship under `MIT OR Apache-2.0`.
const LICENCES: [&str; 12] = [
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "BlueOak-1.0.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Packages that come in several versions, and why that is borne.
const DUPLICATES: [(&str, &str); 6] = [
    ("block-buffer", "sha1 0.10, by which axum and tungstenite answer a WebSocket handshake"),
    ("cpufeatures", "sha1 0.10"),
    ("crypto-common", "sha1 0.10"),
    ("digest", "sha1 0.10"),
    ("getrandom", "ring 0.17, by which rustls encrypts"),
    ("rand_core", "rand 0.9, by which tungstenite masks its frames"),
];

/// Crates of the workspace that never ship.
const BUILD_TOOLS: [&str; 3] = ["meshlace-sim", "meshlace-wasm-tool", "xtask"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_licence_expressions() {
        for allowed in [
            "MIT",
            "MIT/Apache-2.0",
            "GPL-3.0 OR MIT",
            "(MIT OR GPL-2.0) AND BSD-3-Clause",
            "Apache-2.0 WITH LLVM-exception OR GPL-3.0",
            "MIT AND Apache-2.0 WITH LLVM-exception",
        ] {
            assert!(is_allowed(allowed), "{allowed}");
        }
        for refused in
            ["GPL-3.0", "MIT AND GPL-3.0", "no licence", "", "(MIT", "MIT OR", "MIT Apache-2.0"]
        {
            assert!(!is_allowed(refused), "{refused}");
        }
    }

    #[test]
    fn refuses_a_licence_we_cannot_ship() {
        let metadata = json!({ "packages": [{ "name": "copyleft", "license": "AGPL-3.0" }] });
        assert_eq!(licence_breaches(&metadata), ["package copyleft: licence 'AGPL-3.0'"]);
    }

    #[test]
    fn refuses_a_package_without_a_licence() {
        let metadata = json!({ "packages": [{ "name": "secret", "license": null }] });
        assert_eq!(licence_breaches(&metadata).len(), 1);
    }

    fn two_versions(kind: &Value) -> Value {
        json!({
            "packages": [
                { "id": "ours", "name": "meshlace-core", "version": "1.0.0", "source": null },
                { "id": "old", "name": "twice", "version": "1.0.0", "source": "registry" },
                { "id": "new", "name": "twice", "version": "2.0.0", "source": "registry" },
            ],
            "resolve": { "nodes": [{ "id": "ours", "deps": [
                { "pkg": "old", "dep_kinds": [{ "kind": null }] },
                { "pkg": "new", "dep_kinds": [{ "kind": kind }] },
            ] }] },
        })
    }

    #[test]
    fn refuses_two_versions_of_a_package() {
        let found = duplicate_breaches(&two_versions(&Value::Null));
        assert!(found.contains(&"package twice comes in 2 versions: 1.0.0, 2.0.0".to_owned()));
    }

    #[test]
    fn allows_a_second_version_in_tests() {
        let found = duplicate_breaches(&two_versions(&json!("dev")));
        assert!(!found.iter().any(|breach| breach.contains("twice")));
    }
}
