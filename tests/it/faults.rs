//! A power cut at any moment, a disk that fails at any operation, disks that fill up, names that nobody expects.

mod uploads;

use crate::PROGRAM;
use crate::input::places::{Disk, large};
use dropleaf_test_support::daemon::TestHome;
use dropleaf_test_support::folder::{files, wait_until};
use dropleaf_test_support::sample;
use dropleaf_test_support::torture::{errors, powercut};
use dropleaf_test_support::trace;
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

const PIPELINE: &str = "watch: { folder: inbox/p, quiet: 0s }\nsteps: [{ uses: reverse }]\n";

/// Whether this machine lets a test trace a process; said where it does not.
#[expect(clippy::print_stdout, reason = "the test runner shows it on demand")]
fn may_trace() -> bool {
    match trace::possible() {
        Ok(()) => true,
        Err(why) => {
            println!("skipped: {why}");
            false
        }
    }
}

fn plan(cuts: u32, seed: u64) -> powercut::Plan {
    powercut::Plan {
        program: PROGRAM.into(),
        cuts,
        seed,
        place: None,
        at_once: 1,
        syncs: powercut::Syncs::Kept,
        old_jobs: 0,
    }
}

#[test]
fn what_was_given_and_told_before_a_power_cut_is_there_after_it() {
    if !may_trace() {
        return;
    }
    let report = powercut::run(&plan(12, 1), &|_| ()).expect("the daemon starts");
    assert_eq!(report.faults, Vec::<String>::new());
    assert!(
        report.torn > 2 && report.files > 12 && report.told > 100,
        "{report:?}"
    );
}

#[test]
fn a_power_cut_while_the_journal_gives_pages_back_costs_nothing() {
    if !may_trace() {
        return;
    }
    let plan = powercut::Plan {
        old_jobs: 8_000,
        ..plan(6, 3)
    };
    let report = powercut::run(&plan, &|_| ()).expect("the daemon starts");
    assert_eq!(report.faults, Vec::<String>::new());
    assert!(report.given_back > 0, "{report:?}");
}

/// The counter-check: a disk that forgets what it was told to keep must be found out.
#[test]
fn a_disk_that_lies_about_syncs_is_found_out() {
    if !may_trace() {
        return;
    }
    let plan = powercut::Plan {
        syncs: powercut::Syncs::Forgotten,
        ..plan(8, 2)
    };
    let report = powercut::run(&plan, &|_| ()).expect("the daemon starts");
    assert!(!report.faults.is_empty(), "nothing was found: {report:?}");
}

#[test]
fn an_operation_that_fails_costs_no_file() {
    if !may_trace() {
        return;
    }
    for (errno, first) in [(5, 7), (28, 11), (122, 19)] {
        let plan = errors::Plan {
            program: PROGRAM.into(),
            errno,
            first,
            every: 61,
            most: 4,
            place: None,
            at_once: 2,
        };
        let report = errors::run(&plan, &|_| ()).expect("the daemon starts");
        assert_eq!(report.faults, Vec::<String>::new(), "errno {errno}");
        assert!(report.errors > 2, "{report:?}");
    }
}

