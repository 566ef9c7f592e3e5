//! exec, attach, port-forward, proxy: a connection to something behind an object.
//!
//! Go: apiserver/pkg/endpoints/handlers/rest.go ConnectResource

use apimachinery::{
    api::errors::StatusError,
    runtime::{object::Object, schema::GroupVersionKind},
};
use serde_json::Value;

use crate::{
    admission::attributes::Operation,
    endpoints::handlers::{admission::Subject, respond, scope::RequestScope},
    registry::rest::Result,
    request::{context::Context, handler::Response},
};

/// Asks admission, then hands the request over.
pub(super) async fn connect(scope: &RequestScope, cx: &mut Context) -> Result<Response> {
    let storage = scope.storage.connecter().ok_or_else(|| respond::not_supported(scope, "connect"))?;
    if cx.query("dryRun").is_some() {
        return Err(StatusError::new_bad_request("dryRun is not supported"));
    }
    let name = cx.info.name.clone();
    let mut attributes = scope.attributes(cx, Operation::Connect, &Subject::of_connect(cx, &name));
    attributes.object = storage.options_kind().map(|kind| options(cx, scope, kind));
    scope.admit(cx, &mut attributes).await?;
    scope.validate(cx, &attributes).await?;
    let path = if storage.takes_path() { cx.info.parts.get(3..).unwrap_or_default().join("/") } else { String::new() };
    Ok(storage.connect(cx, &name, &path).await)
}

/// Makes an object of the query, for admission: the options of the connection.
fn options(cx: &Context, scope: &RequestScope, kind: &str) -> Object {
    let mut object = Object::new(&GroupVersionKind::new(&scope.resource.group, &scope.resource.version, kind));
    for (name, value) in cx.query_pairs() {
        match (object.0.get_mut(&name), name.as_str()) {
            (Some(Value::Array(values)), _) => values.push(value.into()),
            (Some(_), _) => {}
            // The one parameter that may be repeated.
            (None, "command") => object.set(&["command"], vec![Value::from(value)]),
            (None, "stdin" | "stdout" | "stderr" | "tty") => {
                object.set(&[&name], value != "0" && !value.eq_ignore_ascii_case("false"));
            }
            (None, _) => object.set(&[&name], value),
        }
    }
    object
}
