//! Whether a secret of type TLS holds a certificate and a key.
//!
//! Go: pkg/registry/core/secret/strategy.go warningsForSecret, crypto/tls/tls.go X509KeyPair

use base64::{Engine, prelude::BASE64_STANDARD};

/// Says what is wrong with a certificate and its key, in the words of crypto/tls.
///
/// Simplified: the two are not parsed, and not held against each other.
pub(super) fn warning(certificate: &[u8], key: &[u8]) -> Option<String> {
    let of = "of the following types:";
    let (is_there, skipped) = find(certificate, |kind| kind == "CERTIFICATE");
    match &skipped[..] {
        _ if is_there => {}
        [] => return Some("tls: failed to find any PEM data in certificate input".to_owned()),
        [kind] if kind.ends_with("PRIVATE KEY") => {
            let text = "tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM \
                        inputs may have been switched";
            return Some(text.to_owned());
        }
        kinds => {
            let what = "tls: failed to find \"CERTIFICATE\" PEM block in certificate input after skipping PEM blocks";
            return Some(format!("{what} {of} [{}]", kinds.join(" ")));
        }
    }
    let (is_there, skipped) = find(key, |kind| kind == "PRIVATE KEY" || kind.ends_with(" PRIVATE KEY"));
    match &skipped[..] {
        _ if is_there => None,
        [] => Some("tls: failed to find any PEM data in key input".to_owned()),
        [kind] if kind == "CERTIFICATE" => {
            Some("tls: found a certificate rather than a key in the PEM for the private key".to_owned())
        }
        kinds => {
            let what = "tls: failed to find PEM block with type ending in \"PRIVATE KEY\" in key input after skipping \
                        PEM blocks";
            Some(format!("{what} {of} [{}]", kinds.join(" ")))
        }
    }
}

/// Looks for a block of a kind; returns the kinds of those passed over until then.
fn find(text: &[u8], wanted: impl Fn(&str) -> bool) -> (bool, Vec<String>) {
    let text = String::from_utf8_lossy(text);
    let mut skipped = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(kind) = line.strip_prefix("-----BEGIN ").and_then(|line| line.trim_end().strip_suffix("-----")) else {
            continue;
        };
        let end = format!("-----END {kind}-----");
        let body: Vec<&str> = lines.by_ref().take_while(|line| line.trim_end() != end).collect();
        let body: String = body.iter().filter(|line| !line.contains(':')).map(|line| line.trim()).collect();
        if BASE64_STANDARD.decode(body).is_err() {
            continue;
        }
        if wanted(kind) {
            return (true, skipped);
        }
        skipped.push(kind.to_owned());
    }
    (false, skipped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_told_apart() {
        let block = |kind: &str| format!("-----BEGIN {kind}-----\nYQ==\n-----END {kind}-----\n").into_bytes();
        let (certificate, key) = (block("CERTIFICATE"), block("EC PRIVATE KEY"));
        assert_eq!(warning(&certificate, &key), None);
        assert!(warning(&key, &certificate).is_some_and(|text| text.contains("may have been switched")));
        assert!(warning(&certificate, b"x").is_some_and(|text| text.ends_with("any PEM data in key input")));
    }
}
