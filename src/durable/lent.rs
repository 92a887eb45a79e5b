//! Open files whose closing may hang: behind FUSE it asks the server, and where that does not answer it never comes back.

use std::fs::File;
use std::ops::Deref;
use tokio::runtime::Handle;

/// An open file that is closed where blocking is allowed, whoever drops it.
#[derive(Debug)]
pub struct Lent(Option<File>);

impl From<File> for Lent {
    fn from(file: File) -> Self {
        Self(Some(file))
    }
}

impl Deref for Lent {
    type Target = File;

    fn deref(&self) -> &File {
        self.0.as_ref().expect("only dropping takes it")
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let file = self.0.take();
        // Outside of a runtime whoever drops it may block.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn_blocking(move || drop(file));
        }
    }
}
