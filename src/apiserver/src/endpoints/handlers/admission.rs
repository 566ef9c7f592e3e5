//! The two passes of admission around the registry's own checks.
//!
//! Go: apiserver/pkg/endpoints/handlers/{create,update,delete}.go, apiserver/pkg/registry/rest/create.go
//! AdmissionToValidateObjectFunc and its kin
//!
//! ```text
//!   handler: decode -> admit (may change) -> registry: prepare, validate -> Validation (may only refuse) -> write
//! ```

use std::{fmt, sync::Arc};

use apimachinery::{
    api::errors::StatusError,
    meta::options::{DeleteOptions, WriteOptions},
    runtime::{
        object::Object,
        schema::{GroupVersion, GroupVersionKind},
    },
};
use auth::user;
use phase::{BoxFuture, trace::Trace};
use serde_json::{Value, json};

use crate::{
    admission::{
        attributes::{Attributes, Operation, Reinvocation},
        interfaces::ObjectInterfaces,
    },
    endpoints::{
        codec::{Codec, Convertor},
        handlers::scope::RequestScope,
    },
    registry::rest::{Result, Validation},
    request::context::Context,
};

/// What admission is told about a request, besides the objects.
#[derive(Clone)]
pub struct Subject {
    /// The object's name; empty while it is still to be generated.
    pub name: String,
    /// The options as an object.
    pub options: Object,
    /// Whether nothing is stored.
    pub dry_run: bool,
    /// Who asks.
    pub user: Arc<user::Info>,
}

impl Subject {
    /// Describes a write.
    pub fn of_write(cx: &Context, name: &str, options: &WriteOptions) -> Self {
        let mut object = options_object("", &options.dry_run);
        for (field, text) in [("fieldManager", &options.field_manager), ("fieldValidation", &options.field_validation)]
        {
            if !text.is_empty() {
                object.set(&[field], text.as_str());
            }
        }
        Self { name: name.to_owned(), options: object, dry_run: options.is_dry_run(), user: cx.user() }
    }

    /// Describes a delete.
    pub fn of_delete(cx: &Context, name: &str, options: &DeleteOptions) -> Self {
        let mut object = options_object("DeleteOptions", &options.dry_run);
        let preconditions = &options.preconditions;
        let fields = [
            (&["gracePeriodSeconds"][..], options.grace_period_seconds.map(Value::from)),
            (&["orphanDependents"], options.orphan_dependents.map(Value::from)),
            (&["propagationPolicy"], options.propagation_policy.clone().map(Value::from)),
            (&["preconditions", "uid"], preconditions.uid.clone().map(Value::from)),
            (&["preconditions", "resourceVersion"], preconditions.resource_version.clone().map(Value::from)),
        ];
        for (path, value) in fields {
            if let Some(value) = value {
                object.set(path, value);
            }
        }
        Self { name: name.to_owned(), options: object, dry_run: options.is_dry_run(), user: cx.user() }
    }

    /// Describes a connection; `options` are the sub-resource's own: `PodExecOptions`.
    pub fn of_connect(cx: &Context, name: &str) -> Self {
        Self { name: name.to_owned(), options: Object::default(), dry_run: false, user: cx.user() }
    }
}

fn options_object(kind: &str, dry_run: &[String]) -> Object {
    let mut object = Object::new(&GroupVersionKind::new("meta.k8s.io", "v1", kind));
    if !dry_run.is_empty() {
        object.set(&["dryRun"], json!(dry_run));
    }
    object
}

impl RequestScope {
    /// Makes what plugins are asked about.
    pub(super) fn attributes(&self, cx: &Context, operation: Operation, subject: &Subject) -> Attributes {
        let mut options = subject.options.clone();
        // Whatever the client sent, plugins hear of it as of what is done: a patch is an update, or a create.
        match operation {
            Operation::Create => options.set(&["kind"], "CreateOptions"),
            Operation::Update => options.set(&["kind"], "UpdateOptions"),
            Operation::Delete | Operation::Connect => {}
        }
        Attributes {
            operation,
            kind: self.kind.clone(),
            resource: self.resource.clone(),
            subresource: self.subresource.clone(),
            namespace: cx.info.namespace.clone(),
            name: subject.name.clone(),
            object: None,
            old_object: None,
            options: (!options.0.is_empty()).then_some(options),
            dry_run: subject.dry_run,
            user: subject.user.clone(),
            reinvocation: Reinvocation::default(),
            interfaces: Some(Arc::new(KindInterfaces { codec: self.codec.clone(), convertor: self.convertor.clone() })),
        }
    }

