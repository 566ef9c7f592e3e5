//! Who may: `--authorization-mode`.
//!
//! Go: pkg/kubeapiserver/options/authorization.go

use component_base::flagset::{FlagSet, Kind, Values, flag, no_effect, refused};

/// The flags of this group.
pub const FLAGS: FlagSet = FlagSet {
    section: "Authorization",
    flags: &[
        flag(
            "authorization-mode",
            Kind::List,
            "AlwaysAllow",
            "Authorizers in the order in which they are asked: AlwaysAllow, AlwaysDeny, Node, RBAC.",
        ),
        refused("authorization-config", Kind::String, "", "Structured authorization."),
        refused("authorization-policy-file", Kind::String, "", "ABAC policy."),
        refused("authorization-webhook-config-file", Kind::String, "", "Webhook that decides."),
        no_effect("authorization-webhook-version", Kind::String, "v1beta1", "Version of that webhook."),
        no_effect("authorization-webhook-cache-authorized-ttl", Kind::Duration, "5m0s", "Memory of that webhook."),
        no_effect("authorization-webhook-cache-unauthorized-ttl", Kind::Duration, "30s", "Memory of that webhook."),
    ],
};

/// A way to decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Yes to everything.
    AlwaysAllow,
    /// No to everything.
    AlwaysDeny,
    /// What a kubelet needs for its own node.
    Node,
    /// Roles and bindings.
    RBAC,
}

/// The modes by their names on the command line.
const MODES: [(&str, Mode); 4] =
    [("AlwaysAllow", Mode::AlwaysAllow), ("AlwaysDeny", Mode::AlwaysDeny), ("Node", Mode::Node), ("RBAC", Mode::RBAC)];

/// Go: pkg/kubeapiserver/options/authorization.go BuiltInAuthorizationOptions
#[derive(Clone, Debug)]
pub struct BuiltInAuthorizationOptions {
    /// `--authorization-mode`, as written.
    pub modes: Vec<String>,
}

impl BuiltInAuthorizationOptions {
    /// Reads the flags.
    pub fn from_values(values: &mut Values) -> Self {
        Self { modes: values.list("authorization-mode") }
    }

    /// Returns the modes that are known, in order.
    pub fn known_modes(&self) -> Vec<Mode> {
        let known = |name: &String| MODES.iter().find(|(known, _)| known == name).map(|(_, mode)| *mode);
        self.modes.iter().filter_map(known).collect()
    }

    /// Says whether a mode is asked.
    pub fn has(&self, mode: Mode) -> bool {
        self.known_modes().contains(&mode)
    }

    /// Returns everything that is wrong.
    pub fn validate(&self) -> Vec<String> {
        let mut errors = Vec::new();
        if self.modes.is_empty() {
            errors.push("at least one authorization-mode must be passed".to_owned());
        }
        for (index, mode) in self.modes.iter().enumerate() {
            let known = MODES.iter().any(|(known, _)| known == mode);
            match mode.as_str() {
                "ABAC" | "Webhook" => errors.push(format!("authorization-mode \"{mode}\" is not implemented")),
                _ if !known => errors.push(format!("authorization-mode \"{mode}\" is not a valid mode")),
                _ if self.modes[..index].contains(mode) => {
                    errors.push(format!("authorization-mode {:?} has mode specified more than once", self.modes));
                }
                _ => {}
            }
        }
        errors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_keep_their_order_and_mistakes_are_named() {
        let options = BuiltInAuthorizationOptions { modes: vec!["Node".to_owned(), "RBAC".to_owned()] };
        assert_eq!((options.known_modes(), options.validate()), (vec![Mode::Node, Mode::RBAC], Vec::new()));
        let options = BuiltInAuthorizationOptions { modes: vec!["Rbac".to_owned(), "Webhook".to_owned()] };
        assert_eq!(options.validate().len(), 2);
    }
}
