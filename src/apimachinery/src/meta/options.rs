//! The options of requests: read from the query, or from the body of a deletion, and validated.
//!
//! Reading fails with 400, validation with 422 on the kind of the options.
//!
//! Go: apimachinery/pkg/apis/meta/v1/{types,conversion}.go, .../v1/validation/validation.go,
//! .../internalversion/{defaults.go,validation/validation.go}

use crate::{
    api::errors::StatusError,
    fields,
    labels::{parser, selector},
    meta::{query::Query, validation::validate_field_manager},
    runtime::{
        object::{self, Object},
        schema::GroupKind,
    },
    validation::field::{BadValue, Error, ErrorList, Path},
};

/// What is written when a patch is applied.
///
/// Go: apimachinery/pkg/types/patch.go
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PatchType {
    /// RFC 6902.
    Json,
    /// RFC 7386.
    Merge,
    /// Kubernetes' own, by merge keys.
    StrategicMerge,
    /// Server-side apply.
    ApplyYaml,
}

impl PatchType {
    /// All of them, in the order in which Kubernetes lists them.
    pub const ALL: [Self; 4] = [Self::Json, Self::Merge, Self::StrategicMerge, Self::ApplyYaml];

    /// Returns the media type of such a body.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json-patch+json",
            Self::Merge => "application/merge-patch+json",
            Self::StrategicMerge => "application/strategic-merge-patch+json",
            Self::ApplyYaml => "application/apply-patch+yaml",
        }
    }

    /// Returns the patch of a media type without its parameters.
    pub fn of(media_type: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|patch| patch.media_type() == media_type)
    }
}

/// What is done with fields that nobody knows and fields that stand there twice.
///
/// Go: apiserver/pkg/endpoints/handlers/rest.go fieldValidation
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldValidation {
    /// They are dropped.
    Ignore,
    /// They are dropped with a warning.
    #[default]
    Warn,
    /// The request is refused.
    Strict,
}

/// The options of create and update.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriteOptions {
    /// `All`, or empty.
    pub dry_run: Vec<String>,
    /// Who writes; empty: the user agent.
    pub field_manager: String,
    /// As it was given; empty means `Warn`.
    pub field_validation: String,
}

impl WriteOptions {
    fn decode(query: Query<'_>) -> Self {
        Self {
            dry_run: query.all("dryRun"),
            field_manager: query.string("fieldManager"),
            field_validation: query.string("fieldValidation"),
        }
    }

    /// Says whether nothing is to be stored.
    pub fn is_dry_run(&self) -> bool {
        !self.dry_run.is_empty()
    }

    /// Returns what is done with fields that nobody knows.
    pub fn field_validation(&self) -> FieldValidation {
        match self.field_validation.as_str() {
            "Ignore" => FieldValidation::Ignore,
            "Strict" => FieldValidation::Strict,
            _ => FieldValidation::Warn,
        }
    }

    fn errors(&self) -> ErrorList {
        let mut errors = validate_field_manager(&self.field_manager, &Path::new("fieldManager"));
        errors.extend(validate_dry_run(&self.dry_run));
        let supported = ["", "Ignore", "Strict", "Warn"];
        if !supported.contains(&self.field_validation.as_str()) {
            let path = Path::new("fieldValidation");
            errors.push(Error::not_supported(&path, self.field_validation.as_str(), &supported));
        }
        errors
    }
}

/// Go: metav1.CreateOptions
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreateOptions(pub WriteOptions);

impl CreateOptions {
    /// Reads and validates the query. Go: ValidateCreateOptions
    pub fn decode(query: Query<'_>) -> Result<Self, StatusError> {
        let options = WriteOptions::decode(query);
        invalid("CreateOptions", options.errors())?;
        Ok(Self(options))
    }
}

/// Go: metav1.UpdateOptions
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpdateOptions(pub WriteOptions);

impl UpdateOptions {
    /// Reads and validates the query. Go: ValidateUpdateOptions
    pub fn decode(query: Query<'_>) -> Result<Self, StatusError> {
        let options = WriteOptions::decode(query);
        invalid("UpdateOptions", options.errors())?;
        Ok(Self(options))
    }
}

