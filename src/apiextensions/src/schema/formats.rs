//! The formats of strings that are enforced.
//!
//! Go: apiextensions-apiserver/pkg/apiserver/validation/formats.go, kube-openapi/pkg/validation/strfmt/{default,bson,date,
//! duration,time,kubernetes-extensions}.go, asaskevich/govalidator

use std::sync::LazyLock;

use apimachinery::util::{ip, validation};
use regex::Regex;

/// The formats that a schema may name, without dashes.
const SUPPORTED: [&str; 26] = [
    "bsonobjectid",
    "uri",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "cidr",
    "mac",
    "uuid",
    "uuid3",
    "uuid4",
    "uuid5",
    "isbn",
    "isbn10",
    "isbn13",
    "creditcard",
    "ssn",
    "hexcolor",
    "rgbcolor",
    "byte",
    "password",
    "date",
    "duration",
    "datetime",
    "k8sshortname",
    "k8slongname",
];

/// Says whether a format means anything for a type; one that does not is ignored.
///
/// Go: GetUnrecognizedFormats
pub fn is_recognized(kind: &str, format: &str) -> bool {
    match kind {
        "" | "string" => SUPPORTED.contains(&format.replace('-', "").as_str()),
        "integer" => matches!(format, "int32" | "int64"),
        "number" => matches!(format, "float" | "double"),
        _ => false,
    }
}

/// A regular expression that is compiled when it is first needed.
type Pattern = LazyLock<Regex>;

fn compile(text: &str) -> Regex {
    Regex::new(text).expect("a constant")
}

static BSON: Pattern = LazyLock::new(|| compile("^[0-9a-fA-F]{24}$"));
static HOSTNAME: Pattern = LazyLock::new(|| {
    compile(
        r"^([a-zA-Z0-9\p{S}\p{L}]((-?[a-zA-Z0-9\p{S}\p{L}]{0,62})?)|([a-zA-Z0-9\p{S}\p{L}](([a-zA-Z0-9-\p{S}\p{L}]{0,61}[a-zA-Z0-9\p{S}\p{L}])?)(\.)){1,}([a-zA-Z\p{L}]){2,63})$",
    )
});
static UUID: Pattern =
    LazyLock::new(|| compile("(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$"));
static UUID3: Pattern =
    LazyLock::new(|| compile("(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?3[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$"));
static UUID4: Pattern =
    LazyLock::new(|| compile("(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?4[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$"));
static UUID5: Pattern =
    LazyLock::new(|| compile("(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?5[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$"));
