//! A plan of steps, counted and timed: `[3/9] Building WebAssembly ... 12.3 s`.

use std::env;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::failure::Failure;

/// Where the workspace lies.
pub(crate) struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// The folder above this crate's, which cargo names while it runs us.
    pub(crate) fn find() -> Result<Self, Failure> {
        let manifest = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let root = manifest.as_deref().and_then(Path::parent).map(Path::to_path_buf);
        let root = root.ok_or_else(|| {
            Failure::new("this program reads the workspace's place from cargo")
                .remedy("start it as 'cargo xtask'")
        })?;
        Ok(Self { root })
    }

    /// `place` under the root of the workspace.
    pub(crate) fn path(&self, place: &str) -> PathBuf {
        self.root.join(place)
    }

    /// `place` under cargo's target folder.
    pub(crate) fn target(&self, place: &str) -> PathBuf {
        match env::var_os("CARGO_TARGET_DIR") {
            Some(folder) => self.root.join(folder).join(place),
            None => self.root.join("target").join(place),
        }
    }

    /// The server that `build` leaves.
    pub(crate) fn server(&self) -> PathBuf {
        self.target("release/meshlace")
    }
}

/// What one step does.
type Action = Box<dyn FnOnce(&Workspace) -> Result<(), Failure>>;

/// Steps in their order.
pub(crate) struct Plan {
    steps: Vec<(&'static str, Action)>,
}

impl Plan {
    pub(crate) fn new() -> Self {
        Self { steps: Vec::new() }
    }

    /// Adds a step at the end.
    pub(crate) fn step(
        mut self,
        title: &'static str,
        action: impl FnOnce(&Workspace) -> Result<(), Failure> + 'static,
    ) -> Self {
        self.steps.push((title, Box::new(action)));
        self
    }

    /// Adds all steps of `other` at the end.
    pub(crate) fn then(mut self, other: Self) -> Self {
        self.steps.extend(other.steps);
        self
    }

    /// Performs the steps one after the other, up to the first that fails.
    pub(crate) fn perform(self, workspace: &Workspace) -> Result<(), Failure> {
        let count = self.steps.len();
        let start = Instant::now();
        for (index, (title, action)) in self.steps.into_iter().enumerate() {
            let label = format!("[{}/{count}] {title}", index + 1);
            let step_start = Instant::now();
            open_line(&label);
            let result = action(workspace);
            let seconds = step_start.elapsed().as_secs_f32();
            match &result {
                Ok(()) => end_line(&label, &format!("{seconds:.1} s")),
                Err(_) => end_line(&label, &format!("failed after {seconds:.1} s")),
            }
            result?;
        }
        println!("Done in {:.1} s.", start.elapsed().as_secs_f32());
        Ok(())
    }
}

/// Whether the cursor stands behind the label of a step that has printed nothing yet.
static LINE_OPEN: AtomicBool = AtomicBool::new(false);

fn open_line(label: &str) {
    print!("{label} ... ");
    flush();
    LINE_OPEN.store(true, Ordering::Relaxed);
}

/// Called before a step prints anything, or lets a tool print: leaves the label's line.
pub(crate) fn leave_line() {
    if LINE_OPEN.swap(false, Ordering::Relaxed) {
        println!();
        flush();
    }
}

/// Prints one line about what the step is doing.
pub(crate) fn say(message: &str) {
    leave_line();
    println!("      {message}");
    flush();
}

fn end_line(label: &str, ending: &str) {
    if LINE_OPEN.swap(false, Ordering::Relaxed) {
        println!("{ending}");
    } else {
        println!("{label} ... {ending}");
    }
    flush();
}

/// Keeps our lines and the tools' in order; a closed pipe is the reader's wish, not an error.
fn flush() {
    let _ = io::stdout().flush();
}
