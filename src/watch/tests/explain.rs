//! What `explain` says of files that the events and scans so far have told nothing of.

use super::*;

/// The last thing that is said of a file.
fn says(folder: &Reconciler, path: &Path) -> String {
    let last = folder.explain(path, None).pop();
    last.map_or_else(String::new, |link| link.text)
}

#[test]
fn what_lies_below_a_link_is_not_waited_for() {
    let inbox = Inbox::new(quick(), |folder| folder.spec.recursive = true);
    let elsewhere = inbox.temp.path().join("elsewhere");
    for made in [&elsewhere, &inbox.path("sub")] {
        std::fs::create_dir(made).expect("makeable");
    }
    symlink(&elsewhere, inbox.path("sub/link")).expect("links are possible");
    inbox.write("sub/link/a.pdf", PDF);
    let (mut folder, _updates) = by_hand(inbox.folder.clone(), quick());
    folder.scan_everything();
    let said = says(&folder, &inbox.path("sub/link/a.pdf"));
    assert!(
        said.contains("`sub/link`") && said.contains("links are not followed"),
        "{said}"
    );
}

#[test]
fn an_original_that_was_put_back_is_left_before_it_is_seen() {
    let inbox = Inbox::new(quick(), |_| {});
    let (mut folder, _updates) = by_hand(inbox.folder.clone(), quick());
    folder.scan_everything();
    inbox.write("kept.pdf", PDF);
    let found = std::fs::metadata(inbox.path("kept.pdf")).expect("there");
    let name = PathBuf::from("kept.pdf");
    folder.known.insert(name, Identity::of(&found));
    let said = says(&folder, &inbox.path("kept.pdf"));
    assert!(said.contains("dealt with before"), "{said}");
    inbox.write("kept.pdf", b"%PDF-1.7 another one");
    let said = says(&folder, &inbox.path("kept.pdf"));
    assert!(said.contains("not been seen yet"), "{said}");
}

#[test]
fn of_a_polled_folder_the_next_poll_is_told() {
    let inbox = Inbox::new(quick(), |folder| folder.spec.polling = Some(true));
    let options = Options {
        scan_polled: ms(5_000),
        ..quick()
    };
    let (mut folder, _updates) = by_hand(inbox.folder.clone(), options);
    folder.scan_everything();
    inbox.write("new.pdf", PDF);
    let said = says(&folder, &inbox.path("new.pdf"));
    assert!(said.contains("the next scan is in"), "{said}");
}

#[test]
fn while_no_files_are_taken_the_reason_is_told() {
    let inbox = Inbox::new(quick(), |folder| folder.spec.quiet = Some(Duration::ZERO));
    inbox.write("a.pdf", PDF);
    let (mut folder, mut updates) = by_hand(inbox.folder.clone(), quick());
    folder.scan_everything();
    let path = inbox.path("a.pdf");
    let offered = |update| matches!(update, WatchUpdate::Arrival(_));
    assert!(std::iter::from_fn(|| updates.try_recv().ok()).any(offered));
    folder.declined(&path, Decline::Full);
    assert!(says(&folder, &path).contains("there was no room"));
    let low = "only 3 MiB are free at `/out`, fewer than 256 (`min_free_mb`)";
    let said = folder.explain(&path, Some(low)).pop();
    let said = said.map_or_else(String::new, |link| link.text);
    assert_eq!(
        said,
        format!("it has settled, but no new files are taken: {low}")
    );
}

#[test]
fn a_path_that_is_no_text_is_spelled_so_that_it_can_be_asked_for() {
    let inbox = Inbox::new(quick(), |_| {});
    let spelled = r"bytes:/elsewhere/inv\xff.pdf";
    let said = inbox.watcher.nobody_watches(&RawPath::decode(spelled).0);
    assert!(
        said.text.starts_with(&format!("`{spelled}` is in no")),
        "{}",
        said.text
    );
}
