//! Rules for names, keys, ports and the like, each with the text that clients know.
//!
//! Every function returns what is wrong with a value, one sentence each; nothing is an empty list.
//! The texts quote a regular expression; the checks themselves are plain loops over bytes, for they
//! run on every label of every object that is written.
//!
//! Go: apimachinery/pkg/util/validation/validation.go, apimachinery/pkg/api/validate/content

use crate::{
    util::strconv,
    validation::field::{Error, ErrorList, Path},
};

/// Longest label of a DNS name, and longest name of a label key.
pub const DNS1123_LABEL_MAX_LENGTH: usize = 63;
/// Longest DNS name.
pub const DNS1123_SUBDOMAIN_MAX_LENGTH: usize = 253;
/// Longest label value.
pub const LABEL_VALUE_MAX_LENGTH: usize = 63;

const DNS1123_LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const DNS1123_LABEL_TEXT: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or \
    '-', and must start and end with an alphanumeric character";
const DNS1123_SUBDOMAIN: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
const DNS1123_SUBDOMAIN_TEXT: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric \
    characters, '-' or '.', and must start and end with an alphanumeric character";
const DNS1035_LABEL: &str = "[a-z]([-a-z0-9]*[a-z0-9])?";
const LABEL_KEY: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const LABEL_KEY_TEXT: &str =
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const LABEL_VALUE: &str = "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?";

/// Says that a value has too many characters. Go: validation.MaxLenError
pub fn max_len_error(length: usize) -> String {
    format!("must be no more than {length} characters")
}

/// Says that a value has too many bytes: the newer text, of label keys and values. Go: content.MaxLenError
pub fn max_bytes_error(length: usize) -> String {
    format!("must be no more than {length} bytes")
}

/// Says that a value is empty. Go: EmptyError
pub fn empty_error() -> String {
    "must be non-empty".to_owned()
}

/// Says which numbers are allowed. Go: InclusiveRangeError
pub fn inclusive_range_error(low: i64, high: i64) -> String {
    format!("must be between {low} and {high}, inclusive")
}

/// Says which form is asked for, with examples. Go: RegexError
pub fn regex_error(message: &str, regex: &str, examples: &[&str]) -> String {
    if examples.is_empty() {
        return format!("{message} (regex used for validation is '{regex}')");
    }
    let examples: Vec<String> = examples.iter().map(|example| format!("'{example}', ")).collect();
    format!("{message} (e.g. {}regex used for validation is '{regex}')", examples.join(" or "))
}

/// Says whether the first and the last byte are of `ends` and all others of `inner`.
fn framed(text: &str, first: fn(&u8) -> bool, inner: fn(&u8) -> bool, last: fn(&u8) -> bool) -> bool {
    match text.as_bytes() {
        [] => false,
        [one] => first(one) && last(one),
        [start, middle @ .., end] => first(start) && middle.iter().all(inner) && last(end),
    }
}

