//! Bodies of requests: bounded in size and in time, and read to their end even where nobody wants them.

mod linger;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::BoxError;
use axum::body::HttpBody;
use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body_util::BodyExt;
use tokio::time::timeout_at;

use crate::refusal::Refusal;

pub(crate) use linger::Lingering;

/// A body that is slower than this for long is given up.
const SLOWEST_BYTES_PER_SECOND: usize = 1 << 10;

/// Memory that is taken for a body on its declared length alone; the rest is taken once so much has come.
const TAKEN_ON_TRUST: usize = 1 << 20;

/// Bytes of bodies that may be held at once.
#[derive(Debug)]
pub(crate) struct Budget {
    left: AtomicUsize,
}

impl Budget {
    pub(crate) fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self { left: AtomicUsize::new(bytes) })
    }
}

/// A part of a [`Budget`], given back when dropped.
#[derive(Debug)]
struct Lease {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Lease {
    fn grow(&mut self, more: usize) -> Result<(), Refusal> {
        self.budget
            .left
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(more))
            .map_err(|_| {
                Refusal::unavailable("the bodies that are being worked on leave no memory for this one")
            })?;
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.budget.left.fetch_add(self.bytes, Ordering::AcqRel);
    }
}

/// A body that has come whole. Its memory counts as held until this is dropped.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) bytes: Bytes,
    _lease: Lease,
}

/// How bodies are read.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    /// Bytes a body may have.
    pub(crate) limit: usize,
    /// How long nothing may come.
    pub(crate) patience: Duration,
    /// Shared by all bodies.
    pub(crate) budget: Arc<Budget>,
}

impl Reader {
    /// Reads a body whole. Refuses one that is declared longer than the limit before reading any of it.
    ///
    /// The request's head came at `started`.
    pub(crate) async fn read<B>(&self, mut body: B, started: Instant) -> Result<Received, Refusal>
    where
        B: HttpBody<Data = Bytes> + Unpin,
        B::Error: Into<BoxError>,
    {
        let declared = body.size_hint().exact().map(|length| usize::try_from(length).unwrap_or(usize::MAX));
        if declared.is_some_and(|length| length > self.limit) {
            return Err(self.too_large());
        }
        let mut lease = Lease { budget: self.budget.clone(), bytes: 0 };
        let mut buffer = BytesMut::new();
        let started = started.into();
        while let Some(frame) = self.frame(&mut body, started, buffer.len()).await? {
            // What is not data is a trailer, and none is defined.
            let Ok(data) = frame.into_data() else { continue };
            if buffer.is_empty() && declared == Some(data.len()) {
                lease.grow(data.len())?;
                return Ok(Received { bytes: data, _lease: lease });
            }
            let needed = buffer.len() + data.len();
            if needed > self.limit {
                return Err(self.too_large());
            }
            if needed > buffer.capacity() {
                let capacity = self.capacity(needed, declared);
                lease.grow(capacity - lease.bytes.min(capacity))?;
                buffer.reserve(capacity - buffer.len());
            }
            buffer.extend_from_slice(&data);
        }
        Ok(Received { bytes: buffer.freeze(), _lease: lease })
    }

    /// The next piece. Each byte that has come buys time.
    async fn frame<B>(
        &self,
        body: &mut B,
        started: tokio::time::Instant,
        received: usize,
    ) -> Result<Option<hyper::body::Frame<Bytes>>, Refusal>
    where
        B: HttpBody<Data = Bytes> + Unpin,
        B::Error: Into<BoxError>,
    {
        let bought = Duration::from_secs((received / SLOWEST_BYTES_PER_SECOND) as u64);
        match timeout_at(started + self.patience + bought, body.frame()).await {
            Ok(Some(Ok(frame))) => Ok(Some(frame)),
            Ok(None) => Ok(None),
            Ok(Some(Err(error))) => {
                let error: BoxError = error.into();
                Err(Refusal::bad_request(format!("the body cannot be read: {error}")))
            }
            Err(_) => Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "the body comes too slowly")),
        }
    }

    fn capacity(&self, needed: usize, declared: Option<usize>) -> usize {
        let trusted = match declared {
            Some(declared) if declared <= TAKEN_ON_TRUST || needed > TAKEN_ON_TRUST => declared,
            Some(_) => TAKEN_ON_TRUST,
            None => needed.saturating_mul(2),
        };
        trusted.min(self.limit).max(needed)
    }

    fn too_large(&self) -> Refusal {
        let message = format!("the body is larger than {} bytes", self.limit);
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, message)
    }
}
