//! From the Rust core to what the npm package carries.
//!
//! cargo (profile `wasm`) -> wasm-bindgen (`xtask/wasm-tool`) -> wasm-opt (npm's binaryen), twice, with the
//! functions put in order in between (`order`) ->
//! `packages/meshlace/generated`.
//!
//! `core` and `alloc` are built from source with the rest, so that a panic is one instruction instead
//! of a message that nobody would see: a tenth of the module. The source comes from rustup, or from
//! Debian. Where neither is to be had, rustup's ready-made library does, and the module is larger.

use std::fs;
use std::path::PathBuf;

use crate::failure::Failure;
use crate::order;
use crate::run::{self, Run};
use crate::steps::{Workspace, say};
use crate::tools;

/// Where the standard library for WebAssembly comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StandardLibrary {
    /// Rustup's, else Debian's, from source where that can be had.
    Auto,
    /// Rustup's: from source, else ready-made.
    Rustup,
    /// Built from `rust-web-src` by `rustc-web`.
    Debian,
}

/// Which cargo compiles for WebAssembly.
enum Toolchain {
    /// The one that runs us, with its library's source.
    Source,
    /// The one that runs us, with its ready-made library.
    Ready,
    /// Debian's, with its linker.
    Debian {
        /// The path of `wasm-ld`, of the same LLVM as `rustc-web`.
        linker: PathBuf,
    },
}

/// Makes sure that one of the ways to a standard library is there.
pub(crate) fn prepare(standard_library: StandardLibrary) -> Result<(), Failure> {
    toolchain(standard_library).map(drop)
}

/// Whether the target of the toolchain that runs us is installed.
pub(crate) fn target_is_installed() -> bool {
    let folder = Run::new("rustc").words(["--print", "target-libdir", "--target", TARGET]).text();
    let entries = folder.ok().and_then(|folder| fs::read_dir(folder).ok());
    entries.is_some_and(|entries| {
        entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"))
    })
}

/// Compiles the core and its skin.
pub(crate) fn compile(workspace: &Workspace, std: StandardLibrary) -> Result<(), Failure> {
    compile_package(workspace, std, "meshlace-wasm")
}

/// Compiles the histories of tests as the core that ships is compiled, and runs them.
pub(crate) fn run_histories(workspace: &Workspace) -> Result<(), Failure> {
    compile_package(workspace, StandardLibrary::Auto, "meshlace-histories")?;
    let folder = workspace.target("histories");
    bind_package(workspace, "meshlace_histories", &folder)?;
    let script = workspace.path("crates/histories/in_wasm.mjs");
    Run::new("node").word(script).word(folder).loudly()
}

fn compile_package(
    workspace: &Workspace,
    std: StandardLibrary,
    package: &str,
) -> Result<(), Failure> {
    let toolchain = toolchain(std)?;
    let cargo = match &toolchain {
        Toolchain::Source | Toolchain::Ready => Run::cargo("build"),
        Toolchain::Debian { linker } => Run::new(DEBIAN_CARGO)
            .word("build")
            .word("--target-dir")
            .word(workspace.target(""))
            .environment("RUSTC", DEBIAN_RUSTC)
            .environment("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker)
            // Where rustup's cargo runs us, this names the libraries of rustup's rustc.
            .without_environment("LD_LIBRARY_PATH"),
    };
    let build = cargo.words(["--package", package]).words(BUILD_WORDS);
    match toolchain {
        Toolchain::Ready => build.loudly(),
        // These flags are stable in effect and unstable by name; a stable compiler takes them so.
        _ => build.words(SOURCE_WORDS).environment("RUSTC_BOOTSTRAP", "1").loudly(),
    }
}

/// Makes the JavaScript, the types and the module it loads.
pub(crate) fn bind(workspace: &Workspace) -> Result<(), Failure> {
    bind_package(workspace, "meshlace_wasm", &workspace.path(GENERATED))
}

fn bind_package(workspace: &Workspace, module: &str, folder: &PathBuf) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| cannot_write(folder, &error))?;
    Run::cargo("run")
        .words(["--profile", "tool", "--package", "meshlace-wasm-tool", "--"])
        .word(workspace.target(&format!("wasm32-unknown-unknown/wasm/{module}.wasm")))
        .word(folder)
        .loudly()
}

/// Shrinks the module, then loads it once: what no engine compiles, or what wants an import only a C
/// library gives, must not leave this machine.
pub(crate) fn optimise(workspace: &Workspace) -> Result<(), Failure> {
    let module = workspace.path(GENERATED).join("meshlace_wasm_bg.wasm");
    let before = bytes(&module);
    run_optimiser(workspace, &PASSES, &module)?;
    let optimised = fs::read(&module).map_err(|error| cannot_write(&module, &error))?;
    let named = order::named(&optimised)
        .ok_or_else(|| Failure::new(format!("{} cannot be read", module.display())))?;
    fs::write(&module, named).map_err(|error| cannot_write(&module, &error))?;
    // Without `-g` it leaves out the names that it goes by.
    run_optimiser(workspace, &["--reorder-functions-by-name"], &module)?;
    say(&format!("{before} -> {} bytes", bytes(&module)));
    Run::new("node").words(["-e", VERIFY]).word(&module).quietly()
}

/// By npm's binaryen, which is JavaScript: the same on every machine.
fn run_optimiser(workspace: &Workspace, passes: &[&str], module: &PathBuf) -> Result<(), Failure> {
    Run::new("node")
        .word(workspace.path("packages/meshlace/node_modules/binaryen/bin/wasm-opt"))
        .words(passes)
        .words(FEATURES)
        .word(module)
        .word("-o")
        .word(module)
        .quietly()
}

