//! The operations, each one request (a write is one transaction).
//!
//! Go: etcd/client/v3/kubernetes/client.go

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use etcd_client::{
    Certificate, Client, Compare, CompareOp, ConnectOptions, DeleteOptions, GetOptions, Identity, KvClient, PutOptions,
    TlsOptions, Txn, TxnOp, TxnOpResponse, WatchRequestSender,
};
use parking_lot::Mutex;
use phase::{BoxFuture, trace::Trace};

use crate::{
    backend::{Backend, GetResponse, LeaseId, List, ListResponse, Outcome, Put, Revision, Revisions, Watch},
    error::Error,
    etcd::{convert, watch},
};

/// How often an idle connection is asked for a sign of life, and how long that may take.
///
/// Go: apiserver/pkg/storage/storagebackend/factory/etcd3.go keepaliveTime, keepaliveTimeout, dialTimeout
const KEEP_ALIVE: Duration = Duration::from_secs(30);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);
const DIAL_TIMEOUT: Duration = Duration::from_secs(20);

/// How large an answer may be: a list of everything. The client's own limit of 4 MiB is for smaller worlds.
pub(crate) const MAX_ANSWER: usize = i32::MAX as usize;

/// How often a read is sent again when etcd is changing its leader. Writes are not: they might have taken place.
const READ_ATTEMPTS: u32 = 5;

/// How a cluster is reached. Certificates and keys are PEM.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `https://127.0.0.1:2379`, one for each member.
    pub endpoints: Vec<String>,
    /// Who signs the members' certificates; `None`: TLS is not used, or the endpoints say `http`.
    pub ca: Option<Vec<u8>>,
    /// Certificate and key to show.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
}

/// What is known of a cluster beyond its answers.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The newest revision that an answer has shown.
    current: AtomicU64,
    /// The oldest readable revision, as far as compactions were heard of.
    compacted: AtomicU64,
    /// Whether signs of progress can be relied on.
    progress: AtomicBool,
}

impl Known {
    pub(crate) fn current(&self) -> Revision {
        self.current.load(Ordering::Relaxed)
    }

    pub(crate) fn compacted(&self) -> Revision {
        self.compacted.load(Ordering::Relaxed).max(1)
    }

    pub(crate) fn saw(&self, revision: Revision) -> Revision {
        self.current.fetch_max(revision, Ordering::Relaxed);
        revision
    }

    pub(crate) fn saw_compacted(&self, revision: Revision) {
        self.compacted.fetch_max(revision, Ordering::Relaxed);
    }
}

/// What a watch can be asked for signs of progress with. Owned by the watch.
pub(crate) type Sender = Arc<tokio::sync::Mutex<WatchRequestSender>>;

/// The open watches by prefix. Those that have ended leave dead references, cleared when the next one begins.
#[derive(Default)]
pub(crate) struct Senders(Mutex<BTreeMap<String, Vec<Weak<tokio::sync::Mutex<WatchRequestSender>>>>>);

impl Senders {
    /// Adds a watch.
    pub(crate) fn add(&self, prefix: &str, sender: &Sender) {
        let mut senders = self.0.lock();
        senders.retain(|_, watches| {
            watches.retain(|watch| watch.strong_count() > 0);
            !watches.is_empty()
        });
        senders.entry(prefix.to_owned()).or_default().push(Arc::downgrade(sender));
    }

    /// Returns the watches of a prefix.
    fn of(&self, prefix: &str) -> Vec<Sender> {
        self.0.lock().get(prefix).into_iter().flatten().filter_map(Weak::upgrade).collect()
    }
}

/// A cluster.
pub struct Etcd {
    client: Client,
    known: Arc<Known>,
    senders: Arc<Senders>,
}

impl Etcd {
    /// Connects to a cluster, and asks it for its version.
    pub async fn connect(options: &Options) -> Result<Self, Error> {
        let mut connect = ConnectOptions::new()
            .with_keep_alive(KEEP_ALIVE, KEEP_ALIVE_TIMEOUT)
            .with_keep_alive_while_idle(true)
            .with_connect_timeout(DIAL_TIMEOUT)
            // A member that has lost its cluster must say so instead of serving what it remembers.
            .with_require_leader(true);
        if options.ca.is_some() || options.identity.is_some() {
            connect = connect.with_tls(tls(options));
        }
        let known = Arc::new(Known::default());
        let unavailable = |error| convert::error(error, 0, &known);
        let client = Client::connect(&options.endpoints, Some(connect)).await.map_err(unavailable)?;
        let status = tokio::time::timeout(DIAL_TIMEOUT, client.maintenance_client().status()).await;
        let status = status.map_err(|_| Error::Timeout("etcd does not answer".to_owned()))?;
        let status = status.map_err(|error| convert::error(error, 0, &known))?;
        known.progress.store(progress_is_reliable(status.version()), Ordering::Relaxed);
        Ok(Self { client, known, senders: Arc::default() })
    }

