//! The tools of the trade: found, else installed where that is possible, else named with a remedy.

use crate::failure::Failure;
use crate::run::{self, Run};
use crate::steps::say;

/// Cargo's formatter and lints; a minimal Rust comes without them.
pub(crate) fn rust_components() -> Result<(), Failure> {
    for (component, word) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        if Run::cargo(word).word("--version").succeeds() {
            continue;
        }
        if run::find("rustup").is_none() {
            return Err(Failure::new(format!("'cargo {word}' was not found"))
                .remedy(format!("install {component} from where your Rust came from")));
        }
        say(&format!("installing {component} with rustup"));
        Run::new("rustup").words(["component", "add", component]).quietly()?;
    }
    Ok(())
}

/// Node and npm; what runs the package's build and its tests.
pub(crate) fn node() -> Result<(), Failure> {
    let remedy =
        format!("install Node {NODE_MAJOR_MIN} or newer with npm, from https://nodejs.org");
    let version = Run::new("node").word("--version").remedy(remedy.as_str()).text()?;
    let major =
        version.trim_start_matches('v').split('.').next().and_then(|word| word.parse().ok());
    if major.is_none_or(|major: u32| major < NODE_MAJOR_MIN) {
        return Err(Failure::new(format!("Node {version} is too old")).remedy(remedy));
    }
    Run::new("npm").word("--version").remedy(remedy).text().map(drop)
}

/// Chromium and Firefox ESR as Debian packs them, and what builds a network of namespaces.
pub(crate) fn browsers() -> Result<(), Failure> {
    let wanted = [("chromium", "chromium"), ("firefox-esr", "firefox-esr"), ("ip", "iproute2")];
    let missing: Vec<&str> = wanted
        .into_iter()
        .filter(|(program, _)| run::find(program).is_none())
        .map(|(_, package)| package)
        .collect();
    apt_install(&missing)
}

/// Installs Debian packages, as root or through sudo.
pub(crate) fn apt_install(packages: &[&str]) -> Result<(), Failure> {
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    let remedy = format!("install them yourself: {list}");
    if run::find("apt-get").is_none() {
        return Err(
            Failure::new(format!("missing: {list}, and there is no apt-get")).remedy(remedy)
        );
    }
    say(&format!("installing {list} with apt-get"));
    let apt = || -> Result<Run, Failure> {
        let run = if Run::new("id").word("-u").text()? == "0" {
            Run::new("apt-get")
        } else if run::find("sudo").is_some() {
            // Without a keyboard sudo could only wait for a password.
            Run::new("sudo").words(["-n", "DEBIAN_FRONTEND=noninteractive", "apt-get"])
        } else {
            return Err(Failure::new(format!("missing: {list}, and we are not root"))
                .remedy(format!("as root: apt-get install --no-install-recommends {list}")));
        };
        Ok(run.environment("DEBIAN_FRONTEND", "noninteractive").remedy(remedy.as_str()))
    };
    apt()?.word("update").quietly()?;
    apt()?.words(["install", "-y", "--no-install-recommends"]).words(packages).quietly()
}

/// Whether Debian's package is installed.
pub(crate) fn apt_has(package: &str) -> bool {
    let status = Run::new("dpkg-query").words(["-W", "-f=${Status}", package]).text();
    status.is_ok_and(|status| status.ends_with(" installed"))
}

/// The oldest Node whose test runner and `fetch` the tests rely on.
const NODE_MAJOR_MIN: u32 = 20;
