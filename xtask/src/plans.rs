//! The steps of each command.

use crate::failure::Failure;
use crate::layers as rules;
use crate::npm;
use crate::run::Run;
use crate::size;
use crate::steps::{Plan, Workspace, say};
use crate::tools;
use crate::wasm::{self as webassembly, StandardLibrary};

/// The inner loop's guard: what every commit passes, within 2 minutes.
pub(crate) fn check() -> Plan {
    lints().step("Testing the core and the simulator", |_| {
        let words = ["--package", "meshlace-core", "--package", "meshlace-histories"];
        cargo_test(&[&words[..], &["--package", "meshlace-sim"]].concat())
    })
}

/// The layering rules alone.
pub(crate) fn layers() -> Plan {
    Plan::new().step("Checking layers, licences and file lengths", rules::check)
}

/// The WebAssembly module alone.
pub(crate) fn wasm(standard_library: StandardLibrary) -> Plan {
    Plan::new()
        .step("Looking for the tools", move |_| {
            tools::node()?;
            webassembly::prepare(standard_library)
        })
        .step("Compiling the core to WebAssembly", move |workspace| {
            webassembly::compile(workspace, standard_library)
        })
        .step("Making its JavaScript", webassembly::bind)
        .step("Optimising the WebAssembly", |workspace| {
            npm::install(workspace, PACKAGE)?;
            webassembly::optimise(workspace)
        })
        .step("Generating names", webassembly::names)
}

/// What ships: the npm package, and the server with the demo page inside.
pub(crate) fn build() -> Plan {
    wasm(StandardLibrary::Auto)
        .step("Building the npm package", |workspace| npm::script(workspace, PACKAGE, "build"))
        .step("Building the demo page", |workspace| {
            npm::install(workspace, DEMO)?;
            npm::script(workspace, DEMO, "build")
        })
        .step("Building the server", |_| {
            Run::cargo("build").words(["--release", "--package", "meshlace-cli"]).loudly()
        })
}

/// Everything that serves the demo page.
pub(crate) fn demo() -> Plan {
    build()
}

/// Every check and test, the quick ones first.
pub(crate) fn test() -> Plan {
    lints()
        .step("Linting the build's own tool", |_| {
            let words = ["--profile", "tool", "--package", "meshlace-wasm-tool"];
            Run::cargo("clippy").words(words).words(DENY_WARNINGS).loudly()
        })
        .then(build())
        .step("Testing all crates", |_| {
            cargo_test(&["--workspace", "--exclude", "meshlace-wasm-tool"])
        })
        .step("Testing ledgers at length, optimised", |_| {
            // Both say less where they are not optimised: 10 worlds of 500, short histories.
            cargo_test(&["--release", "--package", "meshlace-histories"])?;
            cargo_test(&["--release", "--package", "meshlace-sim", "--test", "worlds", "ledgers"])
        })
        .step("Testing ledgers at length, in WebAssembly", webassembly::run_histories)
        .step("Looking for the browsers", |_| tools::browsers())
        .step("Testing the npm package", |workspace| npm::script(workspace, PACKAGE, "test"))
        .step("Testing the demo page", |workspace| npm::script(workspace, DEMO, "test"))
        .step("Testing in real browsers", |workspace| {
            npm::install(workspace, BROWSER_TESTS)?;
            npm::script(workspace, BROWSER_TESTS, "test")
        })
        .step("Weighing the package", size::report)
}

/// The comparison with other libraries; `words` go to its program.
pub(crate) fn bench(words: Vec<String>) -> Plan {
    build().step("Looking for the browsers", |_| tools::browsers()).step(
        "Comparing with other libraries",
        move |workspace| {
            npm::install(workspace, BENCH)?;
            let run = Run::new("npm").words(["run", "--silent", "bench", "--"]).words(words);
            run.folder(workspace.path(BENCH)).loudly()
        },
    )
}

fn lints() -> Plan {
    Plan::new()
        .step("Looking for format and lints", |_| tools::rust_components())
        .step("Checking the format", |_| Run::cargo("fmt").words(["--all", "--check"]).loudly())
        .then(layers())
        .step("Linting all crates", |_| {
            Run::cargo("clippy").word("--all-targets").words(DENY_WARNINGS).loudly()
        })
        .step("Linting what becomes WebAssembly", lint_wasm)
}

fn lint_wasm(_: &Workspace) -> Result<(), Failure> {
    if !webassembly::target_is_installed() {
        // The lints above have read the same sources; only code under `cfg(target_arch)` is missed.
        say("skipped: clippy needs the target of its own toolchain (rustup target add)");
        return Ok(());
    }
    let words = ["--package", "meshlace-wasm", "--package", "meshlace-histories"];
    let target = ["--target", "wasm32-unknown-unknown"];
    Run::cargo("clippy").words(words).words(target).words(DENY_WARNINGS).loudly()
}

fn cargo_test(words: &[&str]) -> Result<(), Failure> {
    Run::cargo("test").words(words).loudly()
}

const DENY_WARNINGS: [&str; 3] = ["--", "-D", "warnings"];

const PACKAGE: &str = "packages/meshlace";
const DEMO: &str = "apps/demo";
const BROWSER_TESTS: &str = "tests/browser";
const BENCH: &str = "bench";
