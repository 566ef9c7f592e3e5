//! The authentication group: what a request for a token does not say.
//!
//! Go: pkg/apis/authentication/v1/defaults.go

use apimachinery::runtime::object::Object;

use crate::{
    defaults::{absent, made},
    rules::Rules,
};

/// Returns the rules of a kind of this group.
pub fn rules(kind: &str) -> Option<&'static Rules> {
    static TOKEN: Rules = Rules { default: default_token_request, ..Rules::PLAIN };
    (kind == "TokenRequest").then_some(&TOKEN)
}

/// Go: SetDefaults_TokenRequestSpec
fn default_token_request(object: &mut Object) {
    absent(made(&mut object.0, "spec"), "expirationSeconds", 3600);
}
