//! What a client accepts, and what it sends.
//!
//! Go: apiserver/pkg/endpoints/handlers/negotiation/{negotiate,errors}.go, munnerz/goautoneg
//!
//! Two gates stand one behind the other in kube-apiserver, and clients can tell them apart by their
//! texts: the router refuses what matches no media type of the route at all; behind it, negotiation
//! knows parameters and transforms (`as=Table`).

use apimachinery::api::errors::StatusError;

use crate::request::context::Context;

/// A media type in which objects travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaType {
    /// `application/json`
    Json,
    /// `application/yaml`
    Yaml,
    /// `application/vnd.kubernetes.protobuf`
    Protobuf,
}

/// The media types of built-in kinds, the default first.
pub const BUILT_IN: &[MediaType] = &[MediaType::Json, MediaType::Yaml, MediaType::Protobuf];

/// The media types of custom kinds, the default first.
pub const CUSTOM: &[MediaType] = &[MediaType::Json, MediaType::Yaml];

impl MediaType {
    /// Returns the name, without parameters.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Yaml => "application/yaml",
            Self::Protobuf => "application/vnd.kubernetes.protobuf",
        }
    }

    /// Returns the name with which a stream of events is offered; YAML has no frames.
    pub fn streaming(self) -> Option<&'static str> {
        match self {
            Self::Json => Some("application/json;stream=watch"),
            Self::Yaml => None,
            Self::Protobuf => Some("application/vnd.kubernetes.protobuf;stream=watch"),
        }
    }

    fn subtype(self) -> &'static str {
        self.as_str().trim_start_matches("application/")
    }
}

/// A form other than the object itself: `as=...;g=meta.k8s.io;v=...`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transform {
    /// Which form.
    pub kind: TransformKind,
    /// `v1` or `v1beta1` of `meta.k8s.io`.
    pub version: &'static str,
}

/// The three forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransformKind {
    /// Rows and columns.
    Table,
    /// Metadata of one object.
    PartialObjectMetadata,
    /// Metadata of many.
    PartialObjectMetadataList,
}

impl Transform {
    /// Returns the `apiVersion` of the form.
    pub fn api_version(self) -> String {
        format!("meta.k8s.io/{}", self.version)
    }
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    /// Its media type.
    pub media: MediaType,
    /// Whether it is indented for people.
    pub pretty: bool,
    /// Whether something else than the object is wanted.
    pub transform: Option<Transform>,
}

impl Output {
    /// Returns plain JSON.
    pub const JSON: Self = Self { media: MediaType::Json, pretty: false, transform: None };
}

/// What an endpoint allows besides media types.
///
/// Go: EndpointRestrictions
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restrictions {
    /// Objects of a resource: all transforms.
    Resource,
    /// Objects of a resource that is never listed: all but tables.
    WithoutTable,
    /// Documents that are no objects of a resource: none.
    Document,
}

/// Chooses how to answer.
///
/// Go: NegotiateOutputMediaType
pub fn negotiate_output(
    cx: &Context,
    accepted: &[MediaType],
    restrictions: Restrictions,
) -> Result<Output, StatusError> {
    let mut output = negotiate(cx.header("accept"), accepted, restrictions)
        .ok_or_else(|| StatusError::new_not_acceptable(&names(accepted)))?;
    output.pretty = output.media == MediaType::Json && (output.pretty || is_pretty_print(cx));
    Ok(output)
}

/// Chooses how to send events.
///
/// Go: NegotiateOutputMediaTypeStream
pub fn negotiate_stream(
    cx: &Context,
    accepted: &[MediaType],
    restrictions: Restrictions,
) -> Result<Output, StatusError> {
    let output = negotiate(cx.header("accept"), accepted, restrictions);
    let streaming = || accepted.iter().filter_map(|media| media.streaming()).collect::<Vec<_>>();
    let output = output.filter(|output| output.media.streaming().is_some());
    output.ok_or_else(|| StatusError::new_not_acceptable(&streaming()))
}

