//! What happened, line by line.

use core::fmt;

/// How much of the journal is kept. Its digest always covers all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Every line.
    All,
    /// The last so many lines.
    Last(usize),
}

/// What happened, in text lines.
#[derive(Debug)]
pub struct Journal {
    keep: Keep,
    lines: std::collections::VecDeque<String>,
    digest: u64,
    line_count: u64,
}

impl Journal {
    /// An empty journal.
    #[must_use]
    pub fn new(keep: Keep) -> Self {
        let lines = std::collections::VecDeque::new();
        Self { keep, lines, digest: 0xcbf2_9ce4_8422_2325, line_count: 0 }
    }

    /// Writes a line.
    pub fn write(&mut self, at_us: u64, line: fmt::Arguments<'_>) {
        let line = format!("{:>10}.{:03} {line}", at_us / 1_000, at_us % 1_000);
        for byte in line.bytes() {
            self.digest = (self.digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        self.line_count += 1;
        self.lines.push_back(line);
        if let Keep::Last(count) = self.keep
            && self.lines.len() > count
        {
            self.lines.pop_front();
        }
    }

    /// A hash (FNV-1a) over every line ever written.
    #[must_use]
    pub const fn digest(&self) -> u64 {
        self.digest
    }

    /// How many lines were written.
    #[must_use]
    pub const fn line_count(&self) -> u64 {
        self.line_count
    }

    /// The lines kept.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }

    /// The last `count` lines in one text.
    #[must_use]
    pub fn tail(&self, count: usize) -> String {
        let skip = self.lines.len().saturating_sub(count);
        self.lines.iter().skip(skip).cloned().collect::<Vec<_>>().join("\n")
    }
}
