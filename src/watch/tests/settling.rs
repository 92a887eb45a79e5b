//! Files on their way from being seen to being taken.

use super::*;

#[test]
fn declined_arrivals_come_again_later_or_after_a_change() {
    let mut inbox = Inbox::online(quick(), |_| {});
    inbox.drop_in("a.pdf", PDF);
    for _ in 0..3 {
        let arrival = inbox.arrives("a.pdf");
        inbox.watcher.declined("scan", &arrival.path, Decline::Full);
    }
    let arrival = inbox.arrives("a.pdf");
    inbox
        .watcher
        .declined("scan", &arrival.path, Decline::Changed);
    let arrival = inbox.arrives("a.pdf");
    let reason = "the disk is full".to_owned();
    inbox
        .watcher
        .declined("scan", &arrival.path, Decline::Leave { reason });
    assert_eq!(inbox.said("a.pdf"), "ignored: the disk is full");
    assert!(
        inbox
            .explain("a.pdf")
            .contains("left where it is: the disk is full")
    );
    inbox.write("a.pdf", PDF);
    inbox.arrives("a.pdf");
}

/// One that cannot be taken for a reason of its own says it, comes again, and holds up nobody.
#[test]
fn a_file_that_cannot_be_taken_waits_alone() {
    let mut options = quick();
    options.offer_again = ms(3_600_000);
    let mut inbox = Inbox::online(options, |_| {});
    let refused = |inbox: &mut Inbox| {
        inbox.drop_in("a.pdf", PDF);
        let arrival = inbox.arrives("a.pdf");
        let reason = "operation not permitted".to_owned();
        let decline = Decline::Later { reason };
        inbox.watcher.declined("scan", &arrival.path, decline);
    };
    refused(&mut inbox);
    inbox.drop_in("b.pdf", PDF);
    inbox.arrives("b.pdf");
    let said = inbox.explain("a.pdf");
    assert!(
        said.contains("cannot be taken (tried once, and will be in ")
            && said.contains("operation not permitted"),
        "{said}"
    );
    // Another file of the same name is another file.
    refused(&mut inbox);
    std::fs::remove_file(inbox.path("a.pdf")).expect("it is there");
    inbox.says(
        "a.pdf",
        "gone: it could not be taken: operation not permitted",
    );
}

#[test]
fn a_file_that_could_not_be_taken_comes_again() {
    let mut inbox = Inbox::online(quick(), |_| {});
    inbox.drop_in("a.pdf", PDF);
    for _ in 0..3 {
        let arrival = inbox.arrives("a.pdf");
        let reason = "no permission".to_owned();
        let decline = Decline::Later { reason };
        inbox.watcher.declined("scan", &arrival.path, decline);
    }
    inbox.arrives("a.pdf");
}

/// A folder that cannot be used any more is told as such at the first refusal, and offers nothing until it can.
#[test]
fn a_refusal_by_a_folder_that_cannot_be_used_blocks_it() {
    let mut options = quick();
    options.scan_reported = ms(3_600_000);
    options.scan_polled = ms(3_600_000);
    let mut inbox = Inbox::online(options, |_| {});
    inbox.drop_in("a.pdf", PDF);
    let arrival = inbox.arrives("a.pdf");
    let aside = inbox.root().with_extension("aside");
    std::fs::rename(inbox.root(), &aside).expect("renamable");
    std::fs::write(inbox.root(), b"a file").expect("writable");
    let reason = "read-only file system".to_owned();
    let decline = Decline::Later { reason };
    inbox.watcher.declined("scan", &arrival.path, decline);
    let reason = inbox.until("blocked", |update| match update {
        WatchUpdate::Folder {
            what: WatchEvent::Blocked { reason, .. },
            ..
        } => Some(reason),
        _ => None,
    });
    assert!(reason.contains("is not a folder"), "{reason}");
    std::fs::remove_file(inbox.root()).expect("removable");
    std::fs::rename(&aside, inbox.root()).expect("renamable");
    inbox.arrives("a.pdf");
}

#[test]
fn an_offered_file_that_changes_is_offered_anew() {
    let mut inbox = Inbox::online(quick(), |_| {});
    inbox.drop_in("a.pdf", PDF);
    let first = inbox.arrives("a.pdf");
    inbox.drop_in("a.pdf", PDF);
    let second = inbox.arrives("a.pdf");
    assert_ne!(first.identity, second.identity);
}

#[test]
fn an_empty_file_waits_and_is_reported_when_it_takes_long() {
    let mut options = quick();
    options.settling.incomplete = ms(100);
    let mut inbox = Inbox::online(options, |_| {});
    inbox.drop_in("a.pdf", b"");
    inbox.says("a.pdf", "settling: it is empty");
    inbox.says("a.pdf", "incomplete: it is empty");
    assert!(
        inbox
            .explain("a.pdf")
            .contains("it is empty (0 bytes) so far")
    );
    inbox.write("a.pdf", PDF);
    inbox.arrives("a.pdf");
}

#[test]
fn garbage_and_damaged_files_arrive_in_the_end() {
    let mut inbox = Inbox::online(quick(), |_| {});
    inbox.drop_in("garbage.pdf", b"this is no PDF");
    inbox.says("garbage.pdf", "`%PDF-` is missing");
    inbox.arrives("garbage.pdf");
    inbox.drop_in("cut.pdf", &PDF[..20]);
    inbox.says("cut.pdf", "its end (`%%EOF`) is missing");
    inbox.arrives("cut.pdf");
}

