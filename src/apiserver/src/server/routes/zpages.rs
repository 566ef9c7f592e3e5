//! `/statusz` and `/flagz`: what the server is and how it was started, for people.
//!
//! Go: apiserver/pkg/server/{statusz,flagz}, component-base/zpages

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    sync::{Arc, Weak},
    time::Duration,
};

use apimachinery::{api::errors::StatusError, meta::time, runtime::serializer::yaml};
use component_base::version;
use http::{HeaderValue, header};
use phase::BoxFuture;
use serde_json::{Value, json};

use crate::{
    endpoints::negotiation::{self, Clause},
    request::{
        context::Context,
        handler::{Handler, Response},
        responses,
    },
    server::{delegation::DelegationTarget, genericapiserver::GenericAPIServer},
};

/// The group of the structured forms.
const GROUP: &str = "config.k8s.io";

/// Paths below which everything is an API and not worth a line.
const APIS: [&str; 5] = ["/api", "/apis", "/openid", "/openapi", "/.well-known"];

/// How a page is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Form {
    Text,
    /// JSON or YAML, and the version.
    Structured(&'static str, &'static str),
}

/// Chooses the form. Plain JSON is not offered, lest anybody parse it: whoever parses must name a version.
///
/// Go: component-base/zpages/httputil, apiserver/pkg/server/statusz negotiate
fn negotiate(accept: &str, kind: &str) -> Result<Form, StatusError> {
    if accept.is_empty() {
        return Ok(Form::Text);
    }
    let parameter = |clause: &Clause<'_>, name: &str| {
        let found = clause.parameters.iter().find(|(key, _)| *key == name);
        found.map_or_else(String::new, |(_, value)| (*value).to_owned())
    };
    for clause in negotiation::parse_accept(accept) {
        match (clause.kind, clause.subtype) {
            ("text" | "*", "plain" | "*") => return Ok(Form::Text),
            ("application", subtype @ ("json" | "yaml")) => {
                let media = if subtype == "json" { "application/json" } else { "application/yaml" };
                let asked = parameter(&clause, "g") == GROUP && parameter(&clause, "as") == kind;
                match parameter(&clause, "v").as_str() {
                    "v1beta1" if asked => return Ok(Form::Structured(media, "v1beta1")),
                    "v1alpha1" if asked => return Ok(Form::Structured(media, "v1alpha1")),
                    _ => {}
                }
            }
            _ => {}
        }
    }
    let types = "application/json, application/yaml, text/plain";
    Err(StatusError::new(406, "NotAcceptable", format!("only the following media types are accepted: {types}")))
}

/// Answers in the chosen form.
fn answer(cx: &Context, kind: &'static str, text: String, fields: Value) -> Response {
    let (media, version) = match negotiate(cx.header("accept"), kind) {
        Ok(Form::Text) => {
            return responses::with_body(200, text, HeaderValue::from_static("text/plain; charset=utf-8"));
        }
        Ok(Form::Structured(media, version)) => (media, version),
        Err(error) => return responses::status(&error),
    };
    let mut object =
        json!({"kind": kind, "apiVersion": format!("{GROUP}/{version}"), "metadata": {"name": "apiserver"}});
    if let (Some(object), Value::Object(fields)) = (object.as_object_mut(), fields) {
        object.extend(fields);
    }
    let body = if media == "application/json" {
        serde_json::to_vec(&object).unwrap_or_default()
    } else {
        yaml::encode(&object)
    };
    let content_type = HeaderValue::from_str(&format!("{media};g={GROUP};v={version};as={kind}"));
    let content_type = content_type.unwrap_or_else(|_| HeaderValue::from_static("application/json"));
    let mut response = responses::with_body(200, body, content_type);
    if version == "v1alpha1" {
        let page = kind.to_lowercase();
        let text = format!("This version of the {page} endpoint is deprecated. Please use a newer version.");
        if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{text}\"")) {
            response.headers_mut().insert(header::WARNING, value);
        }
    }
    response
}

