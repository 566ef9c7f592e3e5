//! Resource versions: strings for clients, revisions for storage.
//!
//! Go: apiserver/pkg/storage/api_object_versioner.go

use std::num::IntErrorKind;

use apimachinery::{api::errors::StatusError, util::strconv::quote};

use crate::error::Error;

/// Reads a resource version. Empty and `"0"` are 0: any version will do.
///
/// Go: ParseResourceVersion
pub fn parse_resource_version(version: &str) -> Result<u64, Error> {
    parse(version).map_err(Error::Other)
}

/// The same, for a list: there the text gets a beginning and becomes a 400.
pub(crate) fn parse_list_resource_version(version: &str) -> Result<u64, Error> {
    parse(version).map_err(|error| StatusError::new_bad_request(format!("invalid resource version: {error}")).into())
}

fn parse(version: &str) -> Result<u64, String> {
    if version.is_empty() {
        return Ok(0);
    }
    // Rust takes a sign, Go does not.
    let digits = version.bytes().all(|byte| byte.is_ascii_digit());
    let parsed = if digits {
        version.parse().map_err(|error: std::num::ParseIntError| *error.kind())
    } else {
        Err(IntErrorKind::InvalidDigit)
    };
    parsed.map_err(|kind| {
        let why = if kind == IntErrorKind::PosOverflow { "value out of range" } else { "invalid syntax" };
        let quoted = quote(version);
        format!("resourceVersion: Invalid value: {quoted}: strconv.ParseUint: parsing {quoted}: {why}")
    })
}

/// Refuses an answer that is older than what was asked for.
///
/// Go: apiserver/pkg/storage/etcd3/store.go validateMinimumResourceVersion
pub(crate) fn validate_minimum(minimum: u64, actual: u64) -> Result<(), Error> {
    if minimum > actual {
        return Err(StatusError::new_too_large_resource_version(minimum, actual, 0).into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_go_reads_them() {
        assert_eq!(parse_resource_version("").expect("empty"), 0);
        assert_eq!(parse_resource_version("17").expect("number"), 17);
        for (version, why) in
            [("-1", "invalid syntax"), ("+1", "invalid syntax"), ("99999999999999999999", "value out of range")]
        {
            let expected = format!(
                "resourceVersion: Invalid value: \"{version}\": strconv.ParseUint: parsing \"{version}\": {why}"
            );
            assert_eq!(parse_resource_version(version).expect_err(version).to_string(), expected);
        }
    }
}
