#![expect(
    clippy::disallowed_methods,
    reason = "a stranger does not sync what he moves"
)]

use super::*;
use crate::durable::spot::Spot;
use std::os::unix::fs::symlink;

struct Folders {
    temp: tempfile::TempDir,
    root: PathBuf,
}

fn folders() -> Folders {
    let temp = tempfile::tempdir().expect("a temp folder");
    let root = temp.path().join("root");
    std::fs::create_dir_all(root.join("sub/deep")).expect("makeable");
    std::fs::create_dir_all(temp.path().join("outside/deep")).expect("makeable");
    Folders { temp, root }
}

impl Folders {
    /// Puts a link in the place of `root/sub`.
    fn swap(&self, leads: &str) {
        std::fs::rename(self.root.join("sub"), self.root.join("was")).expect("renamed");
        symlink(leads, self.root.join("sub")).expect("links are possible");
    }
}

fn walked(root: &Path, below: &str) -> Result<OwnedFd, Error> {
    let opened = rustix::fs::open(root, FOLDER, Mode::empty()).expect("there");
    walk(&opened, Path::new(below), &root.join(below))
}

#[test]
fn no_link_is_followed_with_or_without_the_kernels_call_for_it() {
    let folders = folders();
    let root = &folders.root;
    let opened = |below: &str| open(root, &root.join(below), Links::Refused);
    assert!(opened("sub/deep").expect("no links").is_some());
    walked(root, "sub/deep").expect("no links");
    assert!(opened("sub/none").expect("only missing").is_none());
    let missing = walked(root, "sub/none").expect_err("missing");
    assert_eq!(missing.kind(), Kind::Missing);
    for leads in ["../outside", "was", "/", "nowhere"] {
        folders.swap(leads);
        for below in ["sub", "sub/deep"] {
            let refused = opened(below).expect_err("a link");
            assert_eq!(refused.kind(), Kind::Link, "{below} by {leads}");
            let refused = walked(root, below).expect_err("a link");
            assert_eq!(refused.kind(), Kind::Link, "{below} by {leads}");
        }
        std::fs::remove_file(root.join("sub")).expect("removable");
        std::fs::rename(root.join("was"), root.join("sub")).expect("renamed");
    }
    assert!(opened("../outside").is_err(), "nothing leads upwards");
    let outside = folders.temp.path().join("outside");
    assert!(open(root, &outside, Links::Inside).is_err());
}

#[test]
fn the_operators_folder_may_lie_behind_a_link() {
    let folders = folders();
    let named = folders.temp.path().join("named");
    symlink(&folders.root, &named).expect("links are possible");
    let opened = open(&named, &named.join("sub"), Links::Refused);
    assert!(opened.expect("no link below").is_some());
    make(&named, &named.join("a/b"), Links::Refused, 0o777).expect("made");
    assert!(folders.root.join("a/b").is_dir());
}

#[test]
fn a_link_inside_may_be_followed_where_that_is_allowed() {
    let folders = folders();
    let root = &folders.root;
    folders.swap("was");
    for (link, leads) in [("whole", root.join("was")), ("short", "was/deep".into())] {
        symlink(leads, root.join(link)).expect("links are possible");
    }
    for below in ["sub/deep", "whole/deep", "short", "sub"] {
        let opened = open(root, &root.join(below), Links::Inside);
        assert!(opened.expect("it stays inside").is_some(), "{below}");
    }
    make(root, &root.join("whole/new/er"), Links::Inside, 0o777).expect("made");
    assert!(root.join("was/new/er").is_dir());
    std::fs::remove_file(root.join("sub")).expect("removable");
    symlink("../outside", root.join("sub")).expect("links are possible");
    for below in ["sub", "sub/deep", "sub/new"] {
        let refused = make(root, &root.join(below), Links::Inside, 0o777);
        assert_eq!(refused.expect_err("it leads out").kind(), Kind::Link);
    }
    assert!(!folders.temp.path().join("outside/new").exists());
}

#[test]
fn a_place_stays_what_it_was_when_a_link_takes_the_folders_name() {
    let folders = folders();
    let root = &folders.root;
    let (inside, outside) = (root.join("sub/a.pdf"), folders.temp.path().join("outside"));
    std::fs::write(&inside, "ours").expect("writable");
    std::fs::write(outside.join("a.pdf"), "not ours").expect("writable");
    let spot = Spot::beneath(root, &inside, Links::Refused).expect("no link");
    let spot = spot.expect("there");
    folders.swap("../outside");
    let mut text = String::new();
    let mut file = spot.open().expect("it is held open");
    io::Read::read_to_string(&mut file, &mut text).expect("readable");
    assert_eq!(text, "ours");
    durable::rename_noreplace(&spot, &root.join("taken")).expect("renamed");
    spot.remove().expect("it is not there any more");
    assert!(outside.join("a.pdf").exists(), "nobody touched it");
    assert!(root.join("taken").exists() && !root.join("was/a.pdf").exists());
}
