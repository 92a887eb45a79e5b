//! Sets of object ids: they are looked up millions of times, so they hash by one multiplication.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use lopdf::ObjectId;

/// A set of object ids.
pub(crate) type IdSet = HashSet<ObjectId, BuildHasherDefault<IdHasher>>;
/// A map from object ids.
pub(crate) type IdMap<T> = HashMap<ObjectId, T, BuildHasherDefault<IdHasher>>;

/// A hasher for small integers. Not for keys that a stranger could choose freely: object numbers are bounded by the
/// objects that a file really has.
#[derive(Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        // The map takes its bucket from the low bits and its tag from the high ones.
        self.0.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(26)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_isize(&mut self, value: isize) {
        self.0 ^= (value as u64) << 60;
    }

    fn write_u16(&mut self, value: u16) {
        self.0 ^= u64::from(value) << 40;
    }

    fn write_u32(&mut self, value: u32) {
        self.0 = self.0.rotate_left(32) ^ u64::from(value);
    }
}
