//! The digest of a model's file, computed beside what else its load does.
//!
//! SHA-256 needs its bytes one after the other, and takes a quarter to a third of a load. A large file's is computed by a thread
//! that ends with the load, over the very memory that the model is decoded from.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tandem_core::LoadError;
use tandem_onnx::Witness;

/// A file of fewer bytes is digested by the caller: it takes some milliseconds, and so may the start of a thread on a busy processor.
const SMALL: u64 = 4 << 20;

/// What is digested before the next question whether to go on: at most some milliseconds.
const STEP: usize = 1 << 20;

/// Copied bytes are handed over in pieces of at least so many.
const PIECE: usize = 64 << 10;

/// The most copied bytes that wait for the thread, but for the last piece.
const MOST_WAITING: usize = 4 << 20;

/// How long to wait for the thread before the next question whether to go on.
const PATIENCE: Duration = Duration::from_millis(5);

/// A SHA-256 in the making.
pub(crate) struct Digest {
    state: State,
}

enum State {
    Here(Sha256),
    Beside(Beside),
    /// As 64 lower-case hexadecimal digits.
    Done(String),
}

impl Digest {
    /// Of no bytes yet, of a file of `length`.
    pub(crate) fn new(length: u64) -> Self {
        let beside = if length < SMALL { None } else { Beside::start() };
        Self { state: beside.map_or_else(|| State::Here(Sha256::new()), State::Beside) }
    }

    /// Of all of `bytes`, which are in memory.
    pub(crate) fn of(
        bytes: &Bytes,
        may_go_on: impl Fn() -> Result<(), LoadError>,
    ) -> Result<Self, LoadError> {
        let mut digest = Self::new(bytes.len() as u64);
        if let State::Here(own) = &mut digest.state {
            update(own, bytes, may_go_on)?;
        } else {
            digest.constant(bytes);
        }
        Ok(digest)
    }

    /// The digest, where it was [finished](Self::finish); nothing before.
    pub(crate) fn known(&self) -> &str {
        if let State::Done(text) = &self.state { text } else { "" }
    }

    /// The digest of the bytes so far, after which there are no more. Asks between steps of some milliseconds whether it may go on.
    ///
    /// Fails with what `may_go_on` says, or `Internal` where the thread is gone.
    pub(crate) fn finish(
        &mut self,
        may_go_on: impl Fn() -> Result<(), LoadError>,
    ) -> Result<String, LoadError> {
        let text = match &mut self.state {
            State::Done(text) => return Ok(text.clone()),
            State::Here(own) => hexadecimal(own.clone()),
            State::Beside(beside) => hexadecimal(beside.finish(may_go_on)?),
        };
        self.state = State::Done(text.clone());
        Ok(text)
    }
}

impl Witness for Digest {
    fn bytes(&mut self, next: &[u8]) {
        match &mut self.state {
            State::Here(own) => own.update(next),
            State::Beside(beside) => beside.copy(next),
            State::Done(_) => {}
        }
    }

    fn constant(&mut self, next: &Bytes) {
        match &mut self.state {
            State::Here(own) => own.update(next),
            State::Beside(beside) => beside.share(next),
            State::Done(_) => {}
        }
    }
}

/// What the thread is told.
enum Message {
    Next(Bytes),
    /// To answer when it has come here.
    Reached(Sender<()>),
}

/// A thread that digests what it is sent. It is gone when this is.
struct Beside {
    /// `None` when all was sent.
    messages: Option<Sender<Message>>,
    result: Receiver<Sha256>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    /// Copied bytes that were not sent yet, and those that were sent since the thread was last known to have come so far.
    copied: Vec<u8>,
    waiting: usize,
}

impl Beside {
    /// `None` where the system has no thread to give.
    fn start() -> Option<Self> {
        let (messages, received) = channel();
        let (send, result) = channel();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let work = move || {
            if let Some(digest) = digest(&received, &stopped) {
                // Whoever has let go of the load wants none.
                let _ = send.send(digest);
            }
        };
        let thread = thread::Builder::new().name("tandem-digest".to_owned()).spawn(work).ok()?;
        let (messages, thread) = (Some(messages), Some(thread));
        Some(Self { messages, result, stop, thread, copied: Vec::new(), waiting: 0 })
    }

    fn copy(&mut self, next: &[u8]) {
        self.copied.extend_from_slice(next);
        if self.copied.len() >= PIECE {
            self.send_copied();
        }
        if self.waiting >= MOST_WAITING {
            let (reached, there) = channel();
            self.send(Message::Reached(reached));
            // A thread that is gone is found out at the end.
            let _ = there.recv();
            self.waiting = 0;
        }
    }

    fn share(&mut self, next: &Bytes) {
        self.send_copied();
        self.send(Message::Next(next.clone()));
    }

    fn send_copied(&mut self) {
        if !self.copied.is_empty() {
            self.waiting += self.copied.len();
            let copied = std::mem::take(&mut self.copied);
            self.send(Message::Next(copied.into()));
        }
    }

    fn send(&self, message: Message) {
        if let Some(messages) = &self.messages {
            // A thread that is gone is found out at the end.
            let _ = messages.send(message);
        }
    }

    fn finish(&mut self, may_go_on: impl Fn() -> Result<(), LoadError>) -> Result<Sha256, LoadError> {
        self.send_copied();
        self.messages = None;
        loop {
            may_go_on()?;
            match self.result.recv_timeout(PATIENCE) {
                Ok(digest) => return Ok(digest),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    let detail = "the thread that computes the digest has ended without one".to_owned();
                    return Err(LoadError::Internal { detail });
                }
            }
        }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.messages = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread is told by the result that it has not sent.
            let _ = thread.join();
        }
    }
}

/// The digest of all that is sent; `None` where it was stopped.
fn digest(messages: &Receiver<Message>, stop: &AtomicBool) -> Option<Sha256> {
    let mut digest = Sha256::new();
    let go_on = || if stop.load(Ordering::Relaxed) { Err(()) } else { Ok(()) };
    for message in messages {
        match message {
            Message::Next(bytes) => update(&mut digest, &bytes, go_on).ok()?,
            Message::Reached(reached) => {
                // Whoever has let go of the load does not wait.
                let _ = reached.send(());
            }
        }
    }
    Some(digest)
}

fn update<E>(digest: &mut Sha256, bytes: &[u8], may_go_on: impl Fn() -> Result<(), E>) -> Result<(), E> {
    for step in bytes.chunks(STEP) {
        may_go_on()?;
        digest.update(step);
    }
    Ok(())
}

/// SHA-256 of `bytes` as 64 lower-case hexadecimal digits, computed by the caller's thread. Asks between steps of some
/// milliseconds whether it may go on.
///
/// Fails with what `may_go_on` says only.
pub fn sha256(bytes: &[u8], may_go_on: impl Fn() -> Result<(), LoadError>) -> Result<String, LoadError> {
    let mut digest = Sha256::new();
    update(&mut digest, bytes, may_go_on)?;
    Ok(hexadecimal(digest))
}

fn hexadecimal(digest: Sha256) -> String {
    digest.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Checks the digest against the one that the caller expects.
pub(crate) fn check(got: &str, expected: Option<&str>) -> Result<(), LoadError> {
    match expected {
        Some(expected) if !expected.eq_ignore_ascii_case(got) => {
            Err(LoadError::IntegrityMismatch { expected: expected.to_owned(), got: got.to_owned() })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
