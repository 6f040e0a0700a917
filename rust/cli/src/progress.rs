//! How far a long command is, on standard error.

use std::io::{self, IsTerminal as _, Write};
use std::time::{Duration, Instant};

/// A command that ends sooner than this says nothing.
const QUIET: Duration = Duration::from_secs(1);
/// The least time between two updates.
const PACE: Duration = Duration::from_millis(100);

/// How updates look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// None.
    Off,
    /// One line of a terminal, written over and over.
    InPlace,
    /// A line for each update.
    Lines,
}

/// Counts steps and says how many are done: only once the work has lasted a second, and only on a terminal, unless
/// the user asked for it.
pub(crate) struct Progress<W: Write> {
    writer: W,
    style: Style,
    what: &'static str,
    done: usize,
    total: usize,
    started: Instant,
    updated: Option<Instant>,
}

impl Progress<io::Stderr> {
    /// Progress on standard error.
    pub(crate) fn on_stderr(what: &'static str, total: usize, force: bool) -> Self {
        let stderr = io::stderr();
        let style = match (stderr.is_terminal(), force) {
            (true, _) => Style::InPlace,
            (false, true) => Style::Lines,
            (false, false) => Style::Off,
        };
        Self::new(stderr, style, what, total, Instant::now())
    }
}

impl<W: Write> Progress<W> {
    fn new(writer: W, style: Style, what: &'static str, total: usize, started: Instant) -> Self {
        Self { writer, style, what, done: 0, total, started, updated: None }
    }

    /// One more step is done.
    pub(crate) fn step(&mut self) {
        self.step_at(Instant::now());
    }

    fn step_at(&mut self, now: Instant) {
        self.done += 1;
        let pace = if self.style == Style::Lines { QUIET } else { PACE };
        let due = self.updated.is_none_or(|updated| now.duration_since(updated) >= pace);
        let elapsed = now.duration_since(self.started);
        if self.style == Style::Off || elapsed < QUIET || !due {
            return;
        }
        self.updated = Some(now);
        let (done, total, what) = (self.done, self.total, self.what);
        let rate = f64::from(u32::try_from(done).unwrap_or(u32::MAX)) / elapsed.as_secs_f64();
        // Progress that cannot be written is lost.
        let _ = match self.style {
            Style::InPlace => write!(self.writer, "\r{done} of {total} {what}, {rate:.1} a second\x1b[K"),
            Style::Lines => writeln!(self.writer, "{done} of {total} {what}, {rate:.1} a second"),
            Style::Off => Ok(()),
        };
        let _ = self.writer.flush();
    }

    /// Takes the line away, so that output can follow.
    pub(crate) fn clear(&mut self) {
        if self.style == Style::InPlace && self.updated.take().is_some() {
            let _ = write!(self.writer, "\r\x1b[K");
            let _ = self.writer.flush();
        }
    }
}

impl<W: Write> Drop for Progress<W> {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(style: Style, steps: &[u64]) -> String {
        let started = Instant::now();
        let mut bytes = Vec::new();
        let mut progress = Progress::new(&mut bytes, style, "pictures", steps.len(), started);
        for &milliseconds in steps {
            progress.step_at(started + Duration::from_millis(milliseconds));
        }
        drop(progress);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn work_under_a_second_says_nothing() {
        assert_eq!(written(Style::Lines, &[10, 500, 999]), "");
        assert_eq!(written(Style::InPlace, &[10, 500, 999]), "");
    }

    #[test]
    fn longer_work_says_how_far_it_is() {
        assert_eq!(
            written(Style::Lines, &[500, 2000, 2100, 4000]),
            "2 of 4 pictures, 1.0 a second\n4 of 4 pictures, 1.0 a second\n"
        );
    }

    #[test]
    fn a_line_in_place_is_taken_away_at_the_end() {
        let text = written(Style::InPlace, &[1000]);
        assert!(text.starts_with("\r1 of 1 pictures"), "{text:?}");
        assert!(text.ends_with("\r\x1b[K"), "{text:?}");
    }
}
