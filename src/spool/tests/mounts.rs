//! Mounts that come and go while files are moved.

use super::*;
use crate::durable::failpoint::on::meanwhile;

/// Something that happens between any two operations of a delivery; says whether it was late enough to happen no more.
fn interrupted(originals: &str, operations: u32) -> bool {
    let home = Home::new();
    let mut redo = home.delivery(Collision::Number);
    if originals == "deleted" {
        moves(&mut redo)[2].to = None;
    }
    let (inbox, away) = (home.path("in"), home.path("unmounted"));
    let unmount = {
        let (inbox, away) = (inbox.clone(), away.clone());
        move || {
            std::fs::rename(&inbox, away).expect("renamable");
            std::fs::create_dir(inbox).expect("the bare mount point");
        }
    };
    let deliver = || across_devices(|| home.spool.redo(job(1), &redo));
    let (result, happened) = meanwhile(operations, unmount, deliver);
    let what = format!("{originals}, after {operations} operations");
    if happened {
        assert!(result.is_err(), "{what}: {result:?}");
        deliver().expect_err("it waits as long as the inbox is away");
        std::fs::remove_dir(&inbox).expect("empty");
        std::fs::rename(&away, &inbox).expect("mounted again");
    }
    deliver().expect("delivered");
    let held = held_path(&inbox, job(1));
    assert!(!held.exists(), "{what}: the original is still held");
    let outputs = [("out/a.pdf", "a.pdf"), ("out/sub/a.txt", "sub/a.txt")];
    let archived = ("archive/a.pdf", "%PDF-1.7 the original");
    match originals {
        "deleted" => expect(&home.files(), &outputs),
        _ => expect(&home.files(), &[outputs[0], outputs[1], archived]),
    }
    !happened
}

#[test]
fn an_inbox_that_goes_away_while_its_original_leaves_doubles_nothing() {
    for originals in ["archived", "deleted"] {
        let ends = (0..100).find(|operations| interrupted(originals, *operations));
        assert!(ends.is_some_and(|ends| ends > 5), "{originals}: {ends:?}");
    }
}

#[test]
fn an_original_whose_folder_is_away_has_not_vanished() {
    let home = Home::new();
    let claim = home.claim();
    home.spool.claim(&claim).expect("claimed");
    std::fs::rename(home.path("in"), home.path("unmounted")).expect("renamable");
    std::fs::create_dir(home.path("in")).expect("the bare mount point");
    let open = || home.spool.open_input(&claim.held, None);
    let gone = open();
    assert!(matches!(gone, Err(OpenError::Gone(_))), "{gone:?}");
    std::fs::remove_dir(home.path("in")).expect("empty");
    std::fs::rename(home.path("unmounted"), home.path("in")).expect("mounted again");
    open().expect("it is there again");
    std::fs::remove_file(&claim.held).expect("removable");
    let vanished = open();
    assert!(matches!(vanished, Err(OpenError::File(_))), "{vanished:?}");
}

#[test]
fn where_a_rename_makes_another_file_of_it_a_copy_is_taken() {
    let home = Home::new();
    let claim = home.claim();
    let other = std::fs::metadata(home.temp.path()).expect("there");
    let as_if = Identity {
        size: other.len(),
        mtime_ns: Identity::of(&other).mtime_ns,
        ..claim.identity
    };
    for _ in 0..3 {
        home.spool.fickle.saw(&as_if, &other);
    }
    home.spool.claim(&claim).expect("claimed");
    assert!(!claim.from.exists(), "the original goes once it is copied");
    assert_eq!(std::fs::read(&claim.held).expect("held"), PDF);
    assert_ne!(identity(&claim.held).inode, claim.identity.inode);
}

