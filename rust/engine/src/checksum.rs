//! A checksum that costs less than reading what it is of: damage is found, forgery is not.

/// Bytes that are mixed at once, in eight lanes that do not wait for each other.
const BLOCK: usize = 64;

const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;

/// The checksum of bytes that come in pieces. A change inside of eight bytes that begin at a multiple of eight changes it with
/// certainty, any other but once in 2⁶⁴.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Checksum {
    lanes: [u64; 8],
    length: u64,
}

impl Checksum {
    pub(crate) fn new() -> Self {
        Self { lanes: [1, 2, 3, 4, 5, 6, 7, 8].map(|lane: u64| lane.wrapping_mul(FACTOR)), length: 0 }
    }

    /// Of all of `bytes`.
    pub(crate) fn of(bytes: &[u8]) -> u64 {
        let mut checksum = Self::new();
        checksum.add(bytes);
        checksum.finish()
    }

    /// Takes the next piece. All but the last must be whole blocks of 64 bytes.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        let (blocks, rest) = bytes.as_chunks::<BLOCK>();
        for block in blocks {
            self.mix(block);
        }
        if !rest.is_empty() {
            let mut last = [0; BLOCK];
            last[..rest.len()].copy_from_slice(rest);
            self.mix(&last);
        }
        self.length = self.length.wrapping_add(bytes.len() as u64);
    }

    #[inline]
    fn mix(&mut self, block: &[u8; BLOCK]) {
        for (lane, word) in self.lanes.iter_mut().zip(block.as_chunks::<8>().0) {
            *lane = (*lane ^ u64::from_le_bytes(*word)).wrapping_mul(FACTOR).rotate_left(31);
        }
    }

    pub(crate) fn finish(self) -> u64 {
        self.lanes.iter().fold(self.length, |sum, lane| {
            let mixed = (sum ^ lane).wrapping_mul(FACTOR).rotate_left(29);
            mixed ^ (mixed >> 32)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_counts() {
        let bytes: Vec<u8> = (0..200_u8).collect();
        let whole = Checksum::of(&bytes);
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(Checksum::of(&changed), whole, "bit {bit}");
            // A second change of the same lane and place does not undo the first.
            if bit / 8 + BLOCK < bytes.len() {
                changed[bit / 8 + BLOCK] ^= 1 << (bit % 8);
                assert_ne!(Checksum::of(&changed), whole, "bit {bit} twice");
            }
        }
        for length in 0..bytes.len() {
            assert_ne!(Checksum::of(&bytes[..length]), whole, "{length} bytes");
        }
        assert_ne!(Checksum::of(&[0; 3]), Checksum::of(&[0; 4]));
    }

    #[test]
    fn pieces_are_as_good_as_the_whole() {
        let bytes: Vec<u8> = (0..=255).cycle().take(1000).collect();
        let mut checksum = Checksum::new();
        bytes.chunks(BLOCK * 3).for_each(|piece| checksum.add(piece));
        assert_eq!(checksum.finish(), Checksum::of(&bytes));
    }
}
