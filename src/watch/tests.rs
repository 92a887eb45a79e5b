#![expect(
    clippy::disallowed_methods,
    reason = "a person's file manager does not sync either"
)]

mod explain;
mod folders;
mod leaving;
mod settling;

use super::*;
use crate::event::{FileEvent, WatchEvent};
use crate::pipeline::checked::{Existing, Watch};
use crate::watch::options::Settling;
use crate::watch::update::WatchUpdate;
use crate::watch::update::{Arrival, SeenBy};
use std::collections::HashSet;
use std::os::unix::fs::symlink;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

const PDF: &[u8] = b"%PDF-1.7\n1 0 obj\nendobj\nstartxref\n9\n%%EOF\n";
const PATIENCE: Duration = Duration::from_secs(20);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Everything quick, except the full scan: what arrives came by events.
pub(super) fn quick() -> Options {
    Options {
        settling: Settling {
            renamed: Duration::ZERO,
            closed: ms(30),
            found: ms(50),
            remote: ms(50),
            not_pdf: ms(200),
            truncated: ms(300),
            writer: ms(2_000),
            incomplete: ms(20_000),
            unreadable: ms(30),
        },
        scan_polled: ms(30),
        look_again: ms(30),
        offer_again: ms(20),
        ..Options::default()
    }
}

pub(super) struct Inbox {
    temp: tempfile::TempDir,
    runtime: Runtime,
    watcher: Watcher,
    updates: Lanes,
    pub(super) folder: Folder,
}

impl Inbox {
    /// An inbox that is not watched yet.
    pub(super) fn new(options: Options, change: impl FnOnce(&mut Folder)) -> Self {
        let temp = tempfile::tempdir().expect("a temp folder");
        std::fs::create_dir(temp.path().join("in")).expect("makeable");
        let mut folder = Folder {
            pipeline: "scan".into(),
            spec: Watch {
                folder: temp.path().join("in"),
                include: vec!["*.pdf".into()],
                exclude: vec![],
                recursive: false,
                quiet: None,
                existing: Existing::Process,
                done_file: None,
                polling: None,
            },
            first_seen: true,
            known: vec![],
            contents: Default::default(),
            paused: false,
        };
        change(&mut folder);
        let (watcher, updates) = Watcher::start(
            options,
            Earlier::none(),
            Mounts::default(),
            Owner::default(),
        );
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        Self {
            temp,
            runtime: runtime.expect("a runtime"),
            watcher,
            updates,
            folder,
        }
    }

    /// An inbox that is watched and online.
    fn online(options: Options, change: impl FnOnce(&mut Folder)) -> Self {
        let mut inbox = Self::new(options, change);
        inbox.watch();
        inbox.wait_online();
        // What comes after the first scan comes by events.
        inbox.status(|status| status.last_scan.is_some());
        inbox
    }

    /// What was told in an earlier life; before it is watched.
    fn remembers(&mut self, earlier: Earlier) {
        let options = self.watcher.shared.options.clone();
        (self.watcher, self.updates) =
            Watcher::start(options, earlier, Mounts::default(), Owner::default());
    }

    fn watch(&mut self) {
        self.watcher.set(vec![self.folder.clone()]);
    }

