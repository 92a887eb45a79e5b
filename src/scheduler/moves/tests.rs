//! What is said beside an original that failed.

use super::*;
use crate::job::attempt::StepStatus;
use crate::job::event::StepName;
use crate::job::state::{Job, StepRecord};
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

fn ended(problem: Problem) -> EndOf {
    EndOf {
        job: Job::new(JobId::fresh(), Timestamp(0), *accepted("p", 3)),
        problem: Some(problem),
        failed: None,
        done_file: None,
        archive: None,
        staged: Vec::new(),
    }
}

#[test]
fn the_note_of_a_duplicate_names_what_helps() {
    let about = ended(Problem::new(Code::Duplicate, "it is one of another"));
    let note = notes::plain(&about, false);
    assert!(
        note.contains(&format!("dropleaf retry {}\n", about.job.id)),
        "{note}"
    );
    assert!(!note.contains("drop it into its inbox"), "{note}");
    let other = notes::plain(&ended(Problem::new(Code::NotPdf, "it is none")), false);
    assert!(
        other.contains("drop it into its inbox once more"),
        "{other}"
    );
}

#[test]
fn the_note_for_programs_says_of_the_step_at_work_that_it_has_failed() {
    let mut about = ended(Problem::new(Code::PluginCrashed, "it crashed"));
    let step = StepName {
        id: "stamp".to_owned(),
        uses: "stamp/stamp-text".to_owned(),
    };
    about.job.steps = vec![StepRecord {
        status: StepStatus::Running,
        started: Some(Timestamp(0)),
        ..StepRecord::pending(&step)
    }];
    let note = notes::json(&about.job, about.problem.as_ref());
    let note: serde_json::Value = serde_json::from_slice(&note).expect("JSON");
    assert_eq!(note["steps"][0]["status"], "failed");
    assert_eq!(note["steps"][0]["problem"]["detail"], "it crashed");
}

#[test]
fn what_cannot_be_written_is_named() {
    let full = || {
        let error = std::io::Error::from(rustix::io::Errno::NOSPC);
        StageError::NoSpace(durable::Error::at("write", Path::new("/failed/x"), error))
    };
    let said = |what| stage_problem(&full(), what).detail;
    assert!(said("a note on the original").starts_with("no space for a note on the original: "));
    assert!(said("an output").starts_with("no space for an output: "));
}