#[test]
fn a_pdf_that_is_written_slowly_arrives_whole() {
    use std::io::Write as _;
    let mut inbox = Inbox::online(quick(), |folder| folder.spec.quiet = Some(Duration::ZERO));
    let mut file = std::fs::File::create(inbox.path("slow.pdf")).expect("makeable");
    file.write_all(&PDF[..20]).expect("writable");
    inbox.says("slow.pdf", "settling: ");
    // It looks whole for a moment, but its writer has not closed it.
    file.write_all(&PDF[20..]).expect("writable");
    inbox.settle_down();
    assert!(inbox.explain("slow.pdf").contains("open for writing"));
    file.write_all(PDF).expect("writable");
    drop(file);
    assert_eq!(
        inbox.arrives("slow.pdf").identity.size,
        2 * PDF.len() as u64
    );
}

#[test]
fn a_done_file_is_waited_for_and_goes_with_its_file() {
    let mut inbox = Inbox::online(quick(), |folder| {
        folder.spec.done_file = Some("{name}.ok".into())
    });
    inbox.drop_in("a.pdf", PDF);
    inbox.says("a.pdf", "marks it as complete");
    inbox.write("a.pdf.OK", b"");
    let why = inbox.explain("a.pdf");
    assert!(why.contains("it is called `a.pdf.ok`"), "{why}");
    inbox.write("a.pdf.ok", b"");
    let arrival = inbox.arrives("a.pdf");
    inbox.take(&arrival);
    inbox.drop_in("b.pdf", PDF);
    inbox.said("b.pdf");
    assert!(!inbox.path("a.pdf.ok").exists());
}

#[test]
fn files_that_leave_before_they_settle_are_told() {
    let mut inbox = Inbox::online(quick(), |_| {});
    inbox.write("a.pdf", b"");
    inbox.said("a.pdf");
    std::fs::remove_file(inbox.path("a.pdf")).expect("removable");
    inbox.says("a.pdf", "gone: it was waited for: it is empty");
    inbox.write("b.txt", b"");
    inbox.says("b.txt", "ignored: ");
    std::fs::remove_file(inbox.path("b.txt")).expect("removable");
    inbox.says("b.txt", "gone: it was ignored: ");
}

#[test]
fn what_has_become_a_job_is_not_gone() {
    let mut inbox = Inbox::online(quick(), |_| {});
    inbox.write("a.pdf", b"");
    inbox.said("a.pdf");
    inbox.write("a.pdf", PDF);
    let arrival = inbox.arrives("a.pdf");
    // It has left before the watch is told that it was taken.
    std::fs::rename(&arrival.path, inbox.temp.path().join("taken")).expect("it is there");
    inbox.drop_in("later.pdf", PDF);
    let mut gone = false;
    inbox.until("another one", |update| match update {
        WatchUpdate::File {
            what: FileEvent::Gone { .. },
            ..
        } => {
            gone = true;
            None
        }
        WatchUpdate::Arrival(arrival) => arrival.path.ends_with("later.pdf").then_some(()),
        _ => None,
    });
    assert!(!gone);
}

#[test]
fn a_change_of_what_lies_there_changes_the_number_of_changes_and_a_look_does_not() {
    let mut inbox = Inbox::online(quick(), |_| {});
    let changes = |inbox: &Inbox| inbox.watcher.status()[0].changes;
    inbox.write("a.txt", b"");
    inbox.says("a.txt", "ignored: ");
    inbox.status(|status| status.files_ignored == 1);
    let there = changes(&inbox);
    let scanned = inbox.watcher.status()[0].last_scan;
    // Scans are told apart by the millisecond.
    std::thread::sleep(ms(2));
    inbox.watcher.scan("scan");
    inbox.status(|status| status.last_scan != scanned);
    assert_eq!(changes(&inbox), there, "a scan that found nothing new");
    std::fs::remove_file(inbox.path("a.txt")).expect("removable");
    inbox.status(|status| status.files_ignored == 0);
    assert_ne!(changes(&inbox), there);
}

/// An inbox in which these files lay before the start, and what was told of each of them by then.
fn after_a_restart(
    told: &'static [(&'static str, &'static [u8], &'static str)],
    later: i64,
) -> Inbox {
    let mut options = quick();
    options.settling.truncated = ms(20_000);
    options.settling.incomplete = ms(100);
    let mut inbox = Inbox::new(options, |_| {});
    for (name, content, _) in told {
        inbox.write(name, content);
    }
    let at = crate::time::Timestamp(crate::time::Timestamp::now().0 + later);
    inbox.remembers(Earlier::new(move |path| {
        let (_, _, reason) = told.iter().find(|(name, ..)| path.ends_with(name))?;
        let reason = (*reason).to_owned();
        Some((at, FileEvent::Settling { reason }))
    }));
    inbox.watch();
    inbox
}

const EMPTY: &str = "it is empty (0 bytes) so far and is taken once it has content; if nobody is writing it, copy it again or delete it";

#[test]
fn what_an_earlier_life_told_is_not_told_again() {
    let mut inbox = after_a_restart(
        &[("a.pdf", b"", EMPTY), ("b.pdf", b"", "something else")],
        0,
    );
    inbox.says("b.pdf", "settling: it is empty");
    // It waits longer than ever before: that is news, once.
    let mut said = Vec::new();
    while said.len() < 2 {
        said.push(inbox.until("a word", |update| match update {
            WatchUpdate::File { path, what, .. } => Some((path, what)),
            _ => None,
        }));
    }
    assert!(
        said.iter()
            .all(|(_, what)| matches!(what, FileEvent::Incomplete { .. })),
        "{said:?}"
    );
}

#[test]
fn what_was_told_before_a_file_changed_does_not_count() {
    let mut inbox = after_a_restart(&[("a.pdf", b"", EMPTY)], -60_000);
    inbox.says("a.pdf", "settling: it is empty");
}
