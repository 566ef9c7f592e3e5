//! The headers by which a request asks to be somebody else's.
//!
//! Go: apiserver/pkg/endpoints/filters/impersonation/headers.go

use auth::{authentication::headerrequest::unescape_extra_key, user};
use http::{HeaderMap, HeaderName};

const USER: &str = "impersonate-user";
const GROUP: &str = "impersonate-group";
const UID: &str = "impersonate-uid";
const EXTRA_PREFIX: &str = "impersonate-extra-";

/// Returns who the request wants to be, as far as the headers say; `None` if it is content with itself.
///
/// Go: apiserver/pkg/endpoints/filters/impersonation/headers.go processImpersonationHeaders
pub(super) fn process_impersonation_headers(headers: &HeaderMap) -> Result<Option<user::Info>, String> {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let first = |name: &str| headers.get(name).map(text).unwrap_or_default();
    let mut wanted = user::Info { name: first(USER), uid: first(UID), ..user::Info::default() };
    wanted.groups = headers.get_all(GROUP).iter().map(text).collect();
    for (name, value) in headers {
        if let Some(key) = name.as_str().strip_prefix(EXTRA_PREFIX) {
            wanted.extra.entry(unescape_extra_key(key)).or_default().push(text(value));
        }
    }
    if !wanted.name.is_empty() {
        return Ok(Some(wanted));
    }
    if wanted == user::Info::default() {
        return Ok(None);
    }
    let mut asked = Vec::new();
    asked.extend((!wanted.groups.is_empty()).then(|| format!("groups {:?}", wanted.groups)));
    asked.extend((!wanted.extra.is_empty()).then(|| format!("userExtra {:?}", wanted.extra)));
    asked.extend((!wanted.uid.is_empty()).then(|| format!("uid {:?}", wanted.uid)));
    Err(format!("requested {} without impersonating a user name", asked.join(", ")))
}

/// Removes the headers.
pub(super) fn clear(headers: &mut HeaderMap) {
    let ours = |name: &&HeaderName| {
        let name = name.as_str();
        [USER, GROUP, UID].contains(&name) || name.starts_with(EXTRA_PREFIX)
    };
    let found: Vec<HeaderName> = headers.keys().filter(ours).cloned().collect();
    for name in found {
        headers.remove(name);
    }
}
