//! From one version of a custom resource to another.
//!
//! Go: apiextensions-apiserver/pkg/apiserver/conversion/converter.go

pub mod webhook;

use std::sync::Arc;

use apimachinery::{
    api::errors::StatusError,
    managedfields::manager::ConvertError,
    runtime::{object::Object, schema::GroupVersion},
};
use apiserver::endpoints::codec::Convertor;
use client::webhook::ClientManager;
use phase::{BoxFuture, ids::IdSource, trace::Trace};
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::{conversion::webhook::WebhookConverter, definition::Definition};

/// Converts between the versions of one definition.
///
/// Go: crConverter
pub struct Converter {
    /// Its group.
    group: String,
    /// Its versions, served or not.
    versions: Vec<String>,
    strategy: Strategy,
}

enum Strategy {
    /// Only the name of the version changes. Go: nopConverter
    None,
    /// Somebody is asked.
    Webhook(Box<WebhookConverter>),
}

impl Converter {
    /// Makes the converter that a definition asks for.
    ///
    /// Go: CRConverterFactory.NewConverter
    pub fn new(definition: &Definition, webhooks: Arc<ClientManager>, ids: Arc<dyn IdSource>) -> Self {
        let conversion = &definition.spec.conversion;
        let strategy = match &conversion.webhook {
            Some(webhook) if conversion.strategy == "Webhook" => {
                Strategy::Webhook(Box::new(WebhookConverter::new(definition, webhook, webhooks, ids)))
            }
            _ => Strategy::None,
        };
        let versions = definition.spec.versions.iter().map(|version| version.name.clone()).collect();
        Self { group: definition.spec.group.clone(), versions, strategy }
    }

    fn check(&self, version: &GroupVersion) -> Result<(), StatusError> {
        if version.group == self.group && self.versions.contains(&version.version) {
            return Ok(());
        }
        let message = format!("request to convert CR to an invalid group/version: {version}");
        Err(StatusError::new(500, "", message))
    }

    /// Converts while the thread waits: field management cannot be interrupted. A version that is gone is told as
    /// such, for its managers are to be forgotten.
    pub fn convert_blocking(&self, mut object: Object, version: &GroupVersion) -> Result<Object, ConvertError> {
        if self.check(version).is_err() {
            return Err(ConvertError::MissingVersion);
        }
        match &self.strategy {
            _ if object.gvk().group_version() == *version => Ok(object),
            Strategy::None => {
                rename(&mut object, version);
                Ok(object)
            }
            Strategy::Webhook(webhook) => {
                let failed = |error: StatusError| ConvertError::Failed(error.message);
                let Ok(runtime) = Handle::try_current() else { return Err(ConvertError::MissingVersion) };
                if runtime.runtime_flavor() != RuntimeFlavor::MultiThread {
                    return Err(ConvertError::MissingVersion);
                }
                let asked = webhook.convert(vec![object], version);
                let converted = tokio::task::block_in_place(|| runtime.block_on(asked)).map_err(failed)?;
                Ok(converted.into_iter().next().expect("one object was converted to one"))
            }
        }
    }
}

fn rename(object: &mut Object, version: &GroupVersion) {
    let kind = object.kind().to_owned();
    object.set_gvk(&version.with_kind(&kind));
}

impl Convertor for Converter {
    fn convert<'a>(
        &'a self,
        _trace: &'a Trace,
        mut objects: Vec<Object>,
        to: &'a GroupVersion,
    ) -> BoxFuture<'a, Result<Vec<Object>, StatusError>> {
        Box::pin(async move {
            self.check(to)?;
            match &self.strategy {
                Strategy::None => {
                    objects.iter_mut().for_each(|object| rename(object, to));
                    Ok(objects)
                }
                Strategy::Webhook(webhook) => webhook.convert(objects, to).await,
            }
        })
    }
}
