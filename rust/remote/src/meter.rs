//! A stream that notes when bytes passed.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What passed on a connection since [`Meter::begin`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Marks {
    /// When writing the first byte began.
    pub(crate) first_write: Option<Instant>,
    /// When the last byte so far was written.
    pub(crate) last_write: Option<Instant>,
    /// Bytes written.
    pub(crate) written: u64,
    /// When the first byte was read.
    pub(crate) first_read: Option<Instant>,
}

/// The marks of one connection, shared with its stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter(Arc<Mutex<Marks>>);

impl Meter {
    /// Forgets what has passed: an exchange begins.
    pub(crate) fn begin(&self) {
        *self.lock() = Marks::default();
    }

    /// What has passed since the exchange began.
    pub(crate) fn marks(&self) -> Marks {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, Marks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writing(&self) {
        self.lock().first_write.get_or_insert_with(Instant::now);
    }

    fn wrote(&self, count: usize) {
        let mut marks = self.lock();
        marks.last_write = Some(Instant::now());
        marks.written += count as u64;
    }

    fn read(&self) {
        self.lock().first_read.get_or_insert_with(Instant::now);
    }
}

/// A stream whose passing bytes are noted. Over TLS it lies outside, so that it counts bytes of HTTP.
pub(crate) struct Metered<S> {
    inner: S,
    meter: Meter,
}

impl<S> Metered<S> {
    pub(crate) fn new(inner: S, meter: Meter) -> Self {
        Self { inner, meter }
    }

    fn note_write(&self, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(count @ 1..)) = result {
            self.meter.wrote(count);
        }
        result
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.inner).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.meter.read();
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.meter.writing();
        let result = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.note_write(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.meter.writing();
        let result = Pin::new(&mut self.inner).poll_write_vectored(context, slices);
        self.note_write(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
