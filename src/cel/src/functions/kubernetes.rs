//! Kubernetes' libraries: quantities, addresses, URLs, versions and named formats.
//!
//! Go: apiserver/pkg/cel/library/{quantity,ip,cidr,urls,semverlib,format}.go

use std::{
    cmp::Ordering,
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
};

use apimachinery::{
    api::resource::Quantity,
    util::{url, validation},
};
use ipnet::IpNet;
use semver::Version;
use serde_json::Value as Json;

use super::Found;
use crate::{
    Error,
    value::{Foreign, Key, Value},
};

/// The formats that can be named, and what is wrong with a text that is not of one.
type Format = (&'static str, fn(&str) -> Vec<String>);
const FORMATS: [Format; 13] = [
    ("dns1123Label", validation::is_dns1123_label),
    ("dns1123Subdomain", validation::is_dns1123_subdomain),
    ("dns1035Label", validation::is_dns1035_label),
    ("qualifiedName", validation::is_qualified_name),
    ("dns1123LabelPrefix", |text| validation::is_dns1123_label(&as_prefix(text))),
    ("dns1123SubdomainPrefix", |text| validation::is_dns1123_subdomain(&as_prefix(text))),
    ("dns1035LabelPrefix", |text| validation::is_dns1035_label(&as_prefix(text))),
    ("labelValue", validation::is_valid_label_value),
    ("uri", |text| url::parse_request_uri(text).err().into_iter().collect()),
    ("uuid", |text| refuse(is_uuid(text), "does not match the UUID format")),
    ("byte", |text| refuse(super::convert::is_base64(text), "invalid base64")),
    ("date", |text| refuse(text.parse::<jiff::civil::Date>().is_ok() && text.len() == 10, "invalid date")),
    ("datetime", |text| refuse(super::time::timestamp(text).is_ok(), "invalid datetime")),
];

fn refuse(fits: bool, message: &str) -> Vec<String> {
    if fits { Vec::new() } else { vec![message.to_owned()] }
}

/// A name that will be completed may end in a dash.
fn as_prefix(text: &str) -> String {
    text.strip_suffix('-').filter(|rest| !rest.is_empty()).map_or_else(|| text.to_owned(), |rest| format!("{rest}a"))
}

fn is_uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    let hex = text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
    hex && (lengths == [8, 4, 4, 4, 12] || lengths == [32])
}

/// Says whether a dotted name is one of these functions.
pub(super) fn is_namespaced(name: &str) -> bool {
    let format = name.strip_prefix("format.");
    let known = |format: &str| format == "named" || FORMATS.iter().any(|(name, _)| *name == format);
    matches!(name, "ip.isCanonical" | "jsonpatch.escapeKey") || format.is_some_and(known)
}

/// Functions that are called without a target.
pub(super) fn function(name: &str, args: &[Value]) -> Found {
    if let Some(format) = name.strip_prefix("format.") {
        return named_format(format, args);
    }
    let text = args.first()?.as_str()?;
    let normalize = matches!(args.get(1), Some(Value::Bool(true)));
    Some(match name {
        "quantity" => quantity(text).map(Foreign::Quantity).map(Value::from),
        "isQuantity" => Ok(Value::Bool(quantity(text).is_ok())),
        "ip" => ip(text).map(Foreign::Ip).map(Value::from),
        "isIP" => Ok(Value::Bool(ip(text).is_ok())),
        "ip.isCanonical" => ip(text).map(|address| Value::Bool(address.to_string() == text)),
        "cidr" => cidr(text).map(Foreign::Cidr).map(Value::from),
        "isCIDR" => Ok(Value::Bool(cidr(text).is_ok())),
        "url" => parse_url(text).map(|url| Value::from(Foreign::Url(Box::new(url)))),
        "isURL" => Ok(Value::Bool(parse_url(text).is_ok())),
        "semver" => version(text, normalize).map(|version| Value::from(Foreign::Semver(Box::new(version)))),
        "isSemver" => Ok(Value::Bool(version(text, normalize).is_ok())),
        "jsonpatch.escapeKey" => Ok(Value::from(text.replace('~', "~0").replace('/', "~1"))),
        _ => return None,
    })
}

/// Methods of the types of this file.
pub(super) fn method(name: &str, args: &[Value]) -> Found {
    let [Value::Foreign(foreign), rest @ ..] = args else { return None };
    match &**foreign {
        Foreign::Quantity(quantity) => of_quantity(name, *quantity, rest),
        Foreign::Ip(address) => of_ip(name, address, rest),
        Foreign::Cidr(network) => of_cidr(name, network, rest),
        Foreign::Url(url) => of_url(name, url, rest),
        Foreign::Semver(version) => of_version(name, version, rest),
        Foreign::Format(format) => of_format(name, format, rest),
    }
}

fn quantity(text: &str) -> Result<Quantity, Error> {
    Quantity::from_value(&Json::from(text)).map_err(|error| Error::new(error.to_string()))
}