/// The lines above a page. Its delimiter is drawn anew for each reply, so that nobody parses it.
fn page(cx: &Context, name: &str, lines: &[(String, String)]) -> String {
    let delimiters = [":", ": ", "=", " "];
    let delimiter = delimiters[(cx.services.ids.next_u64() % delimiters.len() as u64) as usize];
    let mut text = format!(
        "\napiserver {name}\nWarning: This endpoint is not meant to be machine parseable, has no formatting \
         compatibility guarantees and is for debugging purposes only.\n\n"
    );
    for (key, value) in lines {
        let _ = writeln!(text, "{key}{delimiter}{value}");
    }
    text
}

/// Go: apiserver/pkg/server/statusz
struct Statusz {
    /// Lists the paths of the server and of those behind it; weak, for the server owns the handler.
    server: Weak<GenericAPIServer>,
    version: Arc<version::Info>,
    started: Duration,
}

impl Handler for Statusz {
    fn serve<'a>(&'a self, cx: &'a mut Context) -> BoxFuture<'a, Response> {
        let up = cx.services.clock.wall().saturating_sub(self.started).as_secs();
        let paths = self.server.upgrade().map(|server| first_segments(&server.listed_paths())).unwrap_or_default();
        let binary = format!("{}.{}", self.version.major, self.version.minor);
        let emulation = format!("{}.{}", self.version.emulation_major, self.version.emulation_minor);
        let started = time::rfc3339(self.started);
        let line = |key: &str, value: String| (key.to_owned(), value);
        let lines = [
            line("Started", started.clone()),
            line("Up", format!("{} hr {:02} min {:02} sec", up / 3600, up / 60 % 60, up % 60)),
            line("Go version", self.version.go_version.clone()),
            line("Binary version", binary.clone()),
            line("Emulation version", emulation.clone()),
            line("Paths", paths.join(" ")),
        ];
        let fields = json!({
            "startTime": started,
            "uptimeSeconds": up,
            "goVersion": self.version.go_version,
            "binaryVersion": binary,
            "emulationVersion": emulation,
            "paths": paths,
        });
        let response = answer(cx, "Statusz", page(cx, "statusz", &lines), fields);
        Box::pin(async { response })
    }
}

fn first_segments(paths: &[String]) -> Vec<String> {
    let first = |path: &String| path.split('/').nth(1).map(|segment| format!("/{segment}"));
    let found: BTreeSet<String> = paths.iter().filter_map(first).filter(|path| path.len() > 1).collect();
    found.into_iter().filter(|path| !APIS.contains(&path.as_str())).collect()
}

/// Go: apiserver/pkg/server/flagz
struct Flagz(Arc<BTreeMap<String, String>>);

impl Handler for Flagz {
    fn serve<'a>(&'a self, cx: &'a mut Context) -> BoxFuture<'a, Response> {
        let lines: Vec<_> = self.0.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let response = answer(cx, "Flagz", page(cx, "flagz", &lines), json!({"flags": *self.0}));
        Box::pin(async { response })
    }
}

/// Adds both pages: the status last, for it lists the others.
pub fn install(server: &GenericAPIServer) {
    let mux = &server.handler.non_go_restful_mux;
    if server.feature_gate.enabled("ComponentFlagz") {
        mux.handle("/flagz", Arc::new(Flagz(server.flagz.clone())));
    }
    if server.feature_gate.enabled("ComponentStatusz") {
        let statusz = Statusz {
            server: server.this.clone(),
            version: server.effective_version.clone(),
            started: server.services.clock.wall(),
        };
        mux.handle("/statusz", Arc::new(statusz));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_parses_must_name_a_version() {
        let form = |accept| negotiate(accept, "Statusz").map_err(|error| error.code);
        assert_eq!(form(""), Ok(Form::Text));
        assert_eq!(form("text/plain"), Ok(Form::Text));
        assert_eq!(form("application/json"), Err(406));
        let structured = "application/json;v=v1beta1;g=config.k8s.io;as=Statusz";
        assert_eq!(form(structured), Ok(Form::Structured("application/json", "v1beta1")));
        assert_eq!(form("application/json;v=v1beta1;g=config.k8s.io;as=Flagz"), Err(406));
    }

    #[test]
    fn apis_are_not_listed() {
        let paths = ["/", "/api/v1", "/apis", "/healthz/ping", "/healthz", "/version"].map(str::to_owned);
        assert_eq!(first_segments(&paths), ["/healthz", "/version"]);
    }
}
