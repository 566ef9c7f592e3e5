//! Rules that several kinds share.
//!
//! Each takes the [`Node`] it is about and adds to a list of errors. What belongs to one kind stands with that kind.
//!
//! Go: pkg/apis/core/validation/validation.go, pkg/apis/core/helper/helpers.go

use apimachinery::{
    api::{
        resource::Quantity,
        validation::{
            name::{NameUsage, ValidateNameFunc, name_is_dns_subdomain},
            object_meta::validate_annotations,
        },
    },
    meta::{label_selector::LabelSelector, object_meta::ObjectMeta, validation as meta},
    util::{ip, strconv, validation},
    validation::field::{BadValue, Error, ErrorList, Path},
};
use serde_json::Value;

use crate::{node::Node, rules};

/// What a field says that may not change.
pub const FIELD_IMMUTABLE: &str = "field is immutable";
/// What a number says that may not be negative.
pub const NOT_NEGATIVE: &str = "must be greater than or equal to 0";

/// Adds an error for each sentence about a value.
pub fn each(errors: &mut ErrorList, node: &Node<'_>, sentences: Vec<String>) {
    errors.extend(sentences.into_iter().map(|sentence| node.invalid(sentence)));
}

/// Adds an error for each sentence about a map's key.
pub fn each_key(errors: &mut ErrorList, node: &Node<'_>, key: &str, sentences: Vec<String>) {
    errors.extend(sentences.into_iter().map(|sentence| Error::invalid(&node.path, key, sentence)));
}

/// Refuses a change. Go: ValidateImmutableField
pub fn immutable(errors: &mut ErrorList, new: &Node<'_>, old: &Node<'_>) {
    if !rules::same(new.value, old.value) {
        errors.push(Error::invalid(&new.path, new.shown(), FIELD_IMMUTABLE));
    }
}

/// Refuses a negative number. Go: ValidateNonnegativeField
pub fn not_negative(errors: &mut ErrorList, node: &Node<'_>) {
    if node.as_int() < 0 {
        errors.push(node.invalid(NOT_NEGATIVE));
    }
}

/// Refuses a number that is no positive one. Go: ValidatePositiveField
pub fn positive(errors: &mut ErrorList, node: &Node<'_>) {
    if node.as_int() <= 0 {
        errors.push(node.invalid("must be greater than 0"));
    }
}

/// Requires one of an enumeration; an empty value is missing.
pub fn one_of(errors: &mut ErrorList, node: &Node<'_>, supported: &[&str]) {
    if node.as_str().is_empty() {
        errors.push(node.required(""));
    } else {
        one_of_or_empty(errors, node, supported);
    }
}

/// Refuses what is none of an enumeration, the empty value, too, if it is not listed.
pub fn supported(errors: &mut ErrorList, node: &Node<'_>, supported: &[&str]) {
    if !supported.contains(&node.as_str()) {
        errors.push(node.not_supported(supported));
    }
}

/// Refuses what is neither empty nor of an enumeration.
pub fn one_of_or_empty(errors: &mut ErrorList, node: &Node<'_>, values: &[&str]) {
    if !node.as_str().is_empty() {
        supported(errors, node, values);
    }
}

/// Requires a name of the usual form. Go: ValidateDNS1123Subdomain
pub fn dns_subdomain(errors: &mut ErrorList, node: &Node<'_>) {
    each(errors, node, validation::is_dns1123_subdomain(node.as_str()));
}

/// Requires a name without dots. Go: ValidateDNS1123Label
pub fn dns_label(errors: &mut ErrorList, node: &Node<'_>) {
    each(errors, node, validation::is_dns1123_label(node.as_str()));
}

/// Requires a name that is also a host name of old. Go: ValidateDNS1035Label
pub fn dns1035_label(errors: &mut ErrorList, node: &Node<'_>) {
    each(errors, node, validation::is_dns1035_label(node.as_str()));
}

/// Requires `name` or `prefix/name`. Go: ValidateQualifiedName
pub fn qualified_name(errors: &mut ErrorList, node: &Node<'_>) {
    each(errors, node, validation::is_qualified_name(node.as_str()));
}

/// Requires a name of some kind of object.
pub fn named(errors: &mut ErrorList, node: &Node<'_>, name: ValidateNameFunc) {
    each(errors, node, name(node.as_str(), NameUsage::Whole));
}