    fn kv(&self) -> KvClient {
        self.client.kv_client().max_decoding_message_size(MAX_ANSWER)
    }

    /// Reads a key or a range; again, if the cluster was without a leader.
    async fn range(
        &self,
        key: &str,
        options: GetOptions,
        requested: Option<Revision>,
    ) -> Result<etcd_client::GetResponse, Error> {
        let mut attempt = 1;
        loop {
            match self.kv().get(key, Some(options.clone())).await {
                Ok(response) => {
                    self.known.saw(convert::revision(response.header()));
                    return Ok(response);
                }
                Err(error) => {
                    let error = convert::error(error, requested.unwrap_or_default(), &self.known);
                    if !matches!(error, Error::Unavailable(_)) || attempt == READ_ATTEMPTS {
                        return Err(error);
                    }
                }
            }
            tokio::time::sleep(Duration::from_millis(50) * attempt).await;
            attempt += 1;
        }
    }

    async fn txn(&self, key: &str, expected: Revision, then: TxnOp) -> Result<etcd_client::TxnResponse, Error> {
        let unchanged = Compare::mod_revision(key, CompareOp::Equal, expected as i64);
        let txn = Txn::new().when([unchanged]).and_then([then]).or_else([TxnOp::get(key, None)]);
        let response = self.kv().txn(txn).await.map_err(|error| convert::error(error, expected, &self.known))?;
        self.known.saw(convert::revision(response.header()));
        Ok(response)
    }

    async fn put(&self, put: Put<'_>) -> Result<Outcome, Error> {
        let mut options = PutOptions::new().with_prev_key();
        if let Some(lease) = put.lease {
            options = options.with_lease(lease);
        }
        let response = self.txn(put.key, put.expected, TxnOp::put(put.key, put.value.clone(), Some(options))).await?;
        let revision = convert::revision(response.header());
        match response.op_responses().into_iter().next() {
            Some(TxnOpResponse::Put(done)) => {
                let prev = done.prev_key().map(convert::key_value);
                let kv = crate::backend::KeyValue {
                    key: put.key.into(),
                    value: put.value,
                    create_revision: prev.as_ref().map_or(revision, |prev| prev.create_revision),
                    mod_revision: revision,
                    version: prev.map_or(1, |prev| prev.version + 1),
                    lease: put.lease,
                };
                Ok(convert::written(revision, Some(Arc::new(kv))))
            }
            other => refused(revision, other),
        }
    }

    async fn delete(&self, key: &str, expected: Revision) -> Result<Outcome, Error> {
        if expected == 0 {
            let got = self.range(key, GetOptions::new(), None).await?;
            let revision = convert::revision(got.header());
            return Ok(Outcome { revision, succeeded: false, kv: got.kvs().first().map(convert::key_value) });
        }
        let options = DeleteOptions::new().with_prev_key();
        let response = self.txn(key, expected, TxnOp::delete(key, Some(options))).await?;
        let revision = convert::revision(response.header());
        match response.op_responses().into_iter().next() {
            Some(TxnOpResponse::Delete(done)) => {
                Ok(convert::written(revision, done.prev_kvs().first().map(convert::key_value)))
            }
            other => refused(revision, other),
        }
    }
}

/// The outcome of a write whose condition did not hold: it reads the key instead.
fn refused(revision: Revision, response: Option<TxnOpResponse>) -> Result<Outcome, Error> {
    match response {
        Some(TxnOpResponse::Get(got)) => {
            Ok(Outcome { revision, succeeded: false, kv: got.kvs().first().map(convert::key_value) })
        }
        other => Err(Error::Corrupt(format!("etcd answered {other:?}"))),
    }
}

fn tls(options: &Options) -> TlsOptions {
    let mut tls = TlsOptions::new();
    if let Some(ca) = &options.ca {
        tls = tls.ca_certificate(Certificate::from_pem(ca));
    }
    if let Some((certificate, key)) = &options.identity {
        tls = tls.identity(Identity::from_pem(certificate, key));
    }
    tls
}

/// Says whether a version of etcd gives signs of progress that come after all changes before them.
///
/// Go: apiserver/pkg/storage/feature/feature_support_checker.go
pub(crate) fn progress_is_reliable(version: &str) -> bool {
    let mut parts = version.split(['.', '-']).map(|part| part.parse::<u32>().unwrap_or_default());
    let mut part = || parts.next().unwrap_or_default();
    let version = (part(), part(), part());
    match (version.0, version.1) {
        (3, 4) => version >= (3, 4, 31),
        _ => version >= (3, 5, 13),
    }
}

