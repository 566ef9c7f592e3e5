//! Where a list that was cut off goes on: a token that clients pass back unread.
//!
//! It is unpadded base64 of JSON: the revision that the list shows, and the key to start with,
//! relative to the prefix that is listed. So a later page shows the same revision as the first.
//!
//! Go: apiserver/pkg/storage/continue.go

use apimachinery::api::errors::StatusError;
use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde::{Deserialize, Serialize};

use crate::{
    error::Error,
    interface::{ListOptions, ResourceVersionMatch},
    versioner,
};

/// The only version of the format.
const VERSION: &str = "meta.k8s.io/v1";

/// Go's decoder does not look at the bits behind the last byte either.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

#[derive(Serialize, Deserialize)]
struct Token {
    #[serde(default)]
    v: String,
    #[serde(default)]
    rv: i64,
    #[serde(default)]
    start: String,
}

/// At which revision a list continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// At that of its first page.
    Revision(u64),
    /// At whatever is newest: the first page's is no longer readable, and the client accepts that.
    Latest,
}

/// Writes the token of a list that goes on at a key.
///
/// Go: EncodeContinue
pub fn encode(key: &str, prefix: &str, at: At) -> Result<String, Error> {
    let start = key
        .strip_prefix(prefix)
        .ok_or_else(|| Error::Other("unable to encode next field: the key and key prefix do not match".to_owned()))?;
    let rv = match at {
        At::Revision(revision) => i64::try_from(revision).expect("revisions fit"),
        At::Latest => -1,
    };
    let token = Token { v: VERSION.to_owned(), rv, start: start.to_owned() };
    Ok(BASE64.encode(serde_json::to_vec(&token).expect("strings and a number")))
}

/// Reads a token: the whole key to start with, and at which revision. The error is the sentence that Go would say.
///
/// Go: DecodeContinue
pub fn decode(token: &str, prefix: &str) -> Result<(String, At), String> {
    const INVALID: &str = "continue key is not valid";
    let data = BASE64.decode(token).map_err(|error| format!("{INVALID}: {}", base64_error(&error)))?;
    let token: Token =
        serde_json::from_slice(&data).map_err(|error| format!("{INVALID}: {}", json_error(&data, &error)))?;
    if token.v != VERSION {
        return Err(format!("{INVALID}: server does not recognize this encoded version {}", token.v));
    }
    if token.rv == 0 {
        return Err(format!("{INVALID}: incorrect encoded start resourceVersion (version {VERSION})"));
    }
    if token.start.is_empty() {
        return Err(format!("{INVALID}: encoded start key empty (version {VERSION})"));
    }
    // A token is a stranger's input: it must not lead out of the prefix, and `..` would.
    let relative = token.start.strip_prefix('/').unwrap_or(&token.start);
    if relative.split('/').any(|part| part.is_empty() || part == "." || part == "..") {
        return Err(format!("{INVALID}: {}", token.start));
    }
    let at = u64::try_from(token.rv).map_or(At::Latest, At::Revision);
    Ok((format!("{prefix}{relative}"), at))
}

/// Go: encoding/base64/base64.go CorruptInputError
fn base64_error(error: &base64::DecodeError) -> String {
    let at = match error {
        base64::DecodeError::InvalidByte(at, _) | base64::DecodeError::InvalidLastSymbol(at, _) => *at,
        base64::DecodeError::InvalidLength(length) => length.saturating_sub(1),
        base64::DecodeError::InvalidPadding => 0,
    };
    format!("illegal base64 data at input byte {at}")
}

/// Go: encoding/json/scanner.go, for the two mistakes that are made: not JSON at all, and cut off.
fn json_error(data: &[u8], error: &serde_json::Error) -> String {
    match data.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(first) if !b"{[\"0123456789-tfn".contains(first) => {
            let shown =
                if first.is_ascii_graphic() { char::from(*first).to_string() } else { format!("\\x{first:02x}") };
            format!("invalid character '{shown}' looking for beginning of value")
        }
        _ if error.is_eof() => "unexpected end of JSON input".to_owned(),
        _ => error.to_string(),
    }
}