/// Go: metav1.PatchOptions
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PatchOptions {
    /// What it shares with the others.
    pub write: WriteOptions,
    /// Whether an apply takes over the fields of others.
    pub force: Option<bool>,
}

impl PatchOptions {
    /// Reads and validates the query. Go: ValidatePatchOptions
    pub fn decode(query: Query<'_>, patch: PatchType) -> Result<Self, StatusError> {
        let options = Self { write: WriteOptions::decode(query), force: query.optional_bool("force") };
        let mut errors = ErrorList::new();
        if patch != PatchType::ApplyYaml {
            if options.force.is_some() {
                errors.push(Error::forbidden(&Path::new("force"), "may not be specified for non-apply patch"));
            }
        } else if options.write.field_manager.is_empty() {
            errors.push(Error::required(&Path::new("fieldManager"), "is required for apply patch"));
        }
        errors.extend(options.write.errors());
        invalid("PatchOptions", errors)?;
        Ok(options)
    }
}

/// What must be true of an object that is deleted or replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preconditions {
    /// Its uid.
    pub uid: Option<String>,
    /// Its version.
    pub resource_version: Option<String>,
}

/// Go: metav1.DeleteOptions
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    /// How long the object may take to end; absent: as long as its kind has it.
    pub grace_period_seconds: Option<i64>,
    /// What must be true of the object.
    pub preconditions: Preconditions,
    /// The older form of the policy.
    pub orphan_dependents: Option<bool>,
    /// `Orphan`, `Background` or `Foreground`.
    pub propagation_policy: Option<String>,
    /// `All`, or empty.
    pub dry_run: Vec<String>,
    /// Whether to delete what cannot be read.
    pub ignore_store_read_error: Option<bool>,
}

impl DeleteOptions {
    /// Reads the query, which counts only if there is no body.
    ///
    /// Go: Convert_url_Values_To_v1_DeleteOptions
    pub fn decode(query: Query<'_>) -> Result<Self, StatusError> {
        let given = |name: &str| query.first(name).filter(|value| !value.is_empty()).map(str::to_owned);
        Ok(Self {
            grace_period_seconds: query.int64("gracePeriodSeconds")?,
            preconditions: Preconditions { uid: given("uid"), resource_version: given("resourceVersion") },
            orphan_dependents: query.optional_bool("orphanDependents"),
            propagation_policy: query.first("propagationPolicy").map(str::to_owned),
            dry_run: query.all("dryRun"),
            ignore_store_read_error: query.optional_bool("ignoreStoreReadErrorWithClusterBreakingPotential"),
        })
    }

    /// Reads a body that was decoded as `DeleteOptions`.
    pub fn from_object(body: &Object) -> Self {
        let bool_at = |name: &str| body.get(&[name]).and_then(serde_json::Value::as_bool);
        let text = |path: &[&str]| body.get(path).and_then(serde_json::Value::as_str).map(str::to_owned);
        Self {
            grace_period_seconds: body.get(&["gracePeriodSeconds"]).and_then(serde_json::Value::as_i64),
            preconditions: Preconditions {
                uid: text(&["preconditions", "uid"]),
                resource_version: text(&["preconditions", "resourceVersion"]),
            },
            orphan_dependents: bool_at("orphanDependents"),
            propagation_policy: text(&["propagationPolicy"]),
            dry_run: object::strings(body.get(&["dryRun"])).into_iter().map(str::to_owned).collect(),
            ignore_store_read_error: bool_at("ignoreStoreReadErrorWithClusterBreakingPotential"),
        }
    }

    /// Says whether nothing is to be deleted.
    pub fn is_dry_run(&self) -> bool {
        !self.dry_run.is_empty()
    }

    /// Go: ValidateDeleteOptions
    pub fn validate(&self) -> Result<(), StatusError> {
        let mut errors = ErrorList::new();
        let path = Path::new("propagationPolicy");
        if let Some(policy) = self.propagation_policy.as_deref() {
            if self.orphan_dependents.is_some() {
                let detail = "orphanDependents and deletionPropagation cannot be both set";
                errors.push(Error::invalid(&path, policy, detail));
            }
            let supported = ["Foreground", "Background", "Orphan", "nil"];
            if !supported[..3].contains(&policy) {
                errors.push(Error::not_supported(&path, policy, &supported));
            }
        }
        errors.extend(validate_dry_run(&self.dry_run));
        if self.ignore_store_read_error == Some(true) {
            errors.extend(self.errors_beside_ignore());
        }
        invalid("DeleteOptions", errors)
    }

