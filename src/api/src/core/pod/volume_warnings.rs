//! What the author of a pod should know of its volumes: sources that nobody serves any more, and files in one place.
//!
//! Go: pkg/api/pod/warnings.go warningsForOverlappingVirtualPaths

use std::fmt;

use apimachinery::util::strconv::quote;

use crate::{core::claim, node::Node};

/// Sources of volumes that are gone: JSON name, name in the warning, since when.
pub const GONE: [(&str, &str, &str); 9] = [
    ("photonPersistentDisk", "photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
    ("gitRepo", "gitRepo", "deprecated in v1.11, and disabled by default in v1.33+"),
    ("scaleIO", "scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    ("flocker", "flocker", "deprecated in v1.22, non-functional in v1.25+"),
    ("storageos", "storageOS", "deprecated in v1.22, non-functional in v1.25+"),
    ("quobyte", "quobyte", "deprecated in v1.22, non-functional in v1.25+"),
    ("glusterfs", "glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    ("cephfs", "cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    ("rbd", "rbd", "deprecated in v1.28, non-functional in v1.31+"),
];

pub(super) fn all(warnings: &mut Vec<String>, spec: &Node<'_>) {
    let volumes = spec.items("volumes");
    for volume in &volumes {
        for (field, shown, text) in GONE {
            if volume.has(field) {
                warnings.push(format!("{}: {text}", volume.path.child(shown)));
            }
        }
        claim::warnings_of_spec(warnings, &volume.child("ephemeral.volumeClaimTemplate.spec"));
    }
    for volume in &volumes {
        let name = quote(volume.text("name"));
        for (field, named) in [("configMap", "name"), ("secret", "secretName"), ("downwardAPI", "")] {
            let source = volume.child(field);
            let files = files(&source, String::new());
            overlaps(warnings, &files, &format!("volume {name} ({})", kind(&source, field, named)));
        }
        projected(warnings, volume, &name);
    }
}

/// A path in a volume, and what puts it there, for volumes of many sources.
struct File {
    path: String,
    source: String,
}

impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quote(&self.path))?;
        if self.source.is_empty() { Ok(()) } else { write!(f, " ({})", self.source) }
    }
}

/// `ConfigMap "a"`
fn kind(source: &Node<'_>, field: &str, name: &str) -> String {
    let kind = match field {
        "configMap" => "ConfigMap",
        "secret" => "Secret",
        _ => "DownwardAPI",
    };
    if name.is_empty() { kind.to_owned() } else { format!("{kind} {}", quote(source.text(name))) }
}

fn files(source: &Node<'_>, shown: String) -> Vec<File> {
    source.items("items").iter().map(|item| file(item.text("path"), shown.clone())).collect()
}

fn file(path: &str, source: String) -> File {
    File { path: path.trim_end_matches('/').to_owned(), source }
}

/// Files of several sources in one directory.
fn projected(warnings: &mut Vec<String>, volume: &Node<'_>, name: &str) {
    let mut all = Vec::new();
    for source in volume.items("projected.sources") {
        if source.value.and_then(|value| value.as_object()).is_none_or(serde_json::Map::is_empty) {
            warnings.push(format!("volume {name} (Projected) has no sources provided"));
            continue;
        }
        let listed = [("configMap", "name"), ("secret", "name"), ("downwardAPI", "")];
        if let Some((field, named)) = listed.into_iter().find(|(field, _)| source.child(field).has("items")) {
            let part = source.child(field);
            all.extend(files(&part, kind(&part, field, named)));
        } else if source.has("serviceAccountToken") {
            all.push(file(source.text("serviceAccountToken.path"), "ServiceAccountToken".to_owned()));
        } else if source.has("clusterTrustBundle") {
            let bundle = source.child("clusterTrustBundle");
            let signer = if bundle.has("name") { bundle.text("name") } else { bundle.text("signerName") };
            all.push(file(bundle.text("path"), format!("ClusterTrustBundle {}", quote(signer))));
        }
    }
    overlaps(warnings, &all, &format!("volume {name} (Projected)"));
}

/// Tells of each file that meets one before it.
fn overlaps(warnings: &mut Vec<String>, files: &[File], label: &str) {
    for (index, file) in files.iter().enumerate() {
        for other in files[..index].iter().filter(|other| collide(&other.path, &file.path)) {
            warnings.push(format!("{label}: overlapping paths: {file} with {other}"));
        }
    }
}

/// One is the other, or a directory above it. Go: checkForOverlap
fn collide(a: &str, b: &str) -> bool {
    let (below, above) = (format!("{a}/"), format!("{b}/"));
    !a.is_empty() && !b.is_empty() && (below.starts_with(&above) || above.starts_with(&below))
}
