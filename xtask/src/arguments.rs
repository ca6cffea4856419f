//! What was asked for: the words after `cargo xtask`.

use crate::failure::Failure;
use crate::wasm::StandardLibrary;

/// One command with its options.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Say what there is.
    Help,
    /// Format, lints, layers, core and simulator tests.
    Check,
    /// The layering rules alone.
    Layers,
    /// The WebAssembly module and its JavaScript alone.
    Wasm {
        /// Where its standard library comes from.
        standard_library: StandardLibrary,
    },
    /// The package, the demo page and the server.
    Build,
    /// Every check and test, browsers included.
    Test,
    /// The comparison with other libraries.
    Bench {
        /// Handed on to the benchmark.
        words: Vec<String>,
    },
    /// Build everything and serve the demo page.
    Demo {
        /// Handed on to `meshlace serve`.
        words: Vec<String>,
    },
}

/// Reads the words after `cargo xtask`.
pub(crate) fn parse(words: &[String]) -> Result<Request, Failure> {
    let Some((command, rest)) = words.split_first() else { return Ok(Request::Help) };
    let request = match command.as_str() {
        "help" | "--help" | "-h" => return Ok(Request::Help),
        "bench" => return Ok(Request::Bench { words: rest.to_vec() }),
        "demo" => return demo(rest),
        "wasm" => return wasm(rest),
        "check" => Request::Check,
        "layers" => Request::Layers,
        "build" => Request::Build,
        "test" => Request::Test,
        unknown => return Err(misuse(format!("there is no command '{unknown}'"))),
    };
    match rest.first() {
        None => Ok(request),
        Some(word) => Err(misuse(format!("'{command}' takes no '{word}'"))),
    }
}

fn wasm(words: &[String]) -> Result<Request, Failure> {
    let mut standard_library = StandardLibrary::Auto;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let value = match word.strip_prefix("--std=") {
            Some(value) => Some(value),
            None if word == "--std" => words.next().map(String::as_str),
            None => return Err(misuse(format!("'wasm' takes no '{word}'"))),
        };
        standard_library = match value {
            Some("auto") => StandardLibrary::Auto,
            Some("rustup") => StandardLibrary::Rustup,
            Some("debian") => StandardLibrary::Debian,
            _ => return Err(misuse("--std is one of auto, rustup, debian".into())),
        };
    }
    Ok(Request::Wasm { standard_library })
}

/// Checks the options here, so that a slip is told before the build and not after it.
fn demo(words: &[String]) -> Result<Request, Failure> {
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word.as_str(), rest.next().map(String::as_str)),
        };
        match (name, value) {
            ("--host", Some(_)) => {}
            ("--port", Some(port)) if port.parse::<u16>().is_ok() => {}
            ("--host", None) => return Err(misuse("--host wants an address".into())),
            ("--port", _) => return Err(misuse("--port wants a number up to 65535".into())),
            _ => return Err(misuse(format!("'demo' takes no '{word}'"))),
        }
    }
    Ok(Request::Demo { words: words.to_vec() })
}

fn misuse(message: String) -> Failure {
    Failure::new(message).remedy("see 'cargo xtask help'")
}

/// What `cargo xtask help` prints.
pub(crate) const HELP: &str = "\
usage: cargo xtask COMMAND

  demo [--host ADDRESS] [--port NUMBER]
          build everything, serve the demo page and print its address
  test    every check and test, real browsers included
  check   format, lints, layers, core and simulator tests
  build   packages/meshlace/dist and target/release/meshlace
  wasm [--std auto|rustup|debian]
          the WebAssembly module alone; says where its standard library comes from
  layers  the arrows between crates and modules, licences, file lengths
  bench   the comparison with other libraries

Missing tools are installed where that is possible, and named where it is not.
";

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Request, Failure> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse(&words)
    }

    #[test]
    fn reads_every_command() {
        assert_eq!(read("").unwrap(), Request::Help);
        assert_eq!(read("check").unwrap(), Request::Check);
        assert_eq!(
            read("wasm --std debian").unwrap(),
            Request::Wasm { standard_library: StandardLibrary::Debian }
        );
        assert_eq!(
            read("demo --port 0").unwrap(),
            Request::Demo { words: vec!["--port".into(), "0".into()] }
        );
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for line in ["bulid", "check --fast", "wasm --std", "wasm --std mine", "demo --port x"] {
            assert!(read(line).is_err(), "{line}");
        }
    }
}