fn lower_or_digit(byte: &u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

fn lower_digit_or_dash(byte: &u8) -> bool {
    lower_or_digit(byte) || *byte == b'-'
}

fn label_key_byte(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.".contains(byte)
}

fn matches_dns1123_label(text: &str) -> bool {
    framed(text, lower_or_digit, lower_digit_or_dash, lower_or_digit)
}

fn matches_dns1123_subdomain(text: &str) -> bool {
    text.split('.').all(matches_dns1123_label)
}

fn matches_label_key(text: &str) -> bool {
    framed(text, u8::is_ascii_alphanumeric, label_key_byte, u8::is_ascii_alphanumeric)
}

/// Go: validation.IsDNS1123Label
pub fn is_dns1123_label(value: &str) -> Vec<String> {
    dns1123_label(value, max_len_error)
}

/// As [`is_dns1123_label`], with the newer text about length. Go: content.IsDNS1123Label
pub fn is_dns1123_label_bytes(value: &str) -> Vec<String> {
    dns1123_label(value, max_bytes_error)
}

fn dns1123_label(value: &str, max_len: fn(usize) -> String) -> Vec<String> {
    let mut errors = Vec::new();
    if value.len() > DNS1123_LABEL_MAX_LENGTH {
        errors.push(max_len(DNS1123_LABEL_MAX_LENGTH));
    }
    if !matches_dns1123_label(value) {
        errors.push(if matches_dns1123_subdomain(value) {
            "must not contain dots".to_owned()
        } else {
            regex_error(DNS1123_LABEL_TEXT, DNS1123_LABEL, &["my-name", "123-abc"])
        });
    }
    errors
}

/// Go: validation.IsDNS1123Subdomain
pub fn is_dns1123_subdomain(value: &str) -> Vec<String> {
    dns1123_subdomain(value, max_len_error)
}

/// As [`is_dns1123_subdomain`], with the newer text about length. Go: content.IsDNS1123Subdomain
pub fn is_dns1123_subdomain_bytes(value: &str) -> Vec<String> {
    dns1123_subdomain(value, max_bytes_error)
}

fn dns1123_subdomain(value: &str, max_len: fn(usize) -> String) -> Vec<String> {
    let mut errors = Vec::new();
    if value.len() > DNS1123_SUBDOMAIN_MAX_LENGTH {
        errors.push(max_len(DNS1123_SUBDOMAIN_MAX_LENGTH));
    }
    if !matches_dns1123_subdomain(value) {
        errors.push(regex_error(DNS1123_SUBDOMAIN_TEXT, DNS1123_SUBDOMAIN, &["example.com"]));
    }
    errors
}

/// As [`is_dns1123_subdomain_bytes`], upper case allowed. Go: content.IsDNS1123SubdomainCaseless
pub fn is_dns1123_subdomain_caseless(value: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if value.len() > DNS1123_SUBDOMAIN_MAX_LENGTH {
        errors.push(max_bytes_error(DNS1123_SUBDOMAIN_MAX_LENGTH));
    }
    if !matches_dns1123_subdomain(&value.to_ascii_lowercase()) {
        let text = "an RFC 1123 subdomain must consist of alphanumeric characters, '-' or '.', and must start and end \
            with an alphanumeric character";
        errors.push(regex_error(text, DNS1123_SUBDOMAIN, &["Example.com"]));
    }
    errors
}

/// As [`is_dns1123_subdomain`], underscores allowed. Go: validation.IsDNS1123SubdomainWithUnderscore
pub fn is_dns1123_subdomain_with_underscore(value: &str) -> Vec<String> {
    const LABEL: &str = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?";
    let mut errors = Vec::new();
    if value.len() > DNS1123_SUBDOMAIN_MAX_LENGTH {
        errors.push(max_len_error(DNS1123_SUBDOMAIN_MAX_LENGTH));
    }
    let inner = |byte: &u8| lower_digit_or_dash(byte) || *byte == b'_';
    let matches = |label: &str| framed(label.strip_prefix('_').unwrap_or(label), lower_or_digit, inner, lower_or_digit);
    if !value.split('.').all(matches) {
        let text = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', \
            and must start and end with an alphanumeric character";
        errors.push(regex_error(text, &format!("{LABEL}(\\.{LABEL})*"), &["example.com"]));
    }
    errors
}

/// Go: validation.IsDNS1035Label
pub fn is_dns1035_label(value: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if value.len() > DNS1123_LABEL_MAX_LENGTH {
        errors.push(max_len_error(DNS1123_LABEL_MAX_LENGTH));
    }
    if !(framed(value, u8::is_ascii_lowercase, lower_digit_or_dash, lower_or_digit)) {
        let text = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic \
            character, and end with an alphanumeric character";
        errors.push(regex_error(text, DNS1035_LABEL, &["my-name", "abc-123"]));
    }
    errors
}

/// Go: validation.IsWildcardDNS1123Subdomain
pub fn is_wildcard_dns1123_subdomain(value: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if value.len() > DNS1123_SUBDOMAIN_MAX_LENGTH {
        errors.push(max_len_error(DNS1123_SUBDOMAIN_MAX_LENGTH));
    }
    if !value.strip_prefix("*.").is_some_and(matches_dns1123_subdomain) {
        let text = "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must \
            consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character";
        errors.push(regex_error(text, &format!("\\*\\.{DNS1123_SUBDOMAIN}"), &["*.example.com"]));
    }
    errors
}

/// A label key: `name` or `prefix/name`. Go: content.IsLabelKey, validation.IsQualifiedName
pub fn is_qualified_name(value: &str) -> Vec<String> {
    let rule = || regex_error(LABEL_KEY_TEXT, LABEL_KEY, &["MyName", "my.name", "123-abc"]);
    let mut errors = Vec::new();
    let name = match value.split_once('/') {
        None => value,
        Some((_, name)) if name.contains('/') => {
            let hint = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
            return vec![format!("a valid label key {} {hint}", rule())];
        }
        Some(("", name)) => {
            errors.push(format!("prefix part {}", empty_error()));
            name
        }
        Some((prefix, name)) => {
            let messages = is_dns1123_subdomain_bytes(prefix);
            errors.extend(messages.into_iter().map(|message| format!("prefix part {message}")));
            name
        }
    };
    if name.is_empty() {
        errors.push(format!("name part {}", empty_error()));
    } else if name.len() > DNS1123_LABEL_MAX_LENGTH {
        errors.push(format!("name part {}", max_bytes_error(DNS1123_LABEL_MAX_LENGTH)));
    }
    if !matches_label_key(name) {
        errors.push(format!("name part {}", rule()));
    }
    errors
}

/// Go: content.IsLabelValue
pub fn is_valid_label_value(value: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if value.len() > LABEL_VALUE_MAX_LENGTH {
        errors.push(max_bytes_error(LABEL_VALUE_MAX_LENGTH));
    }
    if !(value.is_empty() || matches_label_key(value)) {
        let text = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and \
            must start and end with an alphanumeric character";
        errors.push(regex_error(text, LABEL_VALUE, &["MyValue", "my_value", "12345"]));
    }
    errors
}

/// A name that can stand in a path. Go: content.IsPathSegmentName
pub fn is_path_segment_name(name: &str) -> Vec<String> {
    match name {
        "." | ".." => vec![format!("may not be '{name}'")],
        _ => is_path_segment_prefix(name),
    }
}

/// The beginning of a name that can stand in a path. Go: content.IsPathSegmentPrefix
pub fn is_path_segment_prefix(name: &str) -> Vec<String> {
    ["/", "%"].into_iter().filter(|part| name.contains(part)).map(|part| format!("may not contain '{part}'")).collect()
}

/// Go: content.IsCIdentifier
pub fn is_c_identifier(value: &str) -> Vec<String> {
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    if framed(value, |byte| byte.is_ascii_alphabetic() || *byte == b'_', inner, inner) {
        return Vec::new();
    }
    let text = "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric \
        characters or '_'";
    vec![regex_error(text, "[A-Za-z_][A-Za-z0-9_]*", &["my_name", "MY_NAME", "MyName"])]
}

/// A number in the one form that people write. Go: content.IsDecimalInteger
pub fn is_decimal_integer(value: &str) -> Vec<String> {
    if value.is_empty() {
        return vec![empty_error()];
    }
    let digits = value.strip_prefix('-').unwrap_or(value);
    let canonical = value == "0" || (!digits.starts_with('0') && !digits.is_empty());
    if canonical && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        Vec::new()
    } else {
        vec!["must be a valid decimal integer in canonical form".to_owned()]
    }
}

