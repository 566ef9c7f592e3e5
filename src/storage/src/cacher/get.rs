//! Get, from the cache if the client does not insist on the newest.
//!
//! Go: apiserver/pkg/storage/cacher/cacher.go Get

use std::sync::Arc;

use apimachinery::runtime::encoded::Encoded;
use phase::trace::Trace;

use crate::{cacher::store::Cacher, error::Error, interface::GetOptions, versioner};

impl Cacher {
    pub(crate) async fn get_inner(&self, trace: &Trace, key: &str, options: GetOptions) -> Result<Arc<Encoded>, Error> {
        if options.resource_version.is_empty() || self.cache.check_ready().is_err() {
            trace.note("About to Get from underlying storage");
            // The store knows which revision is the newest; what the cache has of that revision need not be made again.
            return self.store().get_inner(trace, key, options, self.guess(key)).await;
        }
        let minimum = versioner::parse_resource_version(&options.resource_version)?;
        trace.note("About to fetch object from cache");
        self.wait_until_fresh(trace, minimum).await?;
        let key = self.store().prepare_key(key);
        match self.cache.get(&key) {
            Some((Some(object), _)) => Ok(object),
            Some((None, revision)) => Err(Error::KeyNotFound { key, revision }),
            // The cache was reset in between.
            None => Err(self.cache.not_ready()),
        }
    }
}
