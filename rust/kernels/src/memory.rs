//! Aligned buffers, and scratch memory that each thread keeps.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use memmap2::{MmapMut, MmapOptions};

use crate::mapping::Mapping;

/// Floats of a cache line, which is a vector of AVX-512 too.
pub(crate) const LINE: usize = 16;

/// From so many floats on, memory is taken from the system with all of its pages. To be given them one by one, as each is first
/// written, takes half as long again.
const PAGES: usize = (256 << 10) / size_of::<f32>();

/// Floats that begin at a cache line.
pub(crate) struct Buffer {
    room: Room,
    start: usize,
    length: usize,
}

enum Room {
    /// With a line more, so that one begins inside of the first.
    Heap(Vec<f32>),
    Pages(MmapMut),
}

impl Default for Buffer {
    fn default() -> Self {
        Self { room: Room::Heap(Vec::new()), start: 0, length: 0 }
    }
}

impl Buffer {
    /// `length` noughts.
    pub(crate) fn zeroed(length: usize) -> Self {
        if length >= PAGES
            && cfg!(not(miri))
            && let Ok(pages) = MmapOptions::new().len(length * size_of::<f32>()).populate().map_anon()
        {
            return Self { room: Room::Pages(pages), start: 0, length };
        }
        let room = vec![0.0; length + LINE];
        let start = room.as_ptr().align_offset(LINE * size_of::<f32>()).min(LINE);
        Self { room: Room::Heap(room), start, length }
    }

    /// Makes room for `length` floats; what they are is left open.
    fn reserve(&mut self, length: usize) {
        let most = match &self.room {
            Room::Heap(room) => room.len().saturating_sub(LINE),
            Room::Pages(pages) => pages.len() / size_of::<f32>(),
        };
        if most < length {
            *self = Self::zeroed(length);
        }
        self.length = length;
    }

    pub(crate) fn as_slice(&self) -> &[f32] {
        let room = match &self.room {
            Room::Heap(room) => room,
            Room::Pages(pages) => floats(pages),
        };
        &room[self.start..][..self.length]
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [f32] {
        let room = match &mut self.room {
            Room::Heap(room) => room,
            Room::Pages(pages) => floats_mut(pages),
        };
        &mut room[self.start..][..self.length]
    }
}

impl Buffer {
    pub(crate) fn as_bytes_mut(&mut self) -> &mut [u8] {
        bytes_mut(self.as_mut_slice())
    }
}

fn bytes(floats: &[f32]) -> &[u8] {
    // SAFETY: a float is four bytes, all of them with a value.
    unsafe { std::slice::from_raw_parts(floats.as_ptr().cast(), size_of_val(floats)) }
}

/// Bytes that begin at a cache line.
fn floats(bytes: &[u8]) -> &[f32] {
    // SAFETY: any four bytes are a float.
    let (_, floats, _) = unsafe { bytes.align_to() };
    floats
}

/// [`floats`] that may be written.
fn floats_mut(bytes: &mut [u8]) -> &mut [f32] {
    // SAFETY: any four bytes are a float, and a float is four bytes, all of them with a value.
    let (_, floats, _) = unsafe { bytes.align_to_mut() };
    floats
}

fn bytes_mut(floats: &mut [f32]) -> &mut [u8] {
    // SAFETY: as above, any four bytes are a float, and `floats` is borrowed exclusively.
    unsafe { std::slice::from_raw_parts_mut(floats.as_mut_ptr().cast(), size_of_val(floats)) }
}

/// Packed weights: numbers that begin at a cache line, are written once, and may be shared by kernels.
#[derive(Clone, Debug)]
pub struct Packed(Arc<Memory>);

/// Where packed weights are.
#[derive(Debug)]
enum Memory {
    Own(Buffer),
    /// Some bytes of a file: whole floats from a cache line on.
    File(Mapping, Range<usize>),
    /// Of somebody who shares it: whole floats from a cache line on.
    Shared(Bytes),
}

impl From<Buffer> for Packed {
    fn from(buffer: Buffer) -> Self {
        Self(Arc::new(Memory::Own(buffer)))
    }
}

impl Packed {
    /// Memory of `length` bytes, rounded up to whole floats, as `write` leaves it; it begins as noughts.
    pub fn fill<E>(length: usize, write: impl FnOnce(&mut [u8]) -> Result<(), E>) -> Result<Self, E> {
        let mut buffer = Buffer::zeroed(length.div_ceil(size_of::<f32>()));
        write(&mut buffer.as_bytes_mut()[..length])?;
        Ok(buffer.into())
    }

    /// Bytes that somebody else has too; `None` unless they are whole floats from a cache line on.
    pub fn shared(bytes: Bytes) -> Option<Self> {
        let fits = bytes.as_ptr().addr().is_multiple_of(LINE * size_of::<f32>())
            && bytes.len().is_multiple_of(size_of::<f32>());
        fits.then(|| Self(Arc::new(Memory::Shared(bytes))))
    }

    /// Bytes of a file that are whole floats from a cache line on.
    pub(crate) fn mapped(file: Mapping, bytes: Range<usize>) -> Self {
        Self(Arc::new(Memory::File(file, bytes)))
    }

    /// The bytes, in native order.
    pub fn as_bytes(&self) -> &[u8] {
        bytes(self.as_slice())
    }

    /// Whether both are the same memory.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether somebody else holds them too.
    pub fn is_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    #[inline]
    pub(crate) fn as_slice(&self) -> &[f32] {
        match &*self.0 {
            Memory::Own(buffer) => buffer.as_slice(),
            Memory::File(mapping, range) => floats(&mapping.as_bytes()[range.clone()]),
            Memory::Shared(bytes) => floats(bytes),
        }
    }
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
