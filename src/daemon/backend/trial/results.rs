//! What a trial puts out, in one file for all of it: thousands of outputs take no more descriptors than one does.

use crate::http::api::TryOutput;
use crate::http::slot::Slot;
use crate::job::attempt::{Ending, Failure};
use crate::problem::{Code, Problem};
use crate::scheduler::sample::Piece;
use std::fs::File;
use std::io::{self, Seek as _, SeekFrom};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A file that outputs are appended to. It has no name: it is gone when nobody has it open, crash or not.
#[derive(Debug)]
pub(super) struct Results {
    file: Arc<File>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Where the next output begins.
    end: u64,
    failure: Option<io::Error>,
}

impl Results {
    /// Takes the file over from its name.
    pub(super) fn new(slot: Slot) -> io::Result<Self> {
        Ok(Self {
            file: Arc::new(slot.file()?),
            state: Mutex::default(),
        })
    }

    /// What an attempt before this one put out counts no more.
    pub(super) fn begin_again(&self) {
        self.state().end = 0;
    }

    /// Why an output could not be kept, the last time.
    pub(super) fn failure(&self) -> Option<io::Error> {
        self.state().failure.take()
    }

    /// Copies an output out of the worker's memory.
    fn append(&self, piece: Piece) -> io::Result<TryOutput> {
        let mut state = self.state();
        let (mut from, mut to) = (&piece.file, &*self.file);
        from.rewind()?;
        if state.end == 0 {
            to.set_len(0)?;
        }
        to.seek(SeekFrom::Start(state.end))?;
        let size = io::copy(&mut from, &mut to)?;
        let start = state.end;
        state.end += size;
        Ok(TryOutput {
            name: piece.name,
            mime: piece.mime,
            pages: piece.pages,
            size,
            start,
            file: Arc::clone(&self.file),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps an output, on a thread that may wait for the disk. Why it could not be is for [`Results::failure`] to tell.
pub(super) async fn keep(results: Arc<Results>, piece: Piece) -> Result<TryOutput, Failure> {
    let keeping = Arc::clone(&results);
    let kept = tokio::task::spawn_blocking(move || keeping.append(piece)).await;
    kept.unwrap_or_else(|panicked| Err(io::Error::other(panicked)))
        .map_err(|error| {
            let detail = format!("failed to keep a result of the trial: {error}");
            results.state().failure = Some(error);
            Failure {
                ending: Ending::Environment,
                problem: Problem::new(Code::Internal, detail),
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::os::unix::fs::FileExt as _;

    fn piece(text: &str) -> Piece {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(text.as_bytes()).expect("written");
        Piece {
            name: "a.pdf".to_owned(),
            folder: String::new(),
            mime: "application/pdf".to_owned(),
            pages: Some(1),
            file,
        }
    }

    fn content(output: &TryOutput) -> String {
        let mut bytes = vec![0; output.size as usize];
        let read = output.file.read_exact_at(&mut bytes, output.start);
        read.expect("it is there");
        String::from_utf8(bytes).expect("text")
    }

    #[tokio::test]
    async fn all_outputs_of_a_trial_share_one_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("results.part");
        let file = crate::durable::create_new(&path).expect("made");
        let results = Arc::new(Results::new(Slot::new(path, file)).expect("taken over"));
        let keep = |text: &'static str| keep(Arc::clone(&results), piece(text));
        keep("of an attempt that was given up").await.expect("kept");
        results.begin_again();
        let first = keep("first").await.expect("kept");
        let empty = keep("").await.expect("kept");
        let last = keep("the last").await.expect("kept");
        for (output, text) in [(&first, "first"), (&empty, ""), (&last, "the last")] {
            assert_eq!(content(output), text);
            assert!(Arc::ptr_eq(&output.file, &results.file));
        }
        assert!(results.failure().is_none());
    }
}