/// Requires a port number.
pub fn port_number(errors: &mut ErrorList, node: &Node<'_>) {
    each(errors, node, validation::is_valid_port_num(node.as_int()));
}

/// Requires a port by number or name. Go: ValidatePortNumOrName
pub fn port_number_or_name(errors: &mut ErrorList, node: &Node<'_>) {
    if let Some(Value::String(name)) = node.value {
        return each(errors, node, validation::is_valid_port_name(name));
    }
    let sentences = validation::is_valid_port_num(node.as_int());
    errors.extend(sentences.into_iter().map(|text| Error::invalid(&node.path, node.as_int(), text)));
}

/// Checks the keys and values of a map of labels. Go: ValidateLabels
pub fn labels(errors: &mut ErrorList, node: &Node<'_>) {
    let entries = node.value.and_then(Value::as_object).into_iter().flatten();
    errors.extend(meta::validate_labels(
        entries.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?))),
        &node.path,
    ));
}

/// Checks a label selector; its invalid values are always refused.
pub fn label_selector(errors: &mut ErrorList, node: &Node<'_>) {
    let options = meta::LabelSelectorOptions { allow_invalid_label_value: false, ..Default::default() };
    errors.extend(meta::validate_label_selector(LabelSelector::new(node.value), options, &node.path));
}

/// Requires an address that means the same to everyone. Go: ValidateNonSpecialIP
pub fn non_special_ip(errors: &mut ErrorList, node: &Node<'_>) {
    match ip::parse_ip_sloppy(node.as_str()) {
        None => errors.push(Error::invalid(&node.path, node.as_str(), "must be a valid IP address")),
        Some(address) => errors.extend(ip::special_ip(address).map(|text| node.invalid(text))),
    }
}

/// Refuses a negative quantity. Go: ValidateNonnegativeQuantity
pub fn quantity_not_negative(errors: &mut ErrorList, node: &Node<'_>) {
    if node.as_quantity().is_some_and(|quantity| quantity.sign() < 0) {
        errors.push(node.invalid(NOT_NEGATIVE));
    }
}

/// Refuses a quantity that is no positive one. Go: ValidatePositiveQuantityValue
pub fn quantity_positive(errors: &mut ErrorList, node: &Node<'_>) {
    if node.as_quantity().is_some_and(|quantity| quantity.sign() <= 0) {
        errors.push(node.invalid("must be greater than zero"));
    }
}

/// Checks the amount of a resource. Go: ValidateResourceQuantityValue
pub fn resource_quantity(errors: &mut ErrorList, resource: &str, node: &Node<'_>) {
    quantity_not_negative(errors, node);
    if is_integer_resource(resource) && node.as_quantity().is_some_and(|quantity| quantity.milli_value() % 1000 != 0) {
        errors.push(node.invalid("must be an integer"));
    }
}

/// Says whether two quantities are the same amount.
pub fn less(a: Quantity, b: Quantity) -> bool {
    a.minus(b).sign() < 0
}

/// Refuses what two fields say of one thing. The value is shown as Go's struct, its fields given by [`go_struct`].
pub fn duplicate_struct(node: &Node<'_>, fields: &str) -> Error {
    Error::duplicate(&node.path, go_struct(node.value, fields))
}

/// Writes a value as `json.Marshal` writes a struct of an internal version: Go's names, in Go's order, nothing left out.
///
/// `fields` are Go's names; the JSON name is the same with a small first letter, unless it follows a colon. A mark says
/// what is written where there is none: `?` null, `#` 0, `!` false, none the empty string.
pub fn go_struct(value: Option<&Value>, fields: &str) -> BadValue {
    let Some(value) = value.filter(|value| !value.is_null()) else { return BadValue::Value(Value::Null) };
    let mut parts = Vec::new();
    for word in fields.split_whitespace() {
        let (names, zero) = match word.as_bytes()[word.len() - 1] {
            b'?' => (&word[..word.len() - 1], Value::Null),
            b'#' => (&word[..word.len() - 1], Value::from(0)),
            b'!' => (&word[..word.len() - 1], Value::Bool(false)),
            _ => (word, Value::from("")),
        };
        let (go, json) = match names.split_once(':') {
            Some((go, json)) => (go, json.to_owned()),
            None => (names, names[..1].to_ascii_lowercase() + &names[1..]),
        };
        let field = value.get(&json).unwrap_or(&zero);
        parts.push(format!("\"{go}\":{}", strconv::marshal(field)));
    }
    BadValue::Text(format!("{{{}}}", parts.join(",")))
}

