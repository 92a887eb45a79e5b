//! Folders that another one takes the place of, and mounts that go, while files lie in them.

use super::*;
use crate::durable::failpoint::on::meanwhile;
use crate::spool::mark::MARK;

/// A person moves the folder away and makes a new one.
fn replace(folder: &Path) -> PathBuf {
    let old = folder.with_extension("old");
    std::fs::rename(folder, &old).expect("renamable");
    std::fs::create_dir(folder).expect("made");
    old
}

fn put_back(folder: &Path, old: &Path) {
    std::fs::remove_dir_all(folder).expect("removable");
    std::fs::rename(old, folder).expect("renamable");
}

impl Home {
    /// Something of another job, for which our folder in the outbox is made.
    fn stage_another(&self) -> Result<stage::Staged, StageError> {
        let (root, path) = (self.path("out"), self.path("out/b.pdf"));
        let to = Destination {
            root: &root,
            path: &path,
            job: job(2),
            number: 0,
        };
        self.spool.stage_bytes(b"another", &to)
    }

    /// Another file that is taken from the inbox, for which our folder there is made.
    fn claim_another(&self) {
        let from = self.path("in/b.pdf");
        std::fs::write(&from, b"another").expect("writable");
        let claim = Claim {
            held: held_path(&self.path("in"), job(2)),
            identity: identity(&from),
            from,
        };
        self.spool.claim(&claim).expect("claimed");
    }

    fn is_held(&self) -> bool {
        held_path(&self.path("in"), job(1)).exists()
    }
}

#[test]
fn outputs_whose_folder_was_replaced_are_lost_and_the_original_stays() {
    let home = Home::new();
    let (redo, out) = (home.delivery(Collision::Number), home.path("out"));
    let old = replace(&out);
    let deliver = || home.spool.redo(job(1), &redo);
    let gone = deliver();
    assert!(matches!(gone, Err(RedoError::Gone(_))), "{gone:?}");
    home.stage_another().expect("staged");
    for _ in 0..2 {
        let lost = deliver();
        assert!(matches!(lost, Err(RedoError::Lost(_))), "{lost:?}");
        assert!(home.is_held());
    }
    put_back(&out, &old);
    deliver().expect("delivered");
    home.delivered();
}

#[test]
fn a_folder_of_temps_that_was_deleted_and_made_anew_is_another_one() {
    let home = Home::new();
    let redo = home.delivery(Collision::Number);
    let staged = staged_folder(&home.path("out"));
    std::fs::remove_dir_all(&staged).expect("removable");
    std::fs::create_dir(&staged).expect("made");
    let lost = home.spool.redo(job(1), &redo);
    assert!(matches!(lost, Err(RedoError::Lost(_))), "{lost:?}");
    assert!(home.is_held());
}

#[test]
fn outputs_that_have_their_names_are_delivered_whatever_became_of_the_folder_of_their_temps() {
    for collision in [Collision::Number, Collision::Overwrite, Collision::Skip] {
        let home = Home::new();
        let redo = home.delivery(collision);
        for step in &redo.moves[..2] {
            let to = step.to.as_ref().expect("it goes somewhere");
            std::fs::rename(&step.from.0, &to.0).expect("moved");
        }
        let staged = staged_folder(&home.path("out"));
        std::fs::remove_dir_all(&staged).expect("removable");
        std::fs::create_dir(&staged).expect("made");
        home.spool.redo(job(1), &redo).expect("delivered");
        home.delivered();
    }
}

#[test]
fn outputs_whose_original_has_left_were_delivered_and_come_no_second_time() {
    let home = Home::new();
    let redo = home.delivery(Collision::Number);
    home.spool.redo(job(1), &redo).expect("delivered");
    // A consumer takes them, the folder is replaced, and the end was not journalled.
    replace(&home.path("out"));
    home.stage_another().expect("staged");
    let again = home.spool.redo(job(1), &redo).expect("delivered before");
    let expected = ["out/a.pdf", "out/sub/a.txt", "archive/a.pdf"];
    assert_eq!(
        names(&home, &again),
        expected.map(|name| Some(name.to_owned()))
    );
}

#[test]
fn deliveries_of_earlier_versions_go_by_the_folder_alone() {
    let home = Home::new();
    let mut redo = home.delivery(Collision::Number);
    moves(&mut redo)
        .iter_mut()
        .for_each(|step| step.mark = None);
    home.spool.redo(job(1), &redo).expect("delivered");
    let staged = staged_folder(&home.path("out"));
    std::fs::remove_file(staged.join(MARK)).expect("removable");
    home.spool.redo(job(1), &redo).expect("delivered before");
    home.delivered();
}

