//! Updating an object: read, change, check, write; and again when someone else wrote in between.
//!
//! Go: apiserver/pkg/registry/generic/registry/store.go Update

use std::sync::Arc;

use apimachinery::{
    api::errors::StatusError,
    runtime::{encoded::Encoded, object::Object, schema::GroupKind},
    util::strconv,
    validation::field::{Error, ErrorList, Path},
};
use phase::BoxFuture;
use storage::{
    errors::{interpret_create_error, interpret_delete_error, interpret_update_error},
    interface::{Missing, TryUpdate, Ttl, ValidateAll},
};

use crate::{
    registry::{
        rest::{Answer, OnMissing, Result, UpdateCall, Updated, Updater, create, delete, update},
        store::{Finish, Store, dryrun::DryRunnableStorage},
    },
    request::context::Context,
};

/// What a client is told that wrote over a state it had not seen.
///
/// Go: OptimisticLockErrorMsg
const OPTIMISTIC_LOCK_ERROR: &str =
    "the object has been modified; please apply your changes to the latest version and try again";

impl Updater for Store {
    fn update<'a>(&'a self, cx: &'a Context, name: &'a str, call: UpdateCall<'a>) -> BoxFuture<'a, Result<Updated>> {
        Box::pin(async move {
            let key = self.key(cx, name)?;
            let storage = DryRunnableStorage { storage: &*self.storage, dry_run: call.options.is_dry_run() };
            let preconditions = call.info.preconditions();
            let mut attempt = Attempt { store: self, cx, name, call, finish: None, creating: None, emptied: None };
            let written = storage.guaranteed_update(cx, &key, Missing::Create, preconditions, &mut attempt).await;
            let Attempt { finish, creating, emptied, .. } = attempt;
            let answer = match (written, emptied) {
                (_, Some(object)) => return self.delete_without_finalizers(cx, name, &key, object, call).await,
                (Ok(answer), None) => answer,
                (Err(error), None) => return Err(self.interpret(error, name, creating.as_deref())),
            };
            if let Some(finish) = finish {
                finish.succeed().await;
            }
            match creating {
                Some(_) => self.hooks.after_create(cx, &answer),
                None => self.hooks.after_update(cx, &answer),
            }
            Ok(Updated { answer, created: creating.is_some() })
        })
    }
}

impl Store {
    /// `creating` is the generateName of an object that was about to be created.
    fn interpret(&self, error: storage::error::Error, name: &str, creating: Option<&str>) -> StatusError {
        match creating {
            Some(generate_name) => {
                let error = interpret_create_error(error, &self.resource, name);
                create::check_generated_name_error(error, &self.resource, generate_name, name)
            }
            None => interpret_update_error(error, &self.resource, name),
        }
    }

    /// Removes an object whose last finalizer an update took away. The client sees the state it asked for: admission
    /// has let the update pass, and is not asked about a delete.
    ///
    /// Go: deleteWithoutFinalizers
    async fn delete_without_finalizers(
        &self,
        cx: &Context,
        name: &str,
        key: &str,
        object: Object,
        call: UpdateCall<'_>,
    ) -> Result<Updated> {
        let preconditions = call.info.preconditions();
        let storage = DryRunnableStorage { storage: &*self.storage, dry_run: call.options.is_dry_run() };
        let gone = storage.delete(cx, key, preconditions, &mut ValidateAll).await;
        let answer = Answer::Object(object);
        match gone {
            Ok(last) => self.hooks.after_delete(cx, &Answer::Encoded(last)).await,
            // Two updates may take the last finalizer at once; the other one was first.
            Err(error) if error.is_not_found() => self.hooks.after_delete(cx, &answer).await,
            Err(error) => return Err(interpret_delete_error(error, &self.resource, name)),
        }
        Ok(Updated { answer, created: false })
    }
}

