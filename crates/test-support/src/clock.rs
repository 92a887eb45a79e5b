//! A wall clock that a test moves, for one daemon and without the machine's: a small library that is loaded before the C
//! library and adds to the time of day what stands in a mapped file (`clock.c`).

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

const SOURCE: &str = include_str!("clock.c");

/// A clock that shows the right time at first.
#[derive(Debug)]
pub struct Clock {
    folder: TempDir,
    offset: File,
}

impl Clock {
    /// Builds the library with the machine's C compiler.
    ///
    /// # Panics
    /// There is none, or the temporary folder cannot be written.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("dropleaf-clock-")
            .tempdir()
            .expect("a temporary folder");
        let source = folder.path().join("clock.c");
        std::fs::write(&source, SOURCE).expect("the folder is ours");
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
            .arg(folder.path().join("clock.so"))
            .arg(&source)
            .arg("-ldl")
            .status()
            .expect("there is a C compiler (`cc`)");
        assert!(built.success(), "the library does not build");
        let offset = File::create(folder.path().join("offset")).expect("the folder is ours");
        let clock = Self { folder, offset };
        clock.show(0);
        clock
    }

    /// Shows so many seconds more than the machine's clock from now on.
    ///
    /// # Panics
    /// The file cannot be written.
    pub fn show(&self, seconds: i64) {
        self.offset
            .write_all_at(&seconds.to_ne_bytes(), 0)
            .expect("the file is ours");
    }

    /// Lets a program go by this clock.
    pub fn adjust(&self, command: &mut Command) {
        command
            .env("LD_PRELOAD", self.path("clock.so"))
            .env("DROPLEAF_TEST_CLOCK", self.path("offset"));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}