    fn root(&self) -> PathBuf {
        self.folder.spec.folder.clone()
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).expect("writable");
    }

    /// Puts a whole file there by rename.
    fn drop_in(&self, name: &str, bytes: &[u8]) {
        let outside = self.temp.path().join("outside.tmp");
        std::fs::write(&outside, bytes).expect("writable");
        std::fs::rename(outside, self.path(name)).expect("one file system");
    }

    /// Waits for an update; others are passed over.
    #[track_caller]
    fn until<T>(&mut self, what: &str, mut pick: impl FnMut(WatchUpdate) -> Option<T>) -> T {
        let deadline = std::time::Instant::now() + PATIENCE;
        let mut others = Vec::new();
        while std::time::Instant::now() < deadline {
            let updates = &mut self.updates;
            let next = async { tokio::time::timeout_at(deadline.into(), updates.recv()).await };
            match self.runtime.block_on(next) {
                Ok(Some(update)) => {
                    others.push(format!("{update:?}"));
                    if let Some(found) = pick(update) {
                        return found;
                    }
                }
                Ok(None) => panic!("{what}: the watcher ended after {others:#?}"),
                Err(_) => break,
            }
        }
        panic!(
            "{what} did not come; there came {others:#?}, {:#?}",
            self.watcher.status()
        );
    }

    #[track_caller]
    fn arrival(&mut self) -> Arrival {
        self.until("an arrival", |update| match update {
            WatchUpdate::Arrival(arrival) => Some(arrival),
            _ => None,
        })
    }

    #[track_caller]
    fn arrives(&mut self, name: &str) -> Arrival {
        let arrival = self.arrival();
        assert_eq!(arrival.relative, RawPath::from(Path::new(name)));
        arrival
    }

    #[track_caller]
    fn wait_online(&mut self) -> (String, String) {
        self.until("online", |update| match update {
            WatchUpdate::Folder {
                what: WatchEvent::Online { mode, reason, .. },
                ..
            } => Some((mode, reason)),
            _ => None,
        })
    }

    /// What is said about a file next, as `settling: reason`.
    #[track_caller]
    fn said(&mut self, name: &str) -> String {
        let path = RawPath(self.path(name));
        self.until(name, |update| match update {
            WatchUpdate::File { path: of, what, .. } if of == path => Some(match what {
                FileEvent::Settling { reason } => format!("settling: {reason}"),
                FileEvent::Ignored { reason } => format!("ignored: {reason}"),
                FileEvent::Incomplete { reason } => format!("incomplete: {reason}"),
                FileEvent::Gone { reason } => format!("gone: {reason}"),
            }),
            _ => None,
        })
    }

    /// Waits until this is said about a file.
    #[track_caller]
    fn says(&mut self, name: &str, part: &str) {
        while !self.said(name).contains(part) {}
    }

    fn take(&self, arrival: &Arrival) {
        std::fs::rename(&arrival.path, self.temp.path().join("taken")).expect("it is there");
        self.watcher.taken("scan", &arrival.path);
    }

    /// Waits until the folder is doing like this.
    #[track_caller]
    fn status(&self, like: impl Fn(&FolderStatus) -> bool) {
        let deadline = std::time::Instant::now() + PATIENCE;
        while !like(&self.watcher.status()[0]) {
            let now = self.watcher.status();
            assert!(std::time::Instant::now() < deadline, "it is {now:#?}");
            std::thread::yield_now();
        }
    }

    fn explain(&self, name: &str) -> String {
        let path = self.path(name);
        let chain = self
            .runtime
            .block_on(self.watcher.explain(path, "scan", None));
        chain
            .last()
            .map_or_else(String::new, |link| link.text.clone())
    }

    /// Makes sure that everything that happened so far was seen: another file that was dropped later has arrived.
    fn settle_down(&mut self) {
        self.drop_in("later.pdf", PDF);
        let arrival = self.arrives("later.pdf");
        self.take(&arrival);
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.watcher.close();
    }
}

#[test]
fn a_renamed_pdf_arrives_at_once_by_events() {
    let mut inbox = Inbox::online(Options::default(), |_| {});
    let started = std::time::Instant::now();
    inbox.drop_in("a.pdf", PDF);
    let arrival = inbox.arrives("a.pdf");
    assert!(started.elapsed() < ms(900), "{:?}", started.elapsed());
    assert_eq!(arrival.seen_by, SeenBy::Events);
    assert_eq!(arrival.path, inbox.path("a.pdf"));
    assert_eq!(arrival.folder, inbox.root());
    let found = std::fs::metadata(&arrival.path).expect("there");
    assert_eq!(arrival.identity, Identity::of(&found));
}

#[test]
fn a_written_pdf_rests_and_arrives() {
    let mut inbox = Inbox::online(quick(), |_| {});
    inbox.write("ä b.PDF", PDF);
    assert_eq!(inbox.arrives("ä b.PDF").seen_by, SeenBy::Events);
}

#[test]
fn what_lies_there_at_the_start_is_found() {
    let mut inbox = Inbox::new(quick(), |_| {});
    inbox.write("old.pdf", PDF);
    inbox.watch();
    let arrival = inbox.arrives("old.pdf");
    assert_eq!(arrival.seen_by, SeenBy::Scan);
    inbox.take(&arrival);
    inbox.settle_down();
    inbox.status(|status| status.files_offered == 0);
}

