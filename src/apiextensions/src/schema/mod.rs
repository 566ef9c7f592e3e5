//! What the schema of a version means for its objects.
//!
//! Go: apiextensions-apiserver/pkg/apiserver/{schema,validation}

pub mod structural;

pub mod formats;

pub mod validation;

pub mod listtype;

pub mod objectmeta;

pub mod rules;
