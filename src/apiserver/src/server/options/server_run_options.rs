//! Limits, time-outs and names of a server.
//!
//! Go: apiserver/pkg/server/options/server_run_options.go

use std::{
    net::{IpAddr, Ipv4Addr, UdpSocket},
    time::Duration,
};

use component_base::{
    featuregate::FeatureGate,
    flagset::{FlagSet, Kind, Values, flag},
};
use regex::Regex;

use crate::server::config::Config;

/// The flags of this group. `--advertise-address` stands with those of the control plane.
#[rustfmt::skip]
pub const FLAGS: FlagSet = FlagSet {
    section: "Generic",
    flags: &[
        flag("external-hostname", Kind::String, "", "Name under which clients reach this server, for discovery and issuers."),
        flag("cors-allowed-origins", Kind::List, "", "Regular expressions of web origins that may call; each must anchor at ^ or // and at $ or :."),
        flag("strict-transport-security-directives", Kind::List, "", "Directives of the Strict-Transport-Security header."),
        flag("max-requests-inflight", Kind::Int, "400", "Reading requests at a time; with the writing ones, what priority and fairness divides."),
        flag("max-mutating-requests-inflight", Kind::Int, "200", "Writing requests at a time."),
        flag("request-timeout", Kind::Duration, "1m0s", "How long a request may take that is not long-running."),
        flag("min-request-timeout", Kind::Int, "1800", "Least seconds until a watch ends that names no time-out."),
        flag("storage-initialization-timeout", Kind::Duration, "1m0s", "How long the start waits for watch caches."),
        flag("shutdown-delay-duration", Kind::Duration, "0s", "Time between the stop signal and refusing requests."),
        flag("shutdown-send-retry-after", Kind::Bool, "false", "Whether requests are told to come back while the server drains."),
        flag("shutdown-watch-termination-grace-period", Kind::Duration, "0s", "How long watches may take to end."),
        flag("livez-grace-period", Kind::Duration, "0s", "How long the start may take before /livez fails for it."),
        flag("goaway-chance", Kind::Float, "0", "Share of HTTP/2 requests after which a connection moves on; at most 0.02."),
        flag("feature-gates", Kind::Map, "", "Features by name: Name=true or false."),
    ],
};

/// The largest `--goaway-chance`: one in fifty.
const GOAWAY_CHANCE_MAX: f64 = 0.02;

/// Go: apiserver/pkg/server/options/server_run_options.go ServerRunOptions
#[derive(Clone, Debug)]
pub struct ServerRunOptions {
    /// `--advertise-address`; never unspecified once completed.
    pub advertise_address: Option<IpAddr>,
    /// `--cors-allowed-origins`
    pub cors_allowed_origin_list: Vec<String>,
    /// `--strict-transport-security-directives`
    pub hsts_directives: Vec<String>,
    /// The machine's name; whoever starts the server may say another.
    pub hostname: String,
    /// `--external-hostname`
    pub external_host: String,
    /// `--max-requests-inflight`
    pub max_requests_in_flight: i64,
    /// `--max-mutating-requests-inflight`
    pub max_mutating_requests_in_flight: i64,
    /// `--request-timeout`
    pub request_timeout: Duration,
    /// `--goaway-chance`
    pub goaway_chance: f64,
    /// `--livez-grace-period`
    pub livez_grace_period: Duration,
    /// `--min-request-timeout`
    pub min_request_timeout: i64,
    /// `--storage-initialization-timeout`
    pub storage_initialization_timeout: Duration,
    /// `--shutdown-delay-duration`
    pub shutdown_delay_duration: Duration,
    /// `--shutdown-send-retry-after`
    pub shutdown_send_retry_after: bool,
    /// `--shutdown-watch-termination-grace-period`
    pub shutdown_watch_termination_grace_period: Duration,
    /// `--feature-gates`
    pub feature_gate: FeatureGate,
}

