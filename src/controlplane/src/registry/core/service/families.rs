//! Which IP families a service has, and so how many cluster addresses.
//!
//! Go: pkg/registry/core/service/storage/alloc.go initIPFamilyFields

use api::core::service::{facts, families as rules};
use apimachinery::{
    runtime::object::Object,
    validation::field::{BadValue, Error, ErrorList, Path},
};
use apiserver::registry::rest::Result;
use serde_json::{Value, json};

use crate::registry::core::service::invalid;

const POLICY: [&str; 2] = ["spec", "ipFamilyPolicy"];
const FAMILIES: [&str; 2] = ["spec", "ipFamilies"];
const CLUSTER_IPS: [&str; 2] = ["spec", "clusterIPs"];
const SINGLE: &str = "SingleStack";

/// Completes `ipFamilyPolicy` and `ipFamilies`, or says why they cannot be. `cluster`: the families that the cluster
/// has, its default first.
pub fn init(cluster: &[&'static str], service: &mut Object, old: Option<&Object>) -> Result<()> {
    if facts::kind(service) == "ExternalName" || stays_as_it_is(service, old) {
        return Ok(());
    }
    default_policy(service, old);
    let errors = rules::validate(service, old);
    if !errors.is_empty() {
        return Err(invalid(service, errors));
    }
    let mut errors = ErrorList::new();
    if let Some(old) = old {
        shrink(&mut errors, service, old);
    }
    single_means_one(&mut errors, service);
    infer(&mut errors, cluster, service);
    if !errors.is_empty() {
        return Err(invalid(service, errors));
    }
    if facts::is_headless(service) && facts::spec(service).len("selector") == 0 {
        headless_without_selector(cluster, service);
        return Ok(());
    }
    configured(&mut errors, cluster, service);
    if !errors.is_empty() {
        return Err(invalid(service, errors));
    }
    let mut families = families(service);
    if families.is_empty() {
        families.push(cluster[0].to_owned());
    }
    if service.str(&POLICY) != SINGLE
        && families.len() == 1
        && let Some(other) = cluster.iter().find(|family| **family != families[0])
    {
        families.push((*other).to_owned());
    }
    service.set(&FAMILIES, json!(families));
    Ok(())
}

fn families(service: &Object) -> Vec<String> {
    facts::spec(service).texts("ipFamilies").into_iter().map(str::to_owned).collect()
}

/// A service that prefers two families does not get or lose one because the cluster did.
///
/// Go: isMatchingPreferDualStackClusterIPFields
fn stays_as_it_is(service: &Object, old: Option<&Object>) -> bool {
    let Some(old) = old else { return false };
    let same = |path: &[&str]| service.get(path) == old.get(path);
    facts::kind(service) == facts::kind(old)
        && facts::needs_cluster_ip(service)
        && old.str(&POLICY) == "PreferDualStack"
        && same(&POLICY)
        && same(&CLUSTER_IPS)
        && same(&["spec", "clusterIP"])
        && same(&FAMILIES)
}

/// What a client does not say stays as it was; a new service has one family, unless nobody gives it addresses.
fn default_policy(service: &mut Object, old: Option<&Object>) {
    if !service.str(&POLICY).is_empty() || service.get(&POLICY).is_some_and(|policy| !policy.is_null()) {
        return;
    }
    let before = old.map(|old| old.str(&POLICY)).filter(|policy| !policy.is_empty()).map(str::to_owned);
    let headless = service.str(&["spec", "clusterIP"]) == "None" && facts::spec(service).len("selector") == 0;
    let policy = before.unwrap_or_else(|| if headless { "RequireDualStack" } else { SINGLE }.to_owned());
    service.set(&POLICY, policy);
}

/// One family less is meant where the policy says so, and a mistake elsewhere.
fn shrink(errors: &mut ErrorList, service: &mut Object, old: &Object) {
    let list = |object: &Object, field: &str| -> Vec<String> {
        facts::spec(object).texts(field).into_iter().map(str::to_owned).collect()
    };
    let single = service.str(&POLICY) == SINGLE;
    for (field, what) in [("clusterIPs", "cluster IP"), ("ipFamilies", "IP family")] {
        let (new, before) = (list(service, field), list(old, field));
        if single && new == before && new.len() > 1 {
            service.set(&["spec", field], json!([new[0]]));
        } else if !single && new.len() == 1 && before.len() == 2 && new[0] == before[0] {
            let text = format!("must be '{SINGLE}' to release the secondary {what}");
            errors.push(Error::invalid(&policy_path(), shown(service, &POLICY), text));
        }
    }
}

fn policy_path() -> Path {
    Path::new("spec").child("ipFamilyPolicy")
}

fn shown(service: &Object, path: &[&str]) -> BadValue {
    BadValue::Value(service.get(path).cloned().unwrap_or_default())
}

fn single_means_one(errors: &mut ErrorList, service: &Object) {
    if service.str(&POLICY) != SINGLE {
        return;
    }
    for (field, what) in [("clusterIPs", "cluster IPs"), ("ipFamilies", "IP families")] {
        if facts::spec(service).len(field) == 2 {
            let text = format!("must be 'RequireDualStack' or 'PreferDualStack' when multiple {what} are specified");
            errors.push(Error::invalid(&policy_path(), SINGLE, text));
        }
    }
}

/// Addresses that a client names tell their families.
fn infer(errors: &mut ErrorList, cluster: &[&'static str], service: &mut Object) {
    let mut known = families(service);
    let addresses: Vec<String> = facts::cluster_ips(service).into_iter().map(str::to_owned).collect();
    for (index, address) in addresses.iter().enumerate().skip(known.len()) {
        let Some(family) = rules::family_of(address) else { break };
        if cluster.contains(&family) {
            known.push(family.to_owned());
        } else {
            let path = Path::new("spec").child("clusterIPs").index(index);
            let text = format!("{family} is not configured on this cluster");
            errors.push(Error::invalid(&path, shown(service, &CLUSTER_IPS), text));
        }
    }
    if !known.is_empty() {
        service.set(&FAMILIES, json!(known));
    }
}

/// Nobody gives it addresses, so that it may have families that the cluster does not.
fn headless_without_selector(cluster: &[&'static str], service: &mut Object) {
    let mut families = families(service);
    if families.is_empty() {
        families.push(cluster[0].to_owned());
    }
    if families.len() < 2 && service.str(&POLICY) != SINGLE {
        families.push(if families[0] == "IPv4" { "IPv6" } else { "IPv4" }.to_owned());
    }
    service.set(&FAMILIES, json!(families));
}

fn configured(errors: &mut ErrorList, cluster: &[&'static str], service: &Object) {
    if service.str(&POLICY) == "RequireDualStack" && cluster.len() < 2 {
        let text = "this cluster is not configured for dual-stack services";
        errors.push(Error::invalid(&policy_path(), shown(service, &POLICY), text));
    }
    for family in facts::spec(service).items("ipFamilies") {
        if !cluster.contains(&family.as_str()) {
            errors.push(Error::invalid(&family.path, Value::from(family.as_str()), "not configured on this cluster"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(spec: Value) -> Object {
        Object::from_value(json!({"metadata": {"name": "a"}, "spec": spec})).expect("object")
    }

    #[test]
    fn a_service_gets_the_families_that_its_policy_asks_for() {
        let mut plain = service(json!({"type": "ClusterIP"}));
        init(&["IPv4", "IPv6"], &mut plain, None).expect("fits");
        assert_eq!((families(&plain), plain.str(&POLICY)), (vec!["IPv4".to_owned()], SINGLE));
        let mut dual = service(json!({"type": "ClusterIP", "ipFamilyPolicy": "PreferDualStack"}));
        init(&["IPv6", "IPv4"], &mut dual, None).expect("fits");
        assert_eq!(families(&dual), ["IPv6", "IPv4"]);
        let mut required = service(json!({"type": "ClusterIP", "ipFamilyPolicy": "RequireDualStack"}));
        let error = init(&["IPv4"], &mut required, None).expect_err("one family only");
        assert!(error.message.ends_with("this cluster is not configured for dual-stack services"), "{error}");
    }
}
