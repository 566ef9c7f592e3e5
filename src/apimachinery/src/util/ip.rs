//! Addresses and ranges: what is read as one, what is refused, and what is only warned about.
//!
//! Old fields accept what Go once accepted (`010.2.3.4`, `::ffff:1.2.3.4`); such a value means
//! different addresses to different programs, so newer rules refuse it.
//!
//! Go: apimachinery/pkg/util/validation/ip.go, utils/net/{parse,ip}.go

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use crate::{
    util::strconv::quote,
    validation::field::{Error, ErrorList, Path},
};

/// Whether a field takes every address that Go once took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    /// Leading zeros, mapped addresses and bits beyond the prefix are taken.
    Sloppy,
    /// They are refused.
    Strict,
}

/// Reads an address as Go once did. A mapped address is the IPv4 address it maps.
///
/// Go: utils/net/parse.go ParseIPSloppy
pub fn parse_ip_sloppy(text: &str) -> Option<IpAddr> {
    parse_without_zeros(text).map(|address| address.to_canonical())
}

/// As [`parse_ip_sloppy`], but a mapped address stays one.
fn parse_without_zeros(text: &str) -> Option<IpAddr> {
    // A mapped address may end in a dotted one; both kinds of numbers may begin with zeros.
    let stripped: Vec<String> = text.split(':').map(strip_zeros).collect();
    stripped.join(":").parse().ok()
}

fn strip_zeros(group: &str) -> String {
    let strip = |number: &str| {
        let digits = number.trim_start_matches('0');
        if digits.len() < number.len() && digits.is_empty() { "0".to_owned() } else { digits.to_owned() }
    };
    group.split('.').map(strip).collect::<Vec<_>>().join(".")
}

/// Reads a range as Go once did: the address as it stands, and the network it lies in.
///
/// Go: utils/net/parse.go ParseCIDRSloppy
pub fn parse_cidr_sloppy(text: &str) -> Option<(IpAddr, IpNet)> {
    let (address, length) = text.split_once('/')?;
    let address = parse_without_zeros(address)?;
    let digits = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
    let length: u8 = digits.then(|| length.parse().ok()).flatten()?;
    Some((address.to_canonical(), IpNet::new(address, length).ok()?.trunc()))
}

fn invalid(path: &Path, value: &str, detail: impl Into<String>) -> ErrorList {
    vec![Error::invalid(path, value, detail)].into()
}

fn not_canonical(path: &Path, value: &str, canonical: &str) -> ErrorList {
    if value == canonical {
        return ErrorList::new();
    }
    invalid(path, value, format!("must be in canonical form ({})", quote(canonical)))
}

fn is_mapped(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.to_ipv4_mapped().is_some())
}

