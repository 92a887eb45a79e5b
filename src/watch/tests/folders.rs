//! Folders: new ones, those that go away and come back, those that cannot be used, and a watcher that has gone silent.

use super::*;

#[test]
fn folders_that_move_in_are_walked_and_new_ones_are_watched() {
    let mut inbox = Inbox::online(quick(), |folder| folder.spec.recursive = true);
    let outside = inbox.temp.path().join("batch/deep");
    std::fs::create_dir_all(&outside).expect("makeable");
    std::fs::write(outside.join("moved.pdf"), PDF).expect("writable");
    std::fs::rename(inbox.temp.path().join("batch"), inbox.path("batch")).expect("one file system");
    inbox.arrives("batch/deep/moved.pdf");
    std::fs::create_dir_all(inbox.path("2026/03")).expect("makeable");
    std::fs::write(inbox.path("2026/03/new.pdf"), PDF).expect("writable");
    inbox.arrives("2026/03/new.pdf");
    inbox.drop_in("batch/deep/later.pdf", PDF);
    assert_eq!(
        inbox.arrives("batch/deep/later.pdf").seen_by,
        SeenBy::Events
    );
    // A folder that is renamed is known by its new name only.
    std::fs::rename(inbox.path("2026"), inbox.path("2027")).expect("renamable");
    inbox.arrives("2027/03/new.pdf");
    inbox.drop_in("2027/03/b.pdf", PDF);
    inbox.arrives("2027/03/b.pdf");
    std::fs::create_dir(inbox.path("@eaDir")).expect("makeable");
    inbox.says("@eaDir", "NAS");
    std::fs::write(inbox.path("@eaDir/x.pdf"), PDF).expect("writable");
    assert!(inbox.explain("@eaDir/x.pdf").contains("is not looked into"));
}

#[test]
fn a_folder_that_goes_away_is_offline_and_comes_back() {
    let mut inbox = Inbox::online(quick(), |_| {});
    inbox.write("waits.pdf", b"");
    inbox.says("waits.pdf", "settling: it is empty");
    let away = inbox.temp.path().join("away");
    std::fs::rename(inbox.root(), &away).expect("renamable");
    let reason = inbox.until("offline", |update| match update {
        WatchUpdate::Folder {
            what: WatchEvent::Offline { reason, .. },
            ..
        } => Some(reason),
        WatchUpdate::File {
            what: FileEvent::Gone { .. },
            ..
        } => panic!("nothing is concluded"),
        _ => None,
    });
    assert!(reason.contains("is not there"), "{reason}");
    assert!(inbox.explain("waits.pdf").contains("offline"));
    std::fs::write(away.join("waits.pdf"), PDF).expect("writable");
    std::fs::rename(&away, inbox.root()).expect("renamable");
    inbox.wait_online();
    inbox.arrives("waits.pdf");
    inbox.drop_in("again.pdf", PDF);
    assert_eq!(inbox.arrives("again.pdf").seen_by, SeenBy::Events);
}

#[test]
fn a_new_folder_under_the_same_name_is_watched() {
    let mut inbox = Inbox::online(quick(), |_| {});
    let away = inbox.temp.path().join("away");
    std::fs::rename(inbox.root(), away).expect("renamable");
    inbox.until("offline", |update| match update {
        WatchUpdate::Folder {
            what: WatchEvent::Offline { .. },
            ..
        } => Some(()),
        _ => None,
    });
    std::fs::create_dir(inbox.root()).expect("makeable");
    inbox.wait_online();
    inbox.drop_in("a.pdf", PDF);
    inbox.arrives("a.pdf");
}

#[test]
fn a_folder_that_cannot_be_used_is_blocked_with_the_reason() {
    let mut inbox = Inbox::new(quick(), |_| {});
    std::fs::remove_dir(inbox.root()).expect("empty");
    std::fs::write(inbox.root(), b"a file").expect("writable");
    inbox.watch();
    let blocked = |update| match update {
        WatchUpdate::Folder {
            what: WatchEvent::Blocked { reason, .. },
            ..
        } => Some(reason),
        _ => None,
    };
    let reason = inbox.until("blocked", blocked);
    assert!(reason.contains("is not a folder"), "{reason}");
    std::fs::remove_file(inbox.root()).expect("removable");
    std::fs::create_dir(inbox.root()).expect("makeable");
    inbox.wait_online();
    inbox.folder.spec.include = vec!["[x".into()];
    inbox.watch();
    let reason = inbox.until("blocked", blocked);
    assert!(reason.contains("`[x`"), "{reason}");
}

