//! URLs as Go's parser sees them: what it takes apart, and what it says of those it refuses.
//!
//! Go: net/url/url.go

use super::strconv::quote;

/// A URL's parts, decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Url {
    /// In lower case, without the colon.
    pub scheme: String,
    /// What follows the scheme where no slash does: `mailto:x`.
    pub opaque: String,
    /// What stands before `@`; `None` without one.
    pub user: Option<String>,
    /// Host and port.
    pub host: String,
    /// The path, decoded.
    pub path: String,
    /// The path as it was written.
    pub escaped_path: String,
    /// What follows the question mark, as it was written.
    pub raw_query: String,
    /// What follows `#`, decoded.
    pub fragment: String,
}

impl Url {
    /// Returns the host without its port and brackets. Go: Hostname
    pub fn hostname(&self) -> &str {
        let (host, _) = split_port(&self.host);
        host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
    }

    /// Returns the port, empty if there is none. Go: Port
    pub fn port(&self) -> &str {
        split_port(&self.host).1
    }
}

/// Separates `:1234` from a host.
fn split_port(host: &str) -> (&str, &str) {
    match host.rfind(':') {
        Some(colon) if host[colon + 1..].bytes().all(|byte| byte.is_ascii_digit()) && !host[colon..].contains(']') => {
            (&host[..colon], &host[colon + 1..])
        }
        _ => (host, ""),
    }
}

/// Decodes a name or value of a query; a plus is a space. What cannot be decoded stays as it is.
///
/// Go: QueryUnescape
pub fn query_unescape(text: &str) -> String {
    let spaced = text.replace('+', " ");
    unescape(&spaced, false).unwrap_or(spaced)
}

/// Reads any reference. Go: Parse
pub fn parse(text: &str) -> Result<Url, String> {
    let (main, fragment) = text.split_once('#').map_or((text, ""), |(main, fragment)| (main, fragment));
    let wrong = |error: String| format!("parse {}: {error}", quote(text));
    let mut url = read(main, false).map_err(|error| format!("parse {}: {error}", quote(main)))?;
    url.fragment = unescape(fragment, false).map_err(wrong)?;
    Ok(url)
}

/// Reads what may stand in a request: a whole URL, or a path that begins with a slash. Go: ParseRequestURI
pub fn parse_request_uri(text: &str) -> Result<Url, String> {
    read(text, true).map_err(|error| format!("parse {}: {error}", quote(text)))
}

fn read(text: &str, via_request: bool) -> Result<Url, String> {
    if text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
        return Err("net/url: invalid control character in URL".to_owned());
    }
    if text.is_empty() && via_request {
        return Err("empty url".to_owned());
    }
    let (scheme, mut rest) = split_scheme(text)?;
    let mut url = Url { scheme: scheme.to_lowercase(), ..Url::default() };
    if let Some((before, query)) = rest.split_once('?') {
        (rest, url.raw_query) = (before, query.to_owned());
    }
    if !rest.starts_with('/') {
        if !url.scheme.is_empty() {
            url.opaque = rest.to_owned();
            return Ok(url);
        }
        if via_request {
            return Err("invalid URI for request".to_owned());
        }
        // A colon before the first slash would be a scheme.
        if rest.split('/').next().is_some_and(|segment| segment.contains(':')) {
            return Err("first path segment in URL cannot contain colon".to_owned());
        }
    }
    if let Some(authority) = rest.strip_prefix("//").filter(|_| !url.scheme.is_empty() || !rest.starts_with("///")) {
        let end = authority.find('/').unwrap_or(authority.len());
        rest = &authority[end..];
        read_authority(&mut url, &authority[..end])?;
    }
    url.path = unescape(rest, false)?;
    url.escaped_path = rest.to_owned();
    Ok(url)
}

fn split_scheme(text: &str) -> Result<(&str, &str), String> {
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if index > 0 => {}
            b':' if index == 0 => return Err("missing protocol scheme".to_owned()),
            b':' => return Ok((&text[..index], &text[index + 1..])),
            _ => break,
        }
    }
    Ok(("", text))
}

fn read_authority(url: &mut Url, authority: &str) -> Result<(), String> {
    let host = match authority.rsplit_once('@') {
        None => authority,
        Some((user, host)) => {
            if !user.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&byte)) {
                return Err("net/url: invalid userinfo".to_owned());
            }
            url.user = Some(user.to_owned());
            host
        }
    };
    let port = match host.strip_prefix('[') {
        Some(inner) => {
            let close = inner.rfind(']').ok_or("missing ']' in host")?;
            &inner[close + 1..]
        }
        None => host.rfind(':').map_or("", |colon| &host[colon..]),
    };
    let digits = port.strip_prefix(':').unwrap_or(port);
    if !port.is_empty() && (digits.len() == port.len() || !digits.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err(format!("invalid port {} after host", quote(port)));
    }
    url.host = unescape(host, true)?;
    Ok(())
}

fn unescape(text: &str, is_host: bool) -> Result<String, String> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        if byte == b'%' {
            let hex = bytes.get(at + 1..at + 3).filter(|hex| hex.iter().all(u8::is_ascii_hexdigit));
            let Some(hex) = hex.and_then(|hex| std::str::from_utf8(hex).ok()) else {
                let end = text.char_indices().map(|(index, _)| index).find(|index| *index >= at + 3);
                return Err(format!("invalid URL escape {}", quote(&text[at..end.unwrap_or(text.len())])));
            };
            out.push(u8::from_str_radix(hex, 16).expect("two hexadecimal digits"));
            at += 3;
            continue;
        }
        if is_host && byte < 0x80 && !byte.is_ascii_alphanumeric() && !b"!$&'()*+,;=:[]<>\"-_.~".contains(&byte) {
            return Err(format!("invalid character {} in host name", quote(&char::from(byte).to_string())));
        }
        out.push(byte);
        at += 1;
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let url = parse("https://u:p@host.example:8443/a%20b?x=1#frag").expect("a URL");
        assert_eq!((url.scheme.as_str(), url.host.as_str(), url.path.as_str()), ("https", "host.example:8443", "/a b"));
        assert_eq!((url.user.as_deref(), url.raw_query.as_str(), url.fragment.as_str()), (Some("u:p"), "x=1", "frag"));
        assert_eq!((url.hostname(), url.port()), ("host.example", "8443"));
        assert_eq!(parse("https://[::1]:80").expect("a URL").hostname(), "::1");
        assert_eq!(parse("").expect("an empty reference"), Url::default());
    }

    #[test]
    fn refusals_are_gos() {
        let error = |text: &str| parse(text).expect_err(text);
        assert_eq!(error(":x"), "parse \":x\": missing protocol scheme");
        assert_eq!(error("https://h:x/"), "parse \"https://h:x/\": invalid port \":x\" after host");
        assert_eq!(error("/%zz"), "parse \"/%zz\": invalid URL escape \"%zz\"");
        assert_eq!(error("1a:b"), "parse \"1a:b\": first path segment in URL cannot contain colon");
        let request = parse_request_uri("abc").expect_err("no path");
        assert_eq!(request, "parse \"abc\": invalid URI for request");
    }
}