fn of_quantity(name: &str, quantity: Quantity, rest: &[Value]) -> Found {
    let other = match rest.first() {
        Some(Value::Foreign(other)) => match &**other {
            Foreign::Quantity(other) => Some(*other),
            _ => return None,
        },
        Some(Value::Int(other)) => Some(Quantity::from_value(&Json::from(*other)).ok()?),
        Some(_) => return None,
        None => None,
    };
    let compared = |other: Option<Quantity>| other.map(|other| quantity.minus(other).sign());
    Some(Ok(match name {
        "sign" => Value::Int(i64::from(quantity.sign())),
        "isInteger" => Value::Bool(quantity.as_i64().is_some()),
        "asInteger" => {
            return Some(
                quantity.as_i64().map(Value::Int).ok_or_else(|| Error::new("cannot convert value to integer")),
            );
        }
        "asApproximateFloat" => Value::Double(quantity.as_f64()),
        "add" => Value::from(Foreign::Quantity(quantity.plus(other?))),
        "sub" => Value::from(Foreign::Quantity(quantity.minus(other?))),
        "compareTo" => Value::Int(i64::from(compared(other)?.signum())),
        "isLessThan" => Value::Bool(compared(other)? < 0),
        "isGreaterThan" => Value::Bool(compared(other)? > 0),
        _ => return None,
    }))
}

fn ip(text: &str) -> Result<IpAddr, Error> {
    if text.contains('%') {
        return Err(Error::new(format!("IP address {text:?} with zone value is not allowed")));
    }
    let parsed: Result<IpAddr, _> = text.parse();
    match parsed {
        Ok(IpAddr::V6(address)) if address.to_ipv4_mapped().is_some() => {
            Err(Error::new(format!("IPv4-mapped IPv6 address {text:?} is not allowed")))
        }
        Ok(address) => Ok(address),
        Err(_) => Err(Error::new(format!(
            "IP Address {text:?} parse error during conversion from string: ParseAddr({text:?}): unable to parse IP"
        ))),
    }
}

fn of_ip(name: &str, address: &IpAddr, rest: &[Value]) -> Found {
    let [] = rest else { return None };
    let link_local = |address: &Ipv6Addr| address.segments()[0] & 0xffc0 == 0xfe80;
    let is_link_local = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => link_local(address),
    };
    Some(Ok(match name {
        "family" => Value::Int(if address.is_ipv4() { 4 } else { 6 }),
        "isUnspecified" => Value::Bool(address.is_unspecified()),
        "isLoopback" => Value::Bool(address.is_loopback()),
        "isLinkLocalMulticast" => Value::Bool(match address {
            IpAddr::V4(address) => address.octets()[..3] == [224, 0, 0],
            IpAddr::V6(address) => address.segments()[0] & 0xff0f == 0xff02,
        }),
        "isLinkLocalUnicast" => Value::Bool(is_link_local),
        "isGlobalUnicast" => Value::Bool(
            !address.is_unspecified()
                && !address.is_loopback()
                && !address.is_multicast()
                && !is_link_local
                && *address != IpAddr::from([255, 255, 255, 255]),
        ),
        _ => return None,
    }))
}

fn cidr(text: &str) -> Result<IpNet, Error> {
    let wrong = || {
        Error::new(format!("network address parse error during conversion from string: netip.ParsePrefix({text:?})"))
    };
    let network: IpNet = text.parse().map_err(|_| wrong())?;
    ip(&network.addr().to_string())?;
    Ok(network)
}

fn of_cidr(name: &str, network: &IpNet, rest: &[Value]) -> Found {
    let inner = |parse: fn(&str) -> Result<IpNet, Error>| match rest.first()? {
        Value::String(text) => Some(parse(text)),
        Value::Foreign(other) => match &**other {
            Foreign::Ip(address) => Some(Ok(IpNet::from(*address))),
            Foreign::Cidr(other) => Some(Ok(*other)),
            _ => None,
        },
        _ => None,
    };
    Some(match name {
        "ip" => Ok(Value::from(Foreign::Ip(network.addr()))),
        "masked" => Ok(Value::from(Foreign::Cidr(network.trunc()))),
        "prefixLength" => Ok(Value::Int(i64::from(network.prefix_len()))),
        "containsIP" => {
            inner(|text| ip(text).map(IpNet::from))?.map(|other| Value::Bool(network.contains(&other.addr())))
        }
        "containsCIDR" => inner(cidr)?.map(|other| Value::Bool(network.trunc().contains(&other))),
        _ => return None,
    })
}

fn parse_url(text: &str) -> Result<url::Url, Error> {
    let wrong = |error| Error::new(format!("URL parse error during conversion from string: {error}"));
    url::parse_request_uri(text).map_err(wrong)
}

