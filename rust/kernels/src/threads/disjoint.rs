//! A slice that several threads write at once, each its own places.

use std::marker::PhantomData;
use std::ops::Range;

/// A slice that is borrowed exclusively, to be handed out in pieces by several threads.
pub(crate) struct Disjoint<'a, T> {
    start: *mut T,
    length: usize,
    slice: PhantomData<&'a mut [T]>,
}

// SAFETY: it gives access to elements only through unsafe functions, whose callers promise that no two threads reach the
// same.
unsafe impl<T: Send> Sync for Disjoint<'_, T> {}

impl<'a, T> Disjoint<'a, T> {
    pub(crate) fn new(slice: &'a mut [T]) -> Self {
        Self { start: slice.as_mut_ptr(), length: slice.len(), slice: PhantomData }
    }

    /// The first element. Elements that another thread writes may not be read or written through it.
    pub(crate) fn as_mut_ptr(&self) -> *mut T {
        self.start
    }

    /// The elements from `start` on.
    ///
    /// # Panics
    ///
    /// If it lies outside.
    pub(crate) fn from(&self, start: usize) -> Disjoint<'_, T> {
        assert!(start <= self.length, "the start lies inside");
        // SAFETY: as asserted.
        Disjoint { start: unsafe { self.start.add(start) }, length: self.length - start, slice: PhantomData }
    }

    /// Some of the elements.
    ///
    /// # Safety
    ///
    /// While the result lives, nobody else reaches any of them.
    ///
    /// # Panics
    ///
    /// If they are not inside.
    #[allow(
        clippy::mut_from_ref,
        reason = "what the type is for; the caller promises that it is the only one"
    )]
    pub(crate) unsafe fn range(&self, range: Range<usize>) -> &mut [T] {
        assert!(range.start <= range.end && range.end <= self.length, "the range lies inside");
        // SAFETY: the elements are inside, and the caller's alone.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(range.start), range.len()) }
    }
}