static ISBN10: Pattern = LazyLock::new(|| compile("^(?:[0-9]{9}X|[0-9]{10})$"));
static ISBN13: Pattern = LazyLock::new(|| compile("^(?:[0-9]{13})$"));
static CREDIT_CARD: Pattern = LazyLock::new(|| {
    compile(
        r"^(?:4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|(222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720)[0-9]{12}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}|3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35\d{3})\d{11}|6[27][0-9]{14})$",
    )
});
static SSN: Pattern = LazyLock::new(|| compile(r"^\d{3}[- ]?\d{2}[- ]?\d{4}$"));
static HEX_COLOR: Pattern = LazyLock::new(|| compile("^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$"));
static RGB_COLOR: Pattern = LazyLock::new(|| {
    compile(
        r"^rgb\(\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*,\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*,\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*\)$",
    )
});
static BASE64: Pattern = LazyLock::new(|| {
    compile("^(?:[A-Za-z0-9+\\/]{4})*(?:[A-Za-z0-9+\\/]{2}==|[A-Za-z0-9+\\/]{3}=|[A-Za-z0-9+\\/]{4})$")
});
static DATE: Pattern = LazyLock::new(|| compile(r"^(\d{4})-(\d{2})-(\d{2})$"));
static DATE_TIME: Pattern = LazyLock::new(|| {
    compile(r"^(\d{4})-(\d{2})-(\d{2})(?i:T)(\d{2}):(\d{2}):(\d{2})(\.\d+)?(?i:Z|([+-])(\d{2}):?(\d{2}))$")
});
static MAC_PARTS: Pattern = LazyLock::new(|| compile("^(?:[0-9A-Fa-f]{2}([:-])|[0-9A-Fa-f]{4}(\\.))"));
static DURATION: Pattern = LazyLock::new(|| compile(r"^((\d+)\s*([A-Za-zµ]+))$"));
static GO_DURATION: Pattern = LazyLock::new(|| compile(r"^[-+]?(0|((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))+)$"));
static EMAIL: Pattern = LazyLock::new(|| {
    compile(r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~\p{L}\p{N}-]+@(\[[^\]]+\]|[A-Za-z0-9.!#$%&'*+/=?^_`{|}~\p{L}\p{N}-]+)$")
});

/// The units of Scala durations.
const DURATION_UNITS: [&str; 33] = [
    "ns",
    "nano",
    "nanos",
    "nanosec",
    "nanosecs",
    "nanosecond",
    "nanoseconds",
    "us",
    "µs",
    "micro",
    "micros",
    "microsec",
    "microsecs",
    "microsecond",
    "microseconds",
    "ms",
    "milli",
    "millis",
    "millisec",
    "millisecs",
    "millisecond",
    "milliseconds",
    "s",
    "sec",
    "secs",
    "second",
    "seconds",
    "min",
    "mins",
    "minute",
    "minutes",
    "h",
    "hour",
];
const LONG_DURATION_UNITS: [&str; 9] = ["hr", "hrs", "hours", "d", "day", "days", "w", "week", "weeks"];

/// Says whether a text is of a format; `None`: the format is not known.
///
/// Go: strfmt.Default.Validates
pub fn validates(format: &str, text: &str) -> Option<bool> {
    Some(match format.replace('-', "").as_str() {
        "bsonobjectid" => BSON.is_match(text),
        "uri" => is_request_uri(text),
        "email" => is_email(text),
        "hostname" => is_hostname(text),
        "ipv4" => ip::parse_ip_sloppy(text).is_some() && text.contains('.'),
        "ipv6" => text.contains(':') && ip::parse_ip_sloppy(text).is_some(),
        "cidr" => ip::parse_cidr_sloppy(text).is_some(),
        "mac" => is_mac(text),
        "uuid" => UUID.is_match(text),
        "uuid3" => UUID3.is_match(text),
        "uuid4" => UUID4.is_match(text),
        "uuid5" => UUID5.is_match(text),
        "isbn" => is_isbn10(text) || is_isbn13(text),
        "isbn10" => is_isbn10(text),
        "isbn13" => is_isbn13(text),
        "creditcard" => is_credit_card(text),
        "ssn" => SSN.is_match(text),
        "hexcolor" => HEX_COLOR.is_match(text),
        "rgbcolor" => RGB_COLOR.is_match(text),
        "byte" => BASE64.is_match(text),
        "password" => true,
        "date" => is_date(text),
        "duration" => is_duration(text),
        "datetime" => is_date_time(text),
        "k8sshortname" => validation::is_dns1123_label(text).is_empty(),
        "k8slongname" => validation::is_dns1123_subdomain(text).is_empty(),
        _ => return None,
    })
}

/// Go: net/url ParseRequestURI: an absolute URI, or an absolute path.
fn is_request_uri(text: &str) -> bool {
    if text.is_empty() || text.chars().any(|char| char.is_ascii_control() || char == ' ') {
        return false;
    }
    let escapes_well =
        text.split('%').skip(1).all(|rest| rest.len() >= 2 && rest.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit));
    let has_scheme = text.split_once(':').is_some_and(|(scheme, rest)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.chars().all(|char| char.is_ascii_alphanumeric() || "+-.".contains(char))
            && !rest.is_empty()
    });
    escapes_well && (text.starts_with('/') || has_scheme)
}

/// Go: net/mail ParseAddress, without the forms that quote.
fn is_email(text: &str) -> bool {
    let address = match text.rsplit_once('<') {
        Some((_, rest)) => match rest.strip_suffix('>') {
            Some(address) => address,
            None => return false,
        },
        None => text,
    };
    let dots = |part: &str| !part.starts_with('.') && !part.ends_with('.') && !part.contains("..");
    EMAIL.is_match(address) && address.split_once('@').is_some_and(|(local, domain)| dots(local) && dots(domain))
}

fn is_hostname(text: &str) -> bool {
    HOSTNAME.is_match(text) && text.len() <= 255 && text.split('.').all(|part| part.len() <= 63)
}

/// Go: net ParseMAC
fn is_mac(text: &str) -> bool {
    let Some(first) = MAC_PARTS.captures(text) else { return false };
    let (separator, digits) = match (first.get(1), first.get(2)) {
        (Some(separator), _) => (separator.as_str(), 2),
        (_, Some(separator)) => (separator.as_str(), 4),
        _ => return false,
    };
    let parts: Vec<&str> = text.split(separator).collect();
    let well_formed =
        parts.iter().all(|part| part.len() == digits && part.bytes().all(|byte| byte.is_ascii_hexdigit()));
    well_formed && matches!(parts.len() * digits / 2, 6 | 8 | 20)
}

