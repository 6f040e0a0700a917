//! A file as memory.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use memmap2::Mmap;

use crate::memory::{LINE, Packed};

/// The bytes of a file as memory: the system reads them when they are first looked at, and may let go of them again without
/// writing them anywhere.
///
/// For files that nobody changes once they have their name. Whoever writes to one nevertheless changes the bytes here too, and
/// whoever shortens one ends the process when the missing bytes are looked at. Replacing or removing the file does neither.
#[derive(Clone, Debug)]
pub struct Mapping(Arc<Mmap>);

impl Mapping {
    /// All of a file. Fails where the system does not map files, or not this one.
    pub fn of(file: &File) -> io::Result<Self> {
        // SAFETY: bytes of any values are valid, and the type says which files it is for.
        let map = unsafe { Mmap::map(file)? };
        // The system may begin to read; where it does not, the bytes come when they are looked at.
        #[cfg(unix)]
        let _ = map.advise(memmap2::Advice::WillNeed);
        Ok(Self(Arc::new(map)))
    }

    /// All bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Some of the bytes as packed weights, which keep the mapping alive; `None` unless they lie inside of the file, begin at a
    /// multiple of [`Mapping::ALIGNMENT`] and are whole floats.
    pub fn packed(&self, bytes: Range<usize>) -> Option<Packed> {
        let part = self.0.get(bytes.clone())?;
        // Pages begin at multiples of a line.
        let fits = bytes.start.is_multiple_of(Self::ALIGNMENT) && part.len().is_multiple_of(size_of::<f32>());
        fits.then(|| Packed::mapped(self.clone(), bytes))
    }

    /// Where packed weights may begin in a file.
    pub const ALIGNMENT: usize = LINE * size_of::<f32>();
}

#[cfg(test)]
#[cfg(not(miri))]
mod tests {
    use std::env;
    use std::fs;
    use std::process;

    use super::*;

    fn file(name: &str, bytes: &[u8]) -> (std::path::PathBuf, File) {
        let path = env::temp_dir().join(format!("tandem-mapping-{}-{name}", process::id()));
        fs::write(&path, bytes).unwrap();
        let file = File::open(&path).unwrap();
        (path, file)
    }

    #[test]
    fn weights_outlive_the_file_and_its_mapping() {
        let bytes: Vec<u8> = (0..=255).cycle().take(300).collect();
        let (path, file) = file("outlives", &bytes);
        let mapping = Mapping::of(&file).unwrap();
        assert_eq!(mapping.as_bytes(), bytes);
        let packed = mapping.packed(64..164).unwrap();
        let other = mapping.packed(64..164).unwrap();
        drop((mapping, file));
        fs::remove_file(path).unwrap();
        assert_eq!(packed.as_bytes(), &bytes[64..164]);
        assert!(packed.as_slice().as_ptr().addr().is_multiple_of(Mapping::ALIGNMENT));
        assert!(!packed.is(&other) && packed.is(&packed.clone()));
    }

    #[test]
    fn what_is_crooked_or_outside_is_refused() {
        let (path, file) = file("refused", &[1; 300]);
        let mapping = Mapping::of(&file).unwrap();
        for bytes in [4..68, 64..66, 256..304, 320..320, Range { start: 128, end: 64 }] {
            assert!(mapping.packed(bytes.clone()).is_none(), "{bytes:?}");
        }
        assert!(mapping.packed(64..64).unwrap().as_bytes().is_empty());
        fs::remove_file(path).unwrap();
    }
}
