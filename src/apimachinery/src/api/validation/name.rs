//! What the names of a kind look like.
//!
//! Go: apimachinery/pkg/api/validation/generic.go, apimachinery/pkg/api/validation/path/name.go

use crate::util::validation;

/// Returns what is wrong with a name. Go: ValidateNameFunc
pub type ValidateNameFunc = fn(name: &str, usage: NameUsage) -> Vec<String>;

/// Whether something will be appended to the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameUsage {
    /// The name itself.
    Whole,
    /// `generateName`.
    Prefix,
}

/// Most kinds: `a.b-c`. Go: NameIsDNSSubdomain
pub fn name_is_dns_subdomain(name: &str, usage: NameUsage) -> Vec<String> {
    validation::is_dns1123_subdomain(&mask_trailing_dash(name, usage))
}

/// Kinds whose name becomes part of a host name. Go: NameIsDNSLabel
pub fn name_is_dns_label(name: &str, usage: NameUsage) -> Vec<String> {
    validation::is_dns1123_label(&mask_trailing_dash(name, usage))
}

/// Names that begin with a letter. Go: NameIsDNS1035Label
pub fn name_is_dns1035_label(name: &str, usage: NameUsage) -> Vec<String> {
    validation::is_dns1035_label(&mask_trailing_dash(name, usage))
}

/// Whatever can stand in a path: the kinds of RBAC. Go: path.ValidatePathSegmentName
pub fn validate_path_segment_name(name: &str, usage: NameUsage) -> Vec<String> {
    match usage {
        NameUsage::Whole => validation::is_path_segment_name(name),
        NameUsage::Prefix => validation::is_path_segment_prefix(name),
    }
}

/// A generated name goes on after the dash, so the dash is no last character. Go's form of saying so drops the
/// character before it, too, which makes the longest allowed prefix one longer than it should be.
///
/// Go: apimachinery/pkg/api/validation/generic.go maskTrailingDash
pub fn mask_trailing_dash(name: &str, usage: NameUsage) -> String {
    match name.strip_suffix('-') {
        Some(rest) if usage == NameUsage::Prefix && !rest.is_empty() => {
            // Bytes, as in Go: half a character is as wrong as the whole of it.
            String::from_utf8_lossy(&rest.as_bytes()[..rest.len() - 1]) + "a"
        }
        _ => name.into(),
    }
    .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_may_end_in_a_dash() {
        assert!(name_is_dns_label("a-", NameUsage::Prefix).is_empty());
        assert!(!name_is_dns_label("a-", NameUsage::Whole).is_empty());
        assert!(!name_is_dns_label("-", NameUsage::Prefix).is_empty());
        // The character before the dash is not looked at.
        assert!(name_is_dns_label("a_-", NameUsage::Prefix).is_empty());
        assert!(!name_is_dns_label("a_b-", NameUsage::Prefix).is_empty());
        assert!(!name_is_dns_label("é-", NameUsage::Prefix).is_empty());
        assert!(name_is_dns_label(&("x".repeat(63) + "-"), NameUsage::Prefix).is_empty());
    }

    #[test]
    fn path_segments_may_be_anything_but_steps() {
        assert!(validate_path_segment_name("system:a b", NameUsage::Whole).is_empty());
        assert!(!validate_path_segment_name("..", NameUsage::Whole).is_empty());
        assert!(validate_path_segment_name("..", NameUsage::Prefix).is_empty());
    }
}
