//! The flags of the control plane itself, and those that are accepted without effect.
//!
//! Go: cmd/kube-apiserver/app/options/options.go Flags

use std::time::Duration;

use component_base::flagset::{FlagSet, Kind, Values, flag, no_effect, refused};

/// The flags of this group.
pub const FLAGS: FlagSet = FlagSet {
    section: "Control plane",
    flags: &[
        flag(
            "advertise-address",
            Kind::String,
            "",
            "Address published in the kubernetes service; default: the bind address.",
        ),
        flag("service-cluster-ip-range", Kind::String, "", "Address ranges of services; default: 10.0.0.0/24."),
        flag("service-node-port-range", Kind::String, "30000-32767", "Ports of NodePort services."),
        flag("allow-privileged", Kind::Bool, "false", "Whether privileged containers are accepted."),
        flag("event-ttl", Kind::Duration, "1h0m0s", "How long events are kept."),
        flag(
            "endpoint-reconciler-type",
            Kind::String,
            "lease",
            "Who keeps the endpoints of the kubernetes service: lease or none.",
        ),
        flag(
            "enable-aggregator-routing",
            Kind::Bool,
            "false",
            "Whether aggregated requests go to endpoints instead of the cluster IP.",
        ),
        flag("proxy-client-cert-file", Kind::String, "", "Certificate of the aggregator towards extension servers."),
        flag("proxy-client-key-file", Kind::String, "", "Its key."),
        flag("kubelet-client-certificate", Kind::String, "", "Certificate towards kubelets."),
        flag("kubelet-client-key", Kind::String, "", "Its key."),
        flag("kubelet-certificate-authority", Kind::String, "", "Authorities of kubelets."),
        flag(
            "kubelet-preferred-address-types",
            Kind::List,
            "Hostname,InternalDNS,InternalIP,ExternalDNS,ExternalIP",
            "Which address of a node is used.",
        ),
        flag("kubelet-timeout", Kind::Duration, "5s", "How long a kubelet may take."),
        no_effect("kubernetes-service-node-port", Kind::Int, "0", "Node port of the kubernetes service."),
        no_effect("apiserver-count", Kind::Int, "1", "Number of API servers."),
        no_effect("max-connection-bytes-per-sec", Kind::Int, "0", "Limit of exec and the like."),
        no_effect(
            "aggregator-reject-forwarding-redirect",
            Kind::Bool,
            "true",
            "Whether redirects of extension servers are refused.",
        ),
        no_effect("peer-advertise-ip", Kind::String, "", "Mixed-version proxy."),
        no_effect("peer-advertise-port", Kind::String, "", "Mixed-version proxy."),
        refused("peer-ca-file", Kind::String, "", "Mixed-version proxy."),
        refused("egress-selector-config-file", Kind::String, "", "Egress selection."),
        no_effect("tracing-config-file", Kind::String, "", "OpenTelemetry."),
        no_effect("coordinated-leadership-lease-duration", Kind::Duration, "15s", "Coordinated leadership."),
        no_effect("coordinated-leadership-renew-deadline", Kind::Duration, "10s", "Coordinated leadership."),
        no_effect("coordinated-leadership-retry-period", Kind::Duration, "2s", "Coordinated leadership."),
        no_effect("enable-logs-handler", Kind::Bool, "false", "Serves /logs."),
        no_effect("emulated-version", Kind::List, "", "Version to emulate."),
        no_effect("min-compatibility-version", Kind::List, "", "Version to stay compatible with."),
        no_effect("cloud-provider", Kind::String, "", "Gone upstream."),
        flag("v", Kind::Int, "0", "How much is logged."),
        no_effect("vmodule", Kind::List, "", "How much is logged, by file."),
        flag("logging-format", Kind::String, "text", "text or json."),
    ],
};

