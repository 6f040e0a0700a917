//! The file of a cached plan: a header, a description, and the large pieces of memory that go with it.
//!
//! ```text
//! "TandemPl"  key (32)  lengths of description and table (8, 8)  checksum of all these and what they are the lengths of (8)
//! description   table: for each piece its length and checksum (8, 8)   the pieces, one after the other
//! ```
//!
//! Numbers are little-endian. Nothing is believed before its checksum is right; a file that is longer or shorter than it says
//! is damaged.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};

use crate::checksum::Checksum;

const MAGIC: [u8; 8] = *b"TandemPl";

/// Bytes of the header.
const HEADER: usize = 64;

/// What is read or written before the next look at the control, and small enough to be still in a cache when it is checked.
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
    pieces.iter().try_for_each(|piece| file.write_all(piece))
}

/// Bytes of an entry.
pub(super) fn length(description: &[u8], pieces: &[&[u8]]) -> u64 {
    let pieces = pieces.iter().map(|piece| piece.len() as u64 + 16).sum::<u64>();
    HEADER as u64 + description.len() as u64 + pieces
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
    /// Length and checksum of the pieces that are left.
    table: std::vec::IntoIter<(usize, u64)>,
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
        if description > left || table > left - description || !table.is_multiple_of(16) {
            return Err(damaged());
        }
        let mut read = |length: u64| {
            let mut bytes = vec![0; usize::try_from(length).map_err(|_| damaged())?];
            file.read_exact(&mut bytes).map(|()| bytes)
        };
        let (text, list) = (read(description)?, read(table)?);
        if start_checksum(&header, &text, &list) != checksum {
            return Err(damaged());
        }
        let words: Vec<u64> = list.as_chunks().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect();
        let pieces: u64 = words.iter().step_by(2).fold(0, |sum, length| sum.saturating_add(*length));
        if pieces != left - description - table {
            return Err(damaged());
        }
        let piece = |pair: &[u64; 2]| Ok((usize::try_from(pair[0]).map_err(|_| damaged())?, pair[1]));
        let table: io::Result<Vec<(usize, u64)>> = words.as_chunks().0.iter().map(piece).collect();
        Ok((Self { file, table: table?.into_iter() }, text))
    }

    /// How long the next piece is; `None` where there is no other.
    pub(super) fn next_length(&self) -> Option<usize> {
        self.table.as_slice().first().map(|(length, _)| *length)
    }

    /// Reads the next piece into `room`, which has its length. Asks between steps whether it may go on.
    pub(super) fn read_next(
        &mut self,
        room: &mut [u8],
        may_go_on: &dyn Fn() -> io::Result<()>,
    ) -> io::Result<()> {
        let Some((length, expected)) = self.table.next() else { return Err(damaged()) };
        if room.len() != length {
            return Err(damaged());
        }
        let mut checksum = Checksum::new();
        for step in room.chunks_mut(STEP) {
            may_go_on()?;
            self.file.read_exact(step)?;
            checksum.add(step);
        }
        if checksum.finish() == expected { Ok(()) } else { Err(damaged()) }
    }
}

pub(super) fn damaged() -> io::Error {
    ErrorKind::InvalidData.into()
}
