//! What all verbs of one resource share: what is known about it, and the steps that a request takes.
//!
//! Go: apiserver/pkg/endpoints/handlers/rest.go RequestScope
//!
//! Each step enters its phase here and nowhere else, so that a person who steps through a request
//! meets the same phases whatever the verb.

use std::{fmt, sync::Arc};

use apimachinery::{
    api::errors::StatusError,
    meta::options::{FieldValidation, PatchType},
    runtime::{
        object::Object,
        schema::{GroupVersion, GroupVersionKind, GroupVersionResource},
    },
    schema::empties,
};
use auth::authorization::Authorizer;
use bytes::Bytes;
use client::transport::{Body, BodyError};
use futures_util::FutureExt;
use http_body_util::{BodyExt, Collected, LengthLimitError, Limited};
use phase::{
    BoxFuture,
    catalog::Phase,
    snapshot::{Nothing, Snapshot, Subject},
    trace::Trace,
};
use serde_json::Value;

use crate::{
    admission,
    endpoints::{
        codec::{Codec, Convertor, DecodeError, Decoded, FieldManager},
        negotiation::{self, MediaType, Output, Restrictions},
    },
    registry::rest::{Result, Storage, table::TableConvertor},
    request::context::Context,
};

/// How long a body may be.
///
/// Go: apiserver/pkg/server/config.go MaxRequestBodyBytes
const MAX_REQUEST_BODY_BYTES: usize = 3 * 1024 * 1024;

/// How long a field manager's name may be.
///
/// Go: apimachinery/pkg/apis/meta/v1/validation/validation.go FieldManagerMaxLength
const FIELD_MANAGER_MAX_LENGTH: usize = 128;

/// One resource or sub-resource at one served version.
#[derive(Clone)]
pub struct RequestScope {
    /// The resource of the requests.
    pub resource: GroupVersionResource,
    /// The sub-resource; empty for the resource itself.
    pub subresource: String,
    /// The kind that clients send and get.
    pub kind: GroupVersionKind,
    /// The version in which the registry works.
    pub hub: GroupVersion,
    /// What the resource can do.
    pub storage: Arc<dyn Storage>,
    /// Reads and writes bodies.
    pub codec: Arc<dyn Codec>,
    /// Converts between `kind` and `hub`.
    pub convertor: Arc<dyn Convertor>,
    /// Who owns which fields; `None` where nobody keeps books (reviews, bindings).
    pub field_manager: Option<Arc<dyn FieldManager>>,
    /// Columns for kubectl.
    pub table_convertor: Arc<dyn TableConvertor>,
    /// The admission chain.
    pub admission: Option<Arc<dyn admission::interfaces::Interface>>,
    /// Who is asked whether a PUT may create.
    pub authorizer: Option<Arc<dyn Authorizer>>,
    /// The media types of bodies, the default first.
    pub media_types: &'static [MediaType],
    /// The kinds of patches it takes.
    pub patch_types: &'static [PatchType],
    /// Whether items of lists repeat their kind.
    pub items: Items,
    /// Seconds after which a watch without a timeout ends, at the earliest; it is twice that at the latest.
    pub min_request_timeout: u64,
}

/// How items of a list are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Items {
    /// Without `kind` and `apiVersion`: built-in kinds.
    Bare,
    /// As single objects are: custom kinds.
    WithType,
}

impl fmt::Debug for RequestScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestScope")
            .field("resource", &self.resource)
            .field("subresource", &self.subresource)
            .finish_non_exhaustive()
    }
}

impl RequestScope {
    /// Chooses how to answer.
    pub async fn negotiate(&self, cx: &Context) -> Result<Output> {
        let phase = cx.trace.enter(Phase::Negotiate, &mut Nothing).await?;
        let restrictions =
            if self.storage.shows_tables() { Restrictions::Resource } else { Restrictions::WithoutTable };
        let output = negotiation::negotiate_output(cx, self.media_types, restrictions);
        match &output {
            Ok(_) => phase.done(),
            Err(error) => phase.fail(error),
        }
        output
    }

    /// Reads the body.
    ///
    /// Go: limitedReadBodyWithRecordMetric
    pub async fn read_body(&self, cx: &Context) -> Result<Bytes> {
        let phase = cx.trace.enter(Phase::ReadBody, &mut Nothing).await?;
        let body = cx.body.lock().take().unwrap_or_else(client::transport::empty);
        match collect(body).await {
            Ok(body) => {
                let body = RawBody(body);
                phase.exit(&body);
                if cx.trace.watched() {
                    cx.trace.note(format!("limitedReadBody succeeded [len={}]", body.0.len()));
                }
                Ok(body.0)
            }
            Err(error) => {
                phase.fail(&error);
                Err(match error.downcast::<LengthLimitError>() {
                    Ok(_) => StatusError::new_request_entity_too_large(&format!("limit is {MAX_REQUEST_BODY_BYTES}")),
                    Err(error) => StatusError::new_internal_error(error),
                })
            }
        }
    }

    /// Says in which media type the body is.
    pub fn negotiate_input(&self, cx: &Context) -> Result<MediaType> {
        negotiation::negotiate_input(cx, self.media_types)
    }