/// Go: govalidator IsISBN
fn is_isbn10(text: &str) -> bool {
    let text = text.replace([' ', '-'], "");
    if !ISBN10.is_match(&text) {
        return false;
    }
    let digit = |byte: u8| if byte == b'X' { 10 } else { u32::from(byte - b'0') };
    let sum: u32 = text.bytes().zip(1..).map(|(byte, place)| place * digit(byte)).sum();
    sum.is_multiple_of(11)
}

fn is_isbn13(text: &str) -> bool {
    let text = text.replace([' ', '-'], "");
    if !ISBN13.is_match(&text) {
        return false;
    }
    let sum: u32 =
        text.bytes().zip([1, 3].into_iter().cycle()).map(|(byte, factor)| factor * u32::from(byte - b'0')).sum();
    sum.is_multiple_of(10)
}

/// Go: govalidator IsCreditCard
fn is_credit_card(text: &str) -> bool {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    if !CREDIT_CARD.is_match(&digits) {
        return false;
    }
    let double = |digit: u32| if digit * 2 >= 10 { digit * 2 % 10 + 1 } else { digit * 2 };
    let digits = digits.bytes().rev().map(|byte| u32::from(byte - b'0')).enumerate();
    let sum: u32 = digits.map(|(place, digit)| if place % 2 == 1 { double(digit) } else { digit }).sum();
    sum.is_multiple_of(10)
}

fn days_of(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    }
}

fn is_date(text: &str) -> bool {
    DATE.captures(text).is_some_and(|parts| is_day(&parts))
}

fn is_day(parts: &regex::Captures<'_>) -> bool {
    let number = |index: usize| parts[index].parse::<u32>().unwrap_or_default();
    (1..=days_of(number(1), number(2))).contains(&number(3))
}

/// Go: strfmt IsDateTime
fn is_date_time(text: &str) -> bool {
    DATE_TIME.captures(text).is_some_and(|parts| {
        let number = |index: usize| parts[index].parse::<u32>().unwrap_or_default();
        is_day(&parts) && number(4) <= 23 && number(5) <= 59 && number(6) <= 59
    })
}

/// Go: strfmt ParseDuration
fn is_duration(text: &str) -> bool {
    GO_DURATION.is_match(text)
        || DURATION.captures(text.trim()).is_some_and(|parts| {
            let unit = &parts[3];
            DURATION_UNITS.contains(&unit) || LONG_DURATION_UNITS.contains(&unit)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_judged_by_their_format() {
        for (format, good, bad) in [
            ("bsonobjectid", "507f1f77bcf86cd799439011", "xyz"),
            ("ipv4", "10.0.0.1", "::1"),
            ("ipv6", "::1", "10.0.0.1"),
            ("cidr", "10.0.0.0/8", "10.0.0.0"),
            ("mac", "01:02:03:04:05:06", "01:02:03"),
            ("uuid", "7f5b2c4e-9a3d-4f10-8b2a-1c2d3e4f5a6b", "7f5b"),
            ("isbn", "978-0321751041", "123"),
            ("isbn10", "0321751043", "0321751044"),
            ("creditcard", "4111 1111 1111 1111", "4111 1111 1111 1112"),
            ("ssn", "111-22-3333", "11-22"),
            ("hexcolor", "#FFFFFF", "#GG"),
            ("rgbcolor", "rgb(255,255,255)", "rgb(256,1,1)"),
            ("date", "2024-02-29", "2023-02-29"),
            ("date-time", "2014-12-15T19:30:20.000Z", "2014-12-15"),
            ("duration", "22 ns", "22 parsecs"),
            ("email", "a@example.com", "a@"),
            ("hostname", "example.com", "-x"),
            ("uri", "https://example.com/a", "a b"),
            ("byte", "YQ==", "YQ="),
            ("k8s-short-name", "a-b", "A"),
            ("k8s-long-name", "a.b", "a..b"),
        ] {
            assert_eq!(validates(format, good), Some(true), "{format} {good}");
            assert_eq!(validates(format, bad), Some(false), "{format} {bad}");
        }
        assert_eq!(validates("odd", ""), None);
        assert!(is_recognized("string", "date-time") && !is_recognized("string", "odd"));
    }
}