/// Says in which media type the body is.
///
/// Go: NegotiateInputSerializer
pub fn negotiate_input(cx: &Context, accepted: &[MediaType]) -> Result<MediaType, StatusError> {
    let content_type = cx.header("content-type");
    if content_type.is_empty() {
        return Ok(accepted[0]);
    }
    let name = media_type_of(content_type);
    let found = accepted.iter().find(|media| media.as_str() == name);
    found.copied().ok_or_else(|| StatusError::new_unsupported_media_type(&names(accepted)))
}

/// Says in which media type a client takes all of discovery in one document, if it does. Wherever such a clause stands
/// in the header, it is preferred.
///
/// Go: apiserver/pkg/endpoints/discovery/aggregated/negotiation.go DiscoveryEndpointRestrictions
pub fn negotiate_aggregated_discovery(header: &str) -> Option<MediaType> {
    negotiate_with(header, BUILT_IN, |clause, media| {
        (clause.convert() == Some(["APIGroupDiscoveryList", "apidiscovery.k8s.io", "v2"])).then_some(media)
    })
}

/// Returns a media type in lower case, without parameters.
pub fn media_type_of(header: &str) -> String {
    header.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Returns the names of media types.
pub fn names(accepted: &[MediaType]) -> Vec<&'static str> {
    accepted.iter().map(|media| media.as_str()).collect()
}

/// Takes the first clause that fits, the best first; a clause whose transform is refused is passed over.
///
/// Go: NegotiateMediaTypeOptions
fn negotiate(header: &str, accepted: &[MediaType], restrictions: Restrictions) -> Option<Output> {
    if header.is_empty() {
        return Some(Output { media: accepted[0], ..Output::JSON });
    }
    negotiate_with(header, accepted, |clause, media| accept(clause, media, restrictions))
}

/// Returns what `accept` makes of the best clause and media type that it takes.
fn negotiate_with<T>(
    header: &str,
    accepted: &[MediaType],
    accept: impl Fn(&Clause<'_>, MediaType) -> Option<T>,
) -> Option<T> {
    parse_accept(header).iter().find_map(|clause| {
        let fits = |media: &&MediaType| {
            clause.kind == "*" && clause.subtype == "*"
                || clause.kind == "application" && (clause.subtype == "*" || clause.subtype == media.subtype())
        };
        accepted.iter().filter(fits).find_map(|media| accept(clause, *media))
    })
}

/// Go: acceptMediaTypeOptions
fn accept(clause: &Clause<'_>, media: MediaType, restrictions: Restrictions) -> Option<Output> {
    let parameter = |name| clause.parameter(name);
    if parameter("stream")
        .is_some_and(|stream| !stream.is_empty() && (stream != "watch" || media.streaming().is_none()))
    {
        return None;
    }
    let transform = match clause.convert() {
        Some([kind, group, version]) => Some(allowed_transform(kind, group, version, media, restrictions)?),
        None => None,
    };
    Some(Output { media, pretty: parameter("pretty") == Some("1"), transform })
}

/// Go: apiserver/pkg/endpoints/handlers/rest.go RequestScope.AllowsMediaTypeTransform
fn allowed_transform(
    kind: &str,
    group: &str,
    version: &str,
    media: MediaType,
    restrictions: Restrictions,
) -> Option<Transform> {
    if restrictions == Restrictions::Document || group != "meta.k8s.io" {
        return None;
    }
    let version = ["v1", "v1beta1"].into_iter().find(|known| *known == version)?;
    let kind = match kind {
        "Table" if restrictions == Restrictions::WithoutTable => return None,
        "Table" if media != MediaType::Protobuf => TransformKind::Table,
        "PartialObjectMetadata" => TransformKind::PartialObjectMetadata,
        "PartialObjectMetadataList" => TransformKind::PartialObjectMetadataList,
        _ => return None,
    };
    Some(Transform { kind, version })
}

/// One alternative of an `Accept` header.
pub struct Clause<'a> {
    /// `application`
    pub kind: &'a str,
    /// `json`
    pub subtype: &'a str,
    /// What follows, `q` aside.
    pub parameters: Vec<(&'a str, &'a str)>,
    quality: f32,
}

impl<'a> Clause<'a> {
    /// Returns a parameter; the last one counts.
    fn parameter(&self, name: &str) -> Option<&'a str> {
        self.parameters.iter().rev().find(|(key, _)| *key == name).map(|(_, value)| *value)
    }

    /// Returns kind, group and version of the form that is asked for, if one is.
    fn convert(&self) -> Option<[&'a str; 3]> {
        let convert = ["as", "g", "v"].map(|name| self.parameter(name));
        convert.iter().any(Option::is_some).then(|| convert.map(Option::unwrap_or_default))
    }
}

