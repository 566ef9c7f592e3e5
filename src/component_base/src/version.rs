//! Which version of Kubernetes this server speaks.
//!
//! Go: component-base/version, apimachinery/pkg/version

use serde::Serialize;

/// What `/version` answers.
///
/// Go: apimachinery/pkg/version/types.go Info
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Info {
    /// `1`
    pub major: String,
    /// `36`
    pub minor: String,
    /// The version that is emulated.
    pub emulation_major: String,
    /// See `emulation_major`.
    pub emulation_minor: String,
    /// The oldest version that peers of this server may have.
    pub min_compatibility_major: String,
    /// See `min_compatibility_major`.
    pub min_compatibility_minor: String,
    /// The Kubernetes version whose behaviour this is, with our own behind the plus.
    pub git_version: String,
    /// Commit of the source; empty where it was not built from one.
    pub git_commit: String,
    /// `clean`, `dirty` or empty.
    pub git_tree_state: String,
    /// When it was built; the epoch, for a build must not depend on the day.
    pub build_date: String,
    /// In Kubernetes the version of Go.
    pub go_version: String,
    /// The compiler.
    pub compiler: String,
    /// Operating system and architecture, in Go's words: `linux/amd64`.
    pub platform: String,
}

/// The version of Kubernetes whose behaviour this is.
pub const KUBERNETES: &str = "1.36.2";

/// Returns the version of this server.
///
/// Go: component-base/version/version.go Get
pub fn get() -> Info {
    let mut numbers = KUBERNETES.split('.');
    let mut number = || numbers.next().unwrap_or_default().to_owned();
    let (major, minor) = (number(), number());
    let before = minor.parse::<u32>().unwrap_or_default().saturating_sub(1).to_string();
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    Info {
        emulation_major: major.clone(),
        emulation_minor: minor.clone(),
        min_compatibility_major: major.clone(),
        min_compatibility_minor: before,
        major,
        minor,
        git_version: format!("v{KUBERNETES}+kubestep.{}", env!("CARGO_PKG_VERSION")),
        git_commit: String::new(),
        git_tree_state: String::new(),
        build_date: "1970-01-01T00:00:00Z".to_owned(),
        go_version: "none".to_owned(),
        compiler: "rustc".to_owned(),
        platform: format!("{}/{arch}", std::env::consts::OS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_compatible_with_the_minor_version_before_its_own() {
        let info = get();
        assert_eq!((info.minor.as_str(), info.min_compatibility_minor.as_str()), ("36", "35"));
        assert!(info.git_version.starts_with("v1.36.2+kubestep."));
    }
}