/// Go: cmd/kube-apiserver/app/options/options.go Extra
#[derive(Clone, Debug)]
pub struct KubeOptions {
    /// `--advertise-address`
    pub advertise_address: String,
    /// `--service-cluster-ip-range`
    pub service_cluster_ip_range: String,
    /// `--service-node-port-range`, first and last.
    pub service_node_port_range: (u16, u16),
    /// `--allow-privileged`
    pub allow_privileged: bool,
    /// `--event-ttl`
    pub event_ttl: Duration,
    /// `--endpoint-reconciler-type`
    pub endpoint_reconciler_type: String,
    /// `--enable-aggregator-routing`
    pub enable_aggregator_routing: bool,
    /// `--aggregator-reject-forwarding-redirect`
    pub aggregator_reject_forwarding_redirect: bool,
    /// `--proxy-client-cert-file`, `--proxy-client-key-file`
    pub proxy_client: Option<(String, String)>,
    /// `--kubelet-client-certificate`, `--kubelet-client-key`
    pub kubelet_client: Option<(String, String)>,
    /// `--kubelet-certificate-authority`
    pub kubelet_ca: String,
    /// `--kubelet-preferred-address-types`
    pub kubelet_preferred_address_types: Vec<String>,
    /// `--kubelet-timeout`
    pub kubelet_timeout: Duration,
}

impl KubeOptions {
    /// Reads the flags.
    pub fn from_values(values: &mut Values) -> Self {
        let range = values.string("service-node-port-range");
        let ports = parse_port_range(&range);
        if ports.is_none() {
            values.mistake(format!(
                "--service-node-port-range: \"{range}\" must be FIRST-LAST, both between 1 and 65535"
            ));
        }
        Self {
            advertise_address: values.string("advertise-address"),
            service_cluster_ip_range: values.string("service-cluster-ip-range"),
            service_node_port_range: ports.unwrap_or_default(),
            allow_privileged: values.bool("allow-privileged"),
            event_ttl: values.duration("event-ttl"),
            endpoint_reconciler_type: values.string("endpoint-reconciler-type"),
            enable_aggregator_routing: values.bool("enable-aggregator-routing"),
            aggregator_reject_forwarding_redirect: values.bool("aggregator-reject-forwarding-redirect"),
            proxy_client: pair(values, "proxy-client-cert-file", "proxy-client-key-file"),
            kubelet_client: pair(values, "kubelet-client-certificate", "kubelet-client-key"),
            kubelet_ca: values.string("kubelet-certificate-authority"),
            kubelet_preferred_address_types: values.list("kubelet-preferred-address-types"),
            kubelet_timeout: values.duration("kubelet-timeout"),
        }
    }

    /// Returns everything that is wrong.
    pub fn validate(&self) -> Vec<String> {
        let mut errors = Vec::new();
        if !matches!(self.endpoint_reconciler_type.as_str(), "lease" | "none" | "master-count") {
            errors.push(format!(
                "--endpoint-reconciler-type: \"{}\" must be lease, master-count or none",
                self.endpoint_reconciler_type
            ));
        }
        if !self.advertise_address.is_empty() && self.advertise_address.parse::<std::net::IpAddr>().is_err() {
            errors.push(format!("--advertise-address: \"{}\" is not an IP address", self.advertise_address));
        }
        errors
    }
}

/// Both files, or neither; one alone is a mistake.
fn pair(values: &mut Values, first: &str, second: &str) -> Option<(String, String)> {
    let (one, other) = (values.string(first), values.string(second));
    match (one.is_empty(), other.is_empty()) {
        (true, true) => None,
        (false, false) => Some((one, other)),
        _ => {
            values.mistake(format!("--{first} and --{second} must be given together"));
            None
        }
    }
}

/// Reads `30000-32767`, `30000+2767` or a single port.
///
/// Go: apimachinery/pkg/util/net/port_range.go Set
fn parse_port_range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = if let Some((first, last)) = text.split_once('-') {
        (first.parse().ok()?, last.parse().ok()?)
    } else if let Some((first, more)) = text.split_once('+') {
        let first: u16 = first.parse().ok()?;
        (first, first.checked_add(more.parse().ok()?)?)
    } else {
        (text.parse().ok()?, text.parse().ok()?)
    };
    (first > 0 && first <= last).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_ranges() {
        assert_eq!(parse_port_range("30000-32767"), Some((30000, 32767)));
        assert_eq!(parse_port_range("30000+10"), Some((30000, 30010)));
        assert_eq!(parse_port_range("5-4"), None);
        assert_eq!(parse_port_range("x"), None);
    }
}
