//! The page this command serves.

use meshlace_signal::Asset;

/// The demo page, or one that says how to build it.
pub(crate) fn assets() -> &'static [Asset] {
    if DEMO.is_empty() { MISSING } else { DEMO }
}

/// Whether the demo page is in this command.
pub(crate) fn has_demo() -> bool {
    !DEMO.is_empty()
}

const DEMO: &[Asset] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

const MISSING: &[Asset] =
    &[Asset { path: "index.html", bytes: include_bytes!("missing.html"), gzip: None }];
