//! Aligned buffers, and scratch memory that each thread keeps.

use std::cell::RefCell;
use std::fmt;

/// A cache line, which is a vector of AVX-512 too.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; 16]);

/// Floats that begin at a cache line.
#[derive(Clone, Default)]
pub(crate) struct Buffer {
    lines: Vec<Line>,
    length: usize,
}

impl Buffer {
    /// `length` noughts.
    pub(crate) fn zeroed(length: usize) -> Self {
        Self { lines: vec![Line([0.0; 16]); length.div_ceil(16)], length }
    }

    /// Makes room for `length` floats; what they are is left open.
    fn reserve(&mut self, length: usize) {
        if self.lines.len() < length.div_ceil(16) {
            self.lines.resize(length.div_ceil(16), Line([0.0; 16]));
        }
        self.length = length;
    }

    pub(crate) fn as_slice(&self) -> &[f32] {
        // SAFETY: `Line` is an array of 16 floats and nothing else, `length` is at most 16 times their count.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.length) }
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [f32] {
        // SAFETY: as above, and `self` is borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.length) }
    }
}

impl Buffer {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        bytes(self.as_slice())
    }

    pub(crate) fn as_bytes_mut(&mut self) -> &mut [u8] {
        bytes_mut(self.as_mut_slice())
    }
}

fn bytes(floats: &[f32]) -> &[u8] {
    // SAFETY: a float is four bytes, all of them with a value.
    unsafe { std::slice::from_raw_parts(floats.as_ptr().cast(), size_of_val(floats)) }
}

fn bytes_mut(floats: &mut [f32]) -> &mut [u8] {
    // SAFETY: as above, any four bytes are a float, and `floats` is borrowed exclusively.
    unsafe { std::slice::from_raw_parts_mut(floats.as_mut_ptr().cast(), size_of_val(floats)) }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} floats", self.length)
    }
}

thread_local! {
    static SPARE: RefCell<Vec<Buffer>> = const { RefCell::new(Vec::new()) };
}

/// Lends `work` a buffer of `length` floats of any values. Each thread keeps its buffers for the next call.
pub(crate) fn with_scratch<T>(length: usize, work: impl FnOnce(&mut [f32]) -> T) -> T {
    let mut buffer = SPARE.with_borrow_mut(Vec::pop).unwrap_or_default();
    buffer.reserve(length);
    let result = work(buffer.as_mut_slice());
    SPARE.with_borrow_mut(|spare| spare.push(buffer));
    result
}

/// [`with_scratch`] for bytes.
pub(crate) fn with_scratch_bytes<T>(length: usize, work: impl FnOnce(&mut [u8]) -> T) -> T {
    with_scratch(length.div_ceil(4), |floats| work(&mut bytes_mut(floats)[..length]))
}