/// Go: validation.IsValidPortNum
pub fn is_valid_port_num(port: i64) -> Vec<String> {
    is_in_range(port, 1, 65535)
}

/// Go: validation.IsInRange
pub fn is_in_range(value: i64, low: i64, high: i64) -> Vec<String> {
    if (low..=high).contains(&value) { Vec::new() } else { vec![inclusive_range_error(low, high)] }
}

/// Go: validation.IsValidGroupID
pub fn is_valid_group_id(id: i64) -> Vec<String> {
    is_in_range(id, 0, i64::from(i32::MAX))
}

/// Go: validation.IsValidUserID
pub fn is_valid_user_id(id: i64) -> Vec<String> {
    is_in_range(id, 0, i64::from(i32::MAX))
}

/// Go: validation.IsValidPortName
pub fn is_valid_port_name(port: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if port.len() > 15 {
        errors.push(max_len_error(15));
    }
    if port.is_empty() || !port.as_bytes().iter().all(lower_digit_or_dash) {
        errors.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)".to_owned());
    }
    if !port.bytes().any(|byte| byte.is_ascii_lowercase()) {
        errors.push("must contain at least one letter (a-z)".to_owned());
    }
    if port.contains("--") {
        errors.push("must not contain consecutive hyphens".to_owned());
    }
    if port.starts_with('-') || port.ends_with('-') {
        errors.push("must not begin or end with a hyphen".to_owned());
    }
    errors
}

