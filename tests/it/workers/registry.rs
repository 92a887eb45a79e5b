//! Promise: a library dropped into the plugin folder serves new attempts, and one that is broken is listed with its reason.

#![expect(
    clippy::disallowed_methods,
    reason = "whoever puts a plugin there does not sync either"
)]

use crate::workers::bench::{Bench, built, compile};
use dropleaf::event::PluginEvent;
use dropleaf::registry::{Config, Registry, Snapshot};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

struct Plugins {
    bench: Bench,
    folder: PathBuf,
}

impl Plugins {
    fn new() -> Self {
        let bench = Bench::new();
        let folder = bench.home.path().join("plugins");
        fs::create_dir(&folder).expect("made");
        Self { bench, folder }
    }

    async fn start(&self) -> (Registry, mpsc::Receiver<PluginEvent>) {
        let mut config = Config::new(vec![self.folder.clone()], self.bench.store());
        config.tidy = true;
        config.settle = Duration::from_millis(100);
        Registry::start(config, self.bench.pool.clone())
            .await
            .expect("it starts")
    }
}

fn names(registry: &Registry) -> Vec<String> {
    let catalog = registry.catalog();
    catalog
        .plugins()
        .iter()
        .map(|plugin| plugin.manifest.name.clone())
        .collect()
}

async fn until(registry: &Registry, what: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
    let mut changes = registry.changes();
    let wait = changes.wait_for(|snapshot| what(snapshot));
    let found = tokio::time::timeout(Duration::from_secs(60), wait).await;
    Arc::clone(&found.expect("it comes").expect("the registry lives"))
}

#[tokio::test]
async fn plugins_are_there_after_the_start_and_told_as_news() {
    let plugins = Plugins::new();
    // A copy, not a link: other tests link to the same file, and each link changes its times.
    fs::copy(built("faulty"), plugins.folder.join("faulty.so")).expect("copied");
    compile("bad_manifest", &plugins.folder.join("bad.so"));
    fs::write(
        plugins.folder.join("text.so"),
        "no library, but long enough for a header",
    )
    .expect("written");
    let (registry, mut news) = plugins.start().await;
    assert_eq!(names(&registry), ["faulty"]);
    let catalog = registry.catalog();
    let faulty = &catalog.plugins()[0];
    assert_eq!(
        faulty.library,
        plugins.bench.store().join(format!("{}.so", faulty.blake3))
    );
    let broken = registry.broken();
    assert_eq!(broken.len(), 2, "{broken:?}");
    assert!(
        broken[0].reason.contains("manifest is not sound"),
        "{broken:?}"
    );
    assert!(broken[1].reason.contains("no ELF header"), "{broken:?}");
    let mut loaded = 0;
    for _ in 0..3 {
        loaded += usize::from(matches!(
            news.recv().await,
            Some(PluginEvent::Loaded { .. })
        ));
    }
    assert_eq!(loaded, 1);
    registry.close().await;
}

#[tokio::test]
async fn a_plugin_comes_changes_and_goes_while_the_daemon_runs() {
    let plugins = Plugins::new();
    let (registry, mut news) = plugins.start().await;
    assert!(names(&registry).is_empty());
    let file = plugins.folder.join("forge.so");
    compile("forged_handle", &file);
    let first = until(&registry, |now| !now.catalog.plugins().is_empty()).await;
    let first = first.catalog.plugins()[0].clone();
    assert!(
        matches!(news.recv().await, Some(PluginEvent::Loaded { name, .. }) if name == "forged-handle")
    );

    let next = plugins.bench.home.path().join("next.so");
    compile("other_thread", &next);
    fs::rename(&next, &file).expect("renamed");
    let second = until(&registry, |now| {
        now.catalog
            .plugins()
            .iter()
            .any(|plugin| plugin.manifest.name == "other-thread")
    })
    .await;
    assert_eq!(second.catalog.plugins().len(), 1);
    assert!(
        first.library.exists(),
        "those that run keep the copy they began with"
    );

    fs::remove_file(&file).expect("removed");
    until(&registry, |now| now.catalog.plugins().is_empty()).await;
    registry.close().await;
}

