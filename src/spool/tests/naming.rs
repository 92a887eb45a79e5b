//! Originals that go back into their inbox: whoever watches it must know each before it has its name.

use super::*;
use std::cell::RefCell;

/// A claimed file that goes back to where it lay.
fn returning(home: &Home) -> Redo {
    let claim = home.claim();
    let claimed = home.spool.claim(&claim).expect("claimed");
    let original = Move {
        kind: MoveKind::Original,
        from: RawPath(claim.held),
        depth: redo::depth(&home.path("in"), &claim.from),
        to: Some(RawPath(claim.from)),
        size: claimed.size,
        blake3: claimed.blake3,
        collision: Collision::Number,
        mime: None,
        pages: None,
        mark: None,
    };
    Redo {
        verdict: Verdict::Succeed,
        moves: [original].into(),
    }
}

#[test]
fn a_kept_original_is_known_before_it_has_its_name_wherever_it_is_cut() {
    let ways: [fn(&mut dyn FnMut()); 3] = [
        |run| run(),
        |run| without_noreplace(run),
        |run| across_devices(run),
    ];
    for (way, within) in ways.into_iter().enumerate() {
        for is_taken in [false, true] {
            for operations in 0.. {
                let home = Home::new();
                let redo = returning(&home);
                if is_taken {
                    std::fs::write(home.path("in/a.pdf"), "a stranger's").expect("writable");
                }
                let told = RefCell::new(BTreeMap::new());
                let naming = |of: JobId, path: &Path, identity: Identity| {
                    assert_eq!(of, job(1));
                    told.borrow_mut().insert(path.to_path_buf(), identity);
                };
                let known = |what: &str| {
                    for name in ["a.pdf", "a-1.pdf", "a-2.pdf"] {
                        let path = home.path("in").join(name);
                        if std::fs::read(&path).is_ok_and(|bytes| bytes == PDF) {
                            let told = told.borrow();
                            let known = told.get(&path).expect("it is known");
                            assert!(known.same_file(&identity(&path)), "{what}: {name}");
                        }
                    }
                };
                let deliver = || {
                    home.spool
                        .redo_all_naming(&[(job(1), &redo)], &naming)
                        .pop()
                };
                let mut crashed = false;
                within(&mut || {
                    crashed = crash_after(operations, deliver).1;
                    known("cut");
                    let done = deliver().expect("one").expect("it ends well");
                    known("at its end");
                    let name = if is_taken { "in/a-1.pdf" } else { "in/a.pdf" };
                    assert_eq!(names(&home, &done), [Some(name.to_owned())], "way {way}");
                    assert!(told.borrow().len() <= 2, "taken names are nobody's news");
                });
                if !crashed {
                    break;
                }
            }
        }
    }
}
