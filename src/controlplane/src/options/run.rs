//! All options of the server together: read, completed, validated.
//!
//! Go: cmd/kube-apiserver/app/options/{options,completion}.go, pkg/controlplane/apiserver/options

use std::net::IpAddr;

use apiserver::server::{
    options::{
        admission::AdmissionOptions, api_enablement::APIEnablementOptions, audit::AuditOptions, etcd::EtcdOptions,
        feature::FeatureOptions, server_run_options, serving::SecureServingOptions,
    },
    start_error::StartError,
};
use component_base::flagset::{FlagSet, Values};
use phase::snapshot::{Snapshot, Subject};
use serde_json::json;
use std::sync::Arc;

use crate::options::{
    authentication::{self, BuiltInAuthenticationOptions},
    authorization::{self, BuiltInAuthorizationOptions, Mode},
    kube::{self, KubeOptions},
    servicecidr::{self, ServiceRanges},
};

/// Every flag of kube-apiserver, in the order of the help.
pub fn flag_sets() -> Vec<FlagSet> {
    let mut sets = apiserver::server::options::FLAG_SETS.to_vec();
    sets.extend([authentication::FLAGS, authorization::FLAGS, kube::FLAGS]);
    sets
}

/// Go: cmd/kube-apiserver/app/options/options.go ServerRunOptions
pub struct ServerRunOptions {
    /// Limits, time-outs, names.
    pub generic: server_run_options::ServerRunOptions,
    /// The store.
    pub etcd: EtcdOptions,
    /// The listener.
    pub secure_serving: SecureServingOptions,
    /// What is written down.
    pub audit: AuditOptions,
    /// Profiling, fairness.
    pub features: FeatureOptions,
    /// Which versions are served.
    pub api_enablement: APIEnablementOptions,
    /// Which plugins run.
    pub admission: AdmissionOptions,
    /// Who is recognised.
    pub authentication: BuiltInAuthenticationOptions,
    /// Who may.
    pub authorization: BuiltInAuthorizationOptions,
    /// The control plane's own.
    pub kube: KubeOptions,
}

/// Options from which a config can be made: only [`ServerRunOptions::complete`] makes them.
///
/// Go: cmd/kube-apiserver/app/options/completion.go CompletedOptions
pub struct CompletedOptions {
    /// The options, completed.
    pub options: ServerRunOptions,
    /// The address ranges of services.
    pub service_ranges: ServiceRanges,
    /// What a person should know about them.
    pub warnings: Vec<String>,
}

impl ServerRunOptions {
    /// Reads the flags; what is wrong with single values is collected in `values`.
    pub fn from_values(values: &mut Values) -> Self {
        Self {
            generic: server_run_options::ServerRunOptions::from_values(values),
            etcd: EtcdOptions::from_values(values),
            secure_serving: SecureServingOptions::from_values(values),
            audit: AuditOptions::from_values(values),
            features: FeatureOptions::from_values(values),
            api_enablement: APIEnablementOptions::from_values(values),
            admission: AdmissionOptions::from_values(values),
            authentication: BuiltInAuthenticationOptions::from_values(values),
            authorization: BuiltInAuthorizationOptions::from_values(values),
            kube: KubeOptions::from_values(values),
        }
    }

    /// Fills in what follows from other options and from the machine.
    ///
    /// Go: cmd/kube-apiserver/app/options/completion.go Complete
    pub fn complete(mut self) -> Result<CompletedOptions, StartError> {
        let mut warnings = Vec::new();
        if self.kube.service_cluster_ip_range.is_empty() {
            servicecidr::DEFAULT.clone_into(&mut self.kube.service_cluster_ip_range);
            warnings.push(format!(
                "No CIDR for service cluster IPs specified. Default value {} is used",
                servicecidr::DEFAULT
            ));
        }
        let service_ranges = ServiceRanges::parse(&self.kube.service_cluster_ip_range)
            .map_err(|errors| StartError::new("complete options", errors.join("; ")))?;
        self.generic.default_advertise_address(self.secure_serving.bind_address);
        let public = self.generic.advertise_address.unwrap_or(self.secure_serving.bind_address);
        let names = ["kubernetes.default.svc", "kubernetes.default", "kubernetes"];
        self.secure_serving.maybe_default_with_self_signed_certs(
            public,
            &names,
            &[service_ranges.api_server_service_ip()],
        )?;
        self.etcd.complete(self.generic.request_timeout);
        let tls_key =
            self.secure_serving.server_cert.as_ref().map(|files| files.key.display().to_string()).unwrap_or_default();
        warnings.extend(self.authentication.complete(&tls_key, self.authorization.has(Mode::AlwaysAllow)));
        Ok(CompletedOptions { options: self, service_ranges, warnings })
    }
}

impl CompletedOptions {
    /// Returns everything that is wrong, of all groups.
    ///
    /// Go: pkg/controlplane/apiserver/options/validation.go Validate
    pub fn validate(&self) -> Vec<String> {
        let o = &self.options;
        let groups = [
            o.generic.validate(),
            o.etcd.validate(),
            o.secure_serving.validate(),
            o.audit.validate(),
            o.features.validate(),
            o.api_enablement.validate(|group| api::resources::RESOURCES.iter().any(|r| r.group_version.group == group)),
            o.admission.validate(plugin::admission::plugins::ALL),
            o.authentication.validate(),
            o.authorization.validate(),
            o.kube.validate(),
        ];
        groups.into_iter().flatten().collect()
    }

    /// Returns the address that the kubernetes service points to.
    pub fn advertise_address(&self) -> IpAddr {
        self.options.generic.advertise_address.unwrap_or(self.options.secure_serving.bind_address)
    }
}

impl Subject for CompletedOptions {
    fn snapshot(&self) -> Arc<Snapshot> {
        let o = &self.options;
        Snapshot::value(
            "CompletedOptions",
            json!({
                "advertiseAddress": o.generic.advertise_address,
                "bindAddress": o.secure_serving.bind_address,
                "securePort": o.secure_serving.bind_port,
                "etcdServers": o.etcd.server_list,
                "etcdPrefix": o.etcd.prefix,
                "storageMediaType": o.etcd.default_storage_media_type,
                "serviceClusterIPRange": o.kube.service_cluster_ip_range,
                "serviceNodePortRange": o.kube.service_node_port_range,
                "authorizationMode": o.authorization.modes,
                "anonymousAuth": o.authentication.anonymous,
                "clientCAFile": o.authentication.client_ca_file,
                "serviceAccountIssuer": o.authentication.service_accounts.issuers,
                "enableAdmissionPlugins": o.admission.enable_plugins,
                "disableAdmissionPlugins": o.admission.disable_plugins,
                "requestTimeout": format!("{:?}", o.generic.request_timeout),
                "warnings": self.warnings,
            }),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_flag_is_declared_twice() {
        let mut seen = BTreeSet::new();
        let again: Vec<_> = flag_sets()
            .iter()
            .flat_map(|set| set.flags)
            .map(|flag| flag.name)
            .filter(|name| !seen.insert(*name))
            .collect();
        assert_eq!(again, Vec::<&str>::new());
    }
}
