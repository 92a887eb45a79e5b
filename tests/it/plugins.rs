//! Plugins come and go while the daemon runs; what they do wrong costs their own job and nothing else.

mod rows;

use crate::PROGRAM;
use dropleaf_test_support::daemon::TestHome;
use dropleaf_test_support::folder::wait_until;
use dropleaf_test_support::process::children;
use dropleaf_test_support::{plugins, sample};
use std::process::Command;

/// Builds a C file against the header alone; false where the machine has no C compiler.
pub(crate) fn compile(home: &TestHome, source: &str, library: &str) -> bool {
    let root = plugins::workspace();
    let mut compiler = Command::new("cc");
    compiler
        .args([
            "-std=c99", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-I",
        ])
        .arg(root.join("include"))
        .arg("-o")
        .arg(home.path(library))
        .arg(root.join(source));
    let Ok(status) = compiler.status() else {
        return false;
    };
    assert!(status.success(), "{source} compiles");
    true
}

#[test]
fn a_plugin_written_in_c_counts_as_soon_as_it_is_dropped_in() {
    let home = TestHome::new(PROGRAM);
    let yaml = "watch: { folder: inbox/wide, quiet: 0s }\nsteps:\n  - uses: add-margin\n    with: { points: 36 }\n";
    home.pipeline("wide", yaml);
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    assert_eq!(
        daemon.get("/pipelines/wide").body["faults"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    let source = "examples/c-plugin/add_margin.c";
    if !compile(&home, source, "plugins/add_margin.so") {
        return;
    }
    feed.until_named("pipeline.loaded");
    let listed = daemon.get("/plugins").body;
    let files: Vec<&str> = listed["plugins"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|plugin| plugin["file"].as_str())
        .collect();
    let dropped = home.path("plugins/add_margin.so");
    assert!(
        files.iter().any(|file| dropped.ends_with(file)),
        "where it came from, not where its copy lies: {files:?}"
    );
    home.drop_file("inbox/wide", "a.pdf", sample::pdf(2));
    feed.until_named("job.succeeded");
    assert!(home.path("outbox/wide/a.pdf").is_file());
}

#[test]
fn a_library_that_cannot_be_loaded_is_listed_with_its_reason() {
    let home = TestHome::new(PROGRAM);
    home.write("plugins/broken.so", b"\x7fELF but not really");
    let daemon = home.serve();
    let listed = daemon.get("/plugins").body.to_string();
    assert!(listed.contains("broken.so"), "{listed}");
}

/// A plain `cp` over a plugin that pauses in the middle, across a restart, while files come.
#[test]
fn a_plugin_that_is_cut_off_costs_no_file() {
    let home = TestHome::new(PROGRAM);
    home.pipeline(
        "p",
        "watch: { folder: inbox/p, quiet: 0s }\nsteps: [{ uses: reverse }]\n",
    );
    // The file there may be a link to the one that was built.
    let library = plugins::library("pages");
    let file = home
        .path("plugins")
        .join(library.file_name().expect("a name"));
    let whole = std::fs::read(&library).expect("read");
    std::fs::remove_file(&file).expect("removed");
    std::fs::write(&file, &whole).expect("written");
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    std::fs::write(&file, &whole[..whole.len() / 3]).expect("cut off");
    let broken = feed.until_named("plugin.failed");
    let reason = broken.data["reason"].to_string();
    assert!(reason.contains("the last good build"), "{reason}");
    home.drop_file("inbox/p", "a.pdf", sample::pdf(2));
    assert_eq!(feed.until_named("job.succeeded").data["name"], "a.pdf");
    let listed = daemon.get("/plugins").body["broken"].to_string();
    assert!(listed.contains("goes on"), "{listed}");
    let (_, status, _) = home.run(&["status"]);
    assert!(!status.contains("fault"), "{status}");
    let (_, _, noted) = home.run(&["plugins"]);
    assert!(noted.contains("goes on"), "{noted}");
    assert!(daemon.stop().success());
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    home.drop_file("inbox/p", "b.pdf", sample::pdf(2));
    assert_eq!(feed.until_named("job.succeeded").data["name"], "b.pdf");
    std::fs::write(&file, &whole).expect("written");
    wait_until("the plugin is whole again", || {
        daemon.get("/plugins").body["broken"]
            .as_array()
            .is_some_and(Vec::is_empty)
    });
    std::fs::remove_file(&file).expect("removed");
    wait_until("the truth about what goes on", || {
        home.run(&["status"]).1.contains("its files fail")
    });
}

/// A worker that is killed by somebody else while it loads a plugin is no word against the plugin.
#[test]
fn a_plugin_whose_first_look_was_killed_is_looked_at_again() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root sees what a worker has loaded");
        return;
    }
    let home = TestHome::new(PROGRAM);
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    let example = plugins::workspace().join("examples/c-plugin/add_margin.c");
    let slow = format!(
        "#define _GNU_SOURCE\n#include <unistd.h>\n__attribute__((constructor)) static void slow(void) {{ usleep(1500000); }}\n#include \"{}\"\n",
        example.display()
    );
    home.write("slow.c", slow);
    if !compile(&home, &home.path("slow.c").to_string_lossy(), "slow.so") {
        return;
    }
    let library = std::fs::read(home.path("slow.so")).expect("it was compiled");
    home.drop_file("plugins", "slow.so", library);
    let loads = |worker: &u32| {
        let maps = std::fs::read_to_string(format!("/proc/{worker}/maps"));
        maps.is_ok_and(|maps| maps.contains("state/plugins/"))
    };
    let mut victim = None;
    wait_until("the first look", || {
        victim = children(daemon.pid()).into_iter().find(loads);
        victim.is_some()
    });
    let victim = rustix::process::Pid::from_raw(victim.unwrap_or_default().cast_signed());
    let victim = victim.expect("a process");
    rustix::process::kill_process(victim, rustix::process::Signal::KILL).expect("killable");
    // Those that came with the program may still be told.
    feed.until(|event| event.name == "plugin.loaded" && event.data["plugin"] == "margins");
}

#[test]
fn a_plugin_that_prints_a_lot_while_it_is_looked_at_is_not_held_up() {
    let home = TestHome::new(PROGRAM);
    let example = plugins::workspace().join("examples/c-plugin/add_margin.c");
    let source = format!(
        "#include \"{}\"\n#include <stdio.h>\n\
         __attribute__((constructor)) static void loud(void) {{\n\
           for (int i = 0; i < 200000; i++) putchar(i % 100 ? '.' : '\\n');\n}}\n",
        example.display()
    );
    home.write("loud.c", source.as_bytes());
    let source = home.path("loud.c");
    if !compile(&home, &source.to_string_lossy(), "plugins/loud.so") {
        return;
    }
    let listed = Command::new(PROGRAM)
        .arg("--home")
        .arg(home.path(""))
        .arg("plugins")
        .output()
        .expect("it ran");
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.contains("add-margin"), "{listed}");
    assert!(!listed.contains("cannot be used"), "{listed}");
}