/// A field that is older than strict rules. Values in `old` stay valid.
///
/// Go: IsValidIPForLegacyField
pub fn is_valid_ip_for_legacy_field(path: &Path, value: &str, strictness: Strictness, old: &[&str]) -> ErrorList {
    if old.contains(&value) {
        return ErrorList::new();
    }
    match (parse_without_zeros(value), value.parse::<IpAddr>()) {
        (None, _) => invalid(path, value, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"),
        (Some(_), _) if strictness == Strictness::Sloppy => ErrorList::new(),
        (Some(_), Err(_)) => invalid(path, value, "must not have leading 0s"),
        (Some(_), Ok(address)) if is_mapped(address) => invalid(path, value, "must not be an IPv4-mapped IPv6 address"),
        _ => ErrorList::new(),
    }
}

/// A field of our days: strict and in canonical form.
///
/// Go: IsValidIP
pub fn is_valid_ip(path: &Path, value: &str) -> ErrorList {
    let errors = is_valid_ip_for_legacy_field(path, value, Strictness::Strict, &[]);
    match value.parse::<IpAddr>() {
        Ok(address) if errors.is_empty() => not_canonical(path, value, &address.to_string()),
        _ => errors,
    }
}

/// What an old field takes and a client should know about.
///
/// Go: GetWarningsForIP
pub fn warnings_for_ip(path: &Path, value: &str) -> Vec<String> {
    let Some(address) = parse_ip_sloppy(value) else { return Vec::new() };
    let strict = value.parse::<IpAddr>().ok().filter(|address| !is_mapped(*address));
    let (shown, canonical) = (quote(value), quote(&address.to_string()));
    match strict {
        None => vec![format!("{path}: non-standard IP address {shown} is invalid: use {canonical}")],
        Some(IpAddr::V6(_)) if shown != canonical => {
            vec![format!("{path}: IPv6 address {shown} should be in RFC 5952 canonical format ({canonical})")]
        }
        Some(_) => Vec::new(),
    }
}

/// A field that is older than strict rules. Values in `old` stay valid.
///
/// Go: IsValidCIDRForLegacyField
pub fn is_valid_cidr_for_legacy_field(path: &Path, value: &str, strictness: Strictness, old: &[&str]) -> ErrorList {
    if old.contains(&value) {
        return ErrorList::new();
    }
    match (parse_cidr_sloppy(value), strict_cidr(value)) {
        (None, _) => invalid(path, value, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"),
        (Some(_), _) if strictness == Strictness::Sloppy => ErrorList::new(),
        (Some(_), None) => invalid(path, value, "must not have leading 0s in IP or prefix length"),
        (Some(_), Some(net)) if is_mapped(net.addr()) => {
            invalid(path, value, "must not have an IPv4-mapped IPv6 address")
        }
        (Some(_), Some(net)) if net.addr() != net.network() => {
            invalid(path, value, "must not have bits set beyond the prefix length")
        }
        _ => ErrorList::new(),
    }
}

/// Reads a range without leading zeros anywhere. Go: netip.ParsePrefix
fn strict_cidr(value: &str) -> Option<IpNet> {
    let (_, length) = value.split_once('/')?;
    let plain = length == "0" || !length.starts_with(['0', '+']);
    value.parse().ok().filter(|_| plain)
}

/// A field of our days: strict and in canonical form.
///
/// Go: IsValidCIDR
pub fn is_valid_cidr(path: &Path, value: &str) -> ErrorList {
    let errors = is_valid_cidr_for_legacy_field(path, value, Strictness::Strict, &[]);
    match strict_cidr(value) {
        Some(net) if errors.is_empty() => not_canonical(path, value, &net.to_string()),
        _ => errors,
    }
}

/// What an old field takes and a client should know about.
///
/// Go: GetWarningsForCIDR
pub fn warnings_for_cidr(path: &Path, value: &str) -> Vec<String> {
    let Some((address, net)) = parse_cidr_sloppy(value) else { return Vec::new() };
    let canonical = canonical_net(net);
    let mut warnings = Vec::new();
    if address != net.network().to_canonical() {
        let single = format!("{address}/{}", net.max_prefix_len());
        let candidates = format!("{} or {}", quote(&canonical), quote(&single));
        warnings.push(format!(
            "{path}: CIDR value {} is ambiguous in this context (should be {candidates}?)",
            quote(value)
        ));
    }
    match strict_cidr(value).filter(|net| !is_mapped(net.addr())) {
        None => warnings.push(format!(
            "{path}: non-standard CIDR value {} is invalid: use {}",
            quote(value),
            quote(&canonical)
        )),
        Some(strict) if warnings.is_empty() && strict.addr().is_ipv6() && strict.to_string() != value => {
            let canonical = quote(&strict.to_string());
            warnings.push(format!(
                "{path}: IPv6 CIDR value {} should be in RFC 5952 canonical format ({canonical})",
                quote(value)
            ));
        }
        Some(_) => {}
    }
    warnings
}

/// Writes a network as Go's `net.IPNet`: one of mapped addresses shows the IPv4 network.
fn canonical_net(net: IpNet) -> String {
    match (net.network(), net.network().to_canonical()) {
        (IpAddr::V6(_), IpAddr::V4(address)) => format!("{address}/{}", net.prefix_len().saturating_sub(96)),
        _ => net.to_string(),
    }
}

/// An address with the length of its network, in canonical form.
///
/// Go: IsValidInterfaceAddress
pub fn is_valid_interface_address(path: &Path, value: &str) -> ErrorList {
    let Some((address, net)) = parse_cidr_sloppy(value) else {
        return invalid(path, value, "must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)");
    };
    let length = match (address, net) {
        (IpAddr::V4(_), IpNet::V6(net)) => net.prefix_len().saturating_sub(96),
        _ => net.prefix_len(),
    };
    not_canonical(path, value, &format!("{address}/{length}"))
}

/// Says whether an address can be anybody's own: not unspecified, loopback, link-local or multicast.
///
/// Go: pkg/apis/core/validation/validation.go ValidateNonSpecialIP
pub fn special_ip(address: IpAddr) -> Option<&'static str> {
    let link_local = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    let link_local_multicast = match address {
        IpAddr::V4(address) => address.octets().starts_with(&[224, 0, 0]),
        IpAddr::V6(address) => address.octets()[0] == 0xff && address.octets()[1] & 0x0f == 2,
    };
    match address {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Some("may not be unspecified (0.0.0.0)"),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Some("may not be unspecified (::)"),
        _ if address.is_loopback() => Some("may not be in the loopback range (127.0.0.0/8, ::1/128)"),
        _ if link_local => Some("may not be in the link-local range (169.254.0.0/16, fe80::/10)"),
        _ if link_local_multicast => Some("may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_fields_take_what_go_once_took() {
        let cases = [
            ("1.2.3.4", Some("1.2.3.4")),
            ("010.002.000.4", Some("10.2.0.4")),
            ("::ffff:01.2.3.4", Some("1.2.3.4")),
            ("FE80:0:0:0:0:0:0:0abc", Some("fe80::abc")),
            ("fe80::00000abc", Some("fe80::abc")),
            ("1.2.3", None),
            ("1.2.3.256", None),
            ("1..3.4", None),
            ("fe80::1%eth0", None),
            (" 1.2.3.4", None),
            ("", None),
        ];
        for (text, address) in cases {
            assert_eq!(parse_ip_sloppy(text).map(|address| address.to_string()).as_deref(), address, "{text}");
        }
    }

    #[test]
    fn addresses_are_refused_with_the_reason() {
        let path = Path::new("ip");
        let cases = [
            ("10.0.0.1", ""),
            ("x", r#"ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"#),
            ("010.0.0.1", r#"ip: Invalid value: "010.0.0.1": must not have leading 0s"#),
            ("::ffff:1.2.3.4", r#"ip: Invalid value: "::ffff:1.2.3.4": must not be an IPv4-mapped IPv6 address"#),
            ("FE80::1", r#"ip: Invalid value: "FE80::1": must be in canonical form ("fe80::1")"#),
        ];
        for (value, text) in cases {
            assert_eq!(is_valid_ip(&path, value).to_string(), text);
        }
        let errors = is_valid_ip_for_legacy_field(&path, "010.0.0.1", Strictness::Sloppy, &[]);
        assert!(errors.is_empty());
        let errors = is_valid_ip_for_legacy_field(&path, "x", Strictness::Strict, &["x"]);
        assert!(errors.is_empty());
    }

    #[test]
    fn ranges_are_refused_with_the_reason() {
        let path = Path::new("net");
        let cases = [
            ("10.0.0.0/24", ""),
            (
                "10.0.0.0",
                r#"net: Invalid value: "10.0.0.0": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"#,
            ),
            (
                "10.0.0.0/+8",
                r#"net: Invalid value: "10.0.0.0/+8": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"#,
            ),
            ("10.0.0.0/024", r#"net: Invalid value: "10.0.0.0/024": must not have leading 0s in IP or prefix length"#),
            ("10.0.0.1/24", r#"net: Invalid value: "10.0.0.1/24": must not have bits set beyond the prefix length"#),
            (
                "::ffff:1.2.3.0/120",
                r#"net: Invalid value: "::ffff:1.2.3.0/120": must not have an IPv4-mapped IPv6 address"#,
            ),
            ("FE80::/64", r#"net: Invalid value: "FE80::/64": must be in canonical form ("fe80::/64")"#),
        ];
        for (value, text) in cases {
            assert_eq!(is_valid_cidr(&path, value).to_string(), text);
        }
        assert!(is_valid_interface_address(&path, "10.0.0.1/24").is_empty());
        let text = is_valid_interface_address(&path, "10.0.0.01/24").to_string();
        assert_eq!(text, r#"net: Invalid value: "10.0.0.01/24": must be in canonical form ("10.0.0.1/24")"#);
    }

    #[test]
    fn odd_values_are_warned_about() {
        let path = Path::new("f");
        let warned = warnings_for_ip(&path, "01.2.3.4");
        assert_eq!(warned, [r#"f: non-standard IP address "01.2.3.4" is invalid: use "1.2.3.4""#]);
        let warned = warnings_for_ip(&path, "2001:DB8::1");
        assert_eq!(warned, [r#"f: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format ("2001:db8::1")"#]);
        assert!(warnings_for_ip(&path, "1.2.3.4").is_empty());
        let warned = warnings_for_cidr(&path, "10.0.0.1/8");
        let text =
            r#"f: CIDR value "10.0.0.1/8" is ambiguous in this context (should be "10.0.0.0/8" or "10.0.0.1/32"?)"#;
        assert_eq!(warned, [text]);
        let warned = warnings_for_cidr(&path, "::ffff:1.2.3.0/120");
        assert_eq!(warned, [r#"f: non-standard CIDR value "::ffff:1.2.3.0/120" is invalid: use "1.2.3.0/24""#]);
    }

    #[test]
    fn some_addresses_are_nobodys() {
        for (address, special) in [
            ("0.0.0.0", true),
            ("127.1.2.3", true),
            ("169.254.0.1", true),
            ("224.0.0.9", true),
            ("ff02::1", true),
            ("::1", true),
            ("10.0.0.1", false),
            ("fd00::1", false),
        ] {
            assert_eq!(special_ip(address.parse().expect(address)).is_some(), special, "{address}");
        }
    }
}
