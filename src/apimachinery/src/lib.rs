//! What every Kubernetes object shares.
