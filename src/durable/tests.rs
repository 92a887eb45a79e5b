use super::*;
use failpoint::on::{across_devices, crash_after, without_noreplace};
use std::os::unix::fs::symlink;

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).expect("the file is there")
}

#[test]
fn errors_name_both_paths_and_what_can_be_done() {
    let temp = tempfile::tempdir().expect("a temp folder");
    let (one, other) = (temp.path().join("one"), temp.path().join("other"));
    let error = rename(&one, &other).expect_err("nothing to rename");
    assert_eq!(error.kind(), Kind::Missing);
    let said = error.to_string();
    assert!(said.contains("/one`") && said.contains("/other`"), "{said}");
}

#[test]
fn rename_noreplace_never_replaces() {
    let temp = tempfile::tempdir().expect("a temp folder");
    let (one, other) = (temp.path().join("one"), temp.path().join("other"));
    for round in 0..2 {
        write_new(&one, b"new").expect("writable");
        write_new(&other, b"old").expect("writable");
        let both = || rename_noreplace(&one, &other);
        let refused = if round == 0 {
            both()
        } else {
            without_noreplace(both)
        };
        assert_eq!(refused.expect_err("the name is taken").kind(), Kind::Exists);
        assert_eq!((text(&one), text(&other)), ("new".into(), "old".into()));
        remove(&other).expect("removable");
        let done = if round == 0 {
            both()
        } else {
            without_noreplace(both)
        };
        done.expect("the name is free");
        assert_eq!(text(&other), "new");
        assert!(!one.exists());
        remove(&other).expect("removable");
    }
}

#[test]
fn a_new_file_never_opens_what_is_there() {
    let temp = tempfile::tempdir().expect("a temp folder");
    let (target, link) = (temp.path().join("target"), temp.path().join("link"));
    symlink(&target, &link).expect("links are possible");
    assert_eq!(create_new(&link).expect_err("a link").kind(), Kind::Exists);
    assert!(!target.exists());
    write_new(&target, b"x").expect("writable");
    assert!(open_regular(&link).is_err(), "links are not followed");
    assert!(open_regular(temp.path()).is_err(), "a folder is no file");
    open_regular(&target).expect("a file");
}

#[test]
fn a_failed_write_leaves_nothing() {
    let temp = tempfile::tempdir().expect("a temp folder");
    let path = temp.path().join("new");
    let gone = File::open(temp.path()).expect("folders open");
    copy_new(&gone, &path).expect_err("a folder cannot be read");
    assert!(!path.exists());
}

#[test]
fn a_copy_is_hashed_from_the_start() {
    let temp = tempfile::tempdir().expect("a temp folder");
    let (from, to) = (temp.path().join("from"), temp.path().join("to"));
    let bytes: Vec<u8> = (0..700_000_u32).map(|n| (n % 251) as u8).collect();
    write_new(&from, &bytes).expect("writable");
    let mut source = File::open(&from).expect("readable");
    io::Seek::seek(&mut source, io::SeekFrom::End(0)).expect("seekable");
    let copied = copy_new(&source, &to).expect("copied");
    assert_eq!(copied.size, 700_000);
    assert_eq!(copied.blake3, blake3::hash(&bytes).to_hex().to_string());
    assert_eq!(copied, content(&source, &from).expect("readable"));
    assert_eq!(std::fs::read(&to).expect("readable"), bytes);
}

#[test]
fn folders_are_made_with_all_above_and_found_again() {
    let temp = tempfile::tempdir().expect("a temp folder");
    let deep = temp.path().join("a/b/c");
    make_folders(&deep, 0o700).expect("made");
    make_folders(&deep, 0o700).expect("there");
    let mode = std::fs::metadata(&deep).expect("there").mode() & 0o777;
    assert_eq!(mode, 0o700);
    write_new(&temp.path().join("file"), b"").expect("writable");
    make_folders(&temp.path().join("file/x"), 0o700).expect_err("a file is in the way");
}

