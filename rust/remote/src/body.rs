//! Bodies: a request's as the pieces that it is, an answer's as one piece that is not larger than it may be.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame, Incoming, SizeHint};

use crate::failure::{Failure, Phase};

/// A request's body: pieces that are sent as they lie in memory.
pub(crate) struct Chunks {
    chunks: std::vec::IntoIter<Bytes>,
    left: u64,
}

impl Chunks {
    pub(crate) fn new(chunks: Vec<Bytes>) -> Self {
        let left = chunks.iter().map(|chunk| chunk.len() as u64).sum();
        Self { chunks: chunks.into_iter(), left }
    }
}

impl Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let chunk = self.chunks.next();
        self.left -= chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        Poll::Ready(chunk.map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// Reads an answer's body whole. One that is, or says that it is, larger than `limit` is refused at once.
pub(crate) async fn read_whole(mut body: Incoming, limit: u64) -> Result<Bytes, Failure> {
    /// More than this is not set aside on the word of a length.
    const SET_ASIDE: u64 = 1 << 20;
    let declared = body.size_hint().lower();
    if declared > limit {
        return Err(Failure::AnswerTooLarge { got: declared, limit });
    }
    let mut whole = BytesMut::with_capacity(usize::try_from(declared.min(SET_ASIDE)).unwrap_or(0));
    while let Some(chunk) = next_chunk(&mut body).await? {
        let got = (whole.len() + chunk.len()) as u64;
        if got > limit {
            return Err(Failure::AnswerTooLarge { got, limit });
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.freeze())
}

/// Reads the start of a failure's body into `start`: what comes until the body ends, breaks or is long enough.
/// Whether the body has ended.
pub(crate) async fn read_start(mut body: Incoming, start: &mut Vec<u8>) -> bool {
    const ENOUGH: usize = 64 << 10;
    while start.len() < ENOUGH {
        match next_chunk(&mut body).await {
            Ok(Some(chunk)) => start.extend_from_slice(&chunk),
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
    false
}

async fn next_chunk(body: &mut Incoming) -> Result<Option<Bytes>, Failure> {
    loop {
        let frame = std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await;
        match frame {
            None => return Ok(None),
            Some(Err(error)) => return Err(Failure::of_http(&error, Phase::Download)),
            // Trailers carry nothing of ours.
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}
