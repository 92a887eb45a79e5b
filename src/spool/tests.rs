#![expect(
    clippy::disallowed_methods,
    reason = "a person's file manager does not sync either"
)]

mod aside;
mod contents;
mod crashes;
mod held;
mod links;
mod mounts;
mod names;
mod naming;
mod owners;
mod replaced;
mod swept;
mod turns;

use super::*;
use crate::durable::failpoint::on::{across_devices, crash_after, without_noreplace};
use crate::job::event::Identity;
use crate::job::redo::{self, Collision, Delivered, Move, MoveKind, Redo, Verdict};
use crate::pipeline::checked::IfExists;
use crate::raw_path::RawPath;
use crate::spool::claim::{Claim, ClaimError, Claimed};
use crate::spool::plan::{PlanError, Wanted};
use crate::spool::redo::RedoError;
use crate::spool::stage::{Destination, StageError};
use crate::spool::sweep::Standing;
use std::collections::BTreeMap;
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

/// All files below a folder with their content, but for the marks of our own.
fn files(root: &Path) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("readable").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if !mark::is_one(&path) {
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
            spool: Spool::new(Mounts::default(), Owner::default()),
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
                mark: Some(staged.mark),
                depth: redo::depth(&root, &path),
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
            mark: Some(claimed.held_in),
            to: Some(RawPath(self.path("archive/a.pdf"))),
            depth: Some(1),
            size: claimed.size,
            blake3: claimed.blake3,
            collision: Collision::Number,
            mime: None,
            pages: None,
        });
        Redo {
            verdict: Verdict::Succeed,
            moves: moves.into(),
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

/// The moves of a list, to change them.
fn moves(redo: &mut Redo) -> &mut [Move] {
    Arc::make_mut(&mut redo.moves)
}

#[test]
fn an_original_may_be_deleted() {
    let home = Home::new();
    let mut redo = home.delivery(Collision::Number);
    moves(&mut redo)[2].to = None;
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
    moves(&mut redo)[0].blake3 = hash(b"something else");
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
    moves(&mut bad)[0].from = RawPath(home.path("gone/temp"));
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

#[test]
fn an_upload_is_claimed_like_any_file() {
    let home = Home::new();
    let inbox = home.path("in");
    let (from, identity) = uploaded(&inbox, job(7), PDF);
    let held = held_path(&inbox, job(7));
    let claimed = home
        .spool
        .claim(&Claim {
            from: from.clone(),
            held: held.clone(),
            identity,
        })
        .expect("claimed");
    assert_eq!(claimed.blake3, hash(PDF));
    assert!(!from.exists());
    let mut file = home.spool.open_input(&held, None).expect("there");
    let mut text = String::new();
    std::io::Read::read_to_string(&mut file, &mut text).expect("readable");
    assert_eq!(text.as_bytes(), PDF);
}

/// A file as an upload leaves it when it has come in.
fn uploaded(inbox: &Path, job: JobId, bytes: &[u8]) -> (PathBuf, Identity) {
    let path = upload_path(inbox, job);
    std::fs::create_dir_all(uploads_folder(inbox)).expect("ours");
    std::fs::write(&path, bytes).expect("ours");
    let found = std::fs::metadata(&path).expect("it is there");
    (path, Identity::of(&found))
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
    let file = format!("`{}` is a file", home.path("file").display());
    assert!(blocked.reason.starts_with(&file), "{blocked}");
}