#[test]
fn a_replaced_file_is_the_old_or_the_new_one_whenever_we_crash() {
    let temp = tempfile::tempdir().expect("a temp folder");
    let path = temp.path().join("state");
    let mut crashes = 0;
    for operations in 0.. {
        let _ = std::fs::remove_file(&path);
        write_new(&path, b"old").expect("writable");
        let (_, crashed) = crash_after(operations, || replace(&path, b"new"));
        assert!(["old", "new"].contains(&text(&path).as_str()));
        if !crashed {
            break;
        }
        crashes += 1;
    }
    assert!(crashes >= 4, "{crashes} points");
    assert_eq!(text(&path), "new");
}

#[test]
fn another_device_is_told() {
    let temp = tempfile::tempdir().expect("a temp folder");
    let (one, other) = (temp.path().join("one"), temp.path().join("x/other"));
    write_new(&one, b"").expect("writable");
    let error = across_devices(|| rename_noreplace(&one, &other)).expect_err("another device");
    assert_eq!(error.kind(), Kind::OtherDevice);
}

#[test]
fn a_probe_leaves_nothing_and_names_what_is_missing() {
    let temp = tempfile::tempdir().expect("a temp folder");
    probe::folder(temp.path()).expect("usable");
    assert_eq!(std::fs::read_dir(temp.path()).expect("readable").count(), 0);
    // One that could not be removed in this life, and one of a process that is gone; that of a living one stays.
    let ours = format!(".dropleaf-probe-{}-999999-renamed", std::process::id());
    for name in [&ours, ".dropleaf-probe-2147483646-0", ".dropleaf-probe-1-0"] {
        std::fs::write(temp.path().join(name), "").expect("writable");
    }
    probe::folder(temp.path()).expect("usable");
    let left = std::fs::read_dir(temp.path()).expect("readable").flatten();
    let left: Vec<_> = left.map(|entry| entry.file_name()).collect();
    assert_eq!(left, [".dropleaf-probe-1-0"]);
    let gone = probe::folder(&temp.path().join("gone")).expect_err("not there");
    assert!(gone.missing);
    assert!(gone.reason.contains("gone` is not there"), "{gone}");
    let file = temp.path().join("file");
    std::fs::write(&file, "").expect("writable");
    let within = file.join("out");
    for error in [Errno::NOTDIR, Errno::EXIST] {
        let in_the_way = probe::blocked(&within, &error.into());
        let text = format!("`{}` is a file, and no folder", file.display());
        assert!(in_the_way.reason.starts_with(&text), "{in_the_way}");
    }
    let denied = probe::blocked(temp.path(), &Errno::ACCESS.into());
    assert!(denied.reason.contains("belongs to uid"), "{denied}");
    let full = probe::blocked(temp.path(), &Errno::NOSPC.into());
    assert!(full.reason.contains("full disk"), "{full}");
    let quota = probe::blocked(temp.path(), &Errno::DQUOT.into());
    assert!(quota.reason.contains("disk quota of uid"), "{quota}");
    let beyond = Error::at("write", temp.path(), Errno::DQUOT);
    assert_eq!(beyond.kind(), Kind::NoSpace);
}

#[test]
fn space_is_measured_even_before_a_folder_is_made() {
    let temp = tempfile::tempdir().expect("a temp folder");
    assert!(free_space(&temp.path().join("not/there")).expect("measurable") > 0);
    assert!(same_device(temp.path(), temp.path()).expect("there"));
}

#[test]
fn a_folder_that_may_not_be_made_names_whose_the_one_above_it_is() {
    let temp = tempfile::tempdir().expect("a temp folder");
    let wanted = temp.path().join("out/deep");
    let refused = io::Error::from_raw_os_error(rustix::io::Errno::ACCESS.raw_os_error());
    let said = probe::blocked(&wanted, &refused).reason;
    let (above, owner) = (temp.path().display(), probe::owner(temp.path()));
    assert!(
        said.contains(&format!("below `{above}`: {owner}")),
        "{said}"
    );
    assert!(said.contains(&wanted.display().to_string()), "{said}");
    let said = probe::blocked(temp.path(), &refused).reason;
    assert!(
        said.contains(&format!("`{above}` cannot be read and written")) && said.contains(&owner),
        "{said}"
    );
}
