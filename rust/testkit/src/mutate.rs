//! Damaged copies of good bytes, for fuzzing what reads bytes from strangers.

use crate::random::Random;

/// A copy of `bytes` with one to eight faults, the same for the same `seed`: flipped bits, extreme
/// bytes and words, cut ends, parts that are gone, doubled or moved, and lengths that are far too large.
///
/// The copy is at most 8 KiB longer than the original.
///
/// ```
/// use tandem_testkit::mutate;
///
/// let good = vec![7; 100];
/// assert_eq!(mutate(&good, 1), mutate(&good, 1));
/// assert_ne!(mutate(&good, 1), mutate(&good, 2));
/// ```
pub fn mutate(bytes: &[u8], seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut damaged = bytes.to_vec();
    for _ in 0..=random.below(8) {
        damage(&mut damaged, &mut random);
    }
    damaged
}

/// What a part that is doubled or inserted may add.
const MAX_INSERTION: usize = 1024;

fn damage(bytes: &mut Vec<u8>, random: &mut Random) {
    let place = random.below(bytes.len());
    match random.below(9) {
        0 | 1 => {
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= 1 << random.below(8);
            }
        }
        2 => {
            if let Some(byte) = bytes.get_mut(place) {
                *byte = [0, 1, 0x7f, 0x80, 0xff][random.below(5)];
            }
        }
        3 => overwrite(bytes, place, extreme_word(random)),
        4 => bytes.truncate(place),
        5 => {
            let end = range_end(bytes, place, random);
            bytes.drain(place..end);
        }
        6 => {
            let end = range_end(bytes, place, random);
            let part = bytes[place..end].to_vec();
            let target = random.below(bytes.len() + 1);
            bytes.splice(target..target, part);
        }
        7 => overwrite(bytes, place, huge_varint(random)),
        _ => {
            bytes.splice(place..place, huge_varint(random).iter().copied());
        }
    }
}

fn range_end(bytes: &[u8], start: usize, random: &mut Random) -> usize {
    let longest = (bytes.len() - start).min(MAX_INSERTION);
    start + random.below(longest + 1)
}

fn overwrite(bytes: &mut [u8], place: usize, with: &[u8]) {
    for (byte, new) in bytes.iter_mut().skip(place).zip(with) {
        *byte = *new;
    }
}

/// Words of four or eight bytes at the edges of what lengths and offsets may be.
fn extreme_word(random: &mut Random) -> &'static [u8] {
    let words: [&[u8]; 5] =
        [&[0xff; 8], &[0; 8], &[0xff, 0xff, 0xff, 0x7f], &[0x7f, 0xff, 0xff, 0xff], &[0, 0, 0, 0x80]];
    words[random.below(words.len())]
}

/// Protobuf lengths of 2 GiB, 4 GiB and the largest that fits, and one that never ends.
fn huge_varint(random: &mut Random) -> &'static [u8] {
    let varints: [&[u8]; 4] = [
        &[0xff, 0xff, 0xff, 0xff, 0x07],
        &[0xff, 0xff, 0xff, 0xff, 0x0f],
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
        &[0xff; 11],
    ];
    varints[random.below(varints.len())]
}

#[cfg(test)]
mod tests {
    use super::mutate;

    #[test]
    fn any_length_can_be_damaged() {
        for length in 0..40 {
            let good = vec![0x55; length];
            for seed in 0..500 {
                assert!(mutate(&good, seed).len() <= length + 8 * 1024);
            }
        }
    }

    #[test]
    fn nearly_every_seed_changes_the_bytes() {
        let good: Vec<u8> = (0..=255).collect();
        let changed = (0..1000).filter(|&seed| mutate(&good, seed) != good).count();
        assert!(changed > 950, "{changed}");
    }
}
