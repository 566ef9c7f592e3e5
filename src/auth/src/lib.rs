//! Authentication, authorization, audit.
