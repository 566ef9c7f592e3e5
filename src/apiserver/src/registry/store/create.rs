//! Creating an object.
//!
//! Go: apiserver/pkg/registry/generic/registry/store.go Create

use apimachinery::{api::errors::StatusError, meta::options::WriteOptions, runtime::object::Object};
use phase::BoxFuture;
use storage::{errors::interpret_create_error, interface::GetOptions};

use crate::{
    registry::{
        rest::{Answer, Creater, Result, Validation, create},
        store::{Store, dryrun::DryRunnableStorage},
    },
    request::context::Context,
};

/// How often a name is generated before the client is told to come back.
///
/// Go: maxNameGenerationCreateAttempts
const MAX_NAME_GENERATION_CREATE_ATTEMPTS: usize = 8;

impl Creater for Store {
    fn create<'a>(
        &'a self,
        cx: &'a Context,
        _name: &'a str,
        object: Object,
        validation: &'a dyn Validation,
        options: &'a WriteOptions,
    ) -> BoxFuture<'a, Result<Answer>> {
        Box::pin(async move {
            if create::needs_name_generation(&object) {
                return self.create_with_generate_name_retry(cx, object, validation, options).await;
            }
            self.create_once(cx, object, validation, options).await
        })
    }
}

impl Store {
    /// Go: createWithGenerateNameRetry
    async fn create_with_generate_name_retry(
        &self,
        cx: &Context,
        object: Object,
        validation: &dyn Validation,
        options: &WriteOptions,
    ) -> Result<Answer> {
        for _ in 1..MAX_NAME_GENERATION_CREATE_ATTEMPTS {
            match self.create_once(cx, object.clone(), validation, options).await {
                Err(error) if error.is_already_exists() => {}
                result => return result,
            }
        }
        self.create_once(cx, object, validation, options).await
    }

    /// Takes every step of a create once.
    async fn create_once(
        &self,
        cx: &Context,
        mut object: Object,
        validation: &dyn Validation,
        options: &WriteOptions,
    ) -> Result<Answer> {
        create::fill_object_meta_system_fields(cx, &mut object);
        create::generate_name(cx, &*self.strategy, &mut object);

        let finish = self.hooks.begin_create(cx, &mut object, options).await?;
        let object = create::before_create(cx, &*self.strategy, object).await?;
        let object = validation.create(cx, object).await?;

        let key = self.key(cx, object.name())?;
        let ttl = self.hooks.ttl(&object);
        // Kept for the case that the name is taken: the object itself goes to storage.
        let generate_name = object.str(&["metadata", "generateName"]).to_owned();
        let name = object.name().to_owned();
        let storage = DryRunnableStorage { storage: &*self.storage, dry_run: options.is_dry_run() };
        let written = storage.create(cx, &key, object, ttl).await;
        let answer = match written {
            Ok(answer) => answer,
            Err(error) => {
                let error = interpret_create_error(error, &self.resource, &name);
                let error = create::check_generated_name_error(error, &self.resource, &generate_name, &name);
                return Err(self.explain_conflict(cx, &key, error).await);
            }
        };
        if let Some(finish) = finish {
            finish.succeed().await;
        }
        self.hooks.after_create(cx, &answer);
        Ok(answer)
    }

    /// Says so where the object in the way is about to go.
    async fn explain_conflict(&self, cx: &Context, key: &str, mut error: StatusError) -> StatusError {
        if error.is_already_exists()
            && let Ok(existing) = self.storage.get(&cx.trace, key, GetOptions::default()).await
            && existing.object().deletion_timestamp().is_some()
        {
            error.message = format!("object is being deleted: {}", error.message);
        }
        error
    }
}
