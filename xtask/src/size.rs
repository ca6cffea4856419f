//! The size of the package as a page loads it.

use serde_json::Value;

use crate::failure::Failure;
use crate::run::Run;
use crate::steps::{Workspace, leave_line};

/// Prints what a page loads, gzip, next to others; refuses more than the limit.
pub(crate) fn report(workspace: &Workspace) -> Result<(), Failure> {
    let script = "packages/meshlace/scripts/size.js";
    let text = Run::new("node").word(workspace.path(script)).text()?;
    let unreadable = || Failure::new(format!("{script} printed no sizes")).detail(text.as_str());
    let sizes: Value = serde_json::from_str(&text).map_err(|_| unreadable())?;
    leave_line();
    println!("      JavaScript and WebAssembly together, gzip; the goal is {GOAL_KB} KB:");
    for (entry, size) in sizes.as_object().ok_or_else(unreadable)? {
        let kilobytes = size["gzip"].as_f64().ok_or_else(unreadable)? / 1000.0;
        println!(
            "      {entry:<14} {kilobytes:>6.1} KB{}{}",
            ratios(kilobytes),
            verdict(kilobytes)
        );
        let limit = if entry == "meshlace" { LIMIT_KB } else { FILE_LIMIT_KB };
        if kilobytes > limit {
            return Err(Failure::new(format!("'{entry}' is {kilobytes:.1} KB, over {limit}"))
                .remedy("find what grew, or argue a new limit in xtask/src/size.rs"));
        }
    }
    Ok(())
}

fn ratios(kilobytes: f64) -> String {
    let mut text = String::new();
    for (name, reference_kb) in REFERENCES {
        text += &format!("   {:.2}x {name} ({reference_kb} KB)", kilobytes / reference_kb);
    }
    text
}

fn verdict(kilobytes: f64) -> String {
    if kilobytes <= GOAL_KB {
        return String::from("   goal reached");
    }
    format!("   goal not reached: {:.2}x", kilobytes / GOAL_KB)
}

/// What the package should weigh, ledger included. Kilobytes of 1,000 bytes.
const GOAL_KB: f64 = 140.0;

/// What `meshlace` weighs now, rounded up: it may not get worse unseen.
const LIMIT_KB: f64 = 138.5;

/// The same for `meshlace/wasm`, which leaves the packing to the server: `gzip -9` makes a quarter more of the
/// module than the build does for `meshlace`, and Brotli a tenth.
const FILE_LIMIT_KB: f64 = 172.1;

/// Minified and gzip, each with what two pages need to talk: PeerJS 1.5, js-libp2p 3.3.
const REFERENCES: [(&str, f64); 2] = [("PeerJS", 23.5), ("js-libp2p", 167.0)];