    /// Whoever deletes what cannot be read can ask for nothing else.
    ///
    /// Go: ValidateIgnoreStoreReadError
    fn errors_beside_ignore(&self) -> impl Iterator<Item = Error> {
        let others = [
            (!self.dry_run.is_empty(), "dryRun"),
            (self.propagation_policy.is_some(), "propagationPolicy"),
            (self.orphan_dependents.is_some(), "orphanDependents"),
            (self.grace_period_seconds.is_some(), "gracePeriodSeconds"),
            (self.preconditions != Preconditions::default(), "preconditions"),
        ];
        let path = Path::new("ignoreStoreReadErrorWithClusterBreakingPotential");
        let given = others.into_iter().filter(|(given, _)| *given);
        given.map(move |(_, name)| Error::invalid(&path, true, format!("cannot be set together with .{name}")))
    }
}

/// Go: metav1.GetOptions
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GetOptions {
    /// Empty: the newest version; else one at least as new.
    pub resource_version: String,
}

impl GetOptions {
    /// Reads the query.
    pub fn decode(query: Query<'_>) -> Self {
        Self { resource_version: query.string("resourceVersion") }
    }
}

/// Go: internalversion.ListOptions
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListOptions {
    /// Which labels.
    pub label_selector: selector::Selector,
    /// Which fields, as the client named them.
    pub field_selector: fields::Selector,
    /// Whether to watch instead of listing.
    pub watch: bool,
    /// Whether bookmarks are welcome.
    pub allow_watch_bookmarks: bool,
    /// Which version.
    pub resource_version: String,
    /// `Exact`, `NotOlderThan`, or empty.
    pub resource_version_match: String,
    /// When the answer must be complete, or the watch over.
    pub timeout_seconds: Option<i64>,
    /// How many objects at most; 0: all.
    pub limit: i64,
    /// Where to go on.
    pub continue_token: String,
    /// Whether a watch begins with what there is.
    pub send_initial_events: Option<bool>,
}

/// Go: metav1.ResourceVersionMatchNotOlderThan
pub const NOT_OLDER_THAN: &str = "NotOlderThan";
/// Go: metav1.ResourceVersionMatchExact
pub const EXACT: &str = "Exact";

impl ListOptions {
    /// Reads the query.
    pub fn decode(query: Query<'_>) -> Result<Self, StatusError> {
        let bad = |error: &dyn std::fmt::Display| StatusError::new_bad_request(error.to_string());
        Ok(Self {
            timeout_seconds: query.int64("timeoutSeconds")?,
            limit: query.int64("limit")?.unwrap_or_default(),
            label_selector: parser::parse(&query.string("labelSelector")).map_err(|error| bad(&error))?,
            field_selector: fields::Selector::parse(&query.string("fieldSelector")).map_err(|error| bad(&error))?,
            watch: query.bool("watch"),
            allow_watch_bookmarks: query.bool("allowWatchBookmarks"),
            resource_version: query.string("resourceVersion"),
            resource_version_match: query.string("resourceVersionMatch"),
            continue_token: query.string("continue"),
            send_initial_events: query.optional_bool("sendInitialEvents"),
        })
    }

    /// A watch from no version in particular begins with what there is.
    ///
    /// Go: SetListOptionsDefaults
    pub fn set_defaults(&mut self) {
        let undecided = self.send_initial_events.is_none() && self.resource_version_match.is_empty();
        if self.watch && undecided && matches!(self.resource_version.as_str(), "" | "0") {
            self.send_initial_events = Some(true);
            NOT_OLDER_THAN.clone_into(&mut self.resource_version_match);
        }
    }

    /// Go: ValidateListOptions
    pub fn validate(&self) -> Result<(), StatusError> {
        invalid("ListOptions", if self.watch { self.watch_errors() } else { self.list_errors() })
    }