/// Go: validation.IsValidPercent
pub fn is_valid_percent(percent: &str) -> Vec<String> {
    let digits = percent.strip_suffix('%').unwrap_or_default();
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Vec::new();
    }
    let text = "a valid percent string must be a numeric string followed by an ending '%'";
    vec![regex_error(text, "[0-9]+%", &["1%", "93%"])]
}

/// Go: validation.IsHTTPHeaderName
pub fn is_http_header_name(value: &str) -> Vec<String> {
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Vec::new();
    }
    let text = "a valid HTTP header must consist of alphanumeric characters or '-'";
    vec![regex_error(text, "[-A-Za-z0-9]+", &["X-Header-Name"])]
}

/// Go: validation.IsEnvVarName
pub fn is_env_var_name(value: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if !framed(value, |byte| label_key_byte(byte) && !byte.is_ascii_digit(), label_key_byte, label_key_byte) {
        let text = "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', \
            and must not start with a digit";
        let examples = ["my.env-name", "MY_ENV.NAME", "MyEnvName1"];
        errors.push(regex_error(text, "[-._a-zA-Z][-._a-zA-Z0-9]*", &examples));
    }
    errors.extend(has_ch_dir_prefix(value));
    errors
}

/// Go: validation.IsRelaxedEnvVarName
pub fn is_relaxed_env_var_name(value: &str) -> Vec<String> {
    if value.is_empty() {
        return vec![format!("environment variable name {}", empty_error())];
    }
    if value.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'=') {
        return Vec::new();
    }
    let text = "a valid environment variable name must consist only of printable ASCII characters other than '='";
    vec![text.to_owned()]
}

/// Go: validation.IsConfigMapKey
pub fn is_config_map_key(value: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if value.len() > DNS1123_SUBDOMAIN_MAX_LENGTH {
        errors.push(max_len_error(DNS1123_SUBDOMAIN_MAX_LENGTH));
    }
    if value.is_empty() || !value.as_bytes().iter().all(label_key_byte) {
        let text = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
        errors.push(regex_error(text, "[-._a-zA-Z0-9]+", &["key.name", "KEY_NAME", "key-name"]));
    }
    errors.extend(has_ch_dir_prefix(value));
    errors
}

fn has_ch_dir_prefix(value: &str) -> Option<String> {
    match value {
        "." | ".." => Some(format!("must not be '{value}'")),
        _ => value.starts_with("..").then(|| "must not start with '..'".to_owned()),
    }
}

/// A name of at least three labels. Go: validation.IsFullyQualifiedName
pub fn is_fully_qualified_name(path: &Path, name: &str) -> ErrorList {
    let error = if name.is_empty() {
        Error::required(path, "")
    } else if let errors @ [_, ..] = is_dns1123_subdomain(name).as_slice() {
        Error::invalid(path, name, errors.join(","))
    } else if name.split('.').count() < 3 {
        Error::invalid(path, name, "should be a domain with at least three segments separated by dots")
    } else {
        return ErrorList::new();
    };
    vec![error].into()
}