    /// Makes an object of a body: reads, checks for unknown fields, fills in defaults, converts to the hub version.
    pub async fn decode(
        &self,
        cx: &Context,
        media: MediaType,
        body: Bytes,
        validation: FieldValidation,
    ) -> Result<Object> {
        cx.trace.note("About to convert to expected version");
        let mut object = self.decode_body(cx, media, body, validation).await?;
        let version = object.gvk().group_version();
        if version != self.kind.group_version() && !self.storage.accepts_group_version(&version) {
            return Err(self.other_version(&version));
        }
        if object.kind() != self.kind.kind && self.items == Items::Bare {
            return Err(self.explain_kind(&object.gvk()));
        }
        self.default(cx, &mut object).await?;
        let object = self.to_hub(&cx.trace, object).await?;
        cx.trace.note("Conversion done");
        Ok(object)
    }

    /// Reads the text of a body.
    async fn decode_body(
        &self,
        cx: &Context,
        media: MediaType,
        body: Bytes,
        validation: FieldValidation,
    ) -> Result<Object> {
        let mut body = RawBody(body);
        let phase = cx.trace.enter(Phase::DecodeBody, &mut body).await?;
        let decoded = match self.codec.decode(&self.kind, media, &body.0) {
            Err(error) if self.accepts(error.kind.as_ref()) => self.decode_accepted(media, &body.0),
            decoded => decoded,
        };
        let decoded = decoded.map_err(|error| self.explain(error, &body.0));
        match decoded.and_then(|decoded| self.check_strict(cx, decoded, validation)) {
            Ok(object) => {
                phase.exit(&object);
                Ok(object)
            }
            Err(error) => {
                phase.fail(&error);
                Err(error)
            }
        }
    }

    /// Says whether a body is of a version that is not registered, and that this resource takes none the less.
    fn accepts(&self, kind: Option<&GroupVersionKind>) -> bool {
        kind.is_some_and(|kind| {
            kind.kind == self.kind.kind && self.storage.accepts_group_version(&kind.group_version())
        })
    }

    /// Reads such a body as one of our own version: they differ in name only.
    fn decode_accepted(&self, media: MediaType, body: &[u8]) -> std::result::Result<Decoded, DecodeError> {
        let renamed = serde_json::from_slice(body).map(|mut value: Value| {
            value["apiVersion"] = self.kind.group_version().to_string().into();
            value.to_string().into_bytes()
        });
        self.codec.decode(&self.kind, media, renamed.as_deref().unwrap_or(body))
    }

    /// Does with unknown and repeated fields what the client asked for.
    fn check_strict(&self, cx: &Context, decoded: Decoded, validation: FieldValidation) -> Result<Object> {
        let Decoded { object, strict } = decoded;
        match validation {
            _ if strict.is_empty() => Ok(object),
            FieldValidation::Ignore => Ok(object),
            FieldValidation::Warn => {
                // Repeated keys of a YAML body are told in one text, a line each.
                let lines = |text: &str| text.strip_prefix("yaml: unmarshal errors:\n").map(str::to_owned);
                for warning in strict {
                    match lines(&warning) {
                        Some(lines) => lines.lines().for_each(|line| cx.warnings.add(line.trim())),
                        None => cx.warnings.add(warning),
                    }
                }
                Ok(object)
            }
            FieldValidation::Strict => {
                let message = format!("strict decoding error: {}", strict.join(", "));
                Err(self.explain(DecodeError { kind: Some(object.gvk()), message }, &[]))
            }
        }
    }

    /// A body of another kind of the same version is read, but does not become this one.
    ///
    /// Go: apimachinery/pkg/conversion/converter.go Convert
    fn explain_kind(&self, sent: &GroupVersionKind) -> StatusError {
        let package = match self.kind.group.split('.').next().unwrap_or_default() {
            "" => "core",
            group => group,
        };
        let (kind, version, expected) = (&sent.kind, &sent.version, &self.kind.kind);
        let message = format!("converting ({version}.{kind}) to ({package}.{expected}): unknown conversion");
        self.explain(DecodeError { kind: Some(sent.clone()), message }, &[])
    }

    fn other_version(&self, version: &GroupVersion) -> StatusError {
        StatusError::new_bad_request(format!(
            "the API version in the data ({version}) does not match the expected API version ({})",
            self.kind.group_version()
        ))
    }

    /// Go: apiserver/pkg/endpoints/handlers/rest.go transformDecodeError
    fn explain(&self, error: DecodeError, body: &[u8]) -> StatusError {
        let DecodeError { kind, message } = error;
        // The same kind in a version that is known and not served: Go reads it, and refuses it afterwards.
        if let Some(kind) = &kind
            && (&kind.group, &kind.kind) == (&self.kind.group, &self.kind.kind)
            && kind.version != self.kind.version
            && self.codec.is_registered(&kind.group_version())
        {
            return self.other_version(&kind.group_version());
        }
        StatusError::new_bad_request(match kind {
            Some(kind) => {
                let (kind, version, expected) = (kind.kind, kind.version, &self.kind.kind);
                format!("{kind} in version \"{version}\" cannot be handled as a {expected}: {message}")
            }
            None => format!(
                "the object provided is unrecognized (must be of type {}): {message} ({})",
                self.kind.kind,
                summarize(body)
            ),
        })
    }

