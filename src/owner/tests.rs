//! Who may take files from a folder: homes that are new, moved, copied, lost and gone.

use super::*;

struct Place {
    temp: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let temp = tempfile::tempdir().expect("a temp folder");
        Self { temp }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.temp.path().join(below)
    }

    fn ours(&self) -> PathBuf {
        self.path("in/.dropleaf")
    }

    /// A daemon that begins in this home.
    fn home(&self, name: &str) -> Owner {
        let home = self.path(name);
        fs::create_dir_all(home.join("state")).expect("made");
        let home = home.canonicalize().expect("it is there");
        Owner::of(&home, home.join("state/home-id")).expect("an id")
    }

    fn left(&self) -> Vec<String> {
        let left = fs::read_dir(self.ours()).expect("readable").flatten();
        left.map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect()
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.join("state")).expect("made");
    fs::copy(from.join("state/home-id"), to.join("state/home-id")).expect("copied");
}

#[test]
fn a_mark_that_a_power_cut_has_emptied_is_made_anew() {
    for torn in [&b""[..], &[0; 149]] {
        let place = Place::new();
        let owner = place.home("one");
        fs::create_dir_all(place.ours()).expect("made");
        fs::write(place.ours().join(MARK), torn).expect("writable");
        owner.may_take(&place.ours()).expect("nobody's");
        owner.take(&place.ours()).expect("taken");
        assert_eq!(place.left(), [MARK]);
        let other = place.home("two").take(&place.ours());
        assert!(matches!(other, Err(NotOurs::Another { .. })), "{other:?}");
    }
}

#[test]
fn who_comes_first_has_the_folder_until_people_say_otherwise() {
    let place = Place::new();
    let (one, other) = (place.home("one"), place.home("other"));
    one.take(&place.ours()).expect("nobody's");
    one.take(&place.ours()).expect("its own");
    one.has(&place.ours()).expect("its own");
    let refused = other.take(&place.ours()).expect_err("another's");
    let said = refused.to_string();
    assert!(said.contains("/one` on `"), "{said}");
    assert!(said.contains("in/.dropleaf/owner`"), "{said}");
    assert!(other.has(&place.ours()).is_err());
    assert_eq!(place.left(), [MARK]);
    fs::remove_file(place.ours().join(MARK)).expect("removed");
    other.take(&place.ours()).expect("nobody's any more");
    assert!(one.take(&place.ours()).is_err());
    assert!(one.has(&place.ours()).is_err(), "the last look counts");
    assert!(Owner::default().take(&place.ours()).is_ok());
}