/// A delivery to a file system that refuses the original's name gets there.
#[test]
fn names_that_the_target_refuses_are_known_before_the_point_of_no_return() {
    use crate::durable::failpoint::on::picky;
    let home = Home::new();
    let out = home.path("out");
    let wanted = |name| Wanted {
        job: job(1),
        root: &out,
        folder: "",
        name,
        if_exists: IfExists::Number,
        companions: &[],
    };
    let plan = |name| picky(|| home.spool.plan(&wanted(name)));
    assert_eq!(plan("a.pdf").expect("plain").path, out.join("a.pdf"));
    let refused = plan("what?.pdf").expect_err("not on this one");
    assert!(
        refused
            .to_string()
            .contains("does not take the name `what?.pdf`"),
        "{refused}"
    );
    let failed = home.path("failed");
    let path = picky(|| {
        let odd = Path::new("x:y/what?.pdf");
        home.spool
            .plan_original(job(1), &failed, odd, &[".error.json"])
    });
    assert_eq!(path, failed.join("x_y/what_.pdf"));
}

#[test]
fn what_is_held_of_an_ended_job_goes_back_only_if_it_was_not_delivered() {
    let home = Home::new();
    let claim = home.claim();
    home.spool.claim(&claim).expect("claimed");
    let archived = home.path("archive/a.pdf");
    let sweep = || {
        let over = |_| Standing::Over {
            lay: claim.from.clone(),
            now: Some(archived.clone()),
        };
        home.spool.sweep_inbox(&home.path("in"), over)
    };
    std::fs::write(&archived, "another").expect("writable");
    assert_eq!(sweep().put_back, [(job(1), claim.from.clone())]);
    home.spool.claim(&home.claim()).expect("claimed");
    std::fs::write(&archived, PDF).expect("writable");
    assert_eq!(sweep().removed, std::slice::from_ref(&claim.held));
    expect(&home.files(), &[("archive/a.pdf", "%PDF-1.7 the original")]);
}

/// Runs a command of the system; says whether this user may.
fn system(program: &str, arguments: &[&str], last: &[&Path]) -> bool {
    let mut command = std::process::Command::new(program);
    let done = command.args(arguments).args(last).output();
    done.is_ok_and(|done| done.status.success())
}

/// A disk of its own, and one of a home's folders that shows it; both are unmounted in the end.
struct Server {
    disk: tempfile::TempDir,
    folder: PathBuf,
}

impl Server {
    /// `None` where this user may not mount.
    fn behind(folder: PathBuf) -> Option<Self> {
        let disk = tempfile::tempdir().expect("a temp folder");
        let options = ["-t", "tmpfs", "-o", "size=4m", "tmpfs"];
        let server = system("mount", &options, &[disk.path()]).then_some(Self { disk, folder })?;
        server.mount().then_some(server)
    }

    fn mount(&self) -> bool {
        system("mount", &["--bind"], &[self.disk.path(), &self.folder])
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for folder in [&self.folder, self.disk.path()] {
            system("umount", &["--lazy"], &[folder]);
        }
    }
}

/// A folder that things go to goes away between any two operations of a delivery; says whether it was late enough to happen no more.
fn left_alone(name: &str, operations: u32) -> Option<bool> {
    let home = Home::new();
    let folder = home.path(name);
    let server = Server::behind(folder.clone())?;
    home.spool
        .know(&["in", "out", "archive"].map(|name| home.path(name)));
    let redo = home.delivery(Collision::Number);
    let unmount = {
        let folder = folder.clone();
        move || assert!(system("umount", &["--lazy"], &[&folder]))
    };
    let deliver = || home.spool.redo(job(1), &redo);
    let (result, happened) = meanwhile(operations, unmount, deliver);
    let what = format!("{name}, after {operations} operations");
    if happened {
        expect(&files(&folder), &[]);
        if result.is_err() {
            deliver().expect_err("it waits as long as the folder is away");
            expect(&files(&folder), &[]);
        }
        assert!(server.mount(), "{what}");
    }
    deliver().expect("delivered");
    home.delivered();
    Some(!happened)
}

#[test]
fn nothing_is_delivered_below_the_mount_point_of_a_folder_that_goes_meanwhile() {
    for name in ["archive", "out"] {
        for operations in 0..100 {
            match left_alone(name, operations) {
                None => return,
                Some(true) if operations > 5 => break,
                Some(ended) => assert!(!ended, "{name}: {operations}"),
            }
        }
    }
}