fn of_url(name: &str, url: &url::Url, rest: &[Value]) -> Found {
    let [] = rest else { return None };
    Some(Ok(match name {
        "getScheme" => Value::from(url.scheme.as_str()),
        "getHost" => Value::from(url.host.as_str()),
        "getHostname" => Value::from(url.hostname()),
        "getPort" => Value::from(url.port()),
        "getEscapedPath" => Value::from(url.escaped_path.as_str()),
        "getQuery" => {
            let mut query: BTreeMap<Key, Vec<Value>> = BTreeMap::new();
            for pair in url.raw_query.split('&').filter(|pair| !pair.is_empty()) {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                let decoded = |part: &str| url::query_unescape(part);
                query.entry(Key::String(decoded(name).into())).or_default().push(Value::from(decoded(value)));
            }
            Value::Map(Arc::new(query.into_iter().map(|(name, values)| (name, Value::list(values))).collect()))
        }
        _ => return None,
    }))
}

/// A version; if normalised, `v1.2` is `1.2.0`.
fn version(text: &str, normalize: bool) -> Result<Version, Error> {
    let mut text = text.to_owned();
    if normalize {
        let plain = text.strip_prefix('v').unwrap_or(&text).to_owned();
        let end = plain.find(['-', '+']).unwrap_or(plain.len());
        let mut numbers: Vec<&str> = plain[..end]
            .split('.')
            .map(|part| if part.len() > 1 { part.trim_start_matches('0') } else { part })
            .map(|part| if part.is_empty() { "0" } else { part })
            .collect();
        numbers.resize(numbers.len().max(3), "0");
        text = format!("{}{}", numbers.join("."), &plain[end..]);
    }
    Version::parse(&text).map_err(|error| Error::new(error.to_string()))
}

fn of_version(name: &str, version: &Version, rest: &[Value]) -> Found {
    let number = |value: u64| Value::Int(i64::try_from(value).unwrap_or(i64::MAX));
    let plain = match name {
        "major" => number(version.major),
        "minor" => number(version.minor),
        "patch" => number(version.patch),
        _ => {
            let [Value::Foreign(other)] = rest else { return None };
            let Foreign::Semver(other) = &**other else { return None };
            let order = version.cmp_precedence(other);
            match name {
                "compareTo" => Value::Int(order as i64),
                "isLessThan" => Value::Bool(order == Ordering::Less),
                "isGreaterThan" => Value::Bool(order == Ordering::Greater),
                _ => return None,
            }
        }
    };
    Some(Ok(plain))
}

fn named_format(format: &str, args: &[Value]) -> Found {
    let known = |wanted: &str| FORMATS.iter().find(|(name, _)| *name == wanted);
    let made = |name: &'static str| Value::from(Foreign::Format(name));
    Some(Ok(match (format, args) {
        ("named", [Value::String(name)]) => Value::Optional(known(name).map(|(name, _)| Arc::new(made(name)))),
        (name, []) => made(known(name)?.0),
        _ => return None,
    }))
}

/// Says what is wrong with a text; nothing if it is of the format.
fn of_format(name: &str, format: &str, rest: &[Value]) -> Found {
    let ("validate", [Value::String(text)]) = (name, rest) else { return None };
    let (_, check) = FORMATS.iter().find(|(name, _)| *name == format)?;
    let wrong: Vec<Value> = check(text).into_iter().map(Value::from).collect();
    Some(Ok(Value::Optional((!wrong.is_empty()).then(|| Arc::new(Value::list(wrong))))))
}

#[cfg(test)]
mod tests {
    use crate::{Program, Variables};

    #[test]
    fn libraries_answer() {
        for source in [
            "isQuantity('1Gi') && quantity('2Gi').isGreaterThan(quantity('1Gi')) && !isQuantity('x')",
            "quantity('1').add(2).compareTo(quantity('3')) == 0 && quantity('500m').asApproximateFloat() == 0.5",
            "isIP('10.0.0.1') && ip('::1').family() == 6 && ip('127.0.0.1').isLoopback() && !isIP('::ffff:1.2.3.4')",
            "cidr('10.0.0.0/8').containsIP('10.1.2.3') && cidr('10.0.0.0/8').containsCIDR(cidr('10.1.0.0/16'))",
            "url('https://h:80/p%20q?a=1&a=2').getQuery()['a'].size() == 2 && url('https://h:80').getPort() == '80'",
            "semver('1.2.3').isLessThan(semver('v1.3', true)) && !isSemver('1.2')",
            "!format.named('dns1123Label').value().validate('a-b').hasValue() && !format.named('none').hasValue()",
            "format.dns1123Label().validate('A').value().size() == 1 && format.uuid().validate('x').hasValue()",
            "type(quantity('1')) == kubernetes.Quantity && quantity('1k') == quantity('1000')",
        ] {
            let program = Program::compile(source).expect(source);
            assert_eq!(program.matches(&Variables::new()), Ok(true), "{source}");
        }
    }
}