#[test]
fn permissions_are_told_by_owner_mode_and_uid() {
    if rustix::process::geteuid().is_root() {
        // The superuser may read and write everything.
        return;
    }
    use std::os::unix::fs::PermissionsExt as _;
    let mut inbox = Inbox::online(quick(), |_| {});
    let mode = |path: PathBuf, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("ours");
    };
    let outside = inbox.temp.path().join("secret.pdf");
    std::fs::write(&outside, PDF).expect("writable");
    mode(outside.clone(), 0o000);
    std::fs::rename(outside, inbox.path("secret.pdf")).expect("one file system");
    let said = inbox.said("secret.pdf");
    assert!(
        said.contains("not readable by uid") && said.contains("mode 0000"),
        "{said}"
    );
    mode(inbox.path("secret.pdf"), 0o600);
    inbox.arrives("secret.pdf");
    mode(inbox.root(), 0o500);
    let reason = inbox.until("blocked", |update| match update {
        WatchUpdate::Folder {
            what: WatchEvent::Blocked { reason, .. },
            ..
        } => Some(reason),
        _ => None,
    });
    assert!(reason.contains("mode 0500"), "{reason}");
    mode(inbox.root(), 0o700);
    inbox.wait_online();
}

#[test]
fn a_silent_watcher_is_noticed_and_the_folder_polled_until_events_come_again() {
    let inbox = Inbox::new(quick(), |_| {});
    let (mut folder, _updates) = by_hand(inbox.folder.clone(), quick());
    folder.scan_everything();
    assert!(!folder.mode().0);
    // The canary's folder is not listened to: what it does there is not reported.
    folder.unwatch(&inbox.path(".dropleaf"));
    let now = std::time::Instant::now();
    folder.canary_due(now);
    let within = folder.options.canary_within;
    assert_eq!(folder.canary.next_deadline(true), Some(now + within));
    folder.canary_due(now + within);
    let (polling, reason) = folder.mode();
    assert!(
        polling && reason.contains("events do not arrive"),
        "{reason}"
    );
    folder.scan_everything();
    assert!(folder.poll.is_some());
    // The new watcher listens.
    let next = folder.canary.next_deadline(true).expect("it watches");
    folder.canary_due(next);
    let board = Arc::clone(&folder.board);
    let deadline = std::time::Instant::now() + PATIENCE;
    while !board.wait(deadline).expect("open").canary {}
    folder.on_canary();
    assert!(!folder.mode().0, "{}", folder.mode().1);
}

#[test]
fn the_limit_of_watches_is_told_by_its_name() {
    let inbox = Inbox::new(quick(), |_| {});
    let (mut folder, _updates) = by_hand(inbox.folder.clone(), quick());
    folder.scan_everything();
    folder.on_watch_limit();
    let (polling, reason) = folder.mode();
    assert!(
        polling && reason.contains("fs.inotify.max_user_watches"),
        "{reason}"
    );
    folder.scan_polled();
    assert!(folder.poll.is_some(), "it is polled");
    // The limit was raised: the next full scan asks again and gets what it wants.
    folder.scan_everything();
    assert!(!folder.mode().0 && folder.poll.is_none());
}

#[test]
fn folders_that_are_not_looked_into_any_more_are_forgotten() {
    let mut inbox = Inbox::online(quick(), |folder| folder.spec.recursive = true);
    std::fs::create_dir_all(inbox.path("a/b")).expect("makeable");
    inbox.write("a/b/empty.pdf", b"");
    inbox.says("a/b/empty.pdf", "empty");
    inbox.status(|status| status.folders == 3);
    inbox.folder.spec.recursive = false;
    inbox.watch();
    inbox.status(|status| status.folders == 1 && status.files_settling == 0);
    inbox.write("a/b/empty.pdf", PDF);
    inbox.settle_down();
    assert!(
        inbox
            .explain("a/b/empty.pdf")
            .contains("is not looked into")
    );
}

#[test]
fn a_folder_that_is_not_watched_any_more_is_quiet() {
    let mut inbox = Inbox::online(quick(), |_| {});
    inbox.watcher.set(vec![]);
    assert!(inbox.watcher.status().is_empty());
    inbox.watch();
    inbox.wait_online();
    inbox.drop_in("a.pdf", PDF);
    inbox.arrives("a.pdf");
}

#[test]
fn events_that_can_be_had_late_are_asked_for_at_once() {
    let inbox = Inbox::new(quick(), |_| {});
    let options = Options {
        polling_only: true,
        ..quick()
    };
    let (mut folder, _updates) = by_hand(inbox.folder.clone(), options);
    folder.scan_everything();
    assert!(folder.mode().0 && folder.full_scan > std::time::Instant::now());
    // As where the kernel had no more of them for this user, and now has.
    folder.options.polling_only = false;
    folder.canary.trouble = Some(canary::Trouble::Refused("no more of them".into()));
    folder.scan_polled();
    assert!(!folder.mode().0, "events come");
    assert!(
        folder.full_scan <= std::time::Instant::now(),
        "the inbox itself is asked for by a full scan only"
    );
    folder.scan_everything();
    let root = folder.tree.branch(Path::new("")).expect("it was scanned");
    assert!(root.watched && folder.full_scan > std::time::Instant::now());
}
