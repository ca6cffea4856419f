//! The arrows between the modules of core, and who may name cryptography or `std`.

use super::files::Source;
use super::tokens::{self, Token};

/// Says which source names what its place may not.
pub(crate) fn breaches(sources: &[Source]) -> Vec<String> {
    let mut breaches = Vec::new();
    for source in sources.iter().filter(|source| source.place.ends_with(".rs")) {
        let read = tokens::read(&source.text);
        if source.place != CRYPTO && !source.place.starts_with(CRYPTO_FOLDER) {
            refuse_paths(source, &read, &CRYPTOGRAPHY, "only crypto.rs names", &mut breaches);
        }
        let Some(inner) = source.place.strip_prefix(CORE) else { continue };
        if inner == "lib.rs" && !source.text.contains("#![no_std]") {
            breaches.push(format!("{}: core is no_std", source.place));
        }
        if !inner.ends_with("tests.rs") {
            let shipped = tokens::before_tests(&read);
            refuse_paths(source, shipped, &["std"], "core never names", &mut breaches);
        }
        module_breaches(source, inner, &read, &mut breaches);
    }
    breaches
}

/// Refuses `name::` for each of the names.
fn refuse_paths(
    source: &Source,
    tokens: &[(usize, Token<'_>)],
    names: &[&str],
    rule: &str,
    breaches: &mut Vec<String>,
) {
    for window in tokens.windows(3) {
        let [(line, Token::Name(name)), (_, Token::Mark(':')), (_, Token::Mark(':'))] = window
        else {
            continue;
        };
        if names.contains(name) {
            breaches.push(format!("{}:{line}: {rule} {name}", source.place));
        }
    }
}

fn module_breaches(
    source: &Source,
    inner: &str,
    tokens: &[(usize, Token<'_>)],
    breaches: &mut Vec<String>,
) {
    let path: Vec<&str> = inner.trim_end_matches(".rs").split('/').collect();
    let Some(module) = path.first().copied().filter(|module| *module != "lib") else { return };
    let Some(own) = layer(module) else {
        breaches.push(format!("{}: module {module} is not in the layers", source.place));
        return;
    };
    for (line, used) in used_modules(tokens, path.len()) {
        // A name at the root of core that is no module is what `lib.rs` exports from one.
        let Some(other) = layer(used) else { continue };
        let exception = EXCEPTIONS.contains(&(module, used));
        let sideways = own == other && own == Layer::Machines && module != used;
        if (own < other || sideways) && !exception {
            breaches.push(format!("{}:{line}: {module} may not use {used}", source.place));
        }
    }
}

/// The names that follow `crate::`, or `super::` as often as leads to the root from a module `depth`
/// deep; with braces, each name that opens a branch. Inside of inline modules one `super` more leads
/// there, so deeper chains count too.
fn used_modules<'source>(
    tokens: &[(usize, Token<'source>)],
    depth: usize,
) -> Vec<(usize, &'source str)> {
    let mut used = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let (mut next, mut root) = (at, false);
        let mut supers = 0;
        while let Some(step) = path_step(tokens, next) {
            match step {
                "crate" => root = true,
                "super" => supers += 1,
                _ => break,
            }
            next += 3;
        }
        if root || supers >= depth {
            branches(tokens, next, &mut used);
        }
        at = next.max(at + 1);
    }
    used
}

/// The name of `name::` at this place.
fn path_step<'source>(tokens: &[(usize, Token<'source>)], at: usize) -> Option<&'source str> {
    match tokens.get(at..at + 3)? {
        [(_, Token::Name(name)), (_, Token::Mark(':')), (_, Token::Mark(':'))] => Some(name),
        _ => None,
    }
}