#[test]
fn forced_polling_finds_new_and_changed_files_without_events() {
    let mut inbox = Inbox::online(quick(), |folder| folder.spec.polling = Some(true));
    let status = inbox.watcher.status();
    assert_eq!(status[0].mode, "polling");
    assert!(
        status[0].reason.contains("`polling: true`"),
        "{}",
        status[0].reason
    );
    inbox.drop_in("a.pdf", PDF);
    let arrival = inbox.arrives("a.pdf");
    assert_eq!(arrival.seen_by, SeenBy::Scan);
    inbox.watcher.declined(
        "scan",
        &arrival.path,
        Decline::Leave {
            reason: "seen".into(),
        },
    );
    assert_eq!(inbox.said("a.pdf"), "ignored: seen");
    // The same size, perhaps in the same second: the inode and the nanoseconds tell.
    inbox.drop_in("a.pdf", PDF);
    inbox.arrives("a.pdf");
}

#[test]
fn none_of_ten_thousand_files_is_lost_though_the_hints_overflow_and_the_scheduler_is_slow() {
    let options = Options {
        hints: 1_000,
        ..quick()
    };
    let mut inbox = Inbox::online(options, |folder| folder.spec.quiet = Some(Duration::ZERO));
    let root = inbox.root();
    let outside = inbox.temp.path().join("outside");
    std::fs::create_dir(&outside).expect("makeable");
    let dropper = std::thread::spawn(move || {
        for n in 0..10_000 {
            let (from, to) = (outside.join(format!("{n}")), root.join(format!("{n}.pdf")));
            std::fs::write(&from, PDF).expect("writable");
            std::fs::rename(from, to).expect("one file system");
        }
    });
    let mut arrived = HashSet::new();
    while arrived.len() < 10_000 {
        let arrival = inbox.arrival();
        std::fs::remove_file(&arrival.path).expect("each arrives once, and is there");
        inbox.watcher.taken("scan", &arrival.path);
        assert!(arrived.insert(arrival.relative), "twice");
    }
    dropper.join().expect("no panic");
    assert_eq!(
        std::fs::read_dir(inbox.root()).expect("readable").count(),
        1,
        "only our own folder"
    );
}

#[test]
fn links_and_special_files_are_refused_with_the_reason() {
    let mut inbox = Inbox::online(quick(), |_| {});
    let real = inbox.temp.path().join("real.pdf");
    std::fs::write(&real, PDF).expect("writable");
    symlink(&real, inbox.path("link.pdf")).expect("links are possible");
    inbox.says("link.pdf", "ignored: it is a symbolic link");
    assert!(inbox.explain("link.pdf").contains("symbolic link"));
    let _socket = std::os::unix::net::UnixListener::bind(inbox.path("s.pdf")).expect("bindable");
    inbox.says("s.pdf", "ignored: it is a socket");
    // A file in its place is a file.
    std::fs::remove_file(inbox.path("link.pdf")).expect("removable");
    inbox.drop_in("link.pdf", PDF);
    inbox.arrives("link.pdf");
}

#[test]
fn ignored_files_stay_and_are_listed() {
    let mut inbox = Inbox::online(quick(), |folder| {
        folder.spec.exclude = vec!["draft*".into()]
    });
    inbox.drop_in("notes.txt", PDF);
    inbox.says("notes.txt", "no include pattern matches (`*.pdf`)");
    inbox.drop_in("draft.pdf", PDF);
    inbox.says("draft.pdf", "excluded by the pattern `draft*`");
    inbox.write(".hidden.pdf", PDF);
    assert!(inbox.explain(".hidden.pdf").contains("hidden"));
    std::fs::create_dir(inbox.path("sub")).expect("makeable");
    inbox.says("sub", "`watch.recursive: true`");
    let files = inbox.runtime.block_on(inbox.watcher.files("scan", 10));
    let files: Vec<_> = files
        .expect("it answers")
        .into_iter()
        .map(|file| file.relative.display())
        .collect();
    assert_eq!(files, ["draft.pdf", "notes.txt", "sub"]);
    inbox.settle_down();
    inbox.status(|status| status.files_ignored == 3);
    assert!(inbox.path("draft.pdf").exists());
}