/// Splits an `Accept` header and sorts it, the best first.
///
/// Go: munnerz/goautoneg ParseAccept
pub fn parse_accept(header: &str) -> Vec<Clause<'_>> {
    let mut clauses: Vec<Clause<'_>> = header.split(',').filter_map(parse_clause).collect();
    let rank = |clause: &Clause<'_>| (clause.kind == "*", clause.subtype == "*");
    clauses.sort_by(|a, b| b.quality.total_cmp(&a.quality).then_with(|| rank(a).cmp(&rank(b))));
    clauses
}

fn parse_clause(text: &str) -> Option<Clause<'_>> {
    let mut parts = text.split(';');
    let media = parts.next().unwrap_or_default().trim();
    let (kind, subtype) = match media.split_once('/') {
        Some((kind, subtype)) if !subtype.contains('/') => (kind.trim(), subtype.trim()),
        None if media == "*" => ("*", "*"),
        _ => return None,
    };
    let mut clause = Clause { kind, subtype, parameters: Vec::new(), quality: 1.0 };
    for (name, value) in parts.filter_map(|part| part.split_once('=')) {
        match name.trim() {
            "q" => clause.quality = value.trim().parse().unwrap_or_default(),
            name => clause.parameters.push((name, value.trim())),
        }
    }
    Some(clause)
}

/// Says whether a person is likely to read the answer.
///
/// Go: apiserver/pkg/endpoints/handlers/negotiation/negotiate.go isPrettyPrint
pub fn is_pretty_print(cx: &Context) -> bool {
    if let Some(pretty) = cx.query("pretty").filter(|pretty| !pretty.is_empty()) {
        // Go: strconv.ParseBool
        return matches!(pretty.as_str(), "1" | "t" | "T" | "true" | "TRUE" | "True");
    }
    ["curl", "Wget", "Mozilla/5.0"].iter().any(|agent| cx.header("user-agent").starts_with(agent))
}

/// Says whether a route that produces `media_types` takes the request at all: the router's gate.
///
/// Go: emicklei/go-restful/v3 Route.matchesAccept
pub fn matches_accept(header: &str, media_types: &[&str]) -> bool {
    if header.is_empty() {
        return true;
    }
    header.split(',').any(|part| {
        let name = part.split(';').next().unwrap_or_default().trim();
        name == "*/*" || media_types.contains(&name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(header: &str) -> Option<(MediaType, Option<TransformKind>)> {
        negotiate(header, BUILT_IN, Restrictions::Resource)
            .map(|output| (output.media, output.transform.map(|transform| transform.kind)))
    }

    #[test]
    fn kubectl_gets_its_table_and_falls_through_without_it() {
        let kubectl = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
        assert_eq!(chosen(kubectl), Some((MediaType::Json, Some(TransformKind::Table))));
        assert_eq!(
            chosen("application/json;as=Other;v=v1;g=meta.k8s.io,application/json"),
            Some((MediaType::Json, None))
        );
        assert_eq!(chosen("application/json;as=Table"), None);
        assert_eq!(chosen("application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io"), None);
    }

    #[test]
    fn the_best_clause_wins() {
        assert_eq!(chosen("application/json;q=0.5, application/yaml"), Some((MediaType::Yaml, None)));
        assert_eq!(chosen("*/*, application/yaml"), Some((MediaType::Yaml, None)));
        assert_eq!(chosen("text/html, */*;q=0.1"), Some((MediaType::Json, None)));
        assert_eq!(chosen("application/json;stream=watch"), Some((MediaType::Json, None)));
        assert_eq!(chosen("text/plain"), None);
    }

    #[test]
    fn the_router_knows_no_half_wildcards() {
        let produced = [MediaType::Json.as_str(), MediaType::Yaml.as_str()];
        assert!(matches_accept("text/html, */*;q=0.1", &produced));
        assert!(matches_accept("application/json;as=Table", &produced));
        assert!(!matches_accept("application/*", &produced));
    }
}