/// A name of at least two labels, which may end in a dot. Go: validation.IsFullyQualifiedDomainName
pub fn is_fully_qualified_domain_name(path: &Path, name: &str) -> ErrorList {
    if name.is_empty() {
        return vec![Error::required(path, "")].into();
    }
    let name = name.strip_suffix('.').unwrap_or(name);
    let errors = is_dns1123_subdomain(name);
    if !errors.is_empty() {
        return vec![Error::invalid(path, name, errors.join(","))].into();
    }
    if !name.contains('.') {
        let detail = "should be a domain with at least two segments separated by dots";
        return vec![Error::invalid(path, name, detail)].into();
    }
    let wrong = name.split('.').map(|label| (label, is_dns1123_label(label))).find(|(_, errors)| !errors.is_empty());
    wrong.map(|(label, errors)| Error::invalid(path, label, errors.join(","))).into_iter().collect()
}

/// `acme.io/foo`, where the part behind the slash is an HTTP path. Go: validation.IsDomainPrefixedPath
pub fn is_domain_prefixed_path(path: &Path, value: &str) -> ErrorList {
    if value.is_empty() {
        return vec![Error::required(path, "")].into();
    }
    let parts = value.split_once('/').filter(|(host, rest)| !host.is_empty() && !rest.is_empty());
    let Some((host, rest)) = parts else {
        let detail = "must be a domain-prefixed path (such as \"acme.io/foo\")";
        return vec![Error::invalid(path, value, detail)].into();
    };
    let invalid_host = |message| Error::invalid(path, host, message);
    let errors: ErrorList = is_dns1123_subdomain(host).into_iter().map(invalid_host).collect();
    if !errors.is_empty() {
        return errors;
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:".contains(&byte);
    if rest.bytes().all(allowed) {
        return ErrorList::new();
    }
    let detail = regex_error("Invalid path", r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+", &[]);
    vec![Error::invalid(path, rest, detail)].into()
}

/// A label key with a prefix. Go: validation.IsDomainPrefixedKey
pub fn is_domain_prefixed_key(path: &Path, key: &str) -> ErrorList {
    if key.is_empty() {
        return vec![Error::required(path, "")].into();
    }
    let invalid = |message| Error::invalid(path, key, message);
    let errors: ErrorList = is_qualified_name(key).into_iter().map(invalid).collect();
    if errors.is_empty() && !key.contains('/') {
        return vec![Error::invalid(path, key, "must be a domain-prefixed key (such as \"acme.io/foo\")")].into();
    }
    errors
}

/// The reason of a condition. Go: apimachinery/pkg/apis/meta/v1/validation/validation.go isValidConditionReason
pub fn is_valid_condition_reason(value: &str) -> Vec<String> {
    let last = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || b"_,:".contains(byte);
    if framed(value, u8::is_ascii_alphabetic, inner, last) {
        return Vec::new();
    }
    let text = "a condition reason must start with alphabetic character, optionally followed by a string of \
        alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'";
    let examples = ["my_name", "MY_NAME", "MyName", "ReasonA,ReasonB", "ReasonA:ReasonB"];
    vec![regex_error(text, "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?", &examples)]
}

/// Writes a character as `%#U` does: `U+0007`, `U+0041 'A'`.
///
/// Go: fmt/format.go fmtUnicode
pub fn unicode(char: char) -> String {
    let code = u32::from(char);
    if strconv::is_print(char) { format!("U+{code:04X} '{char}'") } else { format!("U+{code:04X}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use regex::Regex;

    /// The loops and the regular expressions in the texts must agree.
    fn agree(check: fn(&str) -> Vec<String>, regex: &str, text: &str) {
        let regex = Regex::new(&format!("^(?:{regex})$")).expect("a regex of this file");
        let messages = check(text);
        let about_form = messages.iter().any(|message| message.contains("regex") || message.contains("dots"));
        assert_eq!(about_form, !regex.is_match(text), "{text:?}: {messages:?}");
    }

    proptest! {
        #[test]
        fn checks_agree_with_their_texts(text in r"[aZ0\-_.,:*=% é\n]{0,5}") {
            agree(is_dns1123_label, DNS1123_LABEL, &text);
            agree(is_dns1123_subdomain, DNS1123_SUBDOMAIN, &text);
            agree(is_dns1035_label, DNS1035_LABEL, &text);
            agree(is_valid_label_value, LABEL_VALUE, &text);
            agree(is_qualified_name, LABEL_KEY, &text);
            agree(is_c_identifier, "[A-Za-z_][A-Za-z0-9_]*", &text);
            agree(is_valid_percent, "[0-9]+%", &text);
            agree(is_config_map_key, "[-._a-zA-Z0-9]+", &text);
            agree(is_env_var_name, "[-._a-zA-Z][-._a-zA-Z0-9]*", &text);
            agree(is_http_header_name, "[-A-Za-z0-9]+", &text);
            agree(is_valid_condition_reason, "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?", &text);
            agree(is_wildcard_dns1123_subdomain, &format!("\\*\\.{DNS1123_SUBDOMAIN}"), &text);
            let label = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?";
            agree(is_dns1123_subdomain_with_underscore, &format!("{label}(\\.{label})*"), &text);
        }
    }

    #[test]
    fn label_keys_name_their_parts() {
        assert_eq!(is_qualified_name("/x"), ["prefix part must be non-empty"]);
        assert_eq!(is_qualified_name("a/b/c").len(), 1);
        assert!(is_qualified_name("a/b/c")[0].starts_with("a valid label key must consist of"));
        assert!(is_qualified_name("A/b")[0].starts_with("prefix part a lowercase RFC 1123 subdomain"));
        assert_eq!(is_qualified_name("")[0], "name part must be non-empty");
        assert_eq!(is_qualified_name(&"x".repeat(64)), ["name part must be no more than 63 bytes"]);
        assert_eq!(is_qualified_name("example.com/MyName"), [""; 0]);
    }

    #[test]
    fn names_tell_their_limits() {
        assert_eq!(is_dns1123_label(&"x".repeat(64)), ["must be no more than 63 characters"]);
        assert_eq!(is_dns1123_label("a.b"), ["must not contain dots"]);
        assert_eq!(is_path_segment_name(".."), ["may not be '..'"]);
        assert_eq!(is_path_segment_name("a/b%"), ["may not contain '/'", "may not contain '%'"]);
        assert_eq!(is_valid_port_num(0), ["must be between 1 and 65535, inclusive"]);
        assert_eq!(is_valid_port_name("-1--2-").len(), 3);
        assert_eq!(is_config_map_key("..x"), ["must not start with '..'"]);
        for (value, valid) in [("0", true), ("-1", true), ("-0", false), ("01", false), ("-", false), ("", false)] {
            assert_eq!(is_decimal_integer(value).is_empty(), valid, "{value}");
        }
    }

    #[test]
    fn domains_are_counted() {
        let path = Path::new("f");
        assert!(is_fully_qualified_name(&path, "a.b.c").is_empty());
        let text = is_fully_qualified_name(&path, "a.b").to_string();
        assert_eq!(
            text,
            "f: Invalid value: \"a.b\": should be a domain with at least three segments separated by dots"
        );
        assert!(is_fully_qualified_domain_name(&path, "a.b.").is_empty());
        assert!(is_domain_prefixed_path(&path, "acme.io/foo/bar").is_empty());
        assert!(!is_domain_prefixed_path(&path, "acme.io/").is_empty());
        assert!(!is_domain_prefixed_key(&path, "foo").is_empty());
    }
}
