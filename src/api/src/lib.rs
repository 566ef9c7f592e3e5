//! The built-in API groups and their facts.
