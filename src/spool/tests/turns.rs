//! Jobs whose results have the same names, delivered at the same time.

use super::*;
use crate::durable::failpoint::on::meanwhile;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// The moves of another job that makes files of the same names.
fn another(home: &Home, first: &Redo) -> Redo {
    let root = home.path("out");
    let mut moves = Vec::new();
    for (number, step) in first.moves[..2].iter().enumerate() {
        let to = Destination {
            root: &root,
            path: &step.to.as_ref().expect("it goes somewhere").0,
            job: job(2),
            number: number as u32,
        };
        let staged = home.spool.stage_bytes(b"of job 2", &to).expect("staged");
        moves.push(Move {
            from: RawPath(staged.temp),
            size: staged.size,
            blake3: staged.blake3,
            ..step.clone()
        });
    }
    let verdict = Verdict::Succeed;
    Redo {
        verdict,
        moves: moves.into(),
    }
}

#[test]
fn the_files_of_two_jobs_that_replace_each_other_are_never_mixed() {
    for operations in 0..12 {
        let home = Arc::new(Home::new());
        let first = home.delivery(Collision::Overwrite);
        let second = another(&home, &first);
        let other: Arc<Mutex<Option<JoinHandle<_>>>> = Arc::default();
        let deliver_other = {
            let (home, other) = (Arc::clone(&home), Arc::clone(&other));
            move || {
                let thread = std::thread::spawn(move || home.spool.redo(job(2), &second));
                // Time enough for it, if nothing holds it up.
                std::thread::park_timeout(Duration::from_millis(20));
                *other.lock().expect("no panic") = Some(thread);
            }
        };
        let deliver = || home.spool.redo(job(1), &first);
        let (result, _) = meanwhile(operations, deliver_other, deliver);
        result.expect("delivered");
        let Some(thread) = other.lock().expect("no panic").take() else {
            break;
        };
        thread.join().expect("no panic").expect("delivered");
        let files = home.files();
        let of_second = ["out/a.pdf", "out/sub/a.txt"].map(|name| files[name] == "of job 2");
        assert_eq!(of_second[0], of_second[1], "{operations}: {files:?}");
    }
}
