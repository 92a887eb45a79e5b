//! Memory that is given back is spoiled first, so that who reads it afterwards reads nonsense.

use std::alloc::{GlobalAlloc, Layout, System};

#[global_allocator]
static ALLOCATOR: Poison = Poison;

struct Poison;

// SAFETY: the system's allocator does the work; what is spoiled is given back in the same call. What grows is moved by the trait's own
// way: a new place, a copy, and the old one given back here.
unsafe impl GlobalAlloc for Poison {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller gives back so many bytes that were its own.
        unsafe {
            place.write_bytes(0xDD, layout.size());
            System.dealloc(place, layout);
        }
    }
}
