//! Who owns the number of replicas: the same books, seen from the object and from its `scale`.
//!
//! ```text
//!   Deployment .metadata.managedFields           Scale .metadata.managedFields
//!   kubectl  apps/v1   spec.replicas, ...   -->  kubectl  autoscaling/v1  spec.replicas
//!   other    apps/v1   spec.paused               (not shown: it owns no replicas)
//!                                                hpa      autoscaling/v1  spec.replicas   added by a write
//!   kubectl  ... without spec.replicas      <--  whoever is no longer listed has lost the field
//!   hpa      apps/v1   spec.replicas        <--
//! ```
//!
//! Go: apimachinery/pkg/util/managedfields/scalehandler.go

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    fieldpath::Set,
    managed::{self, Managers, Owned},
};

const SCALE_VERSION: &str = "autoscaling/v1";

/// Translates the entries of an object to those of its scale, and back.
///
/// Go: ScaleHandler
#[derive(Clone, Debug)]
pub struct ScaleHandler {
    parent: Managers,
    default_version: String,
    /// Where the replicas are, by version of the object; `None`: there are none in that version.
    paths: BTreeMap<String, Option<Set>>,
}

impl ScaleHandler {
    /// Reads the entries of an object. `default_version` is that of the request.
    ///
    /// Go: NewScaleHandler
    pub fn new(
        parent: Option<&Value>,
        default_version: &str,
        paths: BTreeMap<String, Option<Set>>,
    ) -> Result<Self, String> {
        Ok(Self { parent: managed::decode(parent)?, default_version: default_version.to_owned(), paths })
    }

    /// Returns the entries of the scale: everybody who owns the replicas.
    pub fn to_subresource(&self) -> Vec<Value> {
        let owners = self.parent.iter().filter(|(_, owned)| self.has_replicas(owned));
        let owners = owners.map(|(identity, owned)| {
            let set = Set::of_fields(&[&["spec", "replicas"]]);
            (identity.clone(), Owned { set, api_version: SCALE_VERSION.to_owned(), time: owned.time.clone() })
        });
        managed::encode(&owners.collect())
    }

    /// Returns the entries of the object after those of its scale were written.
    pub fn to_parent(&self, scale: Option<&Value>) -> Result<Vec<Value>, String> {
        let mut scale = managed::decode(scale)?;
        let mut entries = Managers::new();
        for (identity, owned) in &self.parent {
            let Some(path) = self.paths.get(&owned.api_version) else { continue };
            let mut owned = owned.clone();
            if let Some(path) = path.as_ref().filter(|_| self.has_replicas(&owned))
                && scale.remove(identity).is_none()
            {
                // Whoever wrote the scale has taken the field over.
                owned.set.difference(path);
            }
            if !owned.set.is_empty() {
                entries.insert(identity.clone(), owned);
            }
        }
        let path = self.paths.get(&self.default_version).cloned().flatten();
        // Of a scale, the object has the replicas only.
        let replicas = Set::of_fields(&[&["spec", "replicas"]]);
        let owns_replicas = |owned: &Owned| !owned.set.intersection(&replicas).is_empty();
        for (identity, _) in scale.into_iter().filter(|(_, owned)| owns_replicas(owned)) {
            // Go looks the time up among those of the object, where a new manager has none.
            let time = self.parent.get(&identity).and_then(|known| known.time.clone());
            let set = path.clone().unwrap_or_default();
            entries.insert(identity, Owned { set, api_version: self.default_version.clone(), time });
        }
        Ok(managed::encode(&entries))
    }

    fn has_replicas(&self, owned: &Owned) -> bool {
        let path = self.paths.get(&owned.api_version).and_then(Option::as_ref);
        path.is_some_and(|path| !owned.set.intersection(path).is_empty())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whoever_scales_takes_the_replicas_over() {
        let entry = |manager: &str, version: &str, fields: Value| json!({"manager": manager, "operation": "Update", "apiVersion": version, "fieldsType": "FieldsV1", "fieldsV1": fields});
        let parent = json!([entry("a", "apps/v1", json!({"f:spec": {"f:paused": {}, "f:replicas": {}}}))]);
        let path = Set::of_fields(&[&["spec", "replicas"]]);
        let paths = BTreeMap::from([("apps/v1".to_owned(), Some(path))]);
        let handler = ScaleHandler::new(Some(&parent), "apps/v1", paths).expect("entries");
        let replicas = json!({"f:spec": {"f:replicas": {}}});
        assert_eq!(handler.to_subresource(), [entry("a", "autoscaling/v1", replicas.clone())]);
        let written = json!([entry("b", "autoscaling/v1", replicas.clone())]);
        let merged = handler.to_parent(Some(&written)).expect("entries");
        let expected = [entry("a", "apps/v1", json!({"f:spec": {"f:paused": {}}})), entry("b", "apps/v1", replicas)];
        assert_eq!(merged, expected);
        let status = entry("c", "autoscaling/v1", json!({"f:status": {"f:selector": {}}}));
        let written = json!([written[0], status]);
        assert_eq!(handler.to_parent(Some(&written)).expect("entries"), expected);
    }
}