/// One update, as storage calls it: possibly several times.
struct Attempt<'a> {
    store: &'a Store,
    cx: &'a Context,
    name: &'a str,
    call: UpdateCall<'a>,
    /// What the hooks began in the last attempt; replaced (and so given back) by the next.
    finish: Option<Box<dyn Finish>>,
    /// Set where the last attempt found nothing to update: the new object's generateName.
    creating: Option<String>,
    /// The new state, where the last attempt found that it deletes the object.
    emptied: Option<Object>,
}

impl TryUpdate for Attempt<'_> {
    fn try_update<'b>(&'b mut self, current: Option<&'b Arc<Encoded>>) -> BoxFuture<'b, Result<(Object, Ttl)>> {
        Box::pin(async move {
            if let Some(finish) = self.finish.take() {
                finish.fail().await;
            }
            match current {
                None => self.create().await,
                Some(current) => self.update(current.object()).await,
            }
        })
    }
}

impl Attempt<'_> {
    /// Makes an object where there is none.
    async fn create(&mut self) -> Result<(Object, Ttl)> {
        let Self { store, cx, call, .. } = *self;
        if !store.strategy.allow_create_on_update() && call.missing == OnMissing::AsStrategy {
            return Err(StatusError::new_not_found(&store.resource, self.name));
        }
        let mut object = call.info.updated_object(cx, None).await?;
        create::fill_object_meta_system_fields(cx, &mut object);
        self.creating = Some(object.str(&["metadata", "generateName"]).to_owned());
        self.finish = store.hooks.begin_create(cx, &mut object, call.options).await?;
        let object = create::before_create(cx, &*store.strategy, object).await?;
        let object = call.validation.create(cx, object).await?;
        let ttl = store.hooks.ttl(&object);
        Ok((object, ttl))
    }

    /// Makes the new state of an object.
    async fn update(&mut self, existing: Object) -> Result<(Object, Ttl)> {
        let Self { store, cx, call, .. } = *self;
        self.creating = None;
        let mut object = call.info.updated_object(cx, Some(&existing)).await?;
        self.check_resource_version(&mut object, &existing)?;
        self.finish = store.hooks.begin_update(cx, &mut object, &existing, call.options).await?;
        let mut object = update::before_update(cx, &*store.strategy, object, &existing).await?;
        update::ignore_managed_fields_timestamps(&mut object, &existing);
        let (object, existing) = call.validation.update(cx, object, existing).await?;
        if delete::should_delete_during_update(&object, &existing)
            && store.strategy.should_delete_during_update(&object, &existing)
        {
            self.emptied = Some(object);
            // Ends the update; nobody sees this error.
            return Err(StatusError::new_internal_error("emptied finalizers"));
        }
        let ttl = store.hooks.ttl(&object);
        Ok((object, ttl))
    }

    /// Refuses a write over a state that the client has not seen; a client that names none takes what there is.
    fn check_resource_version(&self, object: &mut Object, existing: &Object) -> Result<()> {
        let (version, current) = (object.resource_version(), existing.resource_version());
        if version == current {
            return Ok(());
        }
        if !version.is_empty() && version.parse::<u64>().is_err() {
            let message = format!("strconv.ParseUint: parsing {}: invalid syntax", strconv::quote(version));
            return Err(StatusError::new(500, "", message));
        }
        if !matches!(version, "" | "0") {
            return Err(StatusError::new_conflict(&self.store.resource, self.name, OPTIMISTIC_LOCK_ERROR));
        }
        if !self.store.strategy.allow_unconditional_update() {
            // Go puts the resource where a kind belongs; clients see it.
            let kind =
                GroupKind { group: self.store.resource.group.clone(), kind: self.store.resource.resource.clone() };
            let path = Path::new("metadata").child("resourceVersion");
            let errors = ErrorList(vec![Error::invalid(&path, 0, "must be specified for an update")]);
            return Err(StatusError::new_invalid(&kind, self.name, errors.causes()));
        }
        object.set_resource_version(current);
        Ok(())
    }
}