    fn list_errors(&self) -> ErrorList {
        let mut errors = ErrorList::new();
        let path = Path::new("resourceVersionMatch");
        let version_match = self.resource_version_match.as_str();
        if !version_match.is_empty() {
            if self.resource_version.is_empty() {
                let detail = "resourceVersionMatch is forbidden unless resourceVersion is provided";
                errors.push(Error::forbidden(&path, detail));
            }
            errors.extend(self.continue_error(&path));
            if ![EXACT, NOT_OLDER_THAN].contains(&version_match) {
                errors.push(Error::not_supported(&path, version_match, &[EXACT, NOT_OLDER_THAN, ""]));
            }
            if version_match == EXACT && self.resource_version == "0" {
                let detail = "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"";
                errors.push(Error::forbidden(&path, detail));
            }
        }
        if self.send_initial_events.is_some() {
            let path = Path::new("sendInitialEvents");
            errors.push(Error::forbidden(&path, "sendInitialEvents is forbidden for list"));
        }
        errors
    }

    fn watch_errors(&self) -> ErrorList {
        let mut errors = ErrorList::new();
        let path = Path::new("resourceVersionMatch");
        let version_match = self.resource_version_match.as_str();
        if self.send_initial_events.is_some() && version_match != NOT_OLDER_THAN {
            let detail = format!("sendInitialEvents requires setting resourceVersionMatch to {NOT_OLDER_THAN}");
            errors.push(Error::forbidden(&path, detail));
        }
        if !version_match.is_empty() {
            if self.send_initial_events.is_none() {
                let detail = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
                errors.push(Error::forbidden(&path, detail));
            }
            if version_match != NOT_OLDER_THAN {
                errors.push(Error::not_supported(&path, version_match, &[NOT_OLDER_THAN]));
            }
            errors.extend(self.continue_error(&path));
        }
        errors
    }

    fn continue_error(&self, path: &Path) -> Option<Error> {
        let detail = "resourceVersionMatch is forbidden when continue is provided";
        (!self.continue_token.is_empty()).then(|| Error::forbidden(path, detail))
    }
}

/// Go: ValidateDryRun
pub fn validate_dry_run(dry_run: &[String]) -> Option<Error> {
    let unsupported = dry_run.iter().any(|value| value != "All");
    let shown = || BadValue::from(dry_run.to_vec());
    unsupported.then(|| Error::not_supported(&Path::new("dryRun"), shown(), &["All"]))
}

