//! Which file a file is, without reading it.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};

use crate::checksum::Checksum;

/// Changes closer to each other than this may leave the same times behind, on file systems with coarse ones.
const SETTLED: Duration = Duration::from_secs(3);

/// Numbers of an identity.
const NUMBERS: usize = 7;

/// What the system says of a file. Whoever writes to a file, or puts another in its place, changes it; only one who writes
/// through a map of the file, or to the disk below it, might not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity([u64; NUMBERS]);

impl Identity {
    /// That of the file at `path`; `None` where the system does not tell.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        Self::from_metadata(&fs::metadata(path).ok()?)
    }

    /// Device, inode, length, and when content and inode were changed.
    #[cfg(unix)]
    fn from_metadata(metadata: &Metadata) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let time = [metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec()];
        let [seconds, nanos, changed, changed_nanos] = time.map(i64::cast_unsigned);
        let own = [metadata.dev(), metadata.ino(), metadata.len(), seconds, nanos, changed, changed_nanos];
        metadata.is_file().then_some(Self(own))
    }

    #[cfg(not(unix))]
    fn from_metadata(_metadata: &Metadata) -> Option<Self> {
        None
    }

    /// Whether the file was last changed long enough before `now` for the next change to leave other times.
    pub(super) fn is_settled(&self, now: SystemTime) -> bool {
        let changed = UNIX_EPOCH.checked_add(Duration::from_secs(self.0[5]));
        changed.and_then(|changed| now.duration_since(changed).ok()).is_some_and(|age| age > SETTLED)
    }

    /// What is kept of a file: its identity and its digest.
    pub(super) fn record(&self, digest: &str) -> Vec<u8> {
        let mut record: Vec<u8> = self.0.iter().flat_map(|number| number.to_le_bytes()).collect();
        record.extend(digest.as_bytes());
        record.extend(Checksum::of(&record).to_le_bytes());
        record
    }

    /// The digest in `record`, where it is one of this file.
    pub(super) fn digest_in(&self, record: &[u8]) -> Option<String> {
        let digest = record.get(NUMBERS * 8..NUMBERS * 8 + 64)?;
        let digest = str::from_utf8(digest).ok()?;
        (self.record(digest) == record).then(|| digest.to_owned())
    }
}

/// The name of the record of the file at `path`, which must be there.
pub(super) fn record_name(path: &Path) -> Option<PathBuf> {
    let path = fs::canonicalize(path).ok()?;
    let digest = Sha256::digest(path.as_os_str().as_encoded_bytes());
    Some(format!("{}.file", super::hexadecimal(&digest[..16])).into())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn another_content_is_another_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        fs::write(&path, "one").unwrap();
        let first = Identity::of(&path).unwrap();
        assert_eq!(Identity::of(&path), Some(first));
        std::thread::sleep(Duration::from_millis(20));
        fs::write(&path, "two").unwrap();
        assert_ne!(Identity::of(&path), Some(first));
        assert_eq!(Identity::of(folder.path()), None);
        assert_eq!(Identity::of(&folder.path().join("none")), None);
    }

    #[test]
    fn a_file_is_settled_some_seconds_after_its_last_change() {
        let identity = Identity([0, 0, 0, 0, 0, 1_000, 0]);
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(
            [900, 1_000, 1_003, 1_004].map(|now| identity.is_settled(at(now))),
            [false, false, false, true]
        );
    }

    #[test]
    fn a_record_is_read_back_whole_and_for_its_file_alone() {
        let (identity, digest) = (Identity([1, 2, 3, 4, 5, 6, 7]), "ab".repeat(32));
        let record = identity.record(&digest);
        assert_eq!(identity.digest_in(&record), Some(digest));
        assert_eq!(Identity([1, 2, 3, 4, 5, 6, 8]).digest_in(&record), None);
        for at in 0..record.len() {
            assert_eq!(identity.digest_in(&record[..at]), None);
            let mut damaged = record.clone();
            damaged[at] ^= 4;
            assert_eq!(identity.digest_in(&damaged), None, "byte {at}");
        }
    }
}
