//! A really full disk: the reserve carries the journal on, then units are refused, and nothing is lost.

use super::sample::*;
use crate::event::{DaemonEvent, Draft, Event};
use crate::store::Store;
use crate::store::config::Config;
use crate::store::error::Error;
use crate::store::query::EventQuery;
use std::io::Write as _;
use std::process::Command;

const FOLDER: &str = "DROPLEAF_TEST_FULL_FOLDER";
const CHILD: &str = "store::tests::full::child_fills_its_disk";

/// The child's part, on a small file system of its own.
#[test]
fn child_fills_its_disk() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let folder = std::path::PathBuf::from(folder);
    let config = Config {
        ballast: 2 * 1024 * 1024,
        ..Config::new(folder.join("state"))
    };
    let (store, _) = Store::open(&config, Box::new(|_| {})).expect("the journal opens");
    assert!(store.health().reserve);
    let filler = folder.join("filler");
    fill(&filler);
    runtime().block_on(async {
        let mut taken = 0;
        let error = loop {
            match store.append(noise()).await {
                Ok(_) => taken += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(error, Error::Full), "{error}");
        assert!(taken > 50, "the reserve carried {taken} units");
        assert!(!store.health().reserve && !store.health().broken);
        assert_eq!(count(&store).await, taken, "reads go on");
        std::fs::remove_file(&filler).expect("space again");
        store.append(noise()).await.expect("it goes on");
        store.close().await;
    });
    let told = std::io::stdout().write_all(b"full and well\n");
    told.expect("the parent listens");
}

fn fill(path: &std::path::Path) {
    let mut file = std::fs::File::create(path).expect("created");
    let block = [0; 4_096];
    while file.write_all(&block).is_ok() {}
}

fn noise() -> Vec<Draft> {
    let version = "x".repeat(8_000);
    vec![at(1, Event::Daemon(DaemonEvent::Started { version }))]
}

async fn count(store: &Store) -> usize {
    let query = EventQuery {
        limit: 1_000_000,
        ..Default::default()
    };
    store.events(query).await.expect("read").len()
}

#[test]
fn a_full_disk_is_survived_on_the_reserve() {
    let folder = folder();
    let script = format!(
        "mount -t tmpfs -o size=16m tmpfs '{0}' && echo mounted && exec \"$1\" --exact {CHILD} --nocapture",
        folder.path().display()
    );
    let ran = Command::new("unshare")
        .args([
            "--user",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            &script,
            "sh",
        ])
        .arg(std::env::current_exe().expect("this test"))
        .env(FOLDER, folder.path())
        .output();
    let Ok(ran) = ran else {
        // No `unshare` here; `a_full_journal_refuses_units_and_takes_them_again_later` has the rest.
        return;
    };
    let out = String::from_utf8_lossy(&ran.stdout);
    if !out.contains("mounted") {
        // The kernel gives no file system of our own to this user.
        return;
    }
    assert!(
        out.contains("full and well"),
        "{out}\n{}",
        String::from_utf8_lossy(&ran.stderr)
    );
}
