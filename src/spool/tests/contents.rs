//! Files that are larger than they may be, that nobody waits for, that change after they were taken, and what is no file at all.

use super::*;
use std::fs::{File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

const MIB: u64 = 1 << 20;

impl Home {
    /// A file in the inbox that says it has so many bytes.
    fn sparse(&self, size: u64) -> Claim {
        let file = File::create(self.path("in/a.pdf")).expect("writable");
        file.set_len(size).expect("a file system with holes");
        self.claim()
    }

    fn original(&self, to: &str, blake3: &str, size: u64) -> Redo {
        let original = Move {
            kind: MoveKind::Original,
            from: RawPath(self.claim_path()),
            mark: None,
            to: Some(RawPath(self.path(to))),
            depth: None,
            size,
            blake3: blake3.to_owned(),
            collision: Collision::Number,
            mime: None,
            pages: None,
        };
        Redo {
            verdict: Verdict::Cancel,
            moves: [original].into(),
        }
    }

    fn claim_path(&self) -> PathBuf {
        held_path(&self.path("in"), job(1))
    }
}

#[test]
fn a_file_that_is_too_large_is_held_and_never_read() {
    for other_name in [false, true] {
        let mut home = Home::new();
        home.spool = home.spool.clone().that_reads_up_to(MIB);
        let mut claim = home.sparse(1 << 42);
        if other_name {
            std::fs::hard_link(&claim.from, home.path("other")).expect("linked");
            claim = home.claim();
        }
        for _ in ["at first", "after a crash"] {
            let refused = home.spool.claim(&claim).expect_err("not read");
            let is_too_large = matches!(
                refused,
                ClaimError::TooLarge {
                    size: 0x400_0000_0000,
                    limit: MIB
                }
            );
            assert!(is_too_large, "{refused}");
            assert!(claim.held.exists() && !claim.from.exists());
        }
        let redo = home.original("failed/a.pdf", "", 1 << 42);
        // To another file system it goes without what it does not hold.
        let done = across_devices(|| home.spool.redo(job(1), &redo)).expect("moved");
        let now = done[0].path.clone().expect("moved").0;
        let found = std::fs::metadata(now).expect("there");
        assert_eq!((found.len(), found.blocks()), (1 << 42, 0));
        assert!(!claim.held.exists());
    }
}

#[test]
fn a_large_file_below_another_mount_stays_where_it_is() {
    let mut home = Home::new();
    home.spool = home.spool.clone().that_reads_up_to(MIB);
    let claim = home.sparse(1 << 42);
    let refused = across_devices(|| home.spool.claim(&claim)).expect_err("not copied");
    let is_refused = matches!(refused, ClaimError::TooLargeToCopy { .. });
    assert!(is_refused, "{refused}");
    assert!(claim.from.exists() && !claim.held.exists());
}

#[test]
fn a_content_that_nobody_waits_for_is_read_no_further() {
    let home = Home::new();
    // It would take hours.
    let claim = home.sparse(1 << 42);
    home.spool.halt(&claim.held);
    let given_up = home.spool.claim(&claim).expect_err("not read");
    assert!(matches!(given_up, ClaimError::Halted), "{given_up}");
    assert!(claim.held.exists());
    home.spool.halt_all();
    let given_up = home.spool.claim(&claim).expect_err("not read");
    assert!(matches!(given_up, ClaimError::Halted), "{given_up}");
    // What is read in a moment is read.
    let small = Claim {
        from: home.path("in/b.pdf"),
        held: held_path(&home.path("in"), job(2)),
        identity: {
            std::fs::write(home.path("in/b.pdf"), PDF).expect("writable");
            identity(&home.path("in/b.pdf"))
        },
    };
    assert_eq!(home.spool.claim(&small).expect("read").blake3, hash(PDF));
}

#[test]
fn a_claim_that_fails_early_leaves_nothing_halted() {
    let home = Home::new();
    let claim = home.sparse(1 << 20);
    durable::remove(&claim.from).expect("gone");
    home.spool.halt(&claim.held);
    let gone = home.spool.claim(&claim).expect_err("gone");
    assert!(matches!(gone, ClaimError::Vanished(_)), "{gone}");
    assert!(!home.spool.contents.is_halted(&claim.held));
}

#[test]
fn an_original_that_is_written_again_has_another_content() {
    for size in [1000, 3 * MIB] {
        let home = Home::new();
        let claim = home.sparse(size);
        // Whoever brought it still has it open.
        let mut writer = File::options()
            .write(true)
            .open(&claim.from)
            .expect("there");
        let claimed = home.spool.claim(&claim).expect("claimed");
        let other = || home.spool.other_content(&claim.held, None, &claimed.blake3);
        assert_eq!(other().expect("readable"), None, "{size}");
        // Times of files go by the ticks of a clock.
        std::thread::sleep(std::time::Duration::from_millis(30));
        writer.write_all(b"other").expect("written");
        let content = other().expect("readable").expect("it is another one");
        let now = std::fs::read(&claim.held).expect("readable");
        assert_eq!((content.size, content.blake3), (size, hash(&now)));
    }
}

#[test]
fn an_original_that_was_written_again_is_delivered_to_another_file_system() {
    let home = Home::new();
    let claimed = home.spool.claim(&home.claim()).expect("claimed");
    std::fs::write(home.claim_path(), b"other").expect("writable");
    let redo = home.original("failed/a.pdf", &claimed.blake3, claimed.size);
    across_devices(|| home.spool.redo(job(1), &redo)).expect("moved");
    expect(&home.files(), &[("failed/a.pdf", "other")]);
}

#[test]
fn what_is_kept_is_no_program() {
    let home = Home::new();
    let path = home.path("in/a.pdf");
    std::fs::set_permissions(path, Permissions::from_mode(0o6755)).expect("ours");
    home.spool.claim(&home.claim()).expect("claimed");
    let found = std::fs::metadata(home.claim_path()).expect("there");
    assert_eq!(found.mode() & 0o7777, 0o755);
}

#[test]
fn what_is_no_file_goes_nowhere() {
    let home = Home::new();
    let claimed = home.spool.claim(&home.claim()).expect("claimed");
    let held = home.claim_path();
    std::fs::remove_file(&held).expect("removable");
    symlink("/etc/passwd", &held).expect("made");
    let redo = home.original("archive/a.pdf", &claimed.blake3, claimed.size);
    let done = home.spool.redo(job(1), &redo).expect("at its end");
    assert_eq!(done[0].path, None);
    let lay = home.path("in/a.pdf");
    let over = |_| Standing::Over {
        lay: lay.clone(),
        now: None,
    };
    for standing in [&over as &dyn Fn(JobId) -> Standing, &|_| Standing::Unknown] {
        let swept = home.spool.sweep_inbox(&home.path("in"), standing);
        assert_eq!(swept.strange, std::slice::from_ref(&held));
        assert!(swept.put_back.is_empty());
    }
}

#[test]
fn nothing_is_taken_or_put_through_a_link_in_place_of_a_folder_of_ours() {
    let home = Home::new();
    let elsewhere = home.path("elsewhere");
    for folder in ["elsewhere", "in/.dropleaf", "out/.dropleaf"] {
        std::fs::create_dir(home.path(folder)).expect("makeable");
    }
    std::fs::write(elsewhere.join(job(7).to_string()), "theirs").expect("writable");
    for link in ["in/.dropleaf/claimed", "out/.dropleaf/staged"] {
        symlink(&elsewhere, home.path(link)).expect("made");
    }
    let refused = home.spool.claim(&home.claim()).expect_err("a link");
    let told = crate::problem::chain(&refused);
    assert!(
        told.contains("`.dropleaf/claimed` in it is a symbolic link"),
        "{told}"
    );
    let unknown = |_| Standing::Unknown;
    let swept = home.spool.sweep_inbox(&home.path("in"), unknown);
    assert!(swept.put_back.is_empty() && swept.failed.len() == 1);
    let out = home.path("out");
    let to = Destination {
        root: &out,
        path: &out.join("x.pdf"),
        job: job(1),
        number: 0,
    };
    let refused = home.spool.stage_bytes(b"x", &to).expect_err("a link");
    assert!(matches!(refused, StageError::Io(_)), "{refused}");
    let swept = home.spool.sweep_outbox(&out, |_| Standing::Holding);
    assert!(swept.removed.is_empty() && swept.failed.len() == 1);
    let redo = home.original("archive/a.pdf", "", 6);
    let refused = home.spool.redo(job(1), &redo).expect_err("a link");
    assert!(matches!(refused, RedoError::Io(_)), "{refused}");
    assert_eq!(std::fs::read_dir(&elsewhere).expect("there").count(), 1);
    assert!(home.path("in/a.pdf").exists());
}