impl ServerRunOptions {
    /// Reads the flags.
    pub fn from_values(values: &mut Values) -> Self {
        let advertise_address = values.string("advertise-address");
        let advertise_address = (!advertise_address.is_empty()).then(|| {
            advertise_address.parse().unwrap_or_else(|_| {
                values.mistake(format!("--advertise-address: \"{advertise_address}\" must be an IP address"));
                IpAddr::V4(Ipv4Addr::UNSPECIFIED)
            })
        });
        let mut feature_gate = FeatureGate::default();
        for mistake in feature_gate.set(&values.map("feature-gates")) {
            values.mistake(format!("--feature-gates: {mistake}"));
        }
        Self {
            advertise_address,
            cors_allowed_origin_list: values.list("cors-allowed-origins"),
            hsts_directives: values.list("strict-transport-security-directives"),
            hostname: hostname(),
            external_host: values.string("external-hostname"),
            max_requests_in_flight: values.int("max-requests-inflight"),
            max_mutating_requests_in_flight: values.int("max-mutating-requests-inflight"),
            request_timeout: values.duration("request-timeout"),
            goaway_chance: values.float("goaway-chance"),
            livez_grace_period: values.duration("livez-grace-period"),
            min_request_timeout: values.int("min-request-timeout"),
            storage_initialization_timeout: values.duration("storage-initialization-timeout"),
            shutdown_delay_duration: values.duration("shutdown-delay-duration"),
            shutdown_send_retry_after: values.bool("shutdown-send-retry-after"),
            shutdown_watch_termination_grace_period: values.duration("shutdown-watch-termination-grace-period"),
            feature_gate,
        }
    }

    /// Finds the address under which others reach this server, where no flag says it.
    ///
    /// Go: apiserver/pkg/server/options/server_run_options.go DefaultAdvertiseAddress
    pub fn default_advertise_address(&mut self, bind_address: IpAddr) {
        if self.advertise_address.is_none_or(|address| address.is_unspecified()) {
            let address = if bind_address.is_unspecified() { host_address() } else { bind_address };
            self.advertise_address = Some(address);
        }
        if self.external_host.is_empty()
            && let Some(address) = self.advertise_address
        {
            self.external_host = address.to_string();
        }
    }

    /// Returns all mistakes.
    ///
    /// Go: apiserver/pkg/server/options/server_run_options.go Validate
    pub fn validate(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        let negative = [
            ("--max-requests-inflight", self.max_requests_in_flight),
            ("--max-mutating-requests-inflight", self.max_mutating_requests_in_flight),
            ("--min-request-timeout", self.min_request_timeout),
        ];
        for (flag, value) in negative {
            if value < 0 {
                mistakes.push(format!("{flag} can not be negative value"));
            }
        }
        if self.max_requests_in_flight + self.max_mutating_requests_in_flight <= 0 {
            let both = "--max-requests-inflight and --max-mutating-requests-inflight";
            mistakes.push(format!("the sum of {both} must be greater than zero"));
        }
        if !(0.0..=GOAWAY_CHANCE_MAX).contains(&self.goaway_chance) {
            mistakes.push("--goaway-chance can not be less than 0 or greater than 0.02".to_owned());
        }
        if self.request_timeout.is_zero() {
            mistakes.push("--request-timeout can not be zero".to_owned());
        }
        mistakes.extend(self.hsts_directives.iter().filter_map(|directive| validate_hsts_directive(directive)));
        mistakes.extend(self.cors_allowed_origin_list.iter().filter_map(|origin| validate_cors_allowed_origin(origin)));
        mistakes
    }

