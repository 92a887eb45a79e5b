//! Whoever may write in an inbox or an outbox puts links in the place of folders there.

use super::*;
use crate::durable::failpoint::on::meanwhile;

/// Puts a link to `outside` in the place of a folder.
fn swap(folder: &Path, outside: &Path) {
    if folder.exists() {
        std::fs::rename(folder, folder.with_extension("was")).expect("renamed");
    }
    symlink(outside, folder).expect("links are possible");
}

/// A home with `in/sub/b.pdf` and a folder that is nobody's business.
fn home() -> Home {
    let home = Home::new();
    std::fs::create_dir_all(home.path("in/sub")).expect("makeable");
    std::fs::write(home.path("in/sub/b.pdf"), PDF).expect("writable");
    std::fs::create_dir(home.path("secret")).expect("makeable");
    std::fs::write(home.path("secret/b.pdf"), "a secret").expect("writable");
    home
}

fn claim_of(home: &Home, seen: &str) -> Claim {
    Claim {
        from: home.path("in/sub/b.pdf"),
        held: held_path(&home.path("in"), job(1)),
        identity: identity(&home.path(seen)),
    }
}

fn untouched(home: &Home) {
    let secret = files(&home.path("secret"));
    expect(&secret, &[("b.pdf", "a secret")]);
}

#[test]
fn nothing_is_claimed_through_a_link() {
    let home = home();
    // What was looked at is what the link led to then.
    let claim = claim_of(&home, "secret/b.pdf");
    swap(&home.path("in/sub"), &home.path("secret"));
    let refused = home.spool.claim(&claim);
    assert!(
        matches!(refused, Err(ClaimError::Vanished(_))),
        "{refused:?}"
    );
    // It lay there, and an earlier life got as far as holding it.
    std::fs::write(&claim.held, PDF).expect("writable");
    home.spool.claim(&claim).expect("it is held");
    untouched(&home);
    assert!(home.path("in/sub.was/b.pdf").exists());
}

#[test]
fn a_link_that_comes_in_the_middle_of_a_claim_changes_nothing() {
    for copied in [false, true] {
        let mut happened = true;
        for operations in 0.. {
            if !happened {
                break;
            }
            let home = home();
            let claim = claim_of(&home, "in/sub/b.pdf");
            let (sub, secret) = (home.path("in/sub"), home.path("secret"));
            let claimed = |run: &dyn Fn() -> Result<Claimed, ClaimError>| {
                let swap = move || swap(&sub, &secret);
                let (claimed, came) = meanwhile(operations, swap, run);
                happened = came;
                claimed
            };
            let result = if copied {
                across_devices(|| claimed(&|| home.spool.claim(&claim)))
            } else {
                claimed(&|| home.spool.claim(&claim))
            };
            untouched(&home);
            if let Ok(claimed) = result {
                assert_eq!(claimed.blake3, hash(PDF), "after {operations}");
            }
            let all = home.files();
            let copies = all.values().filter(|text| text.as_bytes() == PDF).count();
            assert_eq!(copies, 2, "after {operations}: nothing is lost, {all:?}");
        }
    }
}

#[test]
fn what_is_put_back_never_goes_through_a_link() {
    let home = home();
    let claim = claim_of(&home, "in/sub/b.pdf");
    home.spool.claim(&claim).expect("claimed");
    swap(&home.path("in/sub"), &home.path("secret"));
    let back = home.spool.unclaim(&claim.held, &claim.from);
    assert_eq!(back.expect("put back"), home.path("in/b.pdf"));
    untouched(&home);
}

#[test]
fn an_inbox_that_is_known_by_another_path_gets_its_files_back_where_they_lay() {
    let home = home();
    let claim = claim_of(&home, "in/sub/b.pdf");
    home.spool.claim(&claim).expect("claimed");
    symlink(home.path("in"), home.path("named")).expect("links are possible");
    let lay = home.path("named/sub/b.pdf");
    let back = home.spool.unclaim(&claim.held, &lay);
    assert_eq!(back.expect("put back"), lay);
    assert!(home.path("in/sub/b.pdf").exists());
}

