//! Which provider reads a value: its beginning says so.
//!
//! Go: apiserver/pkg/storage/value/transformer.go prefixTransformers

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use phase::BoxFuture;

use crate::value::{FromStorage, Transformer};

/// A transformer, and how the values begin that it writes.
#[derive(Clone)]
pub struct PrefixTransformer {
    /// `k8s:enc:aesgcm:v1:key1:`; empty for values that are not encrypted.
    pub prefix: String,
    /// What comes after that.
    pub transformer: Arc<dyn Transformer>,
}

/// Several transformers: the first writes, each reads what it wrote.
pub struct PrefixTransformers(pub Vec<PrefixTransformer>);

impl Transformer for PrefixTransformers {
    /// Says that a value is stale that another than the first has written.
    fn transform_from_storage<'a>(
        &'a self,
        data: Bytes,
        context: &'a str,
    ) -> BoxFuture<'a, Result<FromStorage, String>> {
        Box::pin(async move {
            let mut refusal = None;
            for (index, PrefixTransformer { prefix, transformer }) in self.0.iter().enumerate() {
                if !data.starts_with(prefix.as_bytes()) {
                    continue;
                }
                match transformer.transform_from_storage(data.slice(prefix.len()..), context).await {
                    Ok(plain) => return Ok(FromStorage { stale: plain.stale || index > 0, ..plain }),
                    // Everything begins with nothing: the value may be another's all the same.
                    Err(error) => refusal = refusal.filter(|_| prefix.is_empty()).or(Some(error)),
                }
            }
            Err(refusal.unwrap_or_else(|| "no matching prefix found".to_owned()))
        })
    }

    fn transform_to_storage<'a>(&'a self, data: Bytes, context: &'a str) -> BoxFuture<'a, Result<Bytes, String>> {
        Box::pin(async move {
            let first = self.0.first().ok_or("no provider to write with")?;
            let stored = first.transformer.transform_to_storage(data, context).await?;
            if first.prefix.is_empty() {
                return Ok(stored);
            }
            let mut value = BytesMut::with_capacity(first.prefix.len() + stored.len());
            value.extend_from_slice(first.prefix.as_bytes());
            value.extend_from_slice(&stored);
            Ok(value.freeze())
        })
    }
}
