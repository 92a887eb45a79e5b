//! Files that come under the name of one that is just being taken.

use super::*;
use crate::durable::failpoint::on::meanwhile;
use crate::spool::sweep::Standing;

const NEWER: &[u8] = b"%PDF-1.7 another one, dropped in that moment";

type Within = fn(&mut dyn FnMut());

/// Ways in which a name goes in a step of its own: the file has another name, lies on another device, or cannot be renamed at once.
const WAYS: &[(bool, Within)] = &[
    (true, |run| run()),
    (false, |run| across_devices(run)),
    (false, |run| without_noreplace(run)),
];

/// Where the newer file lies. Each file is there once.
fn lies(home: &Home, what: &str) -> String {
    let all = home.files();
    let newer = all.iter().filter(|(_, text)| text.as_bytes() == NEWER);
    let names: Vec<&String> = newer.map(|(name, _)| name).collect();
    let [name] = names[..] else {
        panic!("{what}: {all:?}");
    };
    assert!(!name.ends_with(".taken"), "{what}: {all:?}");
    name.clone()
}

fn drop_newer(home: &Home) -> impl FnOnce() + use<> {
    let (part, name) = (home.path("newer"), home.path("in/a.pdf"));
    move || {
        std::fs::write(&part, NEWER).expect("writable");
        std::fs::rename(&part, &name).expect("renamable");
    }
}

fn home(has_link: bool) -> Home {
    let home = Home::new();
    if has_link {
        std::fs::hard_link(home.path("in/a.pdf"), home.path("other name")).expect("linkable");
    }
    home
}

#[test]
fn a_newer_file_under_the_name_is_never_lost() {
    for (way, (has_link, within)) in WAYS.iter().enumerate() {
        let mut happened = true;
        for operations in 0.. {
            if !happened {
                assert!(operations > 5, "{operations} points");
                break;
            }
            let home = home(*has_link);
            let claim = home.claim();
            within(&mut || {
                let claimed = || home.spool.claim(&claim);
                let (claimed, came) = meanwhile(operations, drop_newer(&home), claimed);
                happened = came;
                if came {
                    let name = lies(&home, &format!("way {way}, after {operations}"));
                    assert_eq!(name, "in/a.pdf");
                }
                if let Ok(claimed) = claimed {
                    assert_eq!(claimed.blake3, hash(PDF));
                }
            });
        }
    }
}

#[test]
fn a_newer_file_is_never_lost_wherever_the_claim_is_cut() {
    for (way, (has_link, within)) in WAYS.iter().enumerate() {
        for known in [true, false] {
            for cut in 0..30 {
                for operations in 0..=cut {
                    let home = home(*has_link);
                    let claim = home.claim();
                    within(&mut || {
                        let claimed = || home.spool.claim(&claim);
                        let newer = drop_newer(&home);
                        let run = || meanwhile(operations, newer, claimed).1;
                        let (came, _) = crash_after(cut, run);
                        if known {
                            drop(home.spool.claim(&claim));
                        } else {
                            // The journal is gone.
                            let _ = home
                                .spool
                                .sweep_inbox(&home.path("in"), |_| Standing::Unknown);
                        }
                        if came {
                            let what = format!("way {way}, {known}, after {operations}, cut {cut}");
                            if known {
                                lies(&home, &what);
                            } else if way != 1 {
                                // Beside a file on another device it is found when that is claimed again.
                                let all = home.files();
                                let is_newer = |(name, text): (&String, &String)| {
                                    text.as_bytes() == NEWER && !name.ends_with(".taken")
                                };
                                assert!(all.iter().any(is_newer), "{what}: {all:?}");
                            }
                        }
                    });
                }
            }
        }
    }
}