    /// Lets mutating admission change or refuse what is about to be done. The chain enters the phases.
    pub async fn admit(&self, cx: &Context, attributes: &mut Attributes) -> Result<()> {
        let chain = self.admission.as_deref().filter(|chain| chain.handles(attributes.operation));
        match chain.and_then(|chain| chain.mutation()) {
            Some(mutation) => mutation.admit(cx, attributes).await,
            None => Ok(()),
        }
    }

    /// Lets validating admission refuse what is about to be done. The chain enters the phases.
    pub async fn validate(&self, cx: &Context, attributes: &Attributes) -> Result<()> {
        let chain = self.admission.as_deref().filter(|chain| chain.handles(attributes.operation));
        match chain.and_then(|chain| chain.validation()) {
            Some(validation) => validation.validate(cx, attributes).await,
            None => Ok(()),
        }
    }

    /// Lets mutating admission change the object that a write makes. `old`: what it replaces.
    pub async fn admit_object(
        &self,
        cx: &Context,
        subject: &Subject,
        object: Object,
        old: Option<&Object>,
    ) -> Result<Object> {
        if self.admission.is_none() {
            return Ok(object);
        }
        // An update that finds nothing is a create.
        let operation = if old.is_some() { Operation::Update } else { Operation::Create };
        let mut attributes = self.attributes(cx, operation, subject);
        if attributes.name.is_empty() {
            object.name().clone_into(&mut attributes.name);
        }
        attributes.object = Some(object);
        attributes.old_object = old.cloned();
        self.admit(cx, &mut attributes).await?;
        Ok(attributes.object.take().expect("plugins change the object and never take it"))
    }
}

/// What plugins may ask about the kind.
struct KindInterfaces {
    codec: Arc<dyn Codec>,
    convertor: Arc<dyn Convertor>,
}

impl fmt::Debug for KindInterfaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KindInterfaces")
    }
}

impl ObjectInterfaces for KindInterfaces {
    fn convert<'a>(&'a self, trace: &'a Trace, object: Object, to: &'a GroupVersion) -> BoxFuture<'a, Result<Object>> {
        Box::pin(async move {
            let mut object = object;
            if object.gvk().group_version() != *to {
                let converted = self.convertor.convert(trace, vec![object], to).await?.pop();
                object = converted.ok_or_else(|| StatusError::new_internal_error("conversion lost the object"))?;
            }
            self.codec.complete(&mut object);
            Ok(object)
        })
    }

    fn decode(&self, object: Object) -> std::result::Result<Object, String> {
        self.codec.decode_value(object).map(|decoded| decoded.object).map_err(|error| error.message)
    }

    fn overlay(&self, original: &Object, applied: &Object) -> std::result::Result<Object, String> {
        self.codec.overlay(original, applied)
    }

    fn default(&self, object: &mut Object) {
        self.codec.default(object);
    }
}

/// The checks that the registry runs when an object is complete.
pub struct AdmissionValidation<'a> {
    /// Whose chain is asked.
    pub scope: &'a RequestScope,
    /// What it is told.
    pub subject: Subject,
}

impl Validation for AdmissionValidation<'_> {
    fn create<'a>(&'a self, cx: &'a Context, object: Object) -> BoxFuture<'a, Result<Object>> {
        Box::pin(async move {
            if self.scope.admission.is_none() {
                return Ok(object);
            }
            let mut attributes = self.scope.attributes(cx, Operation::Create, &self.subject);
            // The name may have been generated meanwhile.
            object.name().clone_into(&mut attributes.name);
            if attributes.name.is_empty() {
                attributes.name.clone_from(&self.subject.name);
            }
            attributes.object = Some(object);
            self.scope.validate(cx, &attributes).await?;
            Ok(attributes.object.expect("validation takes nothing"))
        })
    }

    fn update<'a>(&'a self, cx: &'a Context, object: Object, old: Object) -> BoxFuture<'a, Result<(Object, Object)>> {
        Box::pin(async move {
            if self.scope.admission.is_none() {
                return Ok((object, old));
            }
            let mut attributes = self.scope.attributes(cx, Operation::Update, &self.subject);
            attributes.object = Some(object);
            attributes.old_object = Some(old);
            self.scope.validate(cx, &attributes).await?;
            let Attributes { object, old_object, .. } = attributes;
            Ok((object.expect("validation takes nothing"), old_object.expect("validation takes nothing")))
        })
    }

    fn delete<'a>(&'a self, cx: &'a Context, object: Object) -> BoxFuture<'a, Result<Object>> {
        Box::pin(async move {
            if self.scope.admission.is_none() {
                return Ok(object);
            }
            let mut attributes = self.scope.attributes(cx, Operation::Delete, &self.subject);
            attributes.old_object = Some(object);
            self.scope.admit(cx, &mut attributes).await?;
            self.scope.validate(cx, &attributes).await?;
            Ok(attributes.old_object.expect("plugins take nothing"))
        })
    }
}
