//! Why a task stopped, in words for the person who started it.

use std::fmt;

/// A message, what the failed tool said, and what to do about it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    message: String,
    detail: Option<String>,
    remedy: Option<String>,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), detail: None, remedy: None }
    }

    /// Adds what the failed tool said.
    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds what to do about it.
    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(detail) = &self.detail {
            writeln!(formatter, "{}\n", detail.trim_end())?;
        }
        write!(formatter, "error: {}", self.message)?;
        match &self.remedy {
            Some(remedy) => write!(formatter, "\n  what to do: {remedy}"),
            None => Ok(()),
        }
    }
}
