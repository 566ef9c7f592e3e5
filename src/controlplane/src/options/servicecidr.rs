//! The address ranges of services: `--service-cluster-ip-range`.
//!
//! Go: cmd/kube-apiserver/app/options/completion.go getServiceIPAndRanges

use std::net::IpAddr;

use ipnet::IpNet;

/// The range used where none is named.
///
/// Go: pkg/controlplane/... DefaultServiceIPCIDR
pub const DEFAULT: &str = "10.0.0.0/24";

/// One or two ranges, the first decides the family of `kubernetes.default.svc`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceRanges {
    /// The first range.
    pub primary: IpNet,
    /// The second range, of the other family.
    pub secondary: Option<IpNet>,
}

impl ServiceRanges {
    /// Reads one or two ranges; everything that is wrong with them.
    pub fn parse(text: &str) -> Result<Self, Vec<String>> {
        let mut errors = Vec::new();
        let parts: Vec<&str> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
        if parts.len() > 2 {
            errors.push("--service-cluster-ip-range must not contain more than two entries".to_owned());
        }
        let mut ranges = Vec::new();
        for part in parts.iter().take(2) {
            match part.parse::<IpNet>() {
                Ok(range) if range.max_prefix_len() - range.prefix_len() < 3 => {
                    errors.push(format!("--service-cluster-ip-range: {part} must hold at least 8 addresses"));
                }
                Ok(range) if range.addr().is_ipv6() && range.prefix_len() < 64 => {
                    errors.push(format!("--service-cluster-ip-range: {part} is larger than /64"));
                }
                Ok(range) => ranges.push(range.trunc()),
                Err(_) => errors.push(format!("--service-cluster-ip-range: {part} is not a valid CIDR")),
            }
        }
        if let [first, second] = ranges.as_slice()
            && first.addr().is_ipv4() == second.addr().is_ipv4()
        {
            errors.push("--service-cluster-ip-range and its second entry must be of different IP families".to_owned());
        }
        let mut ranges = ranges.into_iter();
        match (ranges.next(), errors.is_empty()) {
            (Some(primary), true) => Ok(Self { primary, secondary: ranges.next() }),
            (None, true) => Err(vec!["--service-cluster-ip-range is empty".to_owned()]),
            (_, false) => Err(errors),
        }
    }

    /// The address of `kubernetes.default.svc`: the first one after the network's own.
    pub fn api_server_service_ip(&self) -> IpAddr {
        first_host(&self.primary)
    }
}

/// Address number one of a range.
pub fn first_host(range: &IpNet) -> IpAddr {
    match range.network() {
        IpAddr::V4(address) => IpAddr::V4((u32::from(address) + 1).into()),
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) + 1).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_address_is_the_servers() {
        let ranges = ServiceRanges::parse(DEFAULT).expect("valid");
        assert_eq!(ranges.api_server_service_ip().to_string(), "10.0.0.1");
    }

    #[test]
    fn mistakes_are_named() {
        for bad in ["10.0.0.0/30", "x", "10.0.0.0/24,10.1.0.0/24", "10.0.0.0/24,fd00::/112,fd01::/112", ""] {
            assert!(ServiceRanges::parse(bad).is_err(), "{bad}");
        }
        assert!(ServiceRanges::parse("10.0.0.0/24,fd00::/112").is_ok());
    }
}