/// The end of the range of all keys with a prefix.
///
/// Go: etcd/client/v3/op.go getPrefix
fn end_of(prefix: &str) -> Vec<u8> {
    let mut end = prefix.as_bytes().to_vec();
    while let Some(last) = end.pop() {
        if last < 0xff {
            end.push(last + 1);
            return end;
        }
    }
    vec![0]
}

fn at(options: GetOptions, revision: Option<Revision>) -> GetOptions {
    revision.map_or(options.clone(), |revision| options.with_revision(revision as i64))
}

impl Backend for Etcd {
    fn get<'a>(
        &'a self,
        _: &'a Trace,
        key: &'a str,
        revision: Option<Revision>,
    ) -> BoxFuture<'a, Result<GetResponse, Error>> {
        Box::pin(async move {
            let mut got = self.range(key, at(GetOptions::new(), revision), revision).await?;
            let kv = convert::key_values(got.take_kvs()).pop();
            Ok(GetResponse { revision: convert::revision(got.header()), kv })
        })
    }

    fn list<'a>(&'a self, _: &'a Trace, list: List<'a>) -> BoxFuture<'a, Result<ListResponse, Error>> {
        Box::pin(async move {
            let from = list.start.map_or(list.prefix, |start| start.max(list.prefix));
            let options = GetOptions::new().with_range(end_of(list.prefix)).with_limit(list.limit as i64);
            let mut got = self.range(from, at(options, list.revision), list.revision).await?;
            Ok(ListResponse {
                revision: convert::revision(got.header()),
                kvs: convert::key_values(got.take_kvs()),
                count: got.count() as u64,
            })
        })
    }

    fn count<'a>(&'a self, _: &'a Trace, prefix: &'a str) -> BoxFuture<'a, Result<u64, Error>> {
        Box::pin(async move {
            let options = GetOptions::new().with_range(end_of(prefix)).with_count_only();
            Ok(self.range(prefix, options, None).await?.count() as u64)
        })
    }

    fn optimistic_put<'a>(&'a self, _: &'a Trace, put: Put<'a>) -> BoxFuture<'a, Result<Outcome, Error>> {
        Box::pin(self.put(put))
    }

    fn optimistic_delete<'a>(
        &'a self,
        _: &'a Trace,
        key: &'a str,
        expected: Revision,
    ) -> BoxFuture<'a, Result<Outcome, Error>> {
        Box::pin(self.delete(key, expected))
    }

    fn grant<'a>(&'a self, _: &'a Trace, ttl: Duration) -> BoxFuture<'a, Result<LeaseId, Error>> {
        Box::pin(async move {
            let granted = self.client.lease_client().grant(ttl.as_secs() as i64, None).await;
            granted.map(|lease| lease.id()).map_err(|error| convert::error(error, 0, &self.known))
        })
    }

    fn watch<'a>(&'a self, prefix: &'a str, start: Option<Revision>) -> BoxFuture<'a, Result<Watch, Error>> {
        Box::pin(watch::open(self.client.clone(), self.known.clone(), self.senders.clone(), prefix, start))
    }

    fn request_progress<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            for sender in self.senders.of(prefix) {
                // One whose connection is gone gets its next sign when it is opened again.
                let _ = sender.lock().await.request_progress().await;
            }
            Ok(())
        })
    }

    fn supports_progress(&self) -> bool {
        self.known.progress.load(Ordering::Relaxed)
    }

    fn compact(&self, revision: Revision) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            let compacted = self.kv().compact(revision as i64, None).await;
            compacted.map_err(|error| convert::error(error, revision, &self.known))?;
            self.known.saw_compacted(revision);
            Ok(())
        })
    }

    /// etcd does not tell what it has compacted: this says what compactions have been heard of.
    fn revisions(&self) -> BoxFuture<'_, Result<Revisions, Error>> {
        Box::pin(async move {
            let got = self.range("compact_rev_key", GetOptions::new().with_keys_only(), None).await?;
            let compacted = self.known.compacted();
            Ok(Revisions { current: convert::revision(got.header()), compacted, viewable: compacted })
        })
    }

    fn view<'a>(&'a self, prefix: &'a str, revision: Revision) -> BoxFuture<'a, Result<ListResponse, Error>> {
        Box::pin(async move {
            self.list(&Trace::unwatched(), List { prefix, revision: Some(revision), ..List::default() }).await
        })
    }

    fn size(&self) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(async move {
            let status = self.client.maintenance_client().status().await;
            status.map(|status| status.db_size() as u64).map_err(|error| convert::error(error, 0, &self.known))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_that_are_known_to_be_wrong_about_progress_are_known() {
        for (version, reliable) in
            [("3.4.23", false), ("3.4.31", true), ("3.5.0", false), ("3.5.13", true), ("3.6.0-rc.1", true), ("", false)]
        {
            assert_eq!(progress_is_reliable(version), reliable, "{version}");
        }
        assert_eq!(end_of("/registry/"), b"/registry0");
    }
}
