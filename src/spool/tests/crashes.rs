//! Claims, put-backs and deliveries that are cut after every single operation on the disk.

use super::*;

/// Ways in which file systems differ.
const WAYS: &[fn(&mut dyn FnMut())] = &[
    |run| run(),
    |run| without_noreplace(run),
    |run| across_devices(run),
];

/// Cuts a delivery after every number of operations, and what repairs it after every number again, then lets it end.
fn crash_everywhere(
    within: fn(&mut dyn FnMut()),
    collision: Collision,
    between: impl Fn(&Home),
    check: impl Fn(&Home, Vec<Delivered>),
) {
    let mut pairs = 0;
    for first in 0.. {
        let mut cut_at_first = false;
        for second in 0.. {
            let home = Home::new();
            let redo = home.delivery(collision);
            let deliver = || home.spool.redo(job(1), &redo);
            let mut cut_at_second = false;
            within(&mut || {
                cut_at_first = crash_after(first, deliver).1;
                if cut_at_first {
                    between(&home);
                    cut_at_second = crash_after(second, deliver).1;
                    if cut_at_second {
                        between(&home);
                    }
                }
                check(&home, deliver().expect("it ends well"));
            });
            pairs += 1;
            // The rules differ only in what they do about a name that is taken: one of them is cut twice.
            if !cut_at_second || collision != Collision::Number {
                break;
            }
        }
        if !cut_at_first {
            break;
        }
    }
    assert!(pairs > 5, "{pairs} points");
}

fn a_delivery_ends_the_same(within: fn(&mut dyn FnMut())) {
    for collision in [Collision::Number, Collision::Overwrite, Collision::Skip] {
        crash_everywhere(
            within,
            collision,
            |_| {},
            |home, delivered| {
                home.delivered();
                let expected = ["out/a.pdf", "out/sub/a.txt", "archive/a.pdf"];
                let expected = expected.map(|name| Some(name.to_owned()));
                assert_eq!(names(home, &delivered), expected);
            },
        );
    }
}

#[test]
fn a_delivery_ends_the_same_wherever_it_is_cut_twice() {
    a_delivery_ends_the_same(WAYS[0]);
}

#[test]
fn a_delivery_ends_the_same_wherever_it_is_cut_twice_without_noreplace() {
    a_delivery_ends_the_same(WAYS[1]);
}

#[test]
fn a_delivery_ends_the_same_wherever_it_is_cut_twice_across_devices() {
    a_delivery_ends_the_same(WAYS[2]);
}

/// Where a rename takes two steps (no `RENAME_NOREPLACE`, another device) a consumer who takes a file between the two, and a
/// crash between them as well, make it come again. With real renames that cannot be.
#[test]
fn an_output_that_a_consumer_takes_at_once_never_comes_twice() {
    let taken = std::cell::RefCell::new(Vec::new());
    let take = |home: &Home| {
        for name in ["out/a.pdf", "out/sub/a.txt"] {
            if std::fs::remove_file(home.path(name)).is_ok() {
                taken.borrow_mut().push(name);
            }
        }
    };
    crash_everywhere(WAYS[0], Collision::Number, take, |home, _| {
        take(home);
        let mut taken = taken.borrow_mut();
        taken.sort_unstable();
        assert_eq!(*taken, ["out/a.pdf", "out/sub/a.txt"]);
        taken.clear();
        assert_eq!(home.files().len(), 1, "only the archived original");
    });
}

#[test]
fn a_claim_ends_the_same_wherever_it_is_cut() {
    for within in WAYS {
        for hard_link in [false, true] {
            let mut points = 0;
            for operations in 0.. {
                let home = Home::new();
                if hard_link {
                    std::fs::hard_link(home.path("in/a.pdf"), home.path("other name"))
                        .expect("linkable");
                }
                let claim = home.claim();
                let mut crashed = false;
                within(&mut || {
                    crashed = crash_after(operations, || home.spool.claim(&claim)).1;
                    let claimed = home.spool.claim(&claim).expect("claimed");
                    let known = (claimed.size, claimed.blake3);
                    assert_eq!(known, (PDF.len() as u64, hash(PDF)));
                });
                let mut left = home.files();
                assert_eq!(left.remove("other name").is_some(), hard_link);
                let held = format!("in/.dropleaf/claimed/{}", job(1));
                expect(&left, &[(&held, "%PDF-1.7 the original")]);
                points += 1;
                if !crashed {
                    break;
                }
            }
            assert!(points > 5, "{points} points");
        }
    }
}

#[test]
fn putting_back_ends_the_same_wherever_it_is_cut() {
    for within in WAYS {
        for operations in 0.. {
            let home = Home::new();
            let claim = home.claim();
            home.spool.claim(&claim).expect("claimed");
            let mut crashed = false;
            within(&mut || {
                let put_back = || home.spool.unclaim(&claim.held, &claim.from);
                crashed = crash_after(operations, put_back).1;
                assert_eq!(put_back().expect("put back"), claim.from);
            });
            expect(&home.files(), &[("in/a.pdf", "%PDF-1.7 the original")]);
            if !crashed {
                break;
            }
        }
    }
}

#[test]
fn an_original_that_nobody_has_read_is_archived_once_across_devices_wherever_it_is_cut() {
    for operations in 0.. {
        let home = Home::new();
        let mut redo = home.delivery(Collision::Number);
        moves(&mut redo)[2].blake3.clear();
        let deliver = || home.spool.redo(job(1), &redo);
        let crashed = across_devices(|| {
            let crashed = crash_after(operations, deliver).1;
            deliver().expect("it ends well");
            crashed
        });
        home.delivered();
        if !crashed {
            assert!(operations > 10, "{operations} points");
            break;
        }
    }
}