/// What a list's options ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Start {
    /// The revision that must be shown; `None`: the newest, or one that `resource_version` allows.
    pub revision: Option<u64>,
    /// The whole key to start with; `None`: the first.
    pub key: Option<String>,
}

/// Reads where a list is to begin, and at which revision.
///
/// Go: ValidateListOptions
pub fn validate_list_options(prefix: &str, options: &ListOptions) -> Result<Start, Error> {
    let token = &options.predicate.continue_token;
    if options.recursive && !token.is_empty() {
        let (key, at) = decode(token, prefix)
            .map_err(|error| StatusError::new_bad_request(format!("invalid continue token: {error}")))?;
        if !matches!(options.resource_version.as_str(), "" | "0") {
            let message = "specifying resource version is not allowed when using continue";
            return Err(StatusError::new_bad_request(message).into());
        }
        let revision = match at {
            At::Revision(revision) => Some(revision),
            At::Latest => None,
        };
        return Ok(Start { revision, key: Some(key) });
    }
    let parsed = versioner::parse_list_resource_version(&options.resource_version)?;
    let exact = match options.resource_version_match {
        ResourceVersionMatch::Exact => true,
        ResourceVersionMatch::NotOlderThan => false,
        // What a limit meant before there was a way to say it.
        ResourceVersionMatch::Unset => options.recursive && options.predicate.limit > 0,
    };
    Ok(Start { revision: (exact && parsed > 0).then_some(parsed), key: None })
}

/// Returns the token for what follows, and how much that is where it is known.
///
/// `last` is the last key that was looked at, `count` the number of keys from the page's first on.
///
/// Go: PrepareContinueToken
pub fn prepare(
    last: &str,
    prefix: &str,
    revision: u64,
    count: u64,
    options: &ListOptions,
) -> Result<(String, Option<i64>), Error> {
    let token = encode(&format!("{last}\0"), prefix, At::Revision(revision))?;
    // The count knows nothing of selectors.
    let remaining = options.predicate.everything().then(|| count as i64 - options.predicate.limit);
    Ok((token, remaining))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_what_kube_apiserver_writes() {
        let token = encode("/registry/pods/shop/web\0", "/registry/pods/", At::Revision(42)).expect("token");
        assert_eq!(token, "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6NDIsInN0YXJ0Ijoic2hvcC93ZWJcdTAwMDAifQ");
        let (key, at) = decode(&token, "/registry/pods/").expect("own token");
        assert_eq!((key.as_str(), at), ("/registry/pods/shop/web\0", At::Revision(42)));
        let latest = encode("/registry/pods/a", "/registry/pods/", At::Latest).expect("token");
        assert_eq!(decode(&latest, "/registry/pods/").expect("token").1, At::Latest);
    }

    #[test]
    fn a_strangers_token_is_refused_with_gos_words() {
        let of = |json: &str| BASE64.encode(json);
        for (token, message) in [
            ("abc".to_owned(), "continue key is not valid: invalid character 'i' looking for beginning of value"),
            ("a!".to_owned(), "continue key is not valid: illegal base64 data at input byte 1"),
            (of("{"), "continue key is not valid: unexpected end of JSON input"),
            (of("{}"), "continue key is not valid: server does not recognize this encoded version "),
            (
                of(r#"{"v":"meta.k8s.io/v1","start":"a"}"#),
                "continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)",
            ),
            (
                of(r#"{"v":"meta.k8s.io/v1","rv":1}"#),
                "continue key is not valid: encoded start key empty (version meta.k8s.io/v1)",
            ),
            (of(r#"{"v":"meta.k8s.io/v1","rv":1,"start":"../secrets"}"#), "continue key is not valid: ../secrets"),
            (of(r#"{"v":"meta.k8s.io/v1","rv":1,"start":"a//b"}"#), "continue key is not valid: a//b"),
        ] {
            assert_eq!(decode(&token, "/registry/pods/").expect_err(message), message);
        }
    }
}
