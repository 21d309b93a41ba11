//! A counting allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Memory limit of the process: beyond it allocations fail, and the machine stays usable.
const LIMIT: usize = 2 << 30;

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
static SEED: AtomicU64 = AtomicU64::new(0);

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

// SAFETY: every call is passed on to the system's allocator with its arguments unchanged, or fails
// as an allocator may; counting does not touch the memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Relaxed).saturating_add(layout.size());
        if held > LIMIT {
            HELD.fetch_sub(layout.size(), Relaxed);
            eprintln!("seed {} allocates {} bytes at once", SEED.load(Relaxed), layout.size());
            return std::ptr::null_mut();
        }
        PEAK.fetch_max(held, Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the pointer came from `alloc` above, hence from the system's, with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Runs `call`; returns its result and the peak of bytes held, beyond those held before.
pub fn peak<T>(seed: u64, call: impl FnOnce() -> T) -> (T, usize) {
    SEED.store(seed, Relaxed);
    let before = HELD.load(Relaxed);
    PEAK.store(before, Relaxed);
    let result = call();
    (result, PEAK.load(Relaxed).saturating_sub(before))
}
