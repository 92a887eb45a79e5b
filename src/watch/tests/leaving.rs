//! Files that are to be left where they lie, and how long that is remembered.

use super::*;

/// The files of which it was told that they need not be remembered any more.
fn forgotten(updates: &mut mpsc::Receiver<WatchUpdate>) -> Vec<PathBuf> {
    let mut all = Vec::new();
    while let Ok(update) = updates.try_recv() {
        if let WatchUpdate::Forgotten { relative, .. } = update {
            all.push(relative.0);
        }
    }
    all
}

#[test]
fn a_file_that_is_to_be_left_is_forgotten_only_when_it_is_gone_or_another() {
    let mut inbox = Inbox::new(quick(), |folder| {
        folder.first_seen = false;
        folder.spec.recursive = true;
    });
    std::fs::create_dir(inbox.path("sub")).expect("makeable");
    for name in ["sub/deep.pdf", "gone.pdf", "replaced.pdf", "job.pdf"] {
        inbox.write(name, PDF);
        let found = std::fs::metadata(inbox.path(name)).expect("there");
        let known = (RawPath::from(Path::new(name)), Identity::of(&found));
        inbox.folder.known.push(known);
    }
    let known = inbox.folder.known.clone();
    let (mut folder, mut updates) = by_hand(inbox.folder.clone(), quick());
    folder.scan_everything();
    // Not looked into for a while, and away for a while: there all the same.
    folder.folder.spec.recursive = false;
    folder.scan_everything();
    folder.folder.spec.recursive = true;
    let away = inbox.temp.path().join("away");
    std::fs::rename(inbox.root(), &away).expect("renamable");
    folder.scan_everything();
    std::fs::rename(&away, inbox.root()).expect("renamable");
    folder.scan_everything();
    assert_eq!(forgotten(&mut updates), [""; 0].map(PathBuf::from));
    assert_eq!(folder.known.len(), known.len());
    // A job's original leaves, and is to be left when it is back: its leaving is seen late.
    let identity = known[3].1.into();
    let entry = folder.tree.entry_mut(Path::new("job.pdf"));
    entry.expect("it was seen").stand = tree::Stand::Taken { identity };
    std::fs::rename(inbox.path("job.pdf"), &away).expect("renamable");
    std::fs::remove_file(inbox.path("gone.pdf")).expect("removable");
    inbox.drop_in("replaced.pdf", b"%PDF-1.7 another one");
    folder.scan_everything();
    let mut all = forgotten(&mut updates);
    all.sort();
    assert_eq!(all, ["gone.pdf", "replaced.pdf"].map(PathBuf::from));
    std::fs::rename(&away, inbox.path("job.pdf")).expect("renamable");
    folder.scan_everything();
    assert!(
        inbox.path("job.pdf").exists() && folder.known.contains_key(Path::new("job.pdf")),
        "it is left"
    );
    std::fs::remove_dir_all(inbox.path("sub")).expect("removable");
    folder.scan_everything();
    assert_eq!(forgotten(&mut updates), [PathBuf::from("sub/deep.pdf")]);
}

#[test]
fn a_copy_that_takes_the_place_of_what_was_taken_is_left_if_it_is_known() {
    for stand in 0..3 {
        let inbox = Inbox::new(quick(), |folder| folder.first_seen = false);
        inbox.write("kept.pdf", PDF);
        let (mut folder, mut updates) = by_hand(inbox.folder.clone(), quick());
        folder.scan_everything();
        let file = Path::new("kept.pdf");
        let before = Identity::of(&std::fs::metadata(inbox.path("kept.pdf")).expect("there"));
        let entry = folder.tree.entry_mut(file).expect("it was seen");
        let identity = before.into();
        entry.stand = match stand {
            0 => tree::Stand::Taken { identity },
            1 => tree::Stand::Settled {
                identity,
                declined: 0,
            },
            _ => tree::Stand::Left(Box::new(tree::Left {
                identity,
                reason: "its like was".into(),
            })),
        };
        // A delivery to another device: a copy gets the name, and the original goes.
        inbox.write("copy.tmp", PDF);
        let copy = Identity::of(&std::fs::metadata(inbox.path("copy.tmp")).expect("there"));
        assert_ne!(copy.inode, before.inode);
        folder.known.insert(file.to_path_buf(), copy);
        std::fs::rename(inbox.path("copy.tmp"), inbox.path("kept.pdf")).expect("renamable");
        folder.scan_everything();
        let entry = folder.tree.entry(file).expect("it is there");
        assert!(matches!(entry.stand, tree::Stand::Left(_)), "{stand}");
        assert_eq!(forgotten(&mut updates), [""; 0].map(PathBuf::from));
    }
}

