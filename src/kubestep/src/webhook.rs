//! An admission webhook for lessons: a real HTTPS server whose answers the lesson writes down.
//!
//! ```text
//! kube-apiserver --AdmissionReview{request}--> the first answer whose `when` holds --AdmissionReview{response}-->
//! ```
//!
//! Nothing that it is asked changes it; it remembers the question, so that a lesson can look at it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use cel::{Program, Value as CelValue, Variables};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use parking_lot::Mutex;
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    pki::Pki,
    tls_server::{self, Answered},
};

/// What it is and says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Behaviour {
    /// What the lesson calls it; also its path.
    name: String,
    /// The first that fits is given; without one it allows.
    answers: Vec<Answer>,
}

/// One answer.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Answer {
    /// Over `request`, `object`, `oldObject`; always if absent.
    when: Option<String>,
    /// Refuses, with this message.
    deny: Option<String>,
    /// The code of a refusal; 403 if absent.
    code: Option<u16>,
    /// A JSON patch.
    patch: Vec<Value>,
    /// Warnings for the client.
    warnings: Vec<String>,
    /// Answers this many seconds late.
    late: u32,
    /// Answers with this HTTP status in place of a review.
    fail: Option<u16>,
}

/// What the webhooks of a lesson were asked, by name.
pub type Heard = Arc<Mutex<BTreeMap<String, Questions>>>;

/// What one was asked.
#[derive(Clone, Debug, Default)]
pub struct Questions {
    /// How often.
    pub calls: u64,
    /// The newest `request` of a review.
    pub last: Value,
}

/// An answer with its condition, ready to be asked.
struct Ready {
    when: Option<Program>,
    answer: Answer,
}

/// Starts one on a free port and returns its URL; it ends with `stop`.
pub async fn start(behaviour: Behaviour, pki: &Pki, heard: Heard, stop: CancellationToken) -> anyhow::Result<String> {
    let Behaviour { name, answers } = behaviour;
    heard.lock().entry(name.clone()).or_default();
    let ready = |answer: Answer| {
        let when = answer.when.as_deref().map(Program::compile).transpose();
        Ok::<_, anyhow::Error>(Ready { when: when.map_err(|error| anyhow::anyhow!(error.to_string()))?, answer })
    };
    let answers: Arc<[Ready]> = answers.into_iter().map(ready).collect::<Result<_, _>>()?;
    let path = format!("/{name}");
    let answering = move |request| answer(answers.clone(), heard.clone(), name.clone(), request);
    let address = tls_server::start(tls(pki)?, answering, stop).await?;
    Ok(format!("https://localhost:{}{path}", address.port()))
}

fn tls(pki: &Pki) -> anyhow::Result<ServerConfig> {
    let identity = pki.issue_server("localhost")?;
    let certificate = CertificateDer::from_pem_slice(identity.certificate.as_bytes())?;
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes())?;
    Ok(ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key)?)
}

async fn answer(answers: Arc<[Ready]>, heard: Heard, name: String, request: Request<Incoming>) -> Answered {
    let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let review: Value = serde_json::from_slice(&body).unwrap_or_default();
    if let Some(questions) = heard.lock().get_mut(&name) {
        questions.calls += 1;
        questions.last = review["request"].clone();
    }
    let (code, late, body) = respond(&answers, &review);
    if !late.is_zero() {
        let late_on_purpose = client::outside::late();
        tokio::time::sleep(late).await;
        drop(late_on_purpose);
    }
    Response::builder()
        .status(code)
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body.to_string())))
}

/// The answer to a review: its HTTP status, how late it comes, and the document.
fn respond(answers: &[Ready], review: &Value) -> (StatusCode, Duration, Value) {
    let request = &review["request"];
    let mut variables = Variables::new();
    for (name, value) in [("request", request), ("object", &request["object"]), ("oldObject", &request["oldObject"])] {
        variables.insert(name.to_owned(), CelValue::from(value));
    }
    // A condition that makes no sense for this object is not met.
    let fits = |ready: &&Ready| ready.when.as_ref().is_none_or(|when| when.matches(&variables).unwrap_or(false));
    let allow = Answer::default();
    let answer = answers.iter().find(fits).map_or(&allow, |ready| &ready.answer);
    let late = Duration::from_secs(answer.late.into());
    if let Some(code) = answer.fail.and_then(|code| StatusCode::from_u16(code).ok()) {
        return (code, late, json!({"message": "this webhook is out of order"}));
    }
    let mut response = json!({"uid": request["uid"], "allowed": answer.deny.is_none()});
    if let Some(message) = &answer.deny {
        response["status"] = json!({"code": answer.code.unwrap_or(403), "message": message});
    }
    if !answer.patch.is_empty() {
        response["patchType"] = json!("JSONPatch");
        response["patch"] = json!(STANDARD.encode(Value::from(answer.patch.clone()).to_string()));
    }
    if !answer.warnings.is_empty() {
        response["warnings"] = json!(answer.warnings);
    }
    let review = json!({"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response});
    (StatusCode::OK, late, review)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(answer: Value) -> Ready {
        let answer: Answer = serde_json::from_value(answer).expect("an answer");
        let when = answer.when.as_deref().map(Program::compile).transpose().expect("an expression");
        Ready { when, answer }
    }

    #[test]
    fn the_first_answer_that_fits_is_given() {
        let answers = [
            ready(json!({"when": "object.data.apple == '0'", "deny": "an apple is not free", "code": 422})),
            ready(json!({"when": "request.operation == 'CREATE'", "patch": [{"op": "add", "path": "/x", "value": 1}],
                "warnings": ["seen"], "late": 2})),
            ready(json!({"when": "request.operation == 'DELETE'", "fail": 500})),
        ];
        let ask = |request: Value| respond(&answers, &json!({"kind": "AdmissionReview", "request": request}));
        let (code, late, review) = ask(json!({"uid": "u", "operation": "CREATE", "object": {"data": {"apple": "0"}}}));
        assert_eq!((code, late), (StatusCode::OK, Duration::ZERO));
        let response = &review["response"];
        assert_eq!((&response["uid"], &response["allowed"]), (&json!("u"), &json!(false)));
        assert_eq!(response["status"], json!({"code": 422, "message": "an apple is not free"}));

        let (_, late, review) = ask(json!({"operation": "CREATE", "object": {"data": {}}}));
        assert_eq!((late.as_secs(), &review["response"]["warnings"]), (2, &json!(["seen"])));
        let patch = STANDARD.decode(review["response"]["patch"].as_str().expect("a patch")).expect("base64");
        assert_eq!(patch, br#"[{"op":"add","path":"/x","value":1}]"#);

        assert_eq!(ask(json!({"operation": "DELETE"})).0, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(ask(json!({"operation": "UPDATE"})).2["response"]["allowed"], true);
    }
}
