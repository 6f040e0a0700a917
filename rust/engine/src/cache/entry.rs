//! The file of a cached plan: a header, a description, and the large pieces of memory that go with it.
//!
//! ```text
//! "TandemPl"  key (32)  lengths of description and table (8, 8)  checksum of all these and what they are the lengths of (8)
//! description   table: for each piece its length and checksum (8, 8)   the pieces, each from a multiple of 64 bytes on
//! ```
//!
//! Numbers are little-endian. Nothing is believed before its checksum is right; a file that is longer or shorter than it says
//! is damaged.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::ops::Range;

use tandem_kernels::{Mapping, Packed};

use crate::checksum::Checksum;

const MAGIC: [u8; 8] = *b"TandemPl";

/// Bytes of the header.
const HEADER: usize = 64;

/// What is read or checked before the next look at the control, and small enough to be still in a cache when it is checked.
const STEP: usize = 256 << 10;

/// The key of an entry: what it was made of and for.
pub(super) type Key = [u8; 32];

/// Writes an entry to `file`.
pub(super) fn write(
    file: &mut impl Write,
    key: &Key,
    description: &[u8],
    pieces: &[&[u8]],
) -> io::Result<()> {
    let mut table = Vec::with_capacity(pieces.len() * 16);
    for piece in pieces {
        table.extend((piece.len() as u64).to_le_bytes());
        table.extend(Checksum::of(piece).to_le_bytes());
    }
    let mut start = start(key, description.len() as u64, table.len() as u64);
    let checksum = start_checksum(&start, description, &table);
    start[HEADER - 8..].copy_from_slice(&checksum.to_le_bytes());
    file.write_all(&start)?;
    file.write_all(description)?;
    file.write_all(&table)?;
    let mut at = (HEADER + description.len() + table.len()) as u64;
    for piece in pieces {
        let gap = usize::try_from(aligned(at) - at).unwrap_or(0);
        file.write_all(&[0; Mapping::ALIGNMENT][..gap])?;
        file.write_all(piece)?;
        at = aligned(at) + piece.len() as u64;
    }
    Ok(())
}

/// Bytes of an entry.
pub(super) fn length(description: &[u8], pieces: &[&[u8]]) -> u64 {
    let start = (HEADER + description.len() + pieces.len() * 16) as u64;
    pieces.iter().fold(start, |at, piece| aligned(at) + piece.len() as u64)
}

/// Where a piece may begin from there on.
fn aligned(at: u64) -> u64 {
    at.next_multiple_of(Mapping::ALIGNMENT as u64)
}

fn start(key: &Key, description: u64, table: u64) -> [u8; HEADER] {
    let mut start = [0; HEADER];
    start[..8].copy_from_slice(&MAGIC);
    start[8..40].copy_from_slice(key);
    start[40..48].copy_from_slice(&description.to_le_bytes());
    start[48..56].copy_from_slice(&table.to_le_bytes());
    start
}

fn start_checksum(start: &[u8; HEADER], description: &[u8], table: &[u8]) -> u64 {
    let parts = [Checksum::of(&start[..HEADER - 8]), Checksum::of(description), Checksum::of(table)];
    Checksum::of(parts.map(u64::to_le_bytes).as_flattened())
}

/// An entry that is being read.
pub(super) struct Entry {
    file: File,
    /// `None` where the system does not map this file.
    mapping: Option<Mapping>,
    /// Where the pieces that are left lie, and the checksum of each.
    pieces: std::vec::IntoIter<(Range<usize>, u64)>,
}

impl Entry {
    /// Opens the entry of that key in `file` and gives its description.
    pub(super) fn open(mut file: File, key: &Key) -> io::Result<(Self, Vec<u8>)> {
        let mut header = [0; HEADER];
        file.read_exact(&mut header)?;
        let number = |at: usize| {
            let bytes: [u8; 8] = std::array::from_fn(|index| header[at + index]);
            u64::from_le_bytes(bytes)
        };
        let (description, table, checksum) = (number(40), number(48), number(56));
        if header[..HEADER - 8] != start(key, description, table)[..HEADER - 8] {
            return Err(damaged());
        }
        let whole = file.metadata()?.len();
        let left = whole.saturating_sub(HEADER as u64);
        if description > left || table > left - description {
            return Err(damaged());
        }
        let mut read = |length: u64| {
            let mut bytes = vec![0; size(length)?];
            file.read_exact(&mut bytes).map(|()| bytes)
        };
        let (text, list) = (read(description)?, read(table)?);
        let (entries, []) = list.as_chunks::<16>() else { return Err(damaged()) };
        if start_checksum(&header, &text, &list) != checksum {
            return Err(damaged());
        }
        let mut at = HEADER as u64 + description + table;
        let piece = |entry: &[u8; 16]| {
            let ([length, checksum], _) = entry.as_chunks::<8>() else { return Err(damaged()) };
            let begin = aligned(at);
            at = begin
                .checked_add(u64::from_le_bytes(*length))
                .filter(|end| *end <= whole)
                .ok_or_else(damaged)?;
            Ok((size(begin)?..size(at)?, u64::from_le_bytes(*checksum)))
        };
        let pieces: Vec<_> = entries.iter().map(piece).collect::<io::Result<_>>()?;
        if at != whole {
            return Err(damaged());
        }
        let mapping = Mapping::of(&file).ok();
        Ok((Self { file, mapping, pieces: pieces.into_iter() }, text))
    }

    /// The next piece as packed weights, which stay in the file where it is mapped. Asks between steps whether it may go on.
    pub(super) fn next_packed(&mut self, may_go_on: &dyn Fn() -> io::Result<()>) -> io::Result<Packed> {
        let (piece, expected) = self.pieces.as_slice().first().ok_or_else(damaged)?.clone();
        let packed = self.mapping.as_ref().and_then(|mapping| mapping.packed(piece.clone()));
        let Some(packed) = packed else {
            return Packed::fill(piece.len(), |room| self.read_next(room, may_go_on));
        };
        self.pieces.next();
        let mut checksum = Checksum::new();
        for step in packed.as_bytes().chunks(STEP) {
            may_go_on()?;
            checksum.add(step);
        }
        if checksum.finish() == expected { Ok(packed) } else { Err(damaged()) }
    }

    /// Reads the next piece into `room`, which must have its length: what is mapped and copied would be in memory twice. Asks
    /// between steps whether it may go on.
    pub(super) fn read_next(
        &mut self,
        room: &mut [u8],
        may_go_on: &dyn Fn() -> io::Result<()>,
    ) -> io::Result<()> {
        let (piece, expected) = self.pieces.next().ok_or_else(damaged)?;
        if room.len() != piece.len() {
            return Err(damaged());
        }
        self.file.seek(SeekFrom::Start(piece.start as u64))?;
        let mut checksum = Checksum::new();
        for step in room.chunks_mut(STEP) {
            may_go_on()?;
            self.file.read_exact(step)?;
            checksum.add(step);
        }
        if checksum.finish() == expected { Ok(()) } else { Err(damaged()) }
    }
}

fn size(length: u64) -> io::Result<usize> {
    usize::try_from(length).map_err(|_| damaged())
}

fn damaged() -> io::Error {
    ErrorKind::InvalidData.into()
}