#[tokio::test]
async fn a_file_that_breaks_leaves_the_last_good_build_until_it_is_removed() {
    let plugins = Plugins::new();
    let file = plugins.folder.join("forge.so");
    compile("forged_handle", &file);
    let whole = fs::read(&file).expect("read");
    let (registry, mut news) = plugins.start().await;
    assert_eq!(names(&registry), ["forged-handle"]);
    let first = registry.now();
    // Written in place, and cut off.
    fs::write(&file, &whole[..whole.len() / 2]).expect("written");
    let broken = until(&registry, |now| !now.broken.is_empty()).await;
    assert_eq!(broken.catalog.plugins(), first.catalog.plugins());
    assert_eq!(broken.origins["forged-handle"], file);
    let reason = &broken.broken[0].reason;
    assert!(reason.contains("the last good build"), "{reason}");
    registry.close().await;
    // In the next life, too, and for those who only look.
    let (registry, _) = plugins.start().await;
    let now = registry.now();
    assert_eq!(now.catalog.plugins(), first.catalog.plugins());
    assert_eq!(now.broken, broken.broken);
    // A newer file with the same plugin counts more; gone, it leaves the build again.
    let twin = plugins.folder.join("twin.so");
    compile("forged_handle", &twin);
    let both = until(&registry, |now| {
        now.origins.values().any(|file| *file == twin)
    })
    .await;
    assert_eq!(both.broken.len(), 1, "{:?}", both.broken);
    assert!(
        !both.broken[0].reason.contains("goes on"),
        "{:?}",
        both.broken
    );
    fs::remove_file(&twin).expect("removed");
    until(&registry, |now| {
        now.origins.values().any(|path| *path == file)
    })
    .await;
    // Whole again, and another plugin.
    compile("other_thread", &plugins.bench.home.path().join("next.so"));
    fs::rename(plugins.bench.home.path().join("next.so"), &file).expect("renamed");
    let next = until(&registry, |now| now.broken.is_empty()).await;
    assert_eq!(next.catalog.plugins()[0].manifest.name, "other-thread");
    assert_eq!(next.catalog.plugins().len(), 1);
    fs::write(&file, "no library, but long enough for a header").expect("written");
    let broken = until(&registry, |now| !now.broken.is_empty()).await;
    assert_eq!(broken.catalog.plugins(), next.catalog.plugins());
    fs::remove_file(&file).expect("removed");
    let none = until(&registry, |now| now.catalog.plugins().is_empty()).await;
    assert!(none.broken.is_empty());
    let mut told = Vec::new();
    while let Ok(event) = news.try_recv() {
        told.push(event);
    }
    assert_eq!(told.len(), 2, "each is told once: {told:?}");
    registry.close().await;
}

#[tokio::test]
async fn of_two_files_with_one_plugin_the_newer_counts() {
    let plugins = Plugins::new();
    let (old, new) = (
        plugins.folder.join("a-new.so"),
        plugins.folder.join("b-old.so"),
    );
    compile("forged_handle", &old);
    fs::copy(&old, &new).expect("copied");
    let day = Duration::from_secs(86_400);
    let file = fs::File::options().append(true).open(&new).expect("opened");
    file.set_modified(std::time::SystemTime::now() - day)
        .expect("set");
    let (registry, _news) = plugins.start().await;
    assert_eq!(names(&registry), ["forged-handle"]);
    let broken = registry.broken();
    assert_eq!(broken.len(), 1);
    assert!(broken[0].file.0.ends_with("b-old.so"), "{broken:?}");
    assert!(
        broken[0].reason.contains("a-new.so` is newer"),
        "{broken:?}"
    );
}

#[tokio::test]
async fn a_library_that_kills_the_scanner_is_asked_once() {
    let plugins = Plugins::new();
    compile("constructor_abort", &plugins.folder.join("bomb.so"));
    let (registry, _news) = plugins.start().await;
    assert!(
        registry.broken()[0].reason.contains("signal 6"),
        "{:?}",
        registry.broken()
    );
    registry.close().await;
    // No worker can be started now, so what is known comes from the note beside the copy.
    let mut config = dropleaf::pool::Config::new(plugins.bench.store());
    config.executable = "/nonexistent/dropleaf".into();
    let pool = dropleaf::pool::Pool::start(config).expect("it starts");
    let config = Config::new(vec![plugins.folder.clone()], plugins.bench.store());
    let (again, _news) = Registry::start(config, pool).await.expect("it starts");
    assert!(
        again.broken()[0].reason.contains("signal 6"),
        "{:?}",
        again.broken()
    );
}

#[tokio::test]
async fn a_folder_that_others_can_write_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let plugins = Plugins::new();
    compile("forged_handle", &plugins.folder.join("forge.so"));
    fs::set_permissions(&plugins.folder, fs::Permissions::from_mode(0o777)).expect("set");
    let (registry, _news) = plugins.start().await;
    assert!(names(&registry).is_empty());
    assert!(
        registry.broken()[0]
            .reason
            .contains("can be written by others"),
        "{:?}",
        registry.broken()
    );
}