#[test]
fn a_restored_copy_of_what_was_left_is_left_and_another_content_is_not() {
    let mut inbox = Inbox::new(quick(), |folder| folder.first_seen = false);
    let kept = blake3::hash(PDF).to_hex().to_string();
    for name in ["same.pdf", "other.pdf", "unread.pdf"] {
        inbox.write(name, PDF);
        let found = Identity::of(&std::fs::metadata(inbox.path(name)).expect("there"));
        // A copy has another inode.
        let known = Identity {
            inode: found.inode + 1_000_000,
            ctime_ns: 0,
            ..found
        };
        inbox
            .folder
            .known
            .push((RawPath::from(Path::new(name)), known));
    }
    let contents = &mut inbox.folder.contents;
    contents.insert("same.pdf".into(), kept);
    contents.insert("other.pdf".into(), "cd".repeat(32));
    let (mut folder, mut updates) = by_hand(inbox.folder.clone(), quick());
    folder.scan_everything();
    let is_left = |name: &str| {
        let entry = folder.tree.entry(Path::new(name)).expect("it was seen");
        matches!(entry.stand, tree::Stand::Left(_))
    };
    assert_eq!(
        ["same.pdf", "other.pdf", "unread.pdf"].map(is_left),
        [true, false, false]
    );
    let (mut copied, mut gone) = (Vec::new(), Vec::new());
    while let Ok(update) = updates.try_recv() {
        match update {
            WatchUpdate::Copied {
                relative, identity, ..
            } => {
                let now = std::fs::metadata(inbox.path("same.pdf")).expect("there");
                assert_eq!(identity, Identity::of(&now));
                copied.push(relative.0);
            }
            WatchUpdate::Forgotten { relative, .. } => gone.push(relative.0),
            _ => {}
        }
    }
    gone.sort();
    assert_eq!(copied, [PathBuf::from("same.pdf")]);
    assert_eq!(gone, ["other.pdf", "unread.pdf"].map(PathBuf::from));
}

#[test]
fn explain_follows_the_chain_of_decisions() {
    let mut inbox = Inbox::online(quick(), |folder| {
        folder.spec.quiet = Some(Duration::from_secs(3600))
    });
    inbox.drop_in("a.pdf", PDF);
    inbox.says("a.pdf", "has to rest for 3600 s");
    let chain = inbox
        .runtime
        .block_on(inbox.watcher.explain(inbox.path("a.pdf"), "scan", None));
    let ok: Vec<_> = chain.iter().map(|link| link.ok).collect();
    assert_eq!(ok, [true, true, true, true, false], "{chain:#?}");
    assert!(chain[3].text.contains("seen by an event"), "{chain:#?}");
    assert!(inbox.explain("none.pdf").contains("no such file"));
    assert!(inbox.explain("a.txt").contains("no such file"));
    let elsewhere = Path::new("/elsewhere/a.pdf");
    assert_eq!(inbox.watcher.owner(elsewhere), None);
    let said = inbox.watcher.nobody_watches(elsewhere).text;
    assert!(said.contains("in no watched folder; watched are"), "{said}");
    let folders = (0..7).map(|number| {
        let mut folder = inbox.folder.clone();
        folder.pipeline = format!("scan-{number}");
        folder.spec.folder = inbox.path(&format!("{number}"));
        folder
    });
    inbox.watcher.set(folders.collect());
    let said = inbox.watcher.nobody_watches(elsewhere).text;
    assert!(said.ends_with("/4`, and 2 more"), "{said}");
    let nobody = inbox.runtime.block_on(inbox.watcher.files("nobody", 1));
    assert!(nobody.is_none());
}