#[test]
fn existing_files_are_left_until_they_change() {
    let mut inbox = Inbox::new(quick(), |folder| folder.spec.existing = Existing::Ignore);
    inbox.write("old.pdf", PDF);
    inbox.write("older.pdf", PDF);
    inbox.watch();
    let mut files = inbox.until("the list", |update| match update {
        WatchUpdate::Existing { files, .. } => Some(files),
        _ => None,
    });
    files.sort_by_key(|(path, _)| path.clone());
    let names: Vec<_> = files.iter().map(|(path, _)| path.display()).collect();
    assert_eq!(names, ["old.pdf", "older.pdf"]);
    assert!(inbox.explain("old.pdf").contains("existing: ignore"));
    inbox.drop_in("new.pdf", PDF);
    inbox.arrives("new.pdf");
    inbox.drop_in("old.pdf", PDF);
    inbox.arrives("old.pdf");
}

#[test]
fn a_known_file_is_left_after_a_restart_until_another_takes_its_name() {
    let mut inbox = Inbox::new(quick(), |folder| folder.first_seen = false);
    inbox.write("kept.pdf", PDF);
    inbox.write("other.pdf", PDF);
    let identity = Identity::of(&std::fs::metadata(inbox.path("kept.pdf")).expect("there"));
    // A rename in between changed its ctime, a new mount its device.
    let identity = Identity {
        ctime_ns: 0,
        device: 0,
        ..identity
    };
    inbox.folder.known = vec![(RawPath::from(Path::new("kept.pdf")), identity)];
    inbox.watch();
    inbox.arrives("other.pdf");
    assert!(inbox.explain("kept.pdf").contains("has not changed since"));
    inbox.drop_in("kept.pdf", PDF);
    inbox.arrives("kept.pdf");
}

#[test]
fn a_file_that_is_put_back_is_left_if_the_watcher_was_told() {
    let mut inbox = Inbox::online(quick(), |_| {});
    inbox.drop_in("keep.pdf", PDF);
    let arrival = inbox.arrives("keep.pdf");
    let held = inbox.temp.path().join("held");
    std::fs::rename(&arrival.path, &held).expect("it is there");
    inbox.watcher.taken("scan", &arrival.path);
    inbox.settle_down();
    inbox
        .watcher
        .leave("scan", &arrival.relative, arrival.identity);
    std::fs::rename(&held, &arrival.path).expect("one file system");
    inbox.settle_down();
    assert!(inbox.explain("keep.pdf").contains("has not changed since"));
    inbox.write("keep.pdf", PDF);
    inbox.arrives("keep.pdf");
}

#[test]
fn a_paused_pipeline_takes_nothing_until_it_goes_on() {
    let mut inbox = Inbox::online(quick(), |folder| folder.paused = true);
    inbox.drop_in("a.pdf", PDF);
    inbox.status(|status| status.files_settling == 1);
    assert!(inbox.explain("a.pdf").contains("paused"));
    while let Some(update) = inbox.updates.try_recv() {
        assert!(!matches!(update, WatchUpdate::Arrival(_)), "{update:?}");
    }
    inbox.folder.paused = false;
    inbox.watch();
    inbox.arrives("a.pdf");
}

/// The thread's part without a thread.
pub(super) fn by_hand(
    folder: Folder,
    options: Options,
) -> (Reconciler, mpsc::Receiver<WatchUpdate>) {
    let (sender, updates) = mpsc::channel(64);
    let outside = Outside {
        updates: sender,
        earlier: Earlier::none(),
        mounts: Mounts::default(),
        owner: Owner::default(),
    };
    let board = Arc::new(Board::new(options.hints));
    let status = Arc::new(Mutex::new(starting(&folder)));
    (
        Reconciler::new(folder, options, board, outside, status),
        updates,
    )
}

#[test]
fn a_change_of_the_rules_is_held_against_what_lies_there() {
    let mut inbox = Inbox::online(quick(), |_| {});
    inbox.drop_in("a.scan", PDF);
    assert!(inbox.said("a.scan").starts_with("ignored"));
    inbox.folder.spec.include.push("*.scan".into());
    inbox.watch();
    inbox.arrives("a.scan");
}
