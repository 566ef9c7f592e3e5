//! Feature gates, metrics, version, flag value types.