    /// Fills in what an object does not say.
    pub async fn default(&self, cx: &Context, object: &mut Object) -> Result<()> {
        let phase = cx.trace.enter(Phase::Default, object).await?;
        self.codec.default(object);
        let empties = empties::find(object);
        // Whoever looks at fields from now on (their managers, plugins) sees them as Go's structs have them.
        self.codec.complete(object);
        *cx.dropped.lock() = empties::dropped(empties, object);
        phase.exit(object);
        Ok(())
    }

    /// Converts an object that a client sent to the version of the registry.
    pub async fn to_hub(&self, trace: &Trace, object: Object) -> Result<Object> {
        self.convert(trace, vec![object], &self.hub).await.map(one)
    }

    /// Converts an object of the registry to the version that clients get.
    pub async fn from_hub(&self, trace: &Trace, object: Object) -> Result<Object> {
        self.convert(trace, vec![object], &self.kind.group_version()).await.map(one)
    }

    /// Converts objects of one version to another. Objects that are at it already are not touched.
    pub async fn convert(&self, trace: &Trace, mut objects: Vec<Object>, to: &GroupVersion) -> Result<Vec<Object>> {
        let Some(first) = objects.first_mut().filter(|first| first.gvk().group_version() != *to) else {
            return Ok(objects);
        };
        let phase = trace.enter(Phase::Convert, first).await?;
        match self.convertor.convert(trace, objects, to).await {
            Ok(objects) => {
                phase.exit(objects.first().map_or(&Nothing as &dyn Subject, |first| first));
                Ok(objects)
            }
            Err(error) => {
                phase.fail(&error);
                Err(error)
            }
        }
    }

    /// Says whether answers of the registry have to be converted.
    pub fn converts(&self) -> bool {
        self.kind.version != self.hub.version || self.kind.group != self.hub.group
    }

    /// Notes who changed which fields.
    pub async fn manage_fields(
        &self,
        cx: &Context,
        live: Option<&Object>,
        mut object: Object,
        field_manager: &str,
    ) -> Result<Object> {
        let Some(manager) = &self.field_manager else { return Ok(object) };
        let phase = cx.trace.enter(Phase::FieldManagement, &mut object).await?;
        let object = manager.update(cx, live, object, &manager_or_user_agent(field_manager, cx));
        phase.exit(&object);
        Ok(object)
    }
}

/// Reads a body to its end, or to its limit. Boxed: the compiler cannot see that its parts are `Send`.
fn collect(body: Body) -> BoxFuture<'static, std::result::Result<Bytes, BodyError>> {
    Box::pin(Limited::new(body, MAX_REQUEST_BODY_BYTES).collect().map(|body| body.map(Collected::to_bytes)))
}

fn one(objects: Vec<Object>) -> Object {
    objects.into_iter().next().expect("one object was converted to one")
}

/// Names who writes: as the client says, or by the program it is.
///
/// Go: apiserver/pkg/endpoints/handlers/create.go managerOrUserAgent
pub fn manager_or_user_agent(manager: &str, cx: &Context) -> String {
    if !manager.is_empty() {
        return manager.to_owned();
    }
    let program = cx.header("user-agent").split('/').next().unwrap_or_default();
    let mut name = String::new();
    for char in program.chars().filter(|char| apimachinery::util::strconv::is_print(*char)) {
        if name.len() + char.len_utf8() > FIELD_MANAGER_MAX_LENGTH {
            break;
        }
        name.push(char);
    }
    name
}

/// The bytes of a body, as a phase shows and edits them.
pub(super) struct RawBody(pub(super) Bytes);

impl Subject for RawBody {
    fn snapshot(&self) -> Arc<Snapshot> {
        // A Secret's body is a secret, and nobody has decoded it yet.
        if self.0.windows(SECRET.len()).any(|window| window == SECRET) {
            return Arc::new(Snapshot { kind: "body".to_owned(), content: phase::snapshot::Content::Redacted });
        }
        Snapshot::bytes("body", self.0.clone())
    }

    fn edit(&mut self, edited: &Value) -> std::result::Result<(), String> {
        self.0 = match edited {
            Value::String(text) => Bytes::copy_from_slice(text.as_bytes()),
            value => serde_json::to_vec(value).map_err(|error| error.to_string())?.into(),
        };
        Ok(())
    }
}

const SECRET: &[u8] = b"Secret";

/// Shows the beginning of a body that is no object.
///
/// Go: apiserver/pkg/endpoints/handlers/rest.go summarizeData
fn summarize(body: &[u8]) -> String {
    const MAX: usize = 30;
    let text = match body {
        [] => return "<empty>".to_owned(),
        // JSON is shown as it is, anything else in hexadecimal.
        [b'{', ..] => String::from_utf8_lossy(&body[..body.len().min(MAX)]).into_owned(),
        _ => body[..body.len().min(MAX)].iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    if body.len() > MAX { format!("{text} ...") } else { text }
}
