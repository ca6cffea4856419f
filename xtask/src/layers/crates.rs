//! The arrows between the crates of the workspace.

use serde_json::Value;

/// Says which crate of the workspace uses one that it may not.
pub(crate) fn breaches(metadata: &Value) -> Vec<String> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let mut breaches = Vec::new();
    for package in packages.filter(|package| package["source"].is_null()) {
        let name = package["name"].as_str().unwrap_or_default();
        let Some(allowed) = allowed(name) else {
            breaches.push(format!("crate {name} is not in the layers: give it its arrows"));
            continue;
        };
        let dependencies = package["dependencies"].as_array().into_iter().flatten();
        // Also what only tests or a build script use: a test in the wrong layer is code there too.
        for dependency in dependencies.filter(|dependency| dependency["path"].is_string()) {
            let used = dependency["name"].as_str().unwrap_or_default();
            if !allowed.contains(&used) {
                breaches.push(format!("crate {name} may not use crate {used}"));
            }
        }
    }
    breaches
}

fn allowed(name: &str) -> Option<&'static [&'static str]> {
    let entry = ARROWS.iter().find(|(crate_name, _)| *crate_name == name);
    entry.map(|(_, allowed)| *allowed)
}

/// Crate, and the crates of the workspace that it may use.
const ARROWS: [(&str, &[&str]); 10] = [
    ("meshlace-core", &[]),
    ("meshlace-sim", &["meshlace-core"]),
    ("meshlace-histories", &["meshlace-core"]),
    ("meshlace-wasm", &["meshlace-core"]),
    ("meshlace", &["meshlace-core"]),
    ("meshlace-signal", &["meshlace-core"]),
    ("meshlace-fuzz", &["meshlace-core"]),
    ("meshlace-cli", &["meshlace", "meshlace-signal"]),
    ("meshlace-wasm-tool", &[]),
    ("xtask", &[]),
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn package(name: &str, dependency: &str) -> Value {
        json!({ "packages": [{
            "name": name,
            "source": null,
            "dependencies": [{ "name": dependency, "path": "/somewhere" }, { "name": "serde" }],
        }] })
    }

    #[test]
    fn allows_the_arrows_of_the_design() {
        assert!(breaches(&package("meshlace-cli", "meshlace-signal")).is_empty());
    }

    #[test]
    fn refuses_an_arrow_from_core() {
        let found = breaches(&package("meshlace-core", "meshlace-sim"));
        assert_eq!(found, ["crate meshlace-core may not use crate meshlace-sim"]);
    }

    #[test]
    fn refuses_an_arrow_past_a_layer() {
        assert_eq!(breaches(&package("meshlace-cli", "meshlace-core")).len(), 1);
    }

    #[test]
    fn refuses_a_crate_nobody_has_placed() {
        assert_eq!(breaches(&package("meshlace-extra", "meshlace-core")).len(), 1);
    }
}
