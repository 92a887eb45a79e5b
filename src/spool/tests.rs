#![expect(
    clippy::disallowed_methods,
    reason = "a person's file manager does not sync either"
)]
use super::*;
use crate::durable::failpoint::on::{across_devices, crash_after, without_noreplace};
use crate::job::event::Identity;
use crate::job::redo::{Collision, Delivered, Move, MoveKind, Redo, Verdict};
use crate::pipeline::checked::IfExists;
use crate::raw_path::RawPath;
use crate::spool::claim::{Claim, ClaimError, Claimed};
use crate::spool::plan::{PlanError, Wanted};
use crate::spool::redo::RedoError;
use crate::spool::stage::{Destination, StageError};
use crate::spool::sweep::Standing;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::symlink;

const PDF: &[u8] = b"%PDF-1.7 the original";

fn job(number: u128) -> JobId {
    JobId(ulid::Ulid(number))
}

fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

fn identity(path: &Path) -> Identity {
    Identity::of(&std::fs::symlink_metadata(path).expect("there"))
}

/// All files below a folder with their content, our own folders' names left out where they are empty.
fn files(root: &Path) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("readable").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(&path).expect("readable");
                let name = path
                    .strip_prefix(root)
                    .expect("below")
                    .display()
                    .to_string();
                all.insert(name, String::from_utf8_lossy(&bytes).into_owned());
            }
        }
    }
    all
}

fn expect(files: &BTreeMap<String, String>, expected: &[(&str, &str)]) {
    let expected: BTreeMap<_, _> = expected
        .iter()
        .map(|(k, v)| ((*k).into(), (*v).into()))
        .collect();
    assert_eq!(*files, expected);
}

/// A home with one file in its inbox.
struct Home {
    temp: tempfile::TempDir,
    spool: Spool,
}

