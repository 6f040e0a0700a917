//! How far a long command is, on standard error.

use std::io::{self, IsTerminal as _, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Work that ends sooner than this says nothing.
const QUIET: Duration = Duration::from_secs(1);
/// How often the line of a terminal is written anew.
const PACE: Duration = Duration::from_millis(200);

/// How updates look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// One line of a terminal, written over and over.
    InPlace,
    /// A line each second.
    Lines,
}

/// Says what goes on, and how much of it is done, until it is dropped: only once the work has lasted a second, and only on a
/// terminal, unless the user asked for it. A thread of its own writes, so that one long step is seen too.
#[derive(Default)]
pub(crate) struct Progress {
    shared: Option<Arc<Shared>>,
    writer: Option<JoinHandle<()>>,
}

struct Shared {
    line: Mutex<Line<io::Stderr>>,
    ended: Condvar,
}

impl Progress {
    /// Progress on standard error; of so many steps, where they can be counted.
    pub(crate) fn on_stderr(what: &'static str, total: Option<usize>, force: bool) -> Self {
        let stderr = io::stderr();
        let style = match (stderr.is_terminal(), force) {
            (true, _) => Style::InPlace,
            (false, true) => Style::Lines,
            (false, false) => return Self::default(),
        };
        let line = Mutex::new(Line::new(stderr, style, what, total, Instant::now()));
        let shared = Arc::new(Shared { line, ended: Condvar::new() });
        let writing = shared.clone();
        // Without a thread the work goes on unseen.
        let writer = thread::Builder::new().name("progress".to_owned()).spawn(move || writing.write());
        Self { shared: Some(shared), writer: writer.ok() }
    }

    /// One more step is done; the line may come back.
    pub(crate) fn step(&self) {
        if let Some(shared) = &self.shared {
            shared.line().step();
        }
    }

    /// Takes the line away until the next step, so that output can follow.
    pub(crate) fn clear(&self) {
        if let Some(shared) = &self.shared {
            shared.line().hide();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(shared) = &self.shared {
            shared.line().end();
            shared.ended.notify_all();
        }
        if let Some(writer) = self.writer.take() {
            // It has nothing to tell, not even of a panic.
            let _ = writer.join();
        }
    }
}

impl Shared {
    fn line(&self) -> MutexGuard<'_, Line<io::Stderr>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) {
        let mut line = self.line();
        while !line.ended {
            line.show(Instant::now());
            let waited = self.ended.wait_timeout(line, PACE);
            line = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// What is written, and when.
struct Line<W: Write> {
    writer: W,
    style: Style,
    what: &'static str,
    done: usize,
    total: Option<usize>,
    started: Instant,
    updated: Option<Instant>,
    hidden: bool,
    ended: bool,
}

impl<W: Write> Line<W> {
    fn new(writer: W, style: Style, what: &'static str, total: Option<usize>, started: Instant) -> Self {
        Self { writer, style, what, done: 0, total, started, updated: None, hidden: false, ended: false }
    }

    fn step(&mut self) {
        self.done += 1;
        self.hidden = false;
    }

    /// Writes how far the work is, where that is due.
    fn show(&mut self, now: Instant) {
        let elapsed = now.duration_since(self.started);
        let pace = if self.style == Style::Lines { QUIET } else { PACE };
        let due = self.updated.is_none_or(|updated| now.duration_since(updated) >= pace);
        if self.hidden || elapsed < QUIET || !due {
            return;
        }
        self.updated = Some(now);
        let text = self.text(elapsed);
        // Progress that cannot be written is lost.
        let _ = match self.style {
            Style::InPlace => write!(self.writer, "\r{text}\x1b[K"),
            Style::Lines => writeln!(self.writer, "{text}"),
        };
        let _ = self.writer.flush();
    }

    fn text(&self, elapsed: Duration) -> String {
        let (done, what, seconds) = (self.done, self.what, elapsed.as_secs());
        match self.total {
            None => format!("{what}, {seconds} s"),
            Some(total) if done == 0 => format!("0 of {total} {what}, {seconds} s"),
            Some(total) => {
                let rate = f64::from(u32::try_from(done).unwrap_or(u32::MAX)) / elapsed.as_secs_f64();
                format!("{done} of {total} {what}, {rate:.1} a second")
            }
        }
    }

    fn hide(&mut self) {
        self.hidden = true;
        if self.style == Style::InPlace && self.updated.take().is_some() {
            let _ = write!(self.writer, "\r\x1b[K");
            let _ = self.writer.flush();
        }
    }

    fn end(&mut self) {
        self.hide();
        self.ended = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is written where the writer looks at these milliseconds, and a step was done right before each look but the first.
    fn written(style: Style, total: Option<usize>, looks: &[u64]) -> String {
        let started = Instant::now();
        let mut bytes = Vec::new();
        let mut line = Line::new(&mut bytes, style, "pictures", total, started);
        for (place, &milliseconds) in looks.iter().enumerate() {
            if place > 0 {
                line.step();
            }
            line.show(started + Duration::from_millis(milliseconds));
        }
        line.end();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn work_under_a_second_says_nothing() {
        assert_eq!(written(Style::Lines, Some(2), &[10, 500, 999]), "");
        assert_eq!(written(Style::InPlace, Some(2), &[10, 500, 999]), "");
    }

    #[test]
    fn longer_work_says_how_far_it_is() {
        assert_eq!(
            written(Style::Lines, Some(4), &[500, 1000, 2000, 2100, 4000]),
            "1 of 4 pictures, 1.0 a second\n2 of 4 pictures, 1.0 a second\n4 of 4 pictures, 1.0 a second\n"
        );
    }

    #[test]
    fn one_long_step_is_seen_while_it_lasts() {
        assert_eq!(written(Style::Lines, Some(1), &[3000]), "0 of 1 pictures, 3 s\n");
        assert_eq!(written(Style::Lines, None, &[1500, 2000, 2600]), "pictures, 1 s\npictures, 2 s\n");
    }

    #[test]
    fn a_line_in_place_is_taken_away_at_the_end() {
        let text = written(Style::InPlace, Some(1), &[500, 1000]);
        assert_eq!(text, "\r1 of 1 pictures, 1.0 a second\x1b[K\r\x1b[K");
    }

    #[test]
    fn what_is_hidden_comes_back_with_the_next_step() {
        let started = Instant::now();
        let second = |seconds| started + Duration::from_secs(seconds);
        let mut bytes = Vec::new();
        let mut line = Line::new(&mut bytes, Style::InPlace, "runs", Some(3), started);
        line.step();
        line.show(second(1));
        line.hide();
        line.show(second(2));
        line.step();
        line.show(second(4));
        line.end();
        line.show(second(5));
        let (first, second) = ("\r1 of 3 runs, 1.0 a second\x1b[K", "\r2 of 3 runs, 0.5 a second\x1b[K");
        assert_eq!(String::from_utf8(bytes).unwrap(), format!("{first}\r\x1b[K{second}\r\x1b[K"));
    }
}
