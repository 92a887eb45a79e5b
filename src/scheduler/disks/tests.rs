use super::*;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Condvar, LazyLock};

/// How often the dead folder was asked, and whether it answers.
static ASKED: AtomicU32 = AtomicU32::new(0);
static ANSWERS: LazyLock<(Mutex<bool>, Condvar)> = LazyLock::new(Default::default);

/// Free space of two folders, of which one hangs until it is let go.
fn free(folder: &Path) -> Option<u64> {
    if folder.ends_with("dead") {
        ASKED.fetch_add(1, Ordering::Relaxed);
        let (answers, told) = &*ANSWERS;
        let held = answers.lock().expect("only here");
        let _answers = told
            .wait_while(held, |answers| !*answers)
            .expect("only here");
    }
    Some(7 << 20)
}

/// Lets the dead folder answer, also where the test ends early.
struct Answering;

impl Drop for Answering {
    fn drop(&mut self) {
        *ANSWERS.0.lock().expect("only here") = true;
        ANSWERS.1.notify_all();
    }
}

#[tokio::test]
async fn a_folder_that_hangs_is_asked_once_and_said_until_it_answers() {
    let (disks, answering) = (Disks::default(), Answering);
    let folders = [PathBuf::from("/dead"), PathBuf::from("/home")];
    disks.ask_by(&folders, free).await;
    assert_eq!(
        disks.free(&folders),
        BTreeMap::from([(folders[1].clone(), 7 << 20)])
    );
    assert_eq!(disks.silent(), [], "not yet");
    let mut news = disks.news();
    // Work that never ends is not waited for any longer then.
    let mut work = std::pin::pin!(std::future::pending::<()>());
    let silent = disks
        .patiently(&folders, &mut work)
        .await
        .expect_err("it is silent");
    assert_eq!(silent.folder, folders[0]);
    assert!(silent.since >= SILENCE);
    assert!(
        silent
            .to_string()
            .starts_with("`/dead` does not answer since ")
    );
    assert!(news.has_changed().expect("we hold it"));
    disks.ask_by(&folders, free).await;
    assert_eq!(
        ASKED.load(Ordering::Relaxed),
        1,
        "one thread, however often"
    );
    assert_eq!(disks.silent_of(&folders[1..]), None);
    news.mark_unchanged();
    drop(answering);
    news.changed().await.expect("we hold it");
    assert_eq!(disks.silent(), []);
    assert_eq!(disks.free(&folders).len(), 2);
}

#[tokio::test]
async fn the_first_disk_that_is_low_is_named() {
    let disks = Disks::default();
    let folders = [PathBuf::from("/a"), PathBuf::from("/b")];
    disks
        .ask_by(&folders, |folder| {
            Some(if folder.ends_with("a") {
                9 << 20
            } else {
                3 << 20
            })
        })
        .await;
    assert_eq!(disks.low(&folders, 3 << 20), None);
    let said = disks.low(&folders, 4 << 20).expect("one is low");
    assert_eq!(
        said.reason,
        "only 3 MiB are free at `/b`, fewer than 4 (`min_free_mb`)"
    );
}
