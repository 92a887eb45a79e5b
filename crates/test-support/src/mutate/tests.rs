//! What the mutator promises.

use super::{MOVES, mutant, structure};
use crate::sample::Sample;

#[test]
fn the_same_seed_makes_the_same_file_and_each_move_is_made() {
    let sounds = [
        Sample::new("plain", 3)
            .xref_table()
            .info("Title", lopdf::Object::string_literal("t"))
            .bytes(),
        Sample::new("packed", 3).object_streams().bytes(),
    ];
    let mut made = std::collections::BTreeMap::<&str, usize>::new();
    for seed in 0..1200 {
        for sound in &sounds {
            let one = mutant(sound, seed);
            assert_eq!(one.bytes, mutant(sound, seed).bytes, "seed {seed}");
            for name in one.moves {
                *made.entry(name).or_default() += usize::from(one.bytes != *sound);
            }
        }
    }
    for (name, _) in MOVES {
        assert!(
            made.get(name).is_some_and(|times| *times > 5),
            "{name}: {made:?}"
        );
    }
    assert!(made["refit"] > 100);
}

#[test]
fn a_refitted_file_is_sound() {
    let mut bytes = Sample::new("plain", 3).xref_table().bytes();
    assert!(structure::refit(&mut bytes));
    assert_eq!(crate::sample::rotations(&bytes), [0; 3]);
}
