//! A watch that outlives its connection: when the stream breaks, it is opened again after the last revision.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use etcd_client::{Client, WatchOptions, WatchResponseStream};
use futures_util::stream;

use crate::{
    backend::{Revision, Watch, WatchResponse},
    error::Error,
    etcd::{
        client::{Known, MAX_ANSWER, Sender, Senders},
        convert,
    },
};

/// How long is waited before a broken watch is opened again.
const REOPEN: Duration = Duration::from_millis(500);

/// Opens a watch and waits until etcd has taken it up: what is written after that is delivered.
pub(crate) async fn open(
    client: Client,
    known: Arc<Known>,
    senders: Arc<Senders>,
    prefix: &str,
    start: Option<Revision>,
) -> Result<Watch, Error> {
    let mut watcher = Watcher {
        client,
        known,
        senders,
        prefix: prefix.to_owned(),
        next: start,
        stream: None,
        sender: None,
        ready: VecDeque::new(),
    };
    watcher.connect().await?;
    Ok(Box::pin(stream::unfold(Some(watcher), |watcher| async move {
        let mut watcher = watcher?;
        let item = watcher.next().await;
        let rest = item.is_ok().then_some(watcher);
        Some((item, rest))
    })))
}

struct Watcher {
    client: Client,
    known: Arc<Known>,
    senders: Arc<Senders>,
    prefix: String,
    /// The first revision that has not been delivered; `None`: nothing has, and the watch began at "now".
    next: Option<Revision>,
    /// `None` while there is no connection.
    stream: Option<WatchResponseStream>,
    /// Kept for as long as the watch is wanted: others ask for signs of progress with it.
    sender: Option<Sender>,
    ready: VecDeque<Result<WatchResponse, Error>>,
}

impl Watcher {
    async fn connect(&mut self) -> Result<(), Error> {
        let mut options = WatchOptions::new().with_prefix().with_prev_key().with_progress_notify();
        if let Some(next) = self.next {
            options = options.with_start_revision(next as i64);
        }
        let mut client = self.client.watch_client().max_decoding_message_size(MAX_ANSWER);
        let opened = client.watch(self.prefix.clone(), Some(options)).await;
        let (sender, stream) = opened.map_err(|error| self.error(error))?.split();
        self.stream = Some(stream);
        // The first answer says that the watch is there.
        self.receive().await?;
        let sender = Arc::new(tokio::sync::Mutex::new(sender));
        self.senders.add(&self.prefix, &sender);
        self.sender = Some(sender);
        Ok(())
    }

    fn error(&self, error: etcd_client::Error) -> Error {
        convert::error(error, self.next.unwrap_or_default(), &self.known)
    }

    /// Takes one answer.
    async fn receive(&mut self) -> Result<(), Error> {
        let broken = || Error::Unavailable("etcd ended the watch".to_owned());
        let stream = self.stream.as_mut().ok_or_else(broken)?;
        let response = match stream.message().await {
            Ok(response) => response.ok_or_else(broken)?,
            Err(error) => return Err(self.error(error)),
        };
        let header = self.known.saw(convert::revision(response.header()));
        if response.compact_revision() > 0 {
            let compacted = response.compact_revision() as Revision;
            self.known.saw_compacted(compacted);
            self.ready.push_back(Err(Error::Compacted { requested: self.next.unwrap_or_default(), compacted }));
            return Ok(());
        }
        if response.canceled() {
            return Err(Error::Unavailable(response.cancel_reason().to_owned()));
        }
        if response.created() {
            self.next.get_or_insert(header + 1);
            return Ok(());
        }
        let events: Vec<_> = response.events().iter().filter_map(convert::event).collect();
        // The header of a delivery may be ahead of it; that of a sign of progress is what it says.
        let revision = events.last().map_or(header, |event| event.kv.mod_revision);
        self.next = self.next.max(Some(revision + 1));
        self.ready.push_back(Ok(WatchResponse { revision, events }));
        Ok(())
    }

    async fn next(&mut self) -> Result<WatchResponse, Error> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return item;
            }
            let received = match self.stream {
                Some(_) => self.receive().await,
                None => self.connect().await,
            };
            match received {
                Ok(()) => {}
                Err(error @ (Error::Unavailable(_) | Error::Timeout(_))) => {
                    tracing::debug!(prefix = self.prefix, %error, "a watch broke and is opened again");
                    self.stream = None;
                    tokio::time::sleep(REOPEN).await;
                }
                Err(error) => return Err(error),
            }
        }
    }
}
