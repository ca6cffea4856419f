//! Runs a tool, loudly (its output passes through) or quietly (shown only when it fails).

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::failure::Failure;
use crate::steps;

/// A tool and its words. No tool gets a keyboard: nothing here asks questions.
pub(crate) struct Run {
    command: Command,
    remedy: Option<String>,
}

impl Run {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        Self { command: Command::new(program), remedy: None }
    }

    /// The cargo that runs us, so that a chosen toolchain stays chosen.
    pub(crate) fn cargo(subcommand: &str) -> Self {
        let program = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        Self::new(program).word(subcommand)
    }

    pub(crate) fn word(mut self, word: impl AsRef<OsStr>) -> Self {
        self.command.arg(word);
        self
    }

    pub(crate) fn words<W: AsRef<OsStr>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.command.args(words);
        self
    }

    pub(crate) fn folder(mut self, folder: impl AsRef<Path>) -> Self {
        self.command.current_dir(folder);
        self
    }

    pub(crate) fn environment(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn without_environment(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// What to do when the tool is missing or fails.
    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Lets the tool print as it goes.
    pub(crate) fn loudly(mut self) -> Result<(), Failure> {
        steps::leave_line();
        let status = self.command.stdin(Stdio::null()).status();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(self.failure(format!("{} ended with {status}", self.line()))),
            Err(error) => Err(self.not_started(&error)),
        }
    }

    /// Shows what the tool printed only when it fails.
    pub(crate) fn quietly(self) -> Result<(), Failure> {
        self.output().map(drop)
    }

    /// The standard output of a tool that succeeds, as text.
    pub(crate) fn text(self) -> Result<String, Failure> {
        let output = self.output()?;
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }

    /// Whether the tool exists and succeeds.
    pub(crate) fn succeeds(mut self) -> bool {
        self.command.stdin(Stdio::null()).output().is_ok_and(|output| output.status.success())
    }

    /// Becomes the tool: its process id is ours, so that one signal stops all there is.
    pub(crate) fn become_it(mut self) -> Result<(), Failure> {
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt;
            let error = self.command.exec();
            Err(self.not_started(&error))
        }
        #[cfg(not(unix))]
        self.loudly()
    }

    fn output(mut self) -> Result<Output, Failure> {
        match self.command.stdin(Stdio::null()).output() {
            Ok(output) if output.status.success() => Ok(output),
            Ok(output) => {
                let mut detail = String::from_utf8_lossy(&output.stdout).into_owned();
                detail.push_str(&String::from_utf8_lossy(&output.stderr));
                let message = format!("{} ended with {}", self.line(), output.status);
                Err(self.failure(message).detail(detail))
            }
            Err(error) => Err(self.not_started(&error)),
        }
    }

    fn not_started(&self, error: &std::io::Error) -> Failure {
        let program = self.command.get_program().to_string_lossy();
        match error.kind() {
            ErrorKind::NotFound => self.failure(format!("'{program}' was not found")),
            _ => self.failure(format!("'{program}' could not be started: {error}")),
        }
    }

    fn failure(&self, message: String) -> Failure {
        match &self.remedy {
            Some(remedy) => Failure::new(message).remedy(remedy.as_str()),
            None => Failure::new(message),
        }
    }

    fn line(&self) -> String {
        let program = Path::new(self.command.get_program());
        let mut line = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for word in self.command.get_args() {
            line.push(' ');
            line.push_str(&word.to_string_lossy());
        }
        line
    }
}

/// Where `program` lies on the search path.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|place| place.is_file())
}
