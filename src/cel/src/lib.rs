//! The expression language, with Kubernetes' libraries.