fn branches<'source>(
    tokens: &[(usize, Token<'source>)],
    at: usize,
    used: &mut Vec<(usize, &'source str)>,
) {
    match tokens.get(at) {
        Some((line, Token::Name(name))) => used.push((*line, name)),
        Some((_, Token::Mark('{'))) => {
            let mut depth = 0_usize;
            let mut opens = true;
            for (line, token) in &tokens[at..] {
                match token {
                    Token::Mark('{') => depth += 1,
                    Token::Mark('}') => depth -= 1,
                    Token::Mark(',') if depth == 1 => opens = true,
                    Token::Name(name) if depth == 1 && opens => {
                        used.push((*line, name));
                        opens = false;
                    }
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
            }
        }
        _ => {}
    }
}

/// A layer uses those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Layer {
    /// May use one another.
    Foundations,
    /// Never use one another, save the exceptions.
    Machines,
    /// Routes between the machines.
    Node,
}

fn layer(module: &str) -> Option<Layer> {
    if FOUNDATIONS.contains(&module) {
        Some(Layer::Foundations)
    } else if MACHINES.contains(&module) {
        Some(Layer::Machines)
    } else if module == "node" {
        Some(Layer::Node)
    } else {
        None
    }
}

const CORE: &str = "crates/core/src/";
const CRYPTO: &str = "crates/core/src/crypto.rs";
const CRYPTO_FOLDER: &str = "crates/core/src/crypto/";

const CRYPTOGRAPHY: [&str; 5] =
    ["blake3", "chacha20poly1305", "curve25519_dalek", "ed25519_dalek", "x25519_dalek"];

const FOUNDATIONS: [&str; 9] =
    ["codec", "crypto", "error", "id", "limits", "queue", "rng", "table", "time"];
const MACHINES: [&str; 6] = ["finality", "ledger", "link", "overlay", "signalling", "transfer"];

/// Who, whom.
const EXCEPTIONS: [(&str, &str); 1] = [("finality", "ledger")];

#[cfg(test)]
mod tests {
    use super::*;

    fn found(place: &str, text: &str) -> Vec<String> {
        breaches(&[Source { place: place.into(), text: text.into() }])
    }

    fn link(text: &str) -> Vec<String> {
        found("crates/core/src/link.rs", text)
    }

    #[test]
    fn allows_the_arrows_of_the_design() {
        assert!(link("use crate::{codec::Reader, id::PeerId}; use crate::link::hello;").is_empty());
        assert!(
            found("crates/core/src/node.rs", "use crate::{link::Link, signalling};").is_empty()
        );
        assert!(found("crates/core/src/finality/vote.rs", "use crate::ledger::Cut;").is_empty());
        assert!(found("crates/core/src/id.rs", "use crate::crypto::Hash;").is_empty());
    }

    #[test]
    fn refuses_siblings_that_import_one_another() {
        assert_eq!(
            link("\nuse crate::signalling::Envelope;"),
            ["crates/core/src/link.rs:2: link may not use signalling"]
        );
        assert_eq!(link("fn f(tip: &crate::ledger::Tip) {}").len(), 1);
        assert_eq!(found("crates/core/src/ledger.rs", "use crate::finality::Vote;").len(), 1);
    }

    #[test]
    fn refuses_an_arrow_upwards() {
        assert_eq!(link("use crate::node::Node;").len(), 1);
        assert_eq!(found("crates/core/src/codec.rs", "use crate::link::Frame;").len(), 1);
    }

    #[test]
    fn sees_through_braces_and_super() {
        assert_eq!(link("use crate::{id::{PeerId, link}, ledger::Tip, time};").len(), 1);
        assert_eq!(link("use super::ledger::Tip;").len(), 1);
        assert_eq!(found("crates/core/src/link/sdp.rs", "use super::ledger::Tip;").len(), 0);
        assert_eq!(found("crates/core/src/link/sdp.rs", "use super::super::ledger::Tip;").len(), 1);
    }

    #[test]
    fn refuses_a_module_nobody_has_placed() {
        assert_eq!(found("crates/core/src/helper.rs", "").len(), 1);
    }

    #[test]
    fn refuses_cryptography_outside_of_its_file() {
        assert_eq!(link("use ed25519_dalek::Signature;").len(), 1);
        assert_eq!(found("crates/signal/src/lib.rs", "fn f() { blake3::hash(b\"\"); }").len(), 1);
        assert!(found("crates/core/src/crypto.rs", "use blake3::Hasher;").is_empty());
        assert!(link("// blake3::hash is not named here").is_empty());
    }

    #[test]
    fn refuses_std_in_core() {
        assert_eq!(link("use std::vec::Vec;").len(), 1);
        assert_eq!(found("crates/core/src/lib.rs", "extern crate alloc;").len(), 1);
        assert!(link("#[cfg(test)]\nmod tests { use std::vec::Vec; }").is_empty());
        assert!(found("crates/sim/src/lib.rs", "use std::vec::Vec;").is_empty());
    }
}