/// Every name that Linux takes is a file that comes out: long, not UTF-8, with line feeds, apart by case only.
#[test]
fn names_that_nobody_expects_come_out_once_each() {
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", PIPELINE);
    let long = OsString::from("x".repeat(251) + ".pdf");
    let wide = OsString::from("ä".repeat(125) + ".pdf");
    let names: Vec<OsString> = [
        long.as_os_str(),
        wide.as_os_str(),
        OsStr::from_bytes(b"not \xff\xfe utf-8.pdf"),
        OsStr::new("line\nfeed\tand tab.pdf"),
        OsStr::new("\u{1f4c4}\u{200d}\u{1f525} emoji.pdf"),
        OsStr::new("Case.pdf"),
        OsStr::new("case.pdf"),
        OsStr::new("CASE.PDF"),
        OsStr::new("quote\"'`$(id).pdf"),
        OsStr::new("-rf.pdf"),
        OsStr::new("a\u{308}.pdf"),
        OsStr::new("\u{e4}.pdf"),
    ]
    .into_iter()
    .map(OsStr::to_owned)
    .collect();
    fs::create_dir_all(home.path("inbox/p")).expect("ours");
    for name in &names {
        fs::write(home.path("inbox/p").join(name), sample::pdf(1)).expect("a name for Linux");
    }
    let daemon = home.serve();
    wait_until("every original in the archive", || {
        files(&home.path("archive/p")).len() == names.len()
    });
    wait_until("the end of all jobs", || {
        let open = daemon.get("/jobs?state=claiming,queued,running,waiting,delivering");
        open.body["jobs"].as_array().is_some_and(Vec::is_empty)
    });
    let kept: BTreeSet<Vec<u8>> = files(&home.path("archive/p"))
        .into_iter()
        .map(|path| path.into_os_string().into_vec())
        .collect();
    let given: BTreeSet<Vec<u8>> = names.iter().map(|name| name.as_bytes().to_vec()).collect();
    assert_eq!(kept, given, "originals keep their names, byte by byte");
    assert_eq!(files(&home.path("outbox/p")).len(), names.len());
    assert_eq!(files(&home.path("failed")), Vec::<PathBuf>::new());
}

/// The same name again and again, faster than it can be worked off: each content is an output.
#[test]
fn the_same_name_again_and_again_is_a_file_each_time() {
    const TIMES: u32 = 30;
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", PIPELINE);
    home.write("inbox/p/.keep", "");
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    for pages in 1..=TIMES {
        home.drop_file("inbox/p", "scan.pdf", sample::pdf(pages));
        feed.until_named("job.accepted");
        wait_until("the file to be taken", || {
            !home.path("inbox/p/scan.pdf").exists()
        });
    }
    wait_until("every original in the archive", || {
        files(&home.path("archive/p")).len() == TIMES as usize
    });
    wait_until("every output", || {
        files(&home.path("outbox/p")).len() == TIMES as usize
    });
    let pages: BTreeSet<usize> = files(&home.path("outbox/p"))
        .iter()
        .map(|name| {
            let output = fs::read(home.path("outbox/p").join(name)).expect("it is there");
            sample::rotations(&output).len()
        })
        .collect();
    assert_eq!(pages.len(), TIMES as usize, "each content once");
}

/// An outbox and an archive that become read-only in mid-run are waited for, and said.
#[test]
fn permission_lost_in_mid_run_is_said_and_the_job_goes_on_when_it_is_back() {
    let mut home = TestHome::new(PROGRAM);
    home.pipeline("p", PIPELINE);
    for folder in ["inbox/p", "outbox/p", "archive/p"] {
        home.write(&format!("{folder}/.keep"), "");
    }
    let daemon = home.serve_as_nobody();
    let mut feed = daemon.follow("/events");
    for (number, folder) in ["outbox/p", "archive/p"].into_iter().enumerate() {
        let path = home.path(folder);
        let mode = |mode| {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("it is ours");
        };
        mode(0o555);
        let name = format!("{number}.pdf");
        home.drop_file("inbox/p", &name, sample::pdf(1));
        let said = feed.until(|event| {
            event.name == "job.warned" || event.name == "job.waiting" || event.name == "job.failed"
        });
        let text = said.data.to_string();
        assert!(said.name != "job.failed" && text.contains(folder), "{text}");
        mode(0o755);
        feed.until(|event| event.name == "job.succeeded" && event.data["name"] == name.as_str());
        assert!(home.path("outbox/p").join(&name).is_file());
        assert!(home.path("archive/p").join(&name).is_file());
    }
}

