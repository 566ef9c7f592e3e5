//! Values of flags that are more than texts: addresses, ranges of addresses and of ports, lists of pairs.
//!
//! Go: component-base/cli/flag, apimachinery/pkg/util/net/port_range.go

use std::{collections::BTreeMap, fmt, net::IpAddr, ops::RangeInclusive, str::FromStr};

use crate::featuregate::parse_bool;

/// Ports from one to another; the empty range is written as nothing.
///
/// Go: apimachinery/pkg/util/net/port_range.go PortRange
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortRange {
    /// The first port.
    pub base: u16,
    /// How many ports there are.
    pub size: u16,
}

impl PortRange {
    /// Says whether a port is one of these.
    pub fn contains(self, port: u16) -> bool {
        port >= self.base && port - self.base < self.size
    }

    /// Returns the ports; `None` if there are none.
    pub fn ports(self) -> Option<RangeInclusive<u16>> {
        Some(self.base..=self.base + self.size.checked_sub(1)?)
    }
}

impl FromStr for PortRange {
    type Err = String;

    /// Reads `30000-32767`, `30000+2768` or `30000`.
    ///
    /// Go: PortRange.Set
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let port = |digits: &str| {
            digits.parse::<u32>().map_err(|_| format!("unable to parse port range {text:?}: {digits:?} is no number"))
        };
        let (low, high) = match (text.split_once('-'), text.split_once('+')) {
            _ if text.is_empty() => return Ok(Self::default()),
            (Some((low, high)), _) => (port(low)?, port(high)?),
            (None, Some((low, more))) => (port(low)?, port(low)?.saturating_add(port(more)?)),
            (None, None) => (port(text)?, port(text)?),
        };
        if low > 65535 || high > 65535 {
            return Err(format!("the port range cannot be greater than 65535: {text}"));
        }
        if high < low {
            return Err(format!("end port cannot be less than start port: {text}"));
        }
        let size = u16::try_from(high - low + 1).map_err(|_| format!("the port range is too large: {text}"))?;
        Ok(Self { base: low as u16, size })
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ports() {
            None => Ok(()),
            Some(ports) => write!(f, "{}-{}", ports.start(), ports.end()),
        }
    }
}

/// A range of addresses, as it was written: its bits behind the prefix may be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    /// The address.
    pub address: IpAddr,
    /// How many bits of it name the network.
    pub prefix: u8,
}

impl Cidr {
    fn bits(address: IpAddr) -> u128 {
        match address {
            IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
            IpAddr::V6(address) => address.to_bits(),
        }
    }

    /// Says whether an address lies in the range.
    pub fn contains(self, address: IpAddr) -> bool {
        let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or_default();
        self.address.is_ipv4() == address.is_ipv4() && (Self::bits(self.address) ^ Self::bits(address)) & mask == 0
    }
}

impl FromStr for Cidr {
    type Err = String;

    /// Go: net.ParseCIDR
    fn from_str(text: &str) -> Result<Self, String> {
        let invalid = || format!("invalid CIDR address: {text}");
        let (address, prefix) = text.split_once('/').ok_or_else(invalid)?;
        let address: IpAddr = address.parse().map_err(|_| invalid())?;
        let plain = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
        let prefix: u8 = plain.then(|| prefix.parse().ok()).flatten().ok_or_else(invalid)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        if prefix > most { Err(invalid()) } else { Ok(Self { address, prefix }) }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// Reads `a=true,b=false`.
///
/// Go: component-base/cli/flag/map_string_bool.go MapStringBool.Set
pub fn map_string_bool(text: &str) -> Result<BTreeMap<String, bool>, String> {
    let mut map = BTreeMap::new();
    for pair in text.split(',').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').ok_or_else(|| format!("malformed pair, expect string=bool: {pair}"))?;
        let (key, value) = (key.trim(), value.trim());
        let value = parse_bool(value).map_err(|error| format!("invalid value of {key}: {value}, err: {error}"))?;
        map.insert(key.to_owned(), value);
    }
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_ports_are_read_in_three_forms() {
        for (text, base, size) in [("30000-32767", 30000, 2768), ("30000+2767", 30000, 2768), ("80", 80, 1), ("", 0, 0)]
        {
            let range: PortRange = text.parse().expect(text);
            assert_eq!(range, PortRange { base, size });
        }
        let range: PortRange = "30000-32767".parse().expect("a range");
        assert!(range.contains(30000) && range.contains(32767) && !range.contains(32768) && !range.contains(1));
        assert_eq!(range.to_string(), "30000-32767");
        assert_eq!(PortRange::default().ports(), None);
        for text in ["x", "5-1", "1-70000", "1-2-3", "0-65535"] {
            assert!(text.parse::<PortRange>().is_err(), "{text}");
        }
    }

    #[test]
    fn ranges_of_addresses_know_their_own() {
        let net: Cidr = "10.0.0.0/24".parse().expect("a range");
        assert!(net.contains("10.0.0.255".parse().expect("an address")));
        assert!(!net.contains("10.0.1.0".parse().expect("an address")));
        assert!(!net.contains("a00::".parse().expect("an address")));
        let all: Cidr = "::/0".parse().expect("a range");
        assert!(all.contains("fd00::1".parse().expect("an address")));
        assert_eq!("10.0.0.5/8".parse::<Cidr>().expect("a range").to_string(), "10.0.0.5/8");
        for text in ["10.0.0.0", "10.0.0.0/33", "10.0.0.0/+8", "x/8", "::/129"] {
            assert_eq!(text.parse::<Cidr>(), Err(format!("invalid CIDR address: {text}")));
        }
    }

    #[test]
    fn pairs_are_told_apart() {
        let map = map_string_bool("api/all=false, v1 = true").expect("pairs");
        assert_eq!(map, BTreeMap::from([("api/all".to_owned(), false), ("v1".to_owned(), true)]));
        assert_eq!(map_string_bool("x"), Err("malformed pair, expect string=bool: x".to_owned()));
        let text = "invalid value of x: y, err: strconv.ParseBool: parsing \"y\": invalid syntax";
        assert_eq!(map_string_bool("x=y"), Err(text.to_owned()));
    }
}