impl Home {
    fn new() -> Self {
        // Memory, where there is some: the many syncs of these tests are about order, not about disks.
        let temp = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        let temp = temp.expect("a temp folder");
        for folder in ["in", "out", "archive", "failed"] {
            std::fs::create_dir(temp.path().join(folder)).expect("makeable");
        }
        std::fs::write(temp.path().join("in/a.pdf"), PDF).expect("writable");
        Self {
            temp,
            spool: Spool::new(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    fn claim(&self) -> Claim {
        Claim {
            from: self.path("in/a.pdf"),
            held: held_path(&self.path("in"), job(1)),
            identity: identity(&self.path("in/a.pdf")),
        }
    }

    fn files(&self) -> BTreeMap<String, String> {
        files(self.temp.path())
    }

    /// A claimed file with two outputs staged, and the moves that deliver them.
    fn delivery(&self, collision: Collision) -> Redo {
        let claim = self.claim();
        let claimed = self.spool.claim(&claim).expect("claimed");
        let mut moves = Vec::new();
        for (number, (name, kind)) in [
            ("a.pdf", MoveKind::Document),
            ("sub/a.txt", MoveKind::Artifact),
        ]
        .into_iter()
        .enumerate()
        {
            let (root, path) = (self.path("out"), self.path("out").join(name));
            let to = Destination {
                root: &root,
                path: &path,
                job: job(1),
                number: number as u32,
            };
            let staged = self
                .spool
                .stage_bytes(name.as_bytes(), &to)
                .expect("staged");
            moves.push(Move {
                kind,
                from: RawPath(staged.temp),
                to: Some(RawPath(path)),
                size: staged.size,
                blake3: staged.blake3,
                collision,
                mime: None,
                pages: None,
            });
        }
        moves.push(Move {
            kind: MoveKind::Original,
            from: RawPath(claim.held),
            to: Some(RawPath(self.path("archive/a.pdf"))),
            size: claimed.size,
            blake3: claimed.blake3,
            collision: Collision::Number,
            mime: None,
            pages: None,
        });
        Redo {
            verdict: Verdict::Succeed,
            moves,
        }
    }

    fn delivered(&self) {
        expect(
            &self.files(),
            &[
                ("out/a.pdf", "a.pdf"),
                ("out/sub/a.txt", "sub/a.txt"),
                ("archive/a.pdf", "%PDF-1.7 the original"),
            ],
        );
    }
}

fn names(home: &Home, delivered: &[Delivered]) -> Vec<Option<String>> {
    let below = |path: &RawPath| {
        let path = path.0.strip_prefix(home.temp.path()).expect("below");
        path.display().to_string()
    };
    delivered
        .iter()
        .map(|one| one.path.as_ref().map(below))
        .collect()
}

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
                    assert_eq!(
                        claimed,
                        Claimed {
                            size: PDF.len() as u64,
                            blake3: hash(PDF)
                        }
                    );
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
fn a_claim_keeps_what_came_later_under_the_same_name() {
    let home = Home::new();
    let claim = home.claim();
    home.spool.claim(&claim).expect("claimed");
    std::fs::write(&claim.from, b"another").expect("writable");
    home.spool.claim(&claim).expect("claimed before");
    assert_eq!(std::fs::read(&claim.from).expect("there"), b"another");
    // It has to go back: the newer one keeps its name.
    let path = home
        .spool
        .unclaim(&claim.held, &claim.from)
        .expect("put back");
    assert_eq!(path, home.path("in/a-1.pdf"));
    expect(
        &home.files(),
        &[
            ("in/a.pdf", "another"),
            ("in/a-1.pdf", "%PDF-1.7 the original"),
        ],
    );
}

#[test]
fn what_is_not_the_file_that_was_seen_is_not_taken() {
    let home = Home::new();
    let claim = home.claim();
    std::fs::write(&claim.from, b"rewritten").expect("writable");
    assert!(matches!(
        home.spool.claim(&claim),
        Err(ClaimError::Changed(_))
    ));
    std::fs::remove_file(&claim.from).expect("removable");
    assert!(matches!(
        home.spool.claim(&claim),
        Err(ClaimError::Vanished(_))
    ));
    symlink("/etc/passwd", &claim.from).expect("links are possible");
    assert!(matches!(
        home.spool.claim(&claim),
        Err(ClaimError::Changed(_))
    ));
    std::fs::remove_dir_all(home.path("in")).expect("removable");
    assert!(matches!(
        home.spool.claim(&claim),
        Err(ClaimError::Vanished(_))
    ));
    assert!(!home.path("in").exists(), "a mount point is not filled");
}

#[test]
fn many_claims_fail_each_for_itself() {
    let home = Home::new();
    let claims: Vec<_> = (0..20_u32)
        .map(|n| {
            let from = home.path(&format!("in/{n}.pdf"));
            std::fs::write(&from, n.to_string()).expect("writable");
            Claim {
                held: held_path(&home.path("in"), job(n.into())),
                identity: identity(&from),
                from,
            }
        })
        .collect();
    std::fs::remove_file(&claims[7].from).expect("removable");
    let results = home.spool.claim_all(&claims);
    for (n, result) in results.into_iter().enumerate() {
        match result {
            Ok(claimed) => assert_eq!(claimed.blake3, hash(n.to_string().as_bytes())),
            Err(error) => assert!(
                n == 7 && matches!(error, ClaimError::Vanished(_)),
                "{n}: {error}"
            ),
        }
    }
}

#[test]
fn names_that_are_taken_are_numbered_overwritten_or_left() {
    for (collision, out, at) in [
        (
            Collision::Number,
            &[("out/a.pdf", "stranger"), ("out/a-1.pdf", "a.pdf")][..],
            Some("out/a-1.pdf"),
        ),
        (
            Collision::Overwrite,
            &[("out/a.pdf", "a.pdf")][..],
            Some("out/a.pdf"),
        ),
        (Collision::Skip, &[("out/a.pdf", "stranger")][..], None),
    ] {
        let home = Home::new();
        let redo = home.delivery(collision);
        std::fs::write(home.path("out/a.pdf"), "stranger").expect("writable");
        std::fs::write(home.path("archive/a.pdf"), "earlier").expect("writable");
        for _ in 0..2 {
            let delivered = home.spool.redo(job(1), &redo).expect("delivered");
            assert_eq!(names(&home, &delivered)[0].as_deref(), at, "{collision:?}");
            assert_eq!(
                names(&home, &delivered)[2].as_deref(),
                Some("archive/a-1.pdf")
            );
        }
        let mut expected = out.to_vec();
        expected.extend([
            ("out/sub/a.txt", "sub/a.txt"),
            ("archive/a.pdf", "earlier"),
            ("archive/a-1.pdf", "%PDF-1.7 the original"),
        ]);
        expect(&home.files(), &expected);
    }
}

#[test]
fn an_original_may_be_deleted() {
    let home = Home::new();
    let mut redo = home.delivery(Collision::Number);
    redo.moves[2].to = None;
    for _ in 0..2 {
        let delivered = home.spool.redo(job(1), &redo).expect("delivered");
        assert_eq!(delivered[2].path, None);
    }
    expect(
        &home.files(),
        &[("out/a.pdf", "a.pdf"), ("out/sub/a.txt", "sub/a.txt")],
    );
}

#[test]
fn a_mount_that_went_away_is_no_delivery() {
    let home = Home::new();
    let redo = home.delivery(Collision::Number);
    std::fs::rename(home.path("out"), home.path("unmounted")).expect("renamable");
    std::fs::create_dir(home.path("out")).expect("the bare mount point");
    assert!(matches!(
        home.spool.redo(job(1), &redo),
        Err(RedoError::Gone(_))
    ));
    assert!(
        held_path(&home.path("in"), job(1)).exists(),
        "the original stays"
    );
    std::fs::remove_dir(home.path("out")).expect("empty");
    std::fs::rename(home.path("unmounted"), home.path("out")).expect("mounted again");
    home.spool.redo(job(1), &redo).expect("delivered");
    home.delivered();
}

#[test]
fn a_wrong_copy_is_noticed() {
    let home = Home::new();
    let mut redo = home.delivery(Collision::Number);
    redo.moves[0].blake3 = hash(b"something else");
    let result = across_devices(|| home.spool.redo(job(1), &redo));
    assert!(matches!(result, Err(RedoError::Corrupt(_))), "{result:?}");
    assert!(
        held_path(&home.path("in"), job(1)).exists(),
        "the original stays"
    );
}

#[test]
fn many_deliveries_fail_each_for_itself() {
    let home = Home::new();
    let good = home.delivery(Collision::Number);
    let mut bad = good.clone();
    bad.moves[0].from = RawPath(home.path("gone/temp"));
    let results = home.spool.redo_all(&[(job(2), &bad), (job(1), &good)]);
    assert!(matches!(results[0], Err(RedoError::Gone(_))));
    assert_eq!(results[1].as_ref().expect("delivered").len(), 3);
    home.delivered();
}

#[test]
fn staging_refuses_links_out_of_the_root_and_leaves_nothing_behind() {
    let home = Home::new();
    symlink(home.path("archive"), home.path("out/elsewhere")).expect("links are possible");
    let (root, path) = (home.path("out"), home.path("out/elsewhere/a.pdf"));
    let to = Destination {
        root: &root,
        path: &path,
        job: job(1),
        number: 0,
    };
    assert!(matches!(
        home.spool.stage_bytes(b"x", &to),
        Err(StageError::Leaves { .. })
    ));
    let path = home.path("out/deep/er/a.pdf");
    let to = Destination { path: &path, ..to };
    let source = File::open(home.path("in/a.pdf")).expect("there");
    let staged = home.spool.stage(&source, &to).expect("staged");
    assert_eq!((staged.size, staged.blake3), (PDF.len() as u64, hash(PDF)));
    home.spool
        .stage_bytes(b"again", &to)
        .expect("a retry replaces it");
    home.spool.discard(job(1), &[staged.temp]);
    expect(&home.files(), &[("in/a.pdf", "%PDF-1.7 the original")]);
    std::fs::write(home.path("file"), "").expect("writable");
    let (root, path) = (home.path("file"), home.path("file/a.pdf"));
    let to = Destination {
        root: &root,
        path: &path,
        job: job(1),
        number: 0,
    };
    let error = home
        .spool
        .stage_bytes(b"x", &to)
        .expect_err("a file is in the way");
    assert!(
        matches!(error, StageError::Io(_) | StageError::Blocked(_)),
        "{error:?}"
    );
}

fn wanted<'a>(root: &'a Path, name: &'a str, if_exists: IfExists) -> Wanted<'a> {
    Wanted {
        job: job(1),
        root,
        folder: "",
        name,
        if_exists,
        companions: &[],
    }
}

#[test]
fn planned_names_are_nobody_elses() {
    let home = Home::new();
    let out = home.path("out");
    std::fs::write(out.join("a.pdf"), "earlier").expect("writable");
    let plan = |wanted: &Wanted<'_>| {
        home.spool
            .plan(wanted)
            .map(|planned| (planned.path, planned.collision))
    };
    let number = wanted(&out, "a.pdf", IfExists::Number);
    assert_eq!(
        plan(&number).expect("free"),
        (out.join("a-1.pdf"), Collision::Number)
    );
    let other = Wanted {
        job: job(2),
        ..number
    };
    assert_eq!(plan(&other).expect("free").0, out.join("a-2.pdf"));
    let overwrite = wanted(&out, "a.pdf", IfExists::Overwrite);
    assert_eq!(
        plan(&overwrite).expect("may"),
        (out.join("a.pdf"), Collision::Overwrite)
    );
    // A second part of the same job with the same name is wanted as well.
    assert_eq!(plan(&overwrite).expect("free").0, out.join("a-3.pdf"));
    assert_eq!(
        plan(&wanted(&out, "b.pdf", IfExists::Skip)).expect("may").1,
        Collision::Skip
    );
    let fail = Wanted {
        job: job(3),
        ..wanted(&out, "a.pdf", IfExists::Fail)
    };
    assert!(matches!(plan(&fail), Err(PlanError::Exists(path)) if path == out.join("a.pdf")));
    assert_eq!(
        plan(&Wanted {
            name: "c.pdf",
            ..fail
        })
        .expect("free")
        .1,
        Collision::Number
    );
    assert!(matches!(
        plan(&Wanted {
            name: "c.pdf",
            ..fail
        }),
        Err(PlanError::Exists(_))
    ));
    home.spool.release(job(3));
    plan(&Wanted {
        name: "c.pdf",
        ..fail
    })
    .expect("given up");
    let dated = Wanted {
        folder: "2026/03/",
        name: "x.pdf",
        ..number
    };
    assert_eq!(plan(&dated).expect("free").0, out.join("2026/03/x.pdf"));
    assert!(matches!(
        plan(&Wanted {
            folder: "../x",
            ..number
        }),
        Err(PlanError::Name(_))
    ));
    assert!(matches!(
        plan(&Wanted {
            name: "../x.pdf",
            ..number
        }),
        Err(PlanError::Name(_))
    ));
}

#[test]
fn companions_keep_to_their_file() {
    let home = Home::new();
    let failed = home.path("failed");
    let endings = [".error.txt", ".error.json"];
    std::fs::write(failed.join("a.pdf.error.txt"), "an older note").expect("writable");
    let plan = |n| {
        home.spool.plan_original(
            job(n),
            &failed,
            Path::new("sub/../a.pdf".trim_start_matches("sub/../")),
            &endings,
        )
    };
    assert_eq!(plan(1), failed.join("a-1.pdf"));
    assert_eq!(plan(2), failed.join("a-2.pdf"));
    assert_eq!(
        plan::companion(&failed.join("a-1.pdf"), ".error.txt"),
        failed.join("a-1.pdf.error.txt")
    );
    let long = "x".repeat(255);
    let path = home
        .spool
        .plan_original(job(3), &failed, Path::new(&long), &endings);
    let note = plan::companion(&path, ".error.json");
    assert_eq!(note.file_name().expect("a name").len(), 255);
    for _ in 0..600 {
        let path = home
            .spool
            .plan_original(job(4), &failed, Path::new("many.pdf"), &[]);
        std::fs::write(path, "").expect("free");
    }
}

#[test]
fn the_sweep_removes_what_no_delivery_needs_and_puts_back_what_no_job_holds() {
    let home = Home::new();
    let (inbox, out) = (home.path("in"), home.path("out"));
    for (n, name) in [
        (1, "a.pdf"),
        (2, "known.pdf"),
        (3, "stranger.pdf"),
        (4, "live.pdf"),
    ] {
        let from = inbox.join(name);
        std::fs::write(&from, name).expect("writable");
        let claim = Claim {
            held: held_path(&inbox, job(n)),
            identity: identity(&from),
            from,
        };
        home.spool.claim(&claim).expect("claimed");
    }
    for n in [4, 5] {
        let path = out.join("x.pdf");
        let to = Destination {
            root: &out,
            path: &path,
            job: job(n),
            number: 0,
        };
        home.spool.stage_bytes(b"x", &to).expect("staged");
        home.spool
            .begin_upload(&inbox, job(n))
            .expect("begun")
            .finish()
            .expect("finished");
    }
    let part = plan::companion(&held_path(&inbox, job(9)), ".part");
    std::fs::write(&part, "half").expect("writable");
    std::fs::write(inbox.join(".dropleaf/claimed/mine"), "not ours").expect("writable");
    let standing = |id: JobId| match id.0.0 {
        2 => Standing::Over(inbox.join("sub/known.pdf")),
        4 => Standing::Staged,
        5 => Standing::Holding,
        1 => Standing::Holding,
        _ => Standing::Unknown,
    };
    let mut swept = home.spool.sweep_inbox(&inbox, standing);
    swept.add(home.spool.sweep_outbox(&out, standing));
    assert_eq!(swept.failed, Vec::<String>::new());
    assert_eq!(swept.strange.len(), 1);
    assert_eq!(swept.removed.len(), 3, "{:?}", swept.removed);
    let recovered = format!("in/recovered-{}.pdf", job(3));
    let put_back = [
        (job(2), home.path("in/sub/known.pdf")),
        (job(3), home.path(&recovered)),
    ];
    assert_eq!(swept.put_back, put_back);
    let left = home.files();
    assert_eq!(left["in/sub/known.pdf"], "known.pdf");
    assert_eq!(left[&recovered], "stranger.pdf");
    assert!(left.contains_key(&format!("out/.dropleaf/staged/{}-0", job(4))));
    assert!(left.contains_key(&format!("in/.dropleaf/uploads/{}.part", job(4))));
    assert_eq!(left.len(), 7, "{left:#?}");
    assert_eq!(
        home.spool.sweep_outbox(&home.path("none"), standing),
        sweep::Swept::default()
    );
}

#[test]
fn an_upload_is_claimed_like_any_file_and_leaves_nothing_when_broken_off() {
    let home = Home::new();
    let inbox = home.path("in");
    let mut upload = home.spool.begin_upload(&inbox, job(7)).expect("begun");
    upload.write_all(PDF).expect("writable");
    drop(upload);
    let mut upload = home
        .spool
        .begin_upload(&inbox, job(7))
        .expect("begun again");
    upload.write_all(PDF).expect("writable");
    let from = upload.path().to_path_buf();
    assert_eq!(from, upload_path(&inbox, job(7)));
    let identity = upload.finish().expect("finished");
    let held = held_path(&inbox, job(7));
    let claimed = home
        .spool
        .claim(&Claim {
            from,
            held: held.clone(),
            identity,
        })
        .expect("claimed");
    assert_eq!(claimed.blake3, hash(PDF));
    let mut file = home.spool.open_input(&held).expect("there");
    let mut text = String::new();
    std::io::Read::read_to_string(&mut file, &mut text).expect("readable");
    assert_eq!(text.as_bytes(), PDF);
    home.spool
        .begin_upload(&home.path("none"), job(8))
        .expect_err("no inbox");
}

#[test]
fn folders_are_made_ready_or_the_reason_is_told() {
    let home = Home::new();
    home.spool.prepare(&home.path("new/outbox")).expect("made");
    assert!(
        home.spool
            .free_space(&home.path("new/outbox"))
            .expect("measurable")
            > 0
    );
    std::fs::write(home.path("file"), "").expect("writable");
    let blocked = home
        .spool
        .prepare(&home.path("file/outbox"))
        .expect_err("a file is in the way");
    assert!(blocked.reason.contains("file/outbox"), "{blocked}");
}