/// A full archive on a disk of its own: the output is out, the original waits, and goes when there is room.
#[test]
fn a_full_archive_is_waited_for_and_the_job_goes_on_by_itself() {
    let home = TestHome::new(PROGRAM);
    home.write("config.yaml", "min_free_mb: 0\n");
    home.pipeline("p", PIPELINE);
    let Some(disk) = Disk::mount(home.path("archive/p"), "1m") else {
        println!("skipped: this user may not mount a small disk to fill");
        return;
    };
    let daemon = home.serve();
    let mut feed = daemon.follow("/pipelines/p/events");
    home.drop_file("inbox/p", "large.pdf", large());
    let warned = feed.until_named("job.warned").data.to_string();
    assert!(
        warned.contains("disk-full") && warned.contains("archive/p"),
        "{warned}"
    );
    assert!(home.path("outbox/p/large.pdf").is_file());
    let concerns = daemon.get("/healthz").body["details"]["concerns"].to_string();
    assert!(
        concerns.contains("1 job of pipeline `p` waits") && concerns.contains("archive/p"),
        "{concerns}"
    );
    disk.grow("16m");
    feed.until_named("job.succeeded");
    let kept = fs::read(home.path("archive/p/large.pdf")).expect("it is there");
    assert_eq!(kept, large());
    let left = fs::read_dir(home.path("archive/p"))
        .expect("ours")
        .flatten();
    let left: Vec<OsString> = left.map(|entry| entry.file_name()).collect();
    assert!(
        left.iter()
            .all(|name| name == "large.pdf" || name == ".dropleaf"),
        "{left:?}"
    );
}

/// The journal's disk is full: its reserve carries what is under way, no more is taken, and it goes on when there is room.
#[test]
fn a_full_disk_of_the_journal_closes_the_intake_and_opens_it_again() {
    let place = tempfile::tempdir().expect("a folder");
    let Some(_disk) = Disk::mount(place.path().join("disk"), "900m") else {
        println!("skipped: this user may not mount a disk to fill");
        return;
    };
    let home = TestHome::new_in(PROGRAM, &place.path().join("disk"));
    home.write("config.yaml", "min_free_mb: 0\n");
    home.pipeline("p", PIPELINE);
    home.write("inbox/p/.keep", "");
    for number in 0..6 {
        home.write(&format!("inbox/p/.{number}.tmp"), sample::pdf(1));
    }
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    let mut filler = fs::File::create(home.path("filler")).expect("ours");
    let block = vec![0; 1 << 16];
    while std::io::Write::write_all(&mut filler, &block).is_ok() {}
    // Until the last byte is taken, so that the journal cannot grow either.
    while std::io::Write::write_all(&mut filler, &[0; 512]).is_ok() {}
    for number in 0..6 {
        let temp = home.path(format!("inbox/p/.{number}.tmp"));
        #[expect(
            clippy::disallowed_methods,
            reason = "a person's file manager does not sync either"
        )]
        fs::rename(temp, home.path(format!("inbox/p/{number}.pdf"))).expect("it needs no room");
    }
    let closed = feed.until_named("daemon.intake");
    assert_eq!(closed.data["open"], false, "{}", closed.data);
    assert!(
        closed.data.to_string().contains("free some space"),
        "{}",
        closed.data
    );
    drop(filler);
    fs::remove_file(home.path("filler")).expect("ours");
    feed.until(|event| event.name == "daemon.intake" && event.data["open"] == true);
    home.drop_file("inbox/p", "after.pdf", sample::pdf(1));
    feed.until(|event| event.name == "job.succeeded" && event.data["name"] == "after.pdf");
    assert!(daemon.stop().success());
}

/// The kernel keeps so many events for one who does not listen; what comes beyond is lost. Files that no pattern takes fill its queue.
#[test]
fn a_queue_of_events_that_overflows_loses_no_file() {
    const FILES: usize = 200;
    let most = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events");
    let most: usize = most
        .ok()
        .and_then(|most| most.trim().parse().ok())
        .unwrap_or(0);
    if !(FILES..=100_000).contains(&most) {
        println!("skipped: the kernel's queue holds {most} events");
        return;
    }
    let home = TestHome::new(PROGRAM);
    home.pipeline("p", PIPELINE);
    home.write("inbox/p/.keep", "");
    home.write("beside/empty", "");
    let daemon = home.serve();
    // Before the first scan there are no events that could be lost.
    wait_until("the folder to be watched", || {
        daemon.get("/pipelines/p").body["folder"]["lastScanAt"].is_string()
    });
    let mut feed = daemon.follow("/events");
    let document = sample::pdf(1);
    dropleaf_test_support::process::halted(daemon.pid(), || {
        // A file and its removal are an event each at least, and so is each link.
        for number in 0..=most {
            let path = home.path(format!("inbox/p/{}.txt", number % 500));
            fs::hard_link(home.path("beside/empty"), &path).expect("one file system");
            fs::remove_file(&path).expect("ours");
            if number % (most / FILES) == 0 && number / (most / FILES) < FILES {
                home.drop_file("inbox/p", &format!("{number}.pdf"), &document);
            }
        }
    });
    feed.until_ended(FILES);
    assert!(
        daemon.log().contains("events were lost"),
        "{}",
        daemon.log()
    );
    for folder in ["archive/p", "outbox/p"] {
        assert_eq!(files(&home.path(folder)).len(), FILES, "{folder}");
    }
    let jobs = daemon.get("/jobs?limit=500").body;
    assert_eq!(
        jobs["jobs"].as_array().map(Vec::len),
        Some(FILES),
        "each once"
    );
}