#[test]
fn a_home_that_begins_anew_has_its_folders_still() {
    let place = Place::new();
    place.home("one").take(&place.ours()).expect("nobody's");
    // A restart, then one without its id, which leaves the place of the home.
    place.home("one").take(&place.ours()).expect("its own");
    fs::remove_dir_all(place.path("one/state")).expect("lost");
    place.home("one").take(&place.ours()).expect("its own");
    assert!(place.home("other").take(&place.ours()).is_err());
    fs::write(place.path("one/state/home-id"), "").expect("spoilt");
    place.home("one").take(&place.ours()).expect("its own");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a person moves the home")]
fn a_home_that_was_moved_takes_its_folders_along() {
    let place = Place::new();
    place.home("one").take(&place.ours()).expect("nobody's");
    fs::rename(place.path("one"), place.path("two")).expect("moved");
    place.home("two").take(&place.ours()).expect("its own");
    assert_eq!(place.left(), [MARK]);
    // By a path through a link it is the same home.
    std::os::unix::fs::symlink(place.path("two"), place.path("one")).expect("linked");
    place.home("one").take(&place.ours()).expect("its own");
}

#[test]
fn a_copy_of_a_home_keeps_off_the_folders_of_the_original() {
    let place = Place::new();
    place.home("one").take(&place.ours()).expect("nobody's");
    copy(&place.path("one"), &place.path("copy"));
    let copied = place.home("copy");
    let said = copied.take(&place.ours()).expect_err("the original's");
    let said = said.to_string();
    assert!(said.contains("is a copy"), "{said}");
    assert!(said.contains("copy/state/home-id"), "{said}");
    // But what lies inside it was copied, too.
    let inside = place.path("copy").canonicalize().expect("it is there");
    let inside = inside.join("inbox/.dropleaf");
    fs::create_dir_all(&inside).expect("made");
    fs::copy(place.ours().join(MARK), inside.join(MARK)).expect("copied");
    copied.take(&inside).expect("its own");
    fs::remove_dir_all(place.path("one")).expect("gone");
    copied.take(&place.ours()).expect("the only one left");
}

#[test]
fn another_machine_is_told_by_more_than_its_name() {
    let place = Place::new();
    let one = place.home("one");
    one.take(&place.ours()).expect("nobody's");
    let mark = place.ours().join(MARK);
    let change = |change: &dyn Fn(&mut Mark)| {
        let mut theirs = read(&mark).expect("readable").expect("a mark");
        change(&mut theirs);
        fs::write(&mark, serde_json::to_vec(&theirs).expect("a mark")).expect("written");
    };
    // The same path on a machine of the same name.
    change(&|theirs| (theirs.id, theirs.machine) = ("another".into(), "another".into()));
    assert!(one.take(&place.ours()).is_err());
    change(&|theirs| {
        theirs
            .id
            .clone_from(&one.0.as_ref().expect("a home").itself.id)
    });
    // Its own id from elsewhere: it has come from there. While it works here, somebody has copied it.
    one.take(&place.ours()).expect("its own");
    change(&|theirs| theirs.host = "elsewhere".into());
    assert!(one.take(&place.ours()).is_err());
    fs::write(&mark, "{").expect("spoilt");
    let said = one.take(&place.ours()).expect_err("nobody knows");
    assert!(said.to_string().contains("does not say"), "{said}");
}

#[test]
fn threads_of_one_home_do_not_stand_in_each_others_way() {
    for _ in 0..20 {
        let place = Place::new();
        let home = place.home("one");
        std::thread::scope(|scope| {
            let take = || home.take(&place.ours());
            let all: Vec<_> = (0..8).map(|_| scope.spawn(take)).collect();
            for one in all {
                one.join().expect("no panic").expect("its own");
            }
        });
        home.take(&place.ours()).expect("its own");
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a person moves the home")]
fn threads_of_a_home_that_was_moved_do_not_stand_in_each_others_way() {
    for _ in 0..20 {
        let place = Place::new();
        place.home("one").take(&place.ours()).expect("its own");
        fs::rename(place.path("one"), place.path("two")).expect("moved");
        let home = place.home("two");
        std::thread::scope(|scope| {
            let take = || home.take(&place.ours());
            let all: Vec<_> = (0..8).map(|_| scope.spawn(take)).collect();
            for one in all {
                one.join().expect("no panic").expect("its own");
            }
        });
    }
}

#[test]
fn of_many_that_come_at_once_one_has_the_folder() {
    let place = Place::new();
    let homes: Vec<Owner> = (0..8).map(|n| place.home(&format!("home{n}"))).collect();
    let taken: usize = std::thread::scope(|scope| {
        let take = |home: &Owner| usize::from(home.take(&place.ours()).is_ok());
        let all: Vec<_> = homes
            .iter()
            .map(|home| scope.spawn(move || take(home)))
            .collect();
        all.into_iter()
            .map(|one| one.join().expect("no panic"))
            .sum()
    });
    assert_eq!(taken, 1);
    assert_eq!(place.left(), [MARK]);
}

#[test]
fn what_everybody_may_know_of_a_home_tells_it_apart_and_not_its_id() {
    let place = Place::new();
    let id = place.path("home-id");
    assert_eq!(public(&id).expect("nothing is wrong"), None);
    fs::write(&id, "01ARZ3NDEKTSV4RRFFQ69G5FAV\n").expect("written");
    let told = public(&id).expect("readable").expect("a home");
    assert!(told.len() == 16 && !told.contains("01ARZ3"), "{told}");
    fs::write(&id, "01ARZ3NDEKTSV4RRFFQ69G5FAW\n").expect("written");
    assert_ne!(public(&id).expect("readable"), Some(told));
    fs::write(&id, "").expect("written");
    assert_eq!(public(&id).expect("readable"), None);
}
