//! Writes what is published of every built-in type to `OUT_DIR/published.txt`.
//!
//! Names, properties, types, formats and descriptions come from the generators of k8s-openapi, everything else from
//! the project's own table. A line is one definition: its name, a space, its schema as JSON. Linking the typed structs
//! instead would cost the binary 7 MB and over a minute of build.

use std::{env, fmt::Write, fs, path::Path};

use k8s_openapi as k8s;
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let mut settings = SchemaSettings::openapi3();
    settings.meta_schema = None;
    let mut generator = settings.into_generator();
    for root in roots() {
        root(&mut generator);
    }
    let mut text = String::new();
    for (name, schema) in generator.take_definitions(false) {
        writeln!(text, "{name} {schema}").expect("writing to a string");
    }
    let path = Path::new(&env::var_os("OUT_DIR").expect("cargo sets it")).join("published.txt");
    fs::write(path, text).expect("OUT_DIR is writable");
}

fn add<T: JsonSchema>(generator: &mut SchemaGenerator) {
    generator.subschema_for::<T>();
}

/// The generators of the types that no other type leads to.
fn roots() -> Vec<fn(&mut SchemaGenerator)> {
    use k8s::apimachinery::pkg::{apis::meta::v1 as meta, version};
    vec![
        add::<k8s::api::admissionregistration::v1::MutatingAdmissionPolicy>,
        add::<k8s::api::admissionregistration::v1::MutatingAdmissionPolicyBinding>,
        add::<k8s::api::admissionregistration::v1::MutatingWebhookConfiguration>,
        add::<k8s::api::admissionregistration::v1::ValidatingAdmissionPolicy>,
        add::<k8s::api::admissionregistration::v1::ValidatingAdmissionPolicyBinding>,
        add::<k8s::api::admissionregistration::v1::ValidatingWebhookConfiguration>,
        add::<k8s::api::apps::v1::ControllerRevision>,
        add::<k8s::api::apps::v1::DaemonSet>,
        add::<k8s::api::apps::v1::Deployment>,
        add::<k8s::api::apps::v1::ReplicaSet>,
        add::<k8s::api::apps::v1::StatefulSet>,
        add::<k8s::api::authentication::v1::SelfSubjectReview>,
        add::<k8s::api::authentication::v1::TokenRequest>,
        add::<k8s::api::authentication::v1::TokenReview>,
        add::<k8s::api::authorization::v1::LocalSubjectAccessReview>,
        add::<k8s::api::authorization::v1::SelfSubjectAccessReview>,
        add::<k8s::api::authorization::v1::SelfSubjectRulesReview>,
        add::<k8s::api::authorization::v1::SubjectAccessReview>,
        add::<k8s::api::autoscaling::v1::HorizontalPodAutoscaler>,
        add::<k8s::api::autoscaling::v1::Scale>,
        add::<k8s::api::autoscaling::v2::HorizontalPodAutoscaler>,
        add::<k8s::api::batch::v1::CronJob>,
        add::<k8s::api::batch::v1::Job>,
        add::<k8s::api::certificates::v1::CertificateSigningRequest>,
        add::<k8s::api::coordination::v1::Lease>,
        add::<k8s::api::core::v1::Binding>,
        add::<k8s::api::core::v1::ComponentStatus>,
        add::<k8s::api::core::v1::ConfigMap>,
        add::<k8s::api::core::v1::Endpoints>,
        add::<k8s::api::core::v1::Event>,
        add::<k8s::api::core::v1::LimitRange>,
        add::<k8s::api::core::v1::Namespace>,
        add::<k8s::api::core::v1::Node>,
        add::<k8s::api::core::v1::PersistentVolume>,
        add::<k8s::api::core::v1::Pod>,
        add::<k8s::api::core::v1::PodTemplate>,
        add::<k8s::api::core::v1::ReplicationController>,
        add::<k8s::api::core::v1::ResourceQuota>,
        add::<k8s::api::core::v1::Secret>,
        add::<k8s::api::core::v1::Service>,
        add::<k8s::api::core::v1::ServiceAccount>,
        add::<k8s::api::discovery::v1::EndpointSlice>,
        add::<k8s::api::events::v1::Event>,
        add::<k8s::api::flowcontrol::v1::FlowSchema>,
        add::<k8s::api::flowcontrol::v1::PriorityLevelConfiguration>,
        add::<k8s::api::networking::v1::IPAddress>,
        add::<k8s::api::networking::v1::Ingress>,
        add::<k8s::api::networking::v1::IngressClass>,
        add::<k8s::api::networking::v1::NetworkPolicy>,
        add::<k8s::api::networking::v1::ServiceCIDR>,
        add::<k8s::api::node::v1::RuntimeClass>,
        add::<k8s::api::policy::v1::Eviction>,
        add::<k8s::api::policy::v1::PodDisruptionBudget>,
        add::<k8s::api::rbac::v1::ClusterRole>,
        add::<k8s::api::rbac::v1::ClusterRoleBinding>,
        add::<k8s::api::rbac::v1::Role>,
        add::<k8s::api::rbac::v1::RoleBinding>,
        add::<k8s::api::resource::v1::DeviceClass>,
        add::<k8s::api::resource::v1::ResourceClaim>,
        add::<k8s::api::resource::v1::ResourceClaimTemplate>,
        add::<k8s::api::resource::v1::ResourceSlice>,
        add::<k8s::api::scheduling::v1::PriorityClass>,
        add::<k8s::api::storage::v1::CSIDriver>,
        add::<k8s::api::storage::v1::CSINode>,
        add::<k8s::api::storage::v1::CSIStorageCapacity>,
        add::<k8s::api::storage::v1::StorageClass>,
        add::<k8s::api::storage::v1::VolumeAttachment>,
        add::<k8s::api::storage::v1::VolumeAttributesClass>,
        add::<k8s::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition>,
        add::<k8s::kube_aggregator::pkg::apis::apiregistration::v1::APIService>,
        add::<meta::APIGroupList>,
        add::<meta::APIResourceList>,
        add::<meta::APIVersions>,
        add::<meta::DeleteOptions>,
        add::<meta::GroupResource>,
        add::<meta::Patch>,
        add::<meta::Status>,
        add::<meta::WatchEvent<k8s::apimachinery::pkg::runtime::RawExtension>>,
        add::<version::Info>,
    ]
}
