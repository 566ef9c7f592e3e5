//! A body that is made of parts which lie in memory already.
//!
//! A list is a header and the bytes of its items as they lie in the cache. Small parts are gathered
//! into frames when the connection asks for them, so that a large list is never in memory twice.

use std::{
    convert::Infallible,
    io::Write,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use client::transport::Body;
use flate2::{Compression, write::GzEncoder};
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, SizeHint};

/// How much is gathered into one frame.
const FRAME: usize = 64 * 1024;

/// Parts that are at least this long go out as they are.
const LARGE: usize = 16 * 1024;

/// Returns the parts as one body whose length is known.
pub(super) fn body(parts: Vec<Bytes>) -> Body {
    // One part, or few small ones: nothing to gather later.
    let length: usize = parts.iter().map(Bytes::len).sum();
    if length <= FRAME {
        return client::transport::full(gather(&mut parts.into_iter(), length));
    }
    let body = PartsBody { parts: parts.into_iter(), left: length as u64 };
    body.map_err(|never| match never {}).boxed_unsync()
}

/// Returns the parts compressed.
pub(super) fn gzip(parts: Vec<Bytes>) -> Body {
    // Go: apiserver/pkg/endpoints/handlers/responsewriters/writers.go defaultGzipContentEncodingLevel
    let encoder = GzEncoder::new(Vec::with_capacity(FRAME), Compression::new(1));
    let body = GzipBody { parts: parts.into_iter(), encoder: Some(encoder) };
    body.map_err(|never| match never {}).boxed_unsync()
}

struct PartsBody {
    parts: std::vec::IntoIter<Bytes>,
    /// How many bytes are still to come.
    left: u64,
}

impl HttpBody for PartsBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let data = gather(&mut self.parts, FRAME);
        self.left -= data.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// Takes parts until they fill a frame.
fn gather(parts: &mut std::vec::IntoIter<Bytes>, frame: usize) -> Bytes {
    let Some(first) = parts.next() else { return Bytes::new() };
    if first.len() >= LARGE || parts.as_slice().is_empty() {
        return first;
    }
    let mut gathered = BytesMut::with_capacity(frame);
    gathered.extend_from_slice(&first);
    while let Some(part) = parts.as_slice().first().filter(|part| gathered.len() + part.len() <= frame) {
        gathered.extend_from_slice(part);
        parts.next();
    }
    gathered.freeze()
}

struct GzipBody {
    parts: std::vec::IntoIter<Bytes>,
    /// Gone once its trailer is written.
    encoder: Option<GzEncoder<Vec<u8>>>,
}

impl HttpBody for GzipBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(mut encoder) = self.encoder.take() else { return Poll::Ready(None) };
        while encoder.get_ref().len() < FRAME {
            let Some(part) = self.parts.next() else {
                let rest = encoder.finish().expect("a vector takes everything");
                return Poll::Ready(Some(Ok(Frame::data(rest.into()))));
            };
            encoder.write_all(&part).expect("a vector takes everything");
        }
        let data = std::mem::replace(encoder.get_mut(), Vec::with_capacity(FRAME));
        self.encoder = Some(encoder);
        Poll::Ready(Some(Ok(Frame::data(data.into()))))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn parts() -> (Vec<Bytes>, Vec<u8>) {
        let parts: Vec<Bytes> = (0..5000_usize).map(|i| Bytes::from(vec![b'a' + (i % 26) as u8; i % 97])).collect();
        let all = parts.concat();
        (parts, all)
    }

    #[tokio::test]
    async fn parts_come_out_as_they_are() {
        let (parts, all) = parts();
        let body = body(parts);
        assert_eq!(body.size_hint().exact(), Some(all.len() as u64));
        assert_eq!(body.collect().await.expect("body").to_bytes(), all);
    }

    #[tokio::test]
    async fn compressed_parts_come_out_the_same() {
        let (parts, all) = parts();
        let compressed = gzip(parts).collect().await.expect("body").to_bytes();
        let mut out = Vec::new();
        flate2::read::GzDecoder::new(&compressed[..]).read_to_end(&mut out).expect("gzip");
        assert_eq!(out, all);
    }
}
