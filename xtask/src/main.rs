//! The tasks of the workspace: `cargo xtask COMMAND`.
//!
//! Each command is a plan of steps (`steps`). Steps run the tools of the trade (`run`), which are
//! installed or named with their remedy when they are missing (`tools`). What needs the library of
//! wasm-bindgen is a crate of its own (`xtask/wasm-tool`), so that this one compiles within seconds.

mod arguments;
mod failure;
mod layers;
mod npm;
mod order;
mod plans;
mod run;
mod size;
mod steps;
mod tools;
mod wasm;

use std::env;
use std::process::ExitCode;

use arguments::Request;
use failure::Failure;
use steps::Workspace;

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    match perform(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\n{failure}");
            ExitCode::FAILURE
        }
    }
}

fn perform(words: &[String]) -> Result<(), Failure> {
    let workspace = Workspace::find()?;
    match arguments::parse(words)? {
        Request::Help => {
            print!("{}", arguments::HELP);
            Ok(())
        }
        Request::Check => plans::check().perform(&workspace),
        Request::Layers => plans::layers().perform(&workspace),
        Request::Wasm { standard_library } => plans::wasm(standard_library).perform(&workspace),
        Request::Build => plans::build().perform(&workspace),
        Request::Test => plans::test().perform(&workspace),
        Request::Bench { words } => plans::bench(words).perform(&workspace),
        Request::Demo { words } => {
            plans::demo().perform(&workspace)?;
            run::Run::new(workspace.server()).word("serve").words(&words).become_it()
        }
    }
}
