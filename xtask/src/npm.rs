//! The folders that npm looks after.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use crate::failure::Failure;
use crate::run::Run;
use crate::steps::{Workspace, say};

/// Installs exactly what the lock file of `folder` names, unless that is what is there.
pub(crate) fn install(workspace: &Workspace, folder: &str) -> Result<(), Failure> {
    let place = workspace.path(folder);
    let installed = changed(&place.join("node_modules/.package-lock.json"));
    let wanted =
        changed(&place.join("package-lock.json")).max(changed(&place.join("package.json")));
    if installed.is_some() && installed >= wanted {
        return Ok(());
    }
    say(&format!("installing the npm packages of {folder}"));
    Run::new("npm").words(["ci", "--no-audit", "--no-fund"]).folder(place).quietly()
}

/// Runs one of the scripts that the folder's `package.json` names, and shows what it prints. The
/// tests among them learn where the server lies: cargo's target folder may be elsewhere.
pub(crate) fn script(workspace: &Workspace, folder: &str, name: &str) -> Result<(), Failure> {
    let run = Run::new("npm").words(["run", "--silent", name]).folder(workspace.path(folder));
    run.environment("MESHLACE_SERVER", workspace.server()).loudly()
}

fn changed(place: &Path) -> Option<SystemTime> {
    fs::metadata(place).and_then(|metadata| metadata.modified()).ok()
}
