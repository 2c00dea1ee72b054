//! A wall clock that a test moves while a function runs.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The wall clock of a function, which a test moves while the function runs.
pub(crate) struct Clock {
    file: File,
    path: PathBuf,
}

impl Clock {
    /// Creates a clock that shows the time. `name` is the name of its file.
    pub(crate) fn new(name: &str) -> Self {
        let path = folder().join(format!("clock-{name}"));
        fs::write(&path, 0_i64.to_ne_bytes()).unwrap();
        Self { file: File::options().write(true).open(&path).unwrap(), path }
    }

    /// Moves the clock to this many seconds after the time of the system, or before it.
    pub(crate) fn jump_to(&self, seconds: i64) {
        self.file.write_all_at(&seconds.to_ne_bytes(), 0).unwrap();
    }

    /// Returns the variables of a function that has this clock.
    pub(crate) fn variables(&self) -> [(&str, &str); 2] {
        [("LD_PRELOAD", library()), ("TEST_CLOCK", self.path.to_str().unwrap())]
    }
}

/// Returns the folder for the files of these tests.
fn folder() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

/// Returns the path of the library that moves the clock of a program. The first call builds it.
fn library() -> &'static str {
    static LIBRARY: OnceLock<String> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let path = folder().join(format!("clock-{}.so", std::process::id())).to_str().unwrap().to_owned();
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers/clock.c");
        let status = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o", &path, source]).status();
        assert!(status.unwrap().success(), "the C compiler failed");
        path
    })
}
