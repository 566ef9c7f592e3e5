//! Admission plugins, RBAC and Node authorizers, bootstrap policy.
