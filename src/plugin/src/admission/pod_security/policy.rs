//! Levels and versions, and the labels of a namespace that name them.
//!
//! Go: pod-security-admission/api/{helpers,constants}.go

use std::{collections::BTreeMap, fmt};

use apimachinery::validation::field::{Error, ErrorList, Path};

/// Prefix of the labels and of the audit annotations.
pub const PREFIX: &str = "pod-security.kubernetes.io/";

/// How much is allowed; less and less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Everything.
    Privileged,
    /// What is not known to break out of the container.
    Baseline,
    /// What follows today's best practice.
    Restricted,
}

impl Level {
    fn as_str(self) -> &'static str {
        match self {
            Self::Privileged => "privileged",
            Self::Baseline => "baseline",
            Self::Restricted => "restricted",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Privileged, Self::Baseline, Self::Restricted].into_iter().find(|level| level.as_str() == text)
    }
}

/// The rules as of which minor version; `None`: the newest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Version(pub Option<u32>);

impl Version {
    fn parse(text: &str) -> Option<Self> {
        if text == "latest" {
            return Some(Self(None));
        }
        let minor = text.strip_prefix("v1.")?;
        let plain = minor == "0" || !minor.starts_with('0') && minor.bytes().all(|byte| byte.is_ascii_digit());
        minor.parse().ok().filter(|_| plain).map(|minor| Self(Some(minor)))
    }

    /// Says whether the rules of this version contain one that holds for `since..until`.
    pub fn includes(self, since: u32, until: Option<u32>) -> bool {
        let minor = self.0.unwrap_or(u32::MAX);
        minor >= since && until.is_none_or(|until| minor < until)
    }
}

/// A level at a version: `baseline:latest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelVersion {
    /// The level.
    pub level: Level,
    /// The version.
    pub version: Version,
}

impl fmt::Display for LevelVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.version.0 {
            None => write!(f, "{}:latest", self.level.as_str()),
            Some(minor) => write!(f, "{}:v1.{minor}", self.level.as_str()),
        }
    }
}

/// What a namespace asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Pods that violate this are refused.
    pub enforce: LevelVersion,
    /// Violations of this are written to the audit log.
    pub audit: LevelVersion,
    /// Violations of this are told to the client.
    pub warn: LevelVersion,
}

/// Everything is allowed.
const PRIVILEGED: LevelVersion = LevelVersion { level: Level::Privileged, version: Version(None) };

impl Policy {
    /// Reads the labels of a namespace. What cannot be read counts as the strictest level, or the newest version.
    ///
    /// Go: pod-security-admission/api/helpers.go PolicyToEvaluate
    pub fn from_labels(labels: &BTreeMap<String, String>) -> (Self, ErrorList) {
        let mut errors = ErrorList::new();
        let path = Path::new("metadata").child("labels");
        let mut read = |mode: &str| {
            let (level_label, version_label) = (format!("{PREFIX}{mode}"), format!("{PREFIX}{mode}-version"));
            let mut found = PRIVILEGED;
            if let Some(text) = labels.get(&level_label) {
                found.level = Level::parse(text).unwrap_or_else(|| {
                    let detail = "must be one of privileged, baseline, restricted";
                    errors.push(Error::invalid(&path.key(&level_label), text.as_str(), detail));
                    Level::Restricted
                });
            }
            if let Some(text) = labels.get(&version_label) {
                found.version = Version::parse(text).unwrap_or_else(|| {
                    let detail = "must be \"latest\" or \"v1.x\"";
                    errors.push(Error::invalid(&path.key(&version_label), text.as_str(), detail));
                    Version(None)
                });
            }
            found
        };
        let policy = Self { enforce: read("enforce"), audit: read("audit"), warn: read("warn") };
        (policy, errors)
    }

    /// Says whether nothing can violate it.
    pub fn fully_privileged(&self) -> bool {
        [self.enforce, self.audit, self.warn].iter().all(|one| one.level == Level::Privileged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_cannot_be_read_count_as_the_strictest() {
        let labels =
            [("enforce", "strict"), ("enforce-version", "1.24"), ("warn", "baseline"), ("warn-version", "v1.8")];
        let labels = labels.map(|(name, value)| (format!("{PREFIX}{name}"), value.to_owned()));
        let (policy, errors) = Policy::from_labels(&labels.into());
        assert_eq!(
            (policy.enforce.to_string(), policy.warn.to_string()),
            ("restricted:latest".into(), "baseline:v1.8".into())
        );
        let first = "metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: \"strict\": \
                     must be one of privileged, baseline, restricted";
        assert!(errors.to_string().contains(first), "{errors}");
        assert_eq!(errors.len(), 2);
    }
}