#[test]
fn an_original_whose_inbox_was_replaced_is_waited_for() {
    for way in ["put back", "moved here", "gone for good"] {
        let home = Home::new();
        let (redo, inbox) = (home.delivery(Collision::Number), home.path("in"));
        let held = held_path(&inbox, job(1));
        let mark = redo.moves[2].mark.clone();
        let old = replace(&inbox);
        home.claim_another();
        let open = || home.spool.open_input(&held, mark.as_deref());
        let replaced = open();
        assert!(
            matches!(replaced, Err(OpenError::Replaced(_))),
            "{replaced:?}"
        );
        assert!(!home.spool.has_vanished(&held, mark.as_deref()));
        let deliver = || home.spool.redo(job(1), &redo);
        for _ in 0..2 {
            let waits = deliver().expect_err("the original is elsewhere");
            assert!(matches!(waits, RedoError::Replaced(_)), "{waits}");
            let told = waits.to_string();
            let id = mark.clone().expect("known");
            assert!(
                told.contains("put the old folder back") && told.contains(&id),
                "{told}"
            );
        }
        assert!(home.path("out/a.pdf").exists(), "outputs are delivered");
        match way {
            "put back" => put_back(&inbox, &old),
            "moved here" => {
                std::fs::rename(held_path(&old, job(1)), &held).expect("renamable");
            }
            _ => {
                let id = format!("{}\n", mark.clone().expect("known"));
                std::fs::write(held.with_file_name(MARK), id).expect("writable");
                assert!(home.spool.has_vanished(&held, mark.as_deref()));
            }
        }
        let done = deliver().expect("delivered");
        let archived = (way != "gone for good").then(|| "archive/a.pdf".to_owned());
        assert_eq!(names(&home, &done)[2], archived, "{way}");
        assert_eq!(home.path("archive/a.pdf").exists(), archived.is_some());
    }
}

#[test]
fn an_original_that_was_taken_from_us_is_not_told_to_lie_where_it_was_to_go() {
    let home = Home::new();
    let redo = home.delivery(Collision::Number);
    std::fs::remove_file(held_path(&home.path("in"), job(1))).expect("removable");
    let done = home.spool.redo(job(1), &redo).expect("delivered");
    assert_eq!(names(&home, &done)[2], None);
}

#[test]
fn nothing_is_staged_below_the_place_of_a_mount_that_goes() {
    let mut ends = false;
    for operations in 0..100 {
        let home = Home::new();
        home.stage_another().expect("the folders are there");
        let out = home.path("out");
        let unmount = {
            let out = out.clone();
            move || drop(replace(&out))
        };
        let staging = || {
            home.spool.discard(job(2), &[]);
            home.stage_another()
        };
        let (staged, happened) = meanwhile(operations, unmount, staging);
        if !happened {
            staged.expect("staged");
            ends = true;
            break;
        }
        assert!(matches!(staged, Err(StageError::Went(_))), "{staged:?}");
        expect(&files(&out), &[]);
        expect(&files(&home.path("out.old")), &[]);
    }
    assert!(ends);
}

#[test]
fn nothing_is_held_below_the_place_of_a_mount_that_goes() {
    for across in [false, true] {
        let mut ends = false;
        for operations in 0..100 {
            let home = Home::new();
            home.claim_another();
            let (claim, inbox) = (home.claim(), home.path("in"));
            let unmount = {
                let inbox = inbox.clone();
                move || drop(replace(&inbox))
            };
            let claiming = || home.spool.claim(&claim);
            let run = || match across {
                true => across_devices(claiming),
                false => claiming(),
            };
            let (_, happened) = meanwhile(operations, unmount, run);
            if happened {
                expect(&files(&inbox), &[]);
                put_back(&inbox, &home.path("in.old"));
            }
            home.spool.claim(&claim).expect("claimed");
            let held = format!("in/.dropleaf/claimed/{}", job(1));
            let other = format!("in/.dropleaf/claimed/{}", job(2));
            let expected = [
                (held.as_str(), "%PDF-1.7 the original"),
                (&other, "another"),
            ];
            expect(&home.files(), &expected);
            if !happened {
                ends = true;
                break;
            }
        }
        assert!(ends);
    }
}

#[test]
fn what_is_staged_in_this_life_is_swept_by_no_start() {
    let home = Home::new();
    let staged = home.stage_another().expect("staged");
    for standing in [Standing::Holding, Standing::Delivering(Vec::new())] {
        let swept = home
            .spool
            .sweep_outbox(&home.path("out"), |_| standing.clone());
        assert_eq!(swept, sweep::Swept::default());
    }
    home.spool.release(job(2));
    let swept = home
        .spool
        .sweep_outbox(&home.path("out"), |_| Standing::Holding);
    assert_eq!(swept.removed, [staged.temp]);
}

#[test]
fn names_of_a_delivery_of_an_earlier_life_are_given_to_nobody_else() {
    let home = Home::new();
    let redo = home.delivery(Collision::Number);
    let plan = |n| {
        let archive = home.path("archive");
        home.spool
            .plan_original(job(n), &archive, Path::new("a.pdf"), &[])
    };
    home.spool.plan_again(job(1), &redo);
    assert_eq!(plan(2), home.path("archive/a-1.pdf"));
    home.spool.redo(job(1), &redo).expect("delivered");
    home.delivered();
    home.spool.release(job(2));
    assert_eq!(plan(2), home.path("archive/a-1.pdf"));
}