/// Says whether a name has a prefix. Go: IsNativeResource
pub fn is_native_resource(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

/// `hugepages-2Mi`. Go: IsHugePageResourceName
pub fn is_huge_page_resource(name: &str) -> bool {
    name.starts_with("hugepages-")
}

/// A resource that someone's device plugin offers. Go: IsExtendedResourceName
pub fn is_extended_resource(name: &str) -> bool {
    !is_native_resource(name)
        && !name.starts_with("requests.")
        && validation::is_qualified_name(&format!("requests.{name}")).is_empty()
}

/// Go: IsStandardContainerResourceName
pub fn is_standard_container_resource(name: &str) -> bool {
    matches!(name, "cpu" | "memory" | "ephemeral-storage") || is_huge_page_resource(name)
}

/// What is counted in whole numbers. Go: IsIntegerResourceName
pub fn is_integer_resource(name: &str) -> bool {
    const INTEGERS: [&str; 9] = [
        "pods",
        "resourcequotas",
        "services",
        "replicationcontrollers",
        "secrets",
        "configmaps",
        "persistentvolumeclaims",
        "services.nodeports",
        "services.loadbalancers",
    ];
    INTEGERS.contains(&name) || is_extended_resource(name)
}

/// Go: IsStandardQuotaResourceName
pub fn is_standard_quota_resource(name: &str) -> bool {
    const STANDARD: [&str; 19] = [
        "cpu",
        "memory",
        "ephemeral-storage",
        "requests.cpu",
        "requests.memory",
        "requests.storage",
        "requests.ephemeral-storage",
        "limits.cpu",
        "limits.memory",
        "limits.ephemeral-storage",
        "pods",
        "resourcequotas",
        "services",
        "replicationcontrollers",
        "secrets",
        "persistentvolumeclaims",
        "configmaps",
        "services.nodeports",
        "services.loadbalancers",
    ];
    STANDARD.contains(&name) || is_quota_huge_page_resource(name)
}

fn is_quota_huge_page_resource(name: &str) -> bool {
    name.starts_with("hugepages-") || name.starts_with("requests.hugepages-")
}

/// Checks the name of a resource anywhere. Go: validateResourceName
pub fn resource_name(errors: &mut ErrorList, node: &Node<'_>, name: &str) {
    let sentences = validation::is_qualified_name(name);
    if !sentences.is_empty() {
        return each_key(errors, node, name, sentences);
    }
    let standard = name == "storage" || is_standard_quota_resource(name) || is_huge_page_resource(name);
    if !name.contains('/') && !standard {
        errors.push(Error::invalid(&node.path, name, "must be a standard resource type or fully qualified"));
    }
}

/// Checks the name of a resource of a container. Go: validateContainerResourceName
pub fn container_resource_name(errors: &mut ErrorList, node: &Node<'_>, name: &str) {
    resource_name(errors, node, name);
    if !name.contains('/') {
        if !is_standard_container_resource(name) {
            errors.push(Error::invalid(&node.path, name, "must be a standard resource for containers"));
        }
    } else if !is_native_resource(name) && !is_extended_resource(name) {
        errors.push(Error::invalid(&node.path, name, "doesn't follow extended resource name standard"));
    }
}

/// Checks the metadata of what is made from a template: labels and annotations, and nothing else.
///
/// Go: ValidateTemplateObjectMeta
pub fn template_metadata(errors: &mut ErrorList, metadata: &Node<'_>) {
    let annotations = ObjectMeta::new(metadata.value);
    errors.extend(validate_annotations(annotations.annotations(), &metadata.path.child("annotations")));
    labels(errors, &metadata.child("labels"));
    for (field, value) in metadata.value.and_then(Value::as_object).into_iter().flatten() {
        // Numbers of metadata are pointers in Go, but for the generation; lists are set even where they are empty.
        let is_zero = value.is_null() || *value == "" || field == "generation" && *value == 0;
        if !matches!(field.as_str(), "labels" | "annotations") && !is_zero {
            // Go's own name, with a small letter at first.
            let name = if field == "uid" { "uID" } else { field };
            errors.push(Error::forbidden(&metadata.path.child(name), "cannot be set"));
        }
    }
}

/// Checks the items of a list of names for a form and for repetition.
pub fn unique_names(errors: &mut ErrorList, items: &[Node<'_>], check: fn(&mut ErrorList, &Node<'_>)) {
    for (index, item) in items.iter().enumerate() {
        check(errors, item);
        if items[..index].iter().any(|other| other.value == item.value) {
            errors.push(item.duplicate());
        }
    }
}

/// A name of a class and the like, of the usual form.
pub const SUBDOMAIN: ValidateNameFunc = name_is_dns_subdomain;

/// Checks a field that may be anything but empty.
pub fn required_text(errors: &mut ErrorList, node: &Node<'_>) {
    if node.as_str().is_empty() {
        errors.push(node.required(""));
    }
}

/// Checks what selects nodes. Go: ValidateNodeSelector
pub fn node_selector(errors: &mut ErrorList, node: &Node<'_>) {
    let terms = node.items("nodeSelectorTerms");
    if terms.is_empty() {
        errors.push(node.child("nodeSelectorTerms").required("must have at least one node selector term"));
    }
    for term in terms {
        node_selector_term(errors, &term);
    }
}

/// Go: ValidateNodeSelectorTerm
pub fn node_selector_term(errors: &mut ErrorList, term: &Node<'_>) {
    for requirement in term.items("matchExpressions") {
        node_selector_requirement(errors, &requirement);
    }
    for requirement in term.items("matchFields") {
        node_field_requirement(errors, &requirement);
    }
}

/// Go: ValidateNodeSelectorRequirement
fn node_selector_requirement(errors: &mut ErrorList, requirement: &Node<'_>) {
    let values = requirement.child("values");
    match requirement.text("operator") {
        "In" | "NotIn" => {
            if requirement.len("values") == 0 {
                errors.push(values.required("must be specified when `operator` is 'In' or 'NotIn'"));
            }
        }
        "Exists" | "DoesNotExist" => {
            if requirement.len("values") > 0 {
                errors.push(values.forbidden("may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
            }
        }
        "Gt" | "Lt" => {
            if requirement.len("values") != 1 {
                errors.push(values.required("must be specified single value when `operator` is 'Lt' or 'Gt'"));
            }
        }
        _ => errors.push(requirement.child("operator").invalid("not a valid selector operator")),
    }
    errors.extend(meta::validate_label_name(requirement.text("key"), &requirement.path.child("key")));
    for value in requirement.items("values") {
        each(errors, &value, validation::is_valid_label_value(value.as_str()));
    }
}

/// Go: ValidateNodeFieldSelectorRequirement
fn node_field_requirement(errors: &mut ErrorList, requirement: &Node<'_>) {
    match requirement.text("operator") {
        "In" | "NotIn" => {
            if requirement.len("values") != 1 {
                let text = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
                errors.push(requirement.child("values").required(text));
            }
        }
        _ => errors.push(requirement.child("operator").invalid("not a valid selector operator")),
    }
    if requirement.text("key") == "metadata.name" {
        for value in requirement.items("values") {
            named(errors, &value, name_is_dns_subdomain);
        }
    } else {
        errors.push(requirement.child("key").invalid("not a valid field selector key"));
    }
}

/// Returns what a client should know of a node's label that has a newer name.
///
/// Go: pkg/api/node/util.go GetNodeLabelDeprecatedMessage
pub fn node_label_deprecation(path: &Path, label: &str) -> Option<String> {
    let (since, instead) = match label {
        "beta.kubernetes.io/arch" => ("v1.14", "kubernetes.io/arch"),
        "beta.kubernetes.io/os" => ("v1.14", "kubernetes.io/os"),
        "failure-domain.beta.kubernetes.io/region" => ("v1.17", "topology.kubernetes.io/region"),
        "failure-domain.beta.kubernetes.io/zone" => ("v1.17", "topology.kubernetes.io/zone"),
        "beta.kubernetes.io/instance-type" => ("v1.17", "node.kubernetes.io/instance-type"),
        _ => return None,
    };
    Some(format!("{path}: deprecated since {since}; use \"{instead}\" instead"))
}

/// Says where an annotation stands.
pub fn annotation_path(key: &str) -> Path {
    Path::new("metadata").child("annotations").key(key)
}
