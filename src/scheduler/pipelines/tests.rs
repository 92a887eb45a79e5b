//! Which text of a pipeline goes on.

use super::*;
use crate::pipeline::testing::{catalog, surroundings};

const GOOD: &str = "watch: { folder: inbox/p }\nsteps: [{ uses: rotate, with: { angle: 90 } }]\n";

fn names(reloaded: &Reloaded) -> Vec<&'static str> {
    let names = reloaded.events.iter().map(|draft| draft.event.name());
    names.collect()
}

#[test]
fn a_text_that_was_removed_does_not_come_back_with_a_faulty_one() {
    let last_good = LastGood {
        revision: "ab12".to_owned(),
        yaml: GOOD.to_owned(),
    };
    for of_this_life in [true, false] {
        let temp = tempfile::tempdir().expect("a temp folder");
        let file = temp.path().join("p.yaml");
        let earlier = match of_this_life {
            true => BTreeMap::new(),
            false => [("p".to_owned(), last_good.clone())].into(),
        };
        let surroundings = Surroundings {
            home: temp.path().to_path_buf(),
            ..surroundings()
        };
        let mut shelf = Shelf::new(temp.path().to_path_buf(), surroundings, earlier);
        if of_this_life {
            fs::write(&file, GOOD).expect("written");
            let loaded = shelf.reload(&catalog());
            assert!(loaded.entries[0].current.is_some(), "{loaded:?}");
            fs::write(&file, "steps: 7").expect("written");
            let faulty = shelf.reload(&catalog());
            assert!(faulty.entries[0].current.is_some(), "the good one goes on");
            durable::remove(&file).expect("removed");
        }
        assert_eq!(names(&shelf.reload(&catalog())), ["pipeline.removed"]);
        fs::write(&file, "steps: 7").expect("written");
        let faulty = shelf.reload(&catalog());
        assert!(faulty.entries[0].current.is_none(), "{faulty:?}");
    }
}

#[test]
fn a_folder_that_cannot_be_listed_removes_nothing() {
    let temp = tempfile::tempdir().expect("a temp folder");
    let last_good = LastGood {
        revision: "ab12".to_owned(),
        yaml: GOOD.to_owned(),
    };
    let earlier = [("p".to_owned(), last_good)].into();
    let mut shelf = Shelf::new(temp.path().join("away"), surroundings(), earlier);
    assert!(names(&shelf.reload(&catalog())).is_empty());
    assert!(shelf.last_good.contains_key("p"));
}
