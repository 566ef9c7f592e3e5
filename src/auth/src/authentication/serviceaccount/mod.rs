//! Tokens of service accounts: JSON Web Tokens that the server signs and recognises itself.
//!
//! Go: pkg/serviceaccount
//!
//! ```text
//! TokenRequest --> claims::claims --> jwt::TokenGenerator --> token
//! token --> jwt::ServiceAccountTokens: issuer, signature (keys), audience --> claims::validate: time, objects --> user
//! extension servers <-- openidmetadata: the same keys as a JWK set
//! ```
//!
//! Read in this order.

pub mod claims;
pub mod jwt;
pub mod keys;
pub mod legacy;
pub mod openidmetadata;
