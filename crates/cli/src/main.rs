//! The `meshlace` command.
//!
//! Exit codes: 0 - stopped as asked; 1 - could not serve, the reason is on standard error; 2 - the
//! command line cannot be read.

use std::process::ExitCode;

use clap::Parser;

mod args;
mod page;
mod serve;

use args::{Args, Command};

fn main() -> ExitCode {
    let Args { command: Command::Serve(options) } = Args::parse();
    match serve::serve(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("meshlace: {error}");
            ExitCode::FAILURE
        }
    }
}