/// Writes what Rust's enums name, for TypeScript: the closed union of error codes, and what crosses.
pub(crate) fn names(workspace: &Workspace) -> Result<(), Failure> {
    for (package, example, file) in NAMES {
        let words = ["--package", package, "--example", example];
        // For itself, since it shows what it compiles: on a fresh machine half a minute.
        Run::cargo("build").words(words).loudly()?;
        let source = Run::cargo("run").word("--quiet").words(words).text()?;
        let place = workspace.path(GENERATED).join(file);
        fs::write(&place, source + "\n").map_err(|error| cannot_write(&place, &error))?;
    }
    Ok(())
}

fn toolchain(standard_library: StandardLibrary) -> Result<Toolchain, Failure> {
    match standard_library {
        StandardLibrary::Debian => debian(),
        StandardLibrary::Rustup => rustup(),
        StandardLibrary::Auto if source_is_installed() => Ok(Toolchain::Source),
        StandardLibrary::Auto if run::find("rustup").is_none() => {
            say("no rustup here: taking the standard library's source from Debian");
            debian()
        }
        StandardLibrary::Auto => rustup().or_else(|_| {
            say("rustup cannot: taking the standard library's source from Debian");
            debian()
        }),
    }
}

fn rustup() -> Result<Toolchain, Failure> {
    if source_is_installed() {
        return Ok(Toolchain::Source);
    }
    say("installing the standard library's source with rustup");
    let add = Run::new("rustup").words(["component", "add", "rust-src"]);
    if add.quietly().is_ok() {
        return Ok(Toolchain::Source);
    }
    if !target_is_installed() {
        say(&format!("installing {TARGET} with rustup"));
        let add = Run::new("rustup").words(["target", "add", TARGET]);
        add.remedy("try 'cargo xtask wasm --std debian'").quietly()?;
    }
    say("no source to be had: the module will be a tenth larger");
    Ok(Toolchain::Ready)
}

/// Whether the toolchain that runs us has its library's source.
fn source_is_installed() -> bool {
    let root = Run::new("rustc").words(["--print", "sysroot"]).text();
    root.is_ok_and(|root| {
        PathBuf::from(root.trim()).join("lib/rustlib/src/rust/library/core/src/lib.rs").is_file()
    })
}

fn debian() -> Result<Toolchain, Failure> {
    let missing: Vec<&str> =
        DEBIAN_PACKAGES.into_iter().filter(|package| !tools::apt_has(package)).collect();
    tools::apt_install(&missing)?;
    // Debian's rustc comes without a linker for this target; it wants the one of its own LLVM.
    let version = Run::new(DEBIAN_RUSTC).word("-vV").text()?;
    let major = version.lines().find_map(|line| line.strip_prefix("LLVM version: "));
    let major = major.and_then(|version| version.split('.').next());
    let major =
        major.ok_or_else(|| Failure::new("rustc-web does not name its LLVM").detail(&version))?;
    let linker = PathBuf::from(format!("/usr/bin/wasm-ld-{major}"));
    if !linker.is_file() {
        tools::apt_install(&[&format!("lld-{major}")])?;
    }
    Ok(Toolchain::Debian { linker })
}

fn bytes(place: &PathBuf) -> u64 {
    fs::metadata(place).map_or(0, |metadata| metadata.len())
}

fn cannot_write(place: &std::path::Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("{} cannot be written: {error}", place.display()))
}

/// Who prints which file.
const NAMES: [(&str, &str, &str); 3] = [
    ("meshlace-core", "error-codes", "errors.ts"),
    ("meshlace-core", "limits", "limits.ts"),
    ("meshlace-wasm", "names", "names.ts"),
];

/// What the npm package's build reads.
const GENERATED: &str = "packages/meshlace/generated";

const TARGET: &str = "wasm32-unknown-unknown";

const BUILD_WORDS: [&str; 4] = ["--profile", "wasm", "--target", TARGET];

/// Panics without messages, and none of the text that only messages use. Inlining a little more than
/// `opt-level = "z"` does is 1% smaller.
const SOURCE_WORDS: [&str; 6] = [
    "-Z",
    "build-std=core,alloc",
    "-Z",
    "build-std-features=optimize_for_size",
    "--config",
    "target.wasm32-unknown-unknown.rustflags=['-Zunstable-options', '-Cpanic=immediate-abort', \
     '-Zlocation-detail=none', '-Zfmt-debug=none', '-Cllvm-args=--inline-threshold=12']",
];

const DEBIAN_PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld-22"];
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// Without the two passes that shrink the module and lengthen what is left of it by gzip: 138 KB became
/// 131 KB.
const PASSES: [&str; 6] = [
    "-Oz",
    "--skip-pass=inlining-optimizing",
    "--skip-pass=local-cse",
    // There the stack ends, which grows down to 0.
    "--low-memory-unused",
    "--converge",
    // What it was compiled for is no news to an engine.
    "--strip-target-features",
];

/// What Rust's target turns on, by name: with `--all-features` wasm-opt emits instructions that no
/// browser loads.
const FEATURES: [&str; 7] = [
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
    "--enable-simd",
];

const VERIFY: &str = "
const module = new WebAssembly.Module(require('fs').readFileSync(process.argv[1]))
const foreign = WebAssembly.Module.imports(module).filter(entry => entry.module === 'env')
if (foreign.length > 0) {
  console.error('imports that no page gives:', foreign.map(entry => `env.${entry.name}`).join(', '))
  process.exit(1)
}";
