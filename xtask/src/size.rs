//! The size of the package as a page loads it.

use crate::failure::Failure;
use crate::run::Run;
use crate::steps::{Workspace, leave_line};

/// Prints what a page loads, gzip, next to others; refuses more than the limit.
pub(crate) fn report(workspace: &Workspace) -> Result<(), Failure> {
    let place = workspace.path("packages/meshlace/dist/index.js");
    let size = Run::new("node").words(["-e", GZIP]).word(place).text()?;
    let bytes: u32 = size.parse().map_err(|_| Failure::new(format!("node printed '{size}'")))?;
    let kilobytes = f64::from(bytes) / 1000.0;
    leave_line();
    println!(
        "      meshlace {kilobytes:>6.1} KB gzip, JavaScript and WebAssembly (at most {LIMIT_KB} KB)"
    );
    for (name, reference_kb) in REFERENCES {
        println!(
            "      {name:<10} {reference_kb:>5.1} KB   meshlace is {:.2}x",
            kilobytes / reference_kb
        );
    }
    if kilobytes > LIMIT_KB {
        return Err(Failure::new(format!("the package is {kilobytes:.1} KB, over {LIMIT_KB} KB"))
            .remedy(
                "look at what grew with 'npx wasm-objdump' or 'twiggy', or argue a new limit",
            ));
    }
    Ok(())
}

/// Kilobytes of 1,000 bytes, gzip.
const LIMIT_KB: f64 = 120.0;

/// Minified and gzip, as their own builds ship them: PeerJS 1.5, js-libp2p 3.3 with WebRTC.
const REFERENCES: [(&str, f64); 2] = [("PeerJS", 23.5), ("js-libp2p", 167.0)];

const GZIP: &str = "
const bytes = require('fs').readFileSync(process.argv[1])
console.log(require('zlib').gzipSync(bytes, { level: 9 }).length)";