fn original_to(home: &Home, root: &str, to: &str) -> Redo {
    let claim = claim_of(home, "in/sub/b.pdf");
    let claimed = home.spool.claim(&claim).expect("claimed");
    let to = home.path(to);
    let original = Move {
        kind: MoveKind::Original,
        from: RawPath(claim.held),
        mark: None,
        depth: redo::depth(&home.path(root), &to),
        to: Some(RawPath(to)),
        size: claimed.size,
        blake3: claimed.blake3,
        collision: Collision::Number,
        mime: None,
        pages: None,
    };
    Redo {
        verdict: Verdict::Succeed,
        moves: [original].into(),
    }
}

#[test]
fn an_original_that_cannot_go_back_waits_until_its_folder_is_put_right() {
    for across in [false, true] {
        let home = home();
        let redo = original_to(&home, "in", "in/sub/b.pdf");
        swap(&home.path("in/sub"), &home.path("secret"));
        std::fs::remove_file(home.path("secret/b.pdf")).expect("removable");
        let run = || home.spool.redo(job(1), &redo);
        let refused = if across { across_devices(run) } else { run() };
        assert!(
            matches!(refused, Err(RedoError::Leaves { .. })),
            "{refused:?}"
        );
        assert!(files(&home.path("secret")).is_empty());
        // Not to another folder of the inbox either: the watcher would not know it there.
        std::fs::remove_file(home.path("in/sub")).expect("removable");
        symlink("sub.was", home.path("in/sub")).expect("links are possible");
        assert!(matches!(run(), Err(RedoError::Leaves { .. })));
        std::fs::remove_file(home.path("in/sub")).expect("removable");
        run().expect("delivered");
        assert_eq!(std::fs::read(home.path("in/sub/b.pdf")).expect("back"), PDF);
        run().expect("done before");
    }
}

#[test]
fn originals_and_outputs_leave_no_folder_through_a_link() {
    let home = home();
    let redo = original_to(&home, "archive", "archive/sub/b.pdf");
    swap(&home.path("archive/sub"), &home.path("secret"));
    let refused = home.spool.redo(job(1), &redo);
    assert!(
        matches!(refused, Err(RedoError::Leaves { .. })),
        "{refused:?}"
    );
    std::fs::remove_file(home.path("archive/sub")).expect("removable");
    home.spool.redo(job(1), &redo).expect("delivered");
    // An output whose folder was there when it was staged.
    std::fs::write(home.path("in/a.pdf"), PDF).expect("writable");
    for collision in [Collision::Number, Collision::Overwrite, Collision::Skip] {
        let home = Home::new();
        std::fs::create_dir(home.path("secret")).expect("makeable");
        let redo = home.delivery(collision);
        swap(&home.path("out/sub"), &home.path("secret"));
        let refused = home.spool.redo(job(1), &redo);
        assert!(
            matches!(refused, Err(RedoError::Leaves { .. })),
            "{refused:?}"
        );
        let said = crate::problem::chain(&refused.expect_err("refused"));
        assert!(said.contains("lies outside of"), "{said}");
        assert!(files(&home.path("secret")).is_empty());
        std::fs::remove_file(home.path("out/sub")).expect("removable");
        // A link of the operator's that stays inside is as good as a folder.
        symlink(home.path("out/sub.was"), home.path("out/sub")).expect("links are possible");
        let done = home.spool.redo(job(1), &redo).expect("delivered");
        assert_eq!(done[1].root(), Some(&*home.path("out")));
        assert!(home.path("out/sub.was/a.txt").is_file());
    }
    untouched(&home);
}

#[test]
fn staging_makes_no_folder_behind_a_link() {
    let home = home();
    swap(&home.path("out/sub"), &home.path("secret"));
    let (root, path) = (home.path("out"), home.path("out/sub/new/a.pdf"));
    let to = Destination {
        root: &root,
        path: &path,
        job: job(1),
        number: 0,
    };
    let refused = home.spool.stage_bytes(b"x", &to);
    assert!(matches!(refused, Err(StageError::Leaves { .. })));
    assert!(!home.path("secret/new").exists());
}