/// What workers and trials need on disk lies in `work/`. It is full: trials say so, jobs need none of it, and it goes on when there is room.
#[test]
fn a_full_work_folder_is_named_and_holds_up_no_job() {
    let home = TestHome::new(PROGRAM);
    home.write("config.yaml", "min_free_mb: 0\n");
    home.pipeline("p", PIPELINE);
    home.write("inbox/p/.keep", "");
    let Some(disk) = Disk::mount(home.path("work"), "1m") else {
        println!("skipped: this user may not mount a small disk to fill");
        return;
    };
    let daemon = home.serve();
    let mut feed = daemon.follow("/pipelines/p/events");
    // The sample itself does not fit; then it does, and what comes of it does not.
    for size in ["1m", "3m"] {
        disk.grow(size);
        let refused = daemon.post("/pipelines/p/try?name=large.pdf", &large());
        let said = refused.body.to_string();
        assert!(refused.status >= 500, "{said}");
        for part in ["no room", "/work`", "the disk is full", "free some space"] {
            assert!(said.contains(part), "{size}, {part}: {said}");
        }
        wait_until("the end of what was received", || {
            files(&home.path("work")).is_empty()
        });
    }
    home.drop_file("inbox/p", "large.pdf", large());
    feed.until_named("job.succeeded");
    assert_eq!(
        fs::read(home.path("archive/p/large.pdf")).expect("there"),
        large()
    );
    disk.grow("16m");
    let tried = daemon.post("/pipelines/p/try?name=large.pdf", &large());
    assert_eq!(tried.status, 200, "{}", tried.body);
    assert!(daemon.stop().success());
}

/// A worker that may have a scratch folder cannot be given one: its job waits, is kept, and goes on.
#[test]
fn a_scratch_folder_that_cannot_be_made_is_named_and_waited_for() {
    let home = TestHome::new(PROGRAM);
    home.write(
        "config.yaml",
        "min_free_mb: 0\ngrants: { faulty: { temp: true } }\n",
    );
    dropleaf_test_support::plugins::install("faulty", &home.path("plugins"));
    let step = "misbehave, with: { mode: temp, text: scratch }";
    home.pipeline(
        "p",
        &format!("watch: {{ folder: inbox/p, quiet: 0s }}\nsteps: [{{ uses: {step} }}]\n"),
    );
    home.write("inbox/p/.keep", "");
    let Some(disk) = Disk::mount_with(home.path("work"), "nr_inodes=1") else {
        println!("skipped: this user may not mount a small disk to fill");
        return;
    };
    let daemon = home.serve();
    let mut feed = daemon.follow("/pipelines/p/events");
    home.drop_file("inbox/p", "a.pdf", sample::pdf(1));
    let waiting = feed.until(|event| event.name == "job.waiting" || event.name == "job.failed");
    let said = waiting.data.to_string();
    assert_eq!(waiting.name, "job.waiting", "{said}");
    assert!(
        ["/work`", "full disk", "disk-full", "environment"]
            .iter()
            .all(|part| said.contains(part)),
        "{said}"
    );
    disk.remount("nr_inodes=1000");
    feed.until_named("job.succeeded");
    assert!(home.path("archive/p/a.pdf").is_file());
}