    /// Go: apiserver/pkg/server/options/server_run_options.go ApplyTo
    pub fn apply_to(&self, c: &mut Config) {
        // Without `..`: an option that sets nothing does not compile.
        let Self {
            advertise_address,
            cors_allowed_origin_list,
            hsts_directives,
            hostname,
            external_host,
            max_requests_in_flight,
            max_mutating_requests_in_flight,
            request_timeout,
            goaway_chance,
            livez_grace_period,
            min_request_timeout,
            storage_initialization_timeout,
            shutdown_delay_duration,
            shutdown_send_retry_after,
            shutdown_watch_termination_grace_period,
            feature_gate,
        } = self;
        c.cors_allowed_origin_list.clone_from(cors_allowed_origin_list);
        c.hsts_directives.clone_from(hsts_directives);
        c.hostname.clone_from(hostname);
        c.external_address.clone_from(external_host);
        c.max_requests_in_flight = u32::try_from(*max_requests_in_flight).unwrap_or_default();
        c.max_mutating_requests_in_flight = u32::try_from(*max_mutating_requests_in_flight).unwrap_or_default();
        c.livez_grace_period = *livez_grace_period;
        c.request_timeout = *request_timeout;
        c.goaway_chance = *goaway_chance;
        c.min_request_timeout = u32::try_from(*min_request_timeout).unwrap_or_default();
        c.storage_initialization_timeout = *storage_initialization_timeout;
        c.shutdown_delay_duration = *shutdown_delay_duration;
        c.public_address = *advertise_address;
        c.shutdown_send_retry_after = *shutdown_send_retry_after;
        c.shutdown_watch_termination_grace_period = *shutdown_watch_termination_grace_period;
        c.feature_gate = feature_gate.clone();
    }
}

/// The machine's name.
fn hostname() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map_or_else(|_| "localhost".to_owned(), |name| name.trim().to_owned())
}

/// Returns the address that packets to elsewhere would leave from. Nothing is sent.
///
/// Go: apimachinery/pkg/util/net/interface.go ChooseHostInterface
fn host_address() -> IpAddr {
    let route = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).and_then(|socket| {
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        socket.local_addr()
    });
    route.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |address| address.ip())
}

/// Go: apiserver/pkg/server/options/server_run_options.go validateHSTSDirectives
fn validate_hsts_directive(directive: &str) -> Option<String> {
    let fine = directive == "includeSubDomains" || directive == "preload";
    let max_age = directive.strip_prefix("max-age=");
    if max_age.is_some_and(|seconds| seconds.parse::<u64>().is_err()) {
        return Some("--strict-transport-security-directives invalid, max-age has invalid value".to_owned());
    }
    (!fine && max_age.is_none()).then(|| {
        let allowed = "includeSubDomains, preload and max-age=expireTime";
        format!("--strict-transport-security-directives invalid, allowed values: {allowed}, got {directive:?}")
    })
}

/// A pattern that matches in the middle of an origin lets strangers in: `example.com` matches `example.com.evil.org`.
///
/// Go: apiserver/pkg/server/options/server_run_options.go validateCorsAllowedOriginList
fn validate_cors_allowed_origin(origin: &str) -> Option<String> {
    if Regex::new(origin).is_err() {
        return Some(format!("--cors-allowed-origins has invalid regular expression: {origin}"));
    }
    let anchored =
        (origin.starts_with('^') || origin.contains("//")) && (origin.ends_with('$') || origin.contains(':'));
    (!anchored).then(|| {
        let how = "pin the start with '^' or '//' and the end with '$' or a port's ':'";
        format!("regular expression has to match the whole origin in --cors-allowed-origins: {how}: {origin}")
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn options(given: &[(&str, &str)]) -> (ServerRunOptions, Vec<String>) {
        let given: BTreeMap<_, _> =
            given.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()])).collect();
        let mut values = Values::new(&[FLAGS], given);
        let options = ServerRunOptions::from_values(&mut values);
        let mut mistakes = values.mistakes().to_vec();
        mistakes.extend(options.validate());
        (options, mistakes)
    }

    #[test]
    fn the_defaults_are_those_of_kube_apiserver_and_without_mistake() {
        let (options, mistakes) = options(&[]);
        assert_eq!(mistakes, Vec::<String>::new());
        assert_eq!((options.max_requests_in_flight, options.min_request_timeout), (400, 1800));
        assert_eq!(options.request_timeout, Duration::from_secs(60));
    }

    #[test]
    fn every_mistake_is_told() {
        let (_, mistakes) = options(&[
            ("goaway-chance", "0.5"),
            ("strict-transport-security-directives", "max-age=soon,forever"),
            ("cors-allowed-origins", "example.com"),
            ("min-request-timeout", "-1"),
            ("request-timeout", "later"),
        ]);
        assert_eq!(mistakes.len(), 7, "{mistakes:#?}");
    }
}
