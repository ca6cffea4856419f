//! Turns the WebAssembly that cargo built into a module plus its JavaScript and types.
//!
//! `meshlace-wasm-tool INPUT.wasm FOLDER` writes `meshlace_wasm.js`, `meshlace_wasm.d.ts` and
//! `meshlace_wasm_bg.wasm` into the folder, in the style the web loads (`web`): one JavaScript module
//! whose `default` function takes the module, its bytes or its address.
//!
//! A crate of its own, run by `xtask`, because the library of wasm-bindgen takes a minute to compile
//! and `xtask` should answer within seconds.

mod names;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use names::shorten;
use wasm_bindgen_cli_support::{Bindgen, EncodeInto};

fn main() -> ExitCode {
    let arguments: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let [input, folder] = arguments.as_slice() else {
        eprintln!("usage: meshlace-wasm-tool INPUT.wasm FOLDER");
        return ExitCode::FAILURE;
    };
    match generate(input, folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Names are removed (a third of the file, no use in a browser), the producers section is kept out of
/// what ships too; the target features stay, because wasm-opt reads them.
fn generate(input: &Path, folder: &Path) -> Result<(), String> {
    let refused = |error: anyhow::Error| format!("{}: {error:#}", input.display());
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(input)
        .out_name(NAME)
        .web(true)
        .map_err(refused)?
        .typescript(true)
        .omit_default_module_path(true)
        // Every browser with WebRTC and WebAssembly has `TextEncoder.encodeInto`.
        .encode_into(EncodeInto::Always)
        .remove_name_section(true)
        .remove_producers_section(true);
    let mut output = bindgen.generate_output().map_err(refused)?;
    let names = shorten(output.wasm_mut());
    output.emit(folder).map_err(refused)?;
    let place = folder.join(format!("{NAME}.js"));
    let refused = |error: std::io::Error| format!("{}: {error}", place.display());
    let text = fs::read_to_string(&place).map_err(refused)?;
    fs::write(&place, names.rewrite(&text)?).map_err(refused)
}

const NAME: &str = "meshlace_wasm";
