//! Folders below watched folders and outboxes that somebody who may write there swaps for links.

use crate::PROGRAM;
use dropleaf_test_support::daemon::TestHome;
use dropleaf_test_support::folder::{files, wait_until};
use dropleaf_test_support::sample;
use rustix::fs::{CWD, RenameFlags};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const RECURSIVE: &str =
    "watch: { folder: inbox/p, quiet: 0s, recursive: true }\nsteps: [{ uses: reverse }]\n";

fn exchange(one: &Path, other: &Path) {
    rustix::fs::renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).expect("both are there");
}

/// Puts a link to `outside` in the place of a folder.
fn swap(folder: &Path, outside: &Path) {
    let link = folder.with_extension("link");
    symlink(outside, &link).expect("links are possible");
    exchange(folder, &link);
}

#[test]
fn a_folder_that_is_swapped_for_a_link_again_and_again_leads_nobody_out() {
    const FILES: usize = 60;
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", RECURSIVE);
    let (ours, secret) = (sample::pdf(1), sample::pdf(3));
    let name = |number: usize| format!("{number}.pdf");
    for number in 0..FILES {
        home.write(&format!("secret/{}", name(number)), &secret);
    }
    let before = files(&home.path("secret"));
    let (folder, link) = (home.path("inbox/p/sub"), home.path("inbox/p/.link"));
    std::fs::create_dir_all(&folder).expect("makeable");
    symlink(home.path("secret"), &link).expect("links are possible");
    let daemon = home.serve();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let swapping = scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                exchange(&folder, &link);
            }
            if folder.is_symlink() {
                exchange(&folder, &link);
            }
        });
        let end = Instant::now() + Duration::from_secs(2);
        for number in 0..FILES {
            let file = if folder.is_symlink() { &link } else { &folder };
            // Behind either name there may be the folder of secrets by now: only what is not there yet is written.
            let mut options = std::fs::File::options();
            if let Ok(mut file) = options
                .write(true)
                .create_new(true)
                .open(file.join(format!("own-{number}.pdf")))
            {
                std::io::Write::write_all(&mut file, &ours).expect("writable");
            }
            daemon.post("/pipelines/p/scan", b"");
            std::thread::sleep(Duration::from_millis(20));
        }
        while Instant::now() < end {
            daemon.post("/pipelines/p/scan", b"");
            std::thread::sleep(Duration::from_millis(20));
        }
        over.store(true, Ordering::Relaxed);
        swapping.join().expect("it swapped");
    });
    // What the test itself wrote to the wrong side, as any user may, is not the daemon's.
    let left: Vec<PathBuf> = files(&home.path("secret"));
    let theirs = |path: &&PathBuf| !path.to_string_lossy().contains("own-");
    let left: Vec<&PathBuf> = left.iter().filter(theirs).collect();
    assert_eq!(
        left,
        before.iter().collect::<Vec<_>>(),
        "all secrets lie where they lay"
    );
    home.drop_file("inbox/p/sub", "last.pdf", &ours);
    daemon.post("/pipelines/p/scan", b"");
    let archive = home.path("archive/p/sub");
    wait_until("the last file to go through", || {
        archive.join("last.pdf").is_file() && !folder.join("last.pdf").exists()
    });
    for file in files(&home.path("archive/p")) {
        let content = std::fs::read(home.path("archive/p").join(&file)).expect("readable");
        assert!(content == ours, "{} came out", file.display());
    }
}

#[test]
fn what_lies_behind_a_link_is_not_served_fetched_or_written() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", RECURSIVE);
    home.write("inbox/p/sub/.keep", "");
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    home.drop_file("inbox/p/sub", "a.pdf", sample::pdf(1));
    let done = feed.until_named("job.succeeded");
    let job = done.data["job"].as_str().expect("a job").to_owned();
    let paths = [
        format!("/jobs/{job}/artifacts/a.pdf"),
        format!("/jobs/{job}/input"),
    ];
    let asked = || paths.each_ref().map(|path| daemon.bytes(path).0);
    assert_eq!(asked(), [200, 200]);
    // Another file of the name and the size.
    for (folder, outside) in [("outbox/p/sub", "one"), ("archive/p/sub", "other")] {
        let content = std::fs::read(home.path(folder).join("a.pdf")).expect("delivered");
        home.write(&format!("{outside}/a.pdf"), content);
        swap(&home.path(folder), &home.path(outside));
    }
    assert_eq!(asked(), [410, 410]);
    let restored = daemon.post(&format!("/jobs/{job}/restore"), b"");
    assert_eq!(restored.status, 409, "{}", restored.body);
    // A link that stays inside is as good as a folder.
    for folder in ["outbox/p/sub", "archive/p/sub"] {
        std::fs::remove_file(home.path(folder)).expect("our link");
        symlink("sub.link", home.path(folder)).expect("links are possible");
    }
    assert_eq!(asked(), [200, 200]);
    std::fs::create_dir(home.path("third")).expect("makeable");
    swap(&home.path("inbox/p/sub"), &home.path("third"));
    let restored = daemon.post(&format!("/jobs/{job}/restore"), b"");
    assert_eq!(restored.status, 409, "{}", restored.body);
    assert!(
        restored.body.to_string().contains("symbolic link"),
        "{}",
        restored.body
    );
    assert!(files(&home.path("third")).is_empty());
    // A result may be worked on where it lies; an original is itself or is gone.
    home.write("outbox/p/sub.link/a.pdf", "another");
    home.write("archive/p/sub.link/a.pdf", "another");
    assert_eq!(asked(), [200, 410]);
}

#[test]
fn an_original_that_is_kept_waits_for_its_folder() {
    let home = TestHome::new(PROGRAM);
    home.pipeline(
        "p",
        "watch: { folder: inbox/p, quiet: 0s, recursive: true }\noriginal: keep\nsteps: [{ uses: reverse }]\n",
    );
    std::fs::create_dir(home.path("outside")).expect("makeable");
    home.drop_file("inbox/p/sub", "a.pdf", sample::pdf(1));
    let _daemon = home.serve();
    // It is taken, and its folder is another thing before it comes back.
    let inbox = home.path("inbox/p/sub");
    wait_until("the claim", || !inbox.join("a.pdf").exists());
    swap(&inbox, &home.path("outside"));
    let back = home.path("inbox/p/sub.link/a.pdf");
    // Outputs go before the original.
    wait_until("the output", || home.path("outbox/p/sub/a.pdf").is_file());
    std::thread::sleep(Duration::from_millis(300));
    assert!(files(&home.path("outside")).is_empty());
    if !back.exists() {
        exchange(&inbox, &home.path("inbox/p/sub.link"));
        wait_until("the original", || inbox.join("a.pdf").is_file());
    }
}
