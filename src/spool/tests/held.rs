//! What may be held although its claim has failed, and what of it goes back.

use super::*;
use crate::durable::failpoint::on::meanwhile;

#[test]
fn a_file_whose_place_goes_away_while_it_is_taken_has_not_vanished() {
    let mut happened = true;
    for operations in 0.. {
        if !happened {
            assert!(operations > 5, "{operations} points");
            break;
        }
        let home = Home::new();
        std::fs::write(home.path("in/b.pdf"), "another").expect("writable");
        let claims = [("a.pdf", 1), ("b.pdf", 2)].map(|(name, n)| Claim {
            from: home.path("in").join(name),
            held: held_path(&home.path("in"), job(n)),
            identity: identity(&home.path("in").join(name)),
        });
        let (claimed, gone) = (claimed_folder(&home.path("in")), home.path("gone"));
        let take_away = move || {
            // It may not be there yet.
            let _ = std::fs::rename(claimed, gone);
        };
        let run = || home.spool.claim_all(&claims);
        let (results, came) = meanwhile(operations, take_away, run);
        happened = came;
        for (claim, result) in claims.iter().zip(results) {
            let vanished = matches!(result, Err(ClaimError::Vanished(_)));
            assert!(!vanished || !claim.from.exists(), "after {operations}");
        }
    }
}

#[test]
fn what_cannot_be_looked_at_was_not_put_back() {
    let home = Home::new();
    let claim = home.claim();
    home.spool.claim(&claim).expect("claimed");
    let (claimed, away) = (claimed_folder(&home.path("in")), home.path("away"));
    std::fs::rename(&claimed, &away).expect("renamable");
    symlink(&claimed, &claimed).expect("a link to itself");
    let put_back = || home.spool.unclaim(&claim.held, &claim.from);
    put_back().expect_err("nobody can tell");
    std::fs::remove_file(&claimed).expect("removable");
    std::fs::rename(&away, &claimed).expect("renamable");
    assert_eq!(put_back().expect("put back"), claim.from);
}

#[test]
fn a_held_upload_that_nobody_waits_for_goes() {
    let home = Home::new();
    let claim = home.claim();
    home.spool.claim(&claim).expect("claimed");
    let unwanted = |_| Standing::Unwanted;
    let swept = home.spool.sweep_inbox(&home.path("in"), unwanted);
    assert_eq!((swept.removed, swept.put_back), (vec![claim.held], vec![]));
    expect(&home.files(), &[]);
}