fn invalid(kind: &str, errors: ErrorList) -> Result<(), StatusError> {
    if errors.is_empty() {
        return Ok(());
    }
    Err(StatusError::new_invalid(&GroupKind::new("meta.k8s.io", kind), "", errors))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pairs(query: &str) -> Vec<(String, String)> {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    fn message<T: std::fmt::Debug>(result: Result<T, StatusError>) -> String {
        let error = result.expect_err("must be refused");
        format!("{} {}", error.code, error.message)
    }

    fn list(query: &str) -> Result<(), StatusError> {
        let mut options = ListOptions::decode(Query(&pairs(query)))?;
        options.set_defaults();
        options.validate()
    }

    #[test]
    fn writes_are_validated() {
        let create = |query: &str| CreateOptions::decode(Query(&pairs(query)));
        let options = create("dryRun=All&dryRun=All&fieldManager=m&fieldValidation=Strict").expect("valid").0;
        assert!(options.is_dry_run() && options.field_validation() == FieldValidation::Strict);
        let cases = [
            (
                "dryRun=",
                r#"422 CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: [""]: supported values: "All""#,
            ),
            (
                "dryRun=All&dryRun=x",
                r#"422 CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["All","x"]: supported values: "All""#,
            ),
            (
                "fieldValidation=Odd",
                r#"422 CreateOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: "Odd": supported values: "", "Ignore", "Strict", "Warn""#,
            ),
            (
                "fieldManager=new\nline",
                r#"422 CreateOptions.meta.k8s.io "" is invalid: fieldManager: Invalid value: "new\nline": invalid character U+000A (at position 3)"#,
            ),
        ];
        for (query, text) in cases {
            assert_eq!(message(create(query)), text);
        }
    }

    #[test]
    fn an_apply_must_say_who_it_is() {
        let patch = |query: &str, patch| PatchOptions::decode(Query(&pairs(query)), patch);
        let text =
            r#"422 PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch"#;
        assert_eq!(message(patch("", PatchType::ApplyYaml)), text);
        let text =
            r#"422 PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch"#;
        assert_eq!(message(patch("force=false", PatchType::Json)), text);
        assert_eq!(patch("force=true&fieldManager=m", PatchType::ApplyYaml).expect("valid").force, Some(true));
        assert_eq!(PatchType::of("application/merge-patch+json"), Some(PatchType::Merge));
    }

    #[test]
    fn deletions_are_read_from_query_or_body() {
        let body = json!({"gracePeriodSeconds": 5, "propagationPolicy": "Orphan", "dryRun": ["All"],
            "preconditions": {"uid": "u"}});
        let query = "gracePeriodSeconds=5&propagationPolicy=Orphan&dryRun=All&uid=u&resourceVersion=";
        let options = DeleteOptions::decode(Query(&pairs(query))).expect("valid");
        assert_eq!(options, DeleteOptions::from_object(&Object::from_value(body).expect("object")));
        assert_eq!(options.validate(), Ok(()));
        let text = "400 strconv.ParseInt: parsing \"None\": invalid syntax";
        assert_eq!(message(DeleteOptions::decode(Query(&pairs("gracePeriodSeconds=None")))), text);
        let options = DeleteOptions { propagation_policy: Some("Other".into()), ..DeleteOptions::default() };
        let text = r#"422 DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "Other": supported values: "Foreground", "Background", "Orphan", "nil""#;
        assert_eq!(message(options.validate()), text);
        let options = DeleteOptions {
            ignore_store_read_error: Some(true),
            grace_period_seconds: Some(0),
            ..DeleteOptions::default()
        };
        let text = r#"422 DeleteOptions.meta.k8s.io "" is invalid: ignoreStoreReadErrorWithClusterBreakingPotential: Invalid value: true: cannot be set together with .gracePeriodSeconds"#;
        assert_eq!(message(options.validate()), text);
    }

    #[test]
    fn lists_and_watches_are_validated() {
        let refused = |text: &str| format!("422 ListOptions.meta.k8s.io \"\" is invalid: {text}");
        let cases = [
            (
                "resourceVersion=0&resourceVersionMatch=Exact",
                "resourceVersionMatch: Forbidden: resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
            ),
            (
                "resourceVersion=&resourceVersionMatch=Exact",
                "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided",
            ),
            (
                "resourceVersion=5&resourceVersionMatch=Newest",
                "resourceVersionMatch: Unsupported value: \"Newest\": supported values: \"Exact\", \"NotOlderThan\", \"\"",
            ),
            ("sendInitialEvents=true", "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list"),
            (
                "watch=1&sendInitialEvents=true",
                "resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
            ),
            (
                "watch=1&sendInitialEvents=true&resourceVersionMatch=Exact",
                "[resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan, resourceVersionMatch: Unsupported value: \"Exact\": supported values: \"NotOlderThan\"]",
            ),
        ];
        for (query, text) in cases {
            assert_eq!(message(list(query)), refused(text), "{query}");
        }
        for query in [
            "",
            "watch=1",
            "watch=1&resourceVersion=7",
            "limit=5&continue=x",
            "resourceVersion=5&resourceVersionMatch=Exact",
        ] {
            assert_eq!(list(query), Ok(()), "{query}");
        }
        assert_eq!(message(list("timeoutSeconds=x")), "400 strconv.ParseInt: parsing \"x\": invalid syntax");
        assert_eq!(message(list("labelSelector=n in")), "400 unable to parse requirement: found '' expected: '('");
        assert_eq!(message(list("fieldSelector=a")), "400 invalid selector: 'a'; can't understand 'a'");
    }

    #[test]
    fn a_watch_from_nowhere_begins_with_what_there_is() {
        let mut options = ListOptions { watch: true, resource_version: "0".into(), ..ListOptions::default() };
        options.set_defaults();
        assert_eq!(
            (options.send_initial_events, options.resource_version_match.as_str()),
            (Some(true), NOT_OLDER_THAN)
        );
        let mut options = ListOptions { watch: true, resource_version: "5".into(), ..ListOptions::default() };
        options.set_defaults();
        assert_eq!(options.send_initial_events, None);
    }
}
