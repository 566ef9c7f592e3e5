//! The store as its users see it. Reads are answered from memory, writes are handed to the writer.

use std::{path::Path, sync::Arc, thread::JoinHandle, time::Duration};

use phase::{BoxFuture, clock::Clock, trace::Trace};
use tokio::sync::{mpsc, oneshot};

use crate::{
    backend::{Backend, GetResponse, LeaseId, List, ListResponse, Outcome, Put, Revision, Revisions, Watch},
    embedded::{
        log::OpenError,
        medium::{File, Medium},
        writer::{Job, Writer},
    },
    error::Error,
    mvcc::{
        history::HISTORY_BYTES,
        hub::Hub,
        working::{Answer, Op},
    },
};

/// Writes that wait for the writer at most; those who come later wait for a place. Two full batches.
const QUEUE: usize = 2048;

/// How a store is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How many bytes of the past are kept, in memory and on disk.
    pub history_bytes: usize,
    /// How many bytes of the file are kept in memory, besides the keys themselves.
    pub cache_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        // The file is only read when the store is opened, so the cache serves writing alone.
        Self { history_bytes: HISTORY_BYTES, cache_bytes: 8 << 20 }
    }
}

/// A store in a directory.
pub struct Embedded {
    hub: Arc<Hub>,
    medium: Arc<dyn Medium>,
    /// `None` once it is being closed: the writer ends when nobody can send any more.
    queue: Option<mpsc::Sender<Job>>,
    writer: Option<JoinHandle<()>>,
}

impl Embedded {
    /// Opens the store in a directory, which is made if it is not there. Nobody else may have it open.
    pub fn open(directory: &Path, clock: Arc<dyn Clock>, options: Options) -> Result<Self, OpenError> {
        Self::on(Arc::new(File::new(directory, options.cache_bytes)), clock, options)
    }

    /// Opens the store on a medium.
    pub fn on(medium: Arc<dyn Medium>, clock: Arc<dyn Clock>, options: Options) -> Result<Self, OpenError> {
        let writer = Writer::open(medium.clone(), clock, options)?;
        let hub = writer.hub();
        let (sender, receiver) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new().name("kv-writer".to_owned());
        let writer = thread.spawn(move || writer.run(receiver)).map_err(OpenError::Thread)?;
        Ok(Self { hub, medium, queue: Some(sender), writer: Some(writer) })
    }

    async fn write(&self, op: Op) -> Result<Answer, Error> {
        let gone = || Error::Unavailable("the store is closed".to_owned());
        let (reply, answer) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or_else(gone)?;
        queue.send(Job { op, reply }).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

impl Drop for Embedded {
    /// Waits until everything that was handed over is written.
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the writer of the embedded store panicked");
        }
    }
}

impl Backend for Embedded {
    fn get<'a>(
        &'a self,
        _: &'a Trace,
        key: &'a str,
        revision: Option<Revision>,
    ) -> BoxFuture<'a, Result<GetResponse, Error>> {
        Box::pin(async move { self.hub.get(key, revision) })
    }

    fn list<'a>(&'a self, _: &'a Trace, list: List<'a>) -> BoxFuture<'a, Result<ListResponse, Error>> {
        Box::pin(async move { self.hub.list(&list) })
    }

    fn count<'a>(&'a self, _: &'a Trace, prefix: &'a str) -> BoxFuture<'a, Result<u64, Error>> {
        Box::pin(async move { Ok(self.hub.current().range(prefix, None).count() as u64) })
    }

    fn optimistic_put<'a>(&'a self, _: &'a Trace, put: Put<'a>) -> BoxFuture<'a, Result<Outcome, Error>> {
        Box::pin(async move { self.write(Op::from(put)).await.map(Answer::written) })
    }

    fn optimistic_delete<'a>(
        &'a self,
        _: &'a Trace,
        key: &'a str,
        expected: Revision,
    ) -> BoxFuture<'a, Result<Outcome, Error>> {
        Box::pin(async move { self.write(Op::Delete { key: key.to_owned(), expected }).await.map(Answer::written) })
    }

    fn grant<'a>(&'a self, _: &'a Trace, ttl: Duration) -> BoxFuture<'a, Result<LeaseId, Error>> {
        Box::pin(async move { self.write(Op::Grant { ttl }).await.map(Answer::granted) })
    }

    fn watch<'a>(&'a self, prefix: &'a str, start: Option<Revision>) -> BoxFuture<'a, Result<Watch, Error>> {
        Box::pin(async move { Ok(self.hub.watch(prefix, start).into_stream()) })
    }

    fn request_progress<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            self.hub.request_progress(prefix);
            Ok(())
        })
    }

    fn compact(&self, revision: Revision) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move { self.write(Op::Compact { revision }).await.map(|_| ()) })
    }

    fn revisions(&self) -> BoxFuture<'_, Result<Revisions, Error>> {
        Box::pin(async move { Ok(self.hub.revisions()) })
    }

    fn view<'a>(&'a self, prefix: &'a str, revision: Revision) -> BoxFuture<'a, Result<ListResponse, Error>> {
        Box::pin(async move { self.hub.view(prefix, revision) })
    }

    fn size(&self) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(async move { self.medium.size().map_err(|error| Error::Unavailable(error.to_string())) })
    }

    fn expire(&self) -> BoxFuture<'_, Result<usize, Error>> {
        Box::pin(async move { self.write(Op::Expire).await.map(Answer::expired) })
    }
}
