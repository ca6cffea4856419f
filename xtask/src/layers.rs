//! The rules about structure that a machine can check without nagging.
//!
//! Which crate may use which (`crates`), which module of core may use which and who may name
//! cryptography or `std` (`modules`), what licences and duplicate versions the dependencies bring
//! (`packages`), how long a file may be (`files`). Each rule is a pure function from what it reads to
//! sentences about what is wrong, so that a test can show it a bad example.

mod crates;
mod files;
mod modules;
mod packages;
mod tokens;

use serde_json::Value;

use crate::failure::Failure;
use crate::run::Run;
use crate::steps::Workspace;

/// Checks all rules and names every breach.
pub(crate) fn check(workspace: &Workspace) -> Result<(), Failure> {
    let metadata = metadata()?;
    let sources = files::read(workspace)?;
    let mut breaches = crates::breaches(&metadata);
    breaches.extend(packages::breaches(&metadata));
    breaches.extend(modules::breaches(&sources));
    breaches.extend(files::breaches(&sources));
    if breaches.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("{} breaches of the layers", breaches.len()))
        .detail(breaches.join("\n"))
        .remedy("see 'Allowed arrows' in ARCHITECTURE.md; the rules are in xtask/src/layers"))
}

fn metadata() -> Result<Value, Failure> {
    let words = ["--format-version", "1", "--filter-platform", PLATFORM];
    let text = Run::cargo("metadata").words(words).text()?;
    serde_json::from_str(&text)
        .map_err(|error| Failure::new(format!("cargo metadata cannot be read: {error}")))
}

/// Dependencies for other platforms would bring other duplicates; this one is where the server runs.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";
