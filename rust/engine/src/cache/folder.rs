//! Files that appear whole or not at all, in a folder that does not grow beyond its bound.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// A file under its first name that is older than this has no writer any more.
const ABANDONED: Duration = Duration::from_hours(1);

/// The cache's folder.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    pub(super) path: PathBuf,
    pub(super) max_bytes: u64,
}

impl Folder {
    /// Writes the file of that name, of `length` bytes, in place of any that is there; not at all where it is larger than the
    /// bound. Others go to make room, the least recently used first.
    pub(super) fn put(
        &self,
        name: &Path,
        length: u64,
        write: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> io::Result<()> {
        /// Tells the writers of one process apart.
        static WRITERS: AtomicU64 = AtomicU64::new(0);
        if length > self.max_bytes {
            return Ok(());
        }
        fs::create_dir_all(&self.path)?;
        self.make_room(name, self.max_bytes - length)?;
        let writer = WRITERS.fetch_add(1, Ordering::Relaxed);
        let temporary = self.path.join(format!("{}.{}-{writer}.part", name.display(), process::id()));
        let mut file = OpenOptions::new().write(true).create_new(true).open(&temporary)?;
        let done = write(&mut file).and_then(|()| fs::rename(&temporary, self.path.join(name)));
        if done.is_err() {
            fs::remove_file(&temporary)?;
        }
        done
    }

    /// Removes files until those that are left take at most `bytes`, the one of that name not counted.
    fn make_room(&self, name: &Path, bytes: u64) -> io::Result<()> {
        let now = SystemTime::now();
        let mut kept = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let path = entry.path();
            let kind = path.extension().and_then(OsStr::to_str);
            // Another process may have removed it.
            let Ok(metadata) = entry.metadata() else { continue };
            let modified = metadata.modified()?;
            match kind {
                Some("part") => {
                    if now.duration_since(modified).is_ok_and(|age| age > ABANDONED) {
                        remove(&path)?;
                    } else {
                        kept.push((modified, metadata.len(), None));
                    }
                }
                Some("plan" | "file") if entry.file_name() != name.as_os_str() => {
                    kept.push((modified, metadata.len(), Some(path)));
                }
                _ => {}
            }
        }
        kept.sort();
        let mut sum: u64 = kept.iter().map(|(_, length, _)| *length).sum();
        for (_, length, path) in kept {
            if sum <= bytes {
                break;
            }
            if let Some(path) = path {
                remove(&path)?;
                sum -= length;
            }
        }
        Ok(())
    }
}

/// Removes a file; that it is gone already is no error.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn put(folder: &Folder, name: &str, bytes: &[u8]) -> io::Result<()> {
        folder.put(Path::new(name), bytes.len() as u64, |file| file.write_all(bytes))
    }

    fn names(folder: &Folder) -> Vec<String> {
        let entries = fs::read_dir(&folder.path).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn age(folder: &Folder, name: &str, seconds: u64) {
        let file = OpenOptions::new().append(true).open(folder.path.join(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(seconds)).unwrap();
    }

    fn folder(max_bytes: u64) -> (tempfile::TempDir, Folder) {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("made/when/needed");
        (root, Folder { path, max_bytes })
    }

    #[test]
    fn what_was_used_least_recently_goes_first() {
        let (_root, folder) = folder(10);
        put(&folder, "a.plan", b"aaaa").unwrap();
        put(&folder, "b.plan", b"bbbb").unwrap();
        age(&folder, "a.plan", 10);
        age(&folder, "b.plan", 20);
        put(&folder, "c.plan", b"cccc").unwrap();
        assert_eq!(names(&folder), ["a.plan", "c.plan"]);
        // A file makes room for itself.
        put(&folder, "c.plan", b"cccccc").unwrap();
        assert_eq!(names(&folder), ["a.plan", "c.plan"]);
        put(&folder, "d.plan", b"0123456789").unwrap();
        assert_eq!(names(&folder), ["d.plan"]);
        put(&folder, "e.plan", b"0123456789+").unwrap();
        assert_eq!(names(&folder), ["d.plan"]);
    }

    #[test]
    fn what_is_not_ours_stays_and_what_has_no_writer_goes() {
        let (_root, folder) = folder(4);
        put(&folder, "a.plan", b"aaaa").unwrap();
        for name in ["other.txt", "old.part", "new.part"] {
            fs::write(folder.path.join(name), "xxxx").unwrap();
        }
        age(&folder, "old.part", 2 * ABANDONED.as_secs());
        put(&folder, "b.plan", b"bb").unwrap();
        assert_eq!(names(&folder), ["b.plan", "new.part", "other.txt"]);
    }

    #[test]
    fn a_writer_that_fails_leaves_nothing_behind() {
        let (_root, folder) = folder(100);
        put(&folder, "a.plan", b"before").unwrap();
        let failed = folder.put(Path::new("a.plan"), 3, |file| {
            file.write_all(b"ha")?;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(names(&folder), ["a.plan"]);
        assert_eq!(fs::read(folder.path.join("a.plan")).unwrap(), b"before");
    }
}
