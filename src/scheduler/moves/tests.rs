//! What is said of an original that is not there any more.

use super::*;
use crate::job::state::Job;
use crate::mounts::Mounts;
use crate::owner::Owner;
use crate::scheduler::decide::tests::stand::accepted;
use crate::spool::held_path;

#[test]
fn of_an_original_that_has_vanished_nobody_says_that_it_lies_beside_its_note() {
    let home = tempfile::tempdir().expect("a temp folder");
    let (inbox, failed) = (home.path().join("in"), home.path().join("failed"));
    let id = JobId::fresh();
    let held = held_path(&inbox, id);
    durable::make_folders(&durable::folder_of(&held), 0o700).expect("made");
    let spool = Spool::new(Mounts::default(), Owner::default());
    let told = |original: Option<&[u8]>| {
        match original {
            Some(bytes) => durable::write_new(&held, bytes).expect("written"),
            None => durable::remove(&held).expect("removed"),
        }
        let mut from = *accepted("p", 3);
        from.held = RawPath(held.clone());
        let about = EndOf {
            job: Job::new(id, Timestamp(0), from),
            problem: Some(Problem::new(Code::InputVanished, "it is gone")),
            failed: None,
            done_file: None,
            archive: None,
            staged: Vec::new(),
        };
        let redo = end(&spool, &about, &failed).expect("prepared");
        let note = std::fs::read_to_string(&redo.moves[0].from.0).expect("staged");
        let mut moves = redo.moves.iter();
        let moved = moves.any(|one| one.kind == MoveKind::Original);
        (note.contains("The original lies beside this note"), moved)
    };
    assert_eq!(told(Some(b"pdf")), (true, true));
    assert_eq!(told(None), (false, false));
}
