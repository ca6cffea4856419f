//! The sources, and how long one may be.

use std::fs;
use std::path::Path;

use crate::failure::Failure;
use crate::steps::Workspace;

/// One file of ours.
pub(crate) struct Source {
    /// Under the root of the workspace, with `/`.
    pub(crate) place: String,
    pub(crate) text: String,
}

/// Reads all sources of the workspace, in the order of their places.
pub(crate) fn read(workspace: &Workspace) -> Result<Vec<Source>, Failure> {
    let mut sources = Vec::new();
    for folder in FOLDERS {
        let place = workspace.path(folder);
        if place.is_dir() {
            walk(&place, folder, &mut sources)
                .map_err(|error| Failure::new(format!("{folder} cannot be read: {error}")))?;
        }
    }
    sources.sort_by(|left, right| left.place.cmp(&right.place));
    Ok(sources)
}

/// Says which file is longer than a reader holds in mind.
pub(crate) fn breaches(sources: &[Source]) -> Vec<String> {
    let mut breaches = Vec::new();
    for source in sources {
        let count = source.text.lines().count();
        if count > LINES_MAX {
            breaches.push(format!("{}: {count} lines, split at {LINES_MAX}", source.place));
        }
    }
    breaches
}

fn walk(folder: &Path, place: &str, sources: &mut Vec<Source>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let place = format!("{place}/{name}");
        let kind = entry.file_type()?;
        if kind.is_dir() && !name.starts_with('.') && !NOT_OURS.contains(&name.as_str()) {
            walk(&entry.path(), &place, sources)?;
        } else if kind.is_file() && ENDINGS.iter().any(|ending| name.ends_with(ending)) {
            sources.push(Source { place, text: fs::read_to_string(entry.path())? });
        }
    }
    Ok(())
}

const FOLDERS: [&str; 7] = ["apps", "bench", "crates", "fuzz", "packages", "tests", "xtask"];

/// Built, installed or measured.
const NOT_OURS: [&str; 6] = ["build", "dist", "generated", "node_modules", "results", "target"];

const ENDINGS: [&str; 7] = [".css", ".html", ".js", ".mjs", ".rs", ".ts", ".tsx"];

const LINES_MAX: usize = 600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_a_file_that_is_too_long() {
        let long = Source { place: "crates/a.rs".into(), text: "\n".repeat(LINES_MAX + 1) };
        let fits = Source { place: "crates/b.rs".into(), text: "\n".repeat(LINES_MAX) };
        assert_eq!(breaches(&[long, fits]), ["crates/a.rs: 601 lines, split at 600"]);
    }
}
