//! What this process and its threads have used, as Linux counts it.

use std::fs;
use std::time::{Duration, Instant};

/// How long this thread has computed; `None` where the system does not tell. Unlike a clock, it does not count what others do
/// on a busy machine.
pub fn thread_time() -> Option<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// What `work` gives, and how long this thread computed for it; by the clock where the system does not tell.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let (started, before) = (Instant::now(), thread_time());
    let result = work();
    let computed = before.and_then(|before| thread_time()?.checked_sub(before));
    (result, computed.unwrap_or_else(|| started.elapsed()))
}

/// Whether an emulator of another processor runs this, where all takes many times as long: `TANDEM_EMULATED` says so.
pub fn emulated() -> bool {
    std::env::var_os("TANDEM_EMULATED").is_some()
}

/// The most bytes that the process has held; `None` where the system does not tell, and where they would be an emulator's.
pub fn peak_memory() -> Option<u64> {
    if emulated() {
        return None;
    }
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn only_computing_takes_time_of_a_thread() {
        let before = thread_time().unwrap();
        thread::sleep(Duration::from_millis(50));
        let slept = thread_time().unwrap().saturating_sub(before);
        assert!(slept < Duration::from_millis(50), "{slept:?}");
        while thread_time().unwrap() < before + Duration::from_millis(20) {}
    }

    #[test]
    fn the_peak_grows_with_what_is_held() {
        let Some(before) = peak_memory() else { return };
        let held = vec![1_u8; usize::try_from(before).unwrap()];
        assert!(held.iter().all(|byte| *byte == 1));
        assert!(peak_memory().unwrap() > before);
    }
}
