//! Which resources are encrypted, by what, with which keys: the file of `--encryption-provider-config`.
//!
//! Simplified: the `kms` provider, which asks a plugin on the same machine to encrypt, is refused.
//!
//! Go: apiserver/pkg/server/options/encryptionconfig/config.go, apis/apiserver/v1/types_encryption.go

use std::sync::Arc;

use apimachinery::runtime::schema::GroupResource;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;

use crate::value::{
    Identity, Transformer,
    aes::{Cbc, Gcm, KEY_LENGTHS},
    prefix::{PrefixTransformer, PrefixTransformers},
    secretbox::{KEY_LENGTH, Secretbox},
};

/// The file.
///
/// Go: EncryptionConfiguration
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EncryptionConfiguration {
    /// `apiserver.config.k8s.io/v1`
    pub api_version: String,
    /// `EncryptionConfiguration`
    pub kind: String,
    /// Rules: the first that names a resource holds.
    #[serde(default)]
    pub resources: Vec<ResourceConfiguration>,
}

/// A rule.
///
/// Go: ResourceConfiguration
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResourceConfiguration {
    /// `secrets`, `pandas.awesome.bears.example`, `*.apps`, `*.` (core), `*.*`
    #[serde(default)]
    pub resources: Vec<String>,
    /// The first writes, all read.
    #[serde(default)]
    pub providers: Vec<ProviderConfiguration>,
}

/// A provider: exactly one of these.
///
/// Go: ProviderConfiguration
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(missing_docs, reason = "each is the provider of its name")]
pub struct ProviderConfiguration {
    pub aesgcm: Option<KeysConfiguration>,
    pub aescbc: Option<KeysConfiguration>,
    pub secretbox: Option<KeysConfiguration>,
    pub identity: Option<Nothing>,
    pub kms: Option<serde_json::Value>,
}

/// An empty object.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// The keys of a provider: the first writes, all read.
///
/// Go: AESConfiguration, SecretboxConfiguration
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeysConfiguration {
    /// The keys.
    #[serde(default)]
    pub keys: Vec<Key>,
}

/// A key.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// Its name, which stands before every value that it has encrypted.
    #[serde(default)]
    pub name: String,
    /// The key itself in base64.
    #[serde(default)]
    pub secret: String,
}

impl std::fmt::Debug for Key {
    /// Never shows the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What happens to the values of each resource.
#[derive(Clone, Default)]
pub struct Transformers {
    rules: Vec<(Vec<String>, Arc<dyn Transformer>)>,
}

impl Transformers {
    /// Makes the transformers of a file, or says all that is wrong with it.
    pub fn new(config: &EncryptionConfiguration) -> Result<Self, Vec<String>> {
        let (mut rules, mut mistakes) = (Vec::new(), Vec::new());
        if (config.api_version.as_str(), config.kind.as_str())
            != ("apiserver.config.k8s.io/v1", "EncryptionConfiguration")
        {
            let given = format!("{}, Kind={}", config.api_version, config.kind);
            mistakes.push(format!("{given} is not apiserver.config.k8s.io/v1, Kind=EncryptionConfiguration"));
        }
        if config.resources.is_empty() {
            mistakes.push("resources: Required value: at least one resource is required".to_owned());
        }
        for (index, rule) in config.resources.iter().enumerate() {
            let path = format!("resources[{index}]");
            for (what, empty) in [("resources", rule.resources.is_empty()), ("providers", rule.providers.is_empty())] {
                if empty {
                    mistakes.push(format!("{path}.{what}: Required value: at least one is required"));
                }
            }
            let mut readers = Vec::new();
            for (index, provider) in rule.providers.iter().enumerate() {
                provider.readers(&format!("{path}.providers[{index}]"), &mut readers, &mut mistakes);
            }
            let transformer: Arc<dyn Transformer> = Arc::new(PrefixTransformers(readers));
            rules.push((rule.resources.clone(), transformer));
        }
        if mistakes.is_empty() { Ok(Self { rules }) } else { Err(mistakes) }
    }

    /// Returns what happens to the values of a resource.
    ///
    /// Go: StaticTransformers, transformerFromOverrides
    pub fn of(&self, resource: &GroupResource) -> Arc<dyn Transformer> {
        let named = |name: &String| match name.split_once('.') {
            Some(("*", "*")) => true,
            Some(("*", group)) => group == resource.group,
            _ => *name == resource.to_string(),
        };
        let rule = self.rules.iter().find(|(names, _)| names.iter().any(named));
        rule.map_or_else(|| Arc::new(Identity) as Arc<dyn Transformer>, |(_, transformer)| transformer.clone())
    }
}

impl ProviderConfiguration {
    /// Adds a reader for each key of the provider.
    fn readers(&self, path: &str, readers: &mut Vec<PrefixTransformer>, mistakes: &mut Vec<String>) {
        let Self { aesgcm, aescbc, secretbox, identity, kms } = self;
        let given = [aesgcm.is_some(), aescbc.is_some(), secretbox.is_some(), identity.is_some(), kms.is_some()];
        if given.iter().filter(|given| **given).count() != 1 {
            mistakes.push(format!("{path}: Invalid value: exactly one provider must be given"));
        }
        if kms.is_some() {
            mistakes.push(format!("{path}.kms: Forbidden: key management services are not supported"));
        }
        if identity.is_some() {
            readers.push(PrefixTransformer { prefix: String::new(), transformer: Arc::new(Identity) });
        }
        let mut add = |name, keys: &Option<KeysConfiguration>, lengths: &[usize], make: Make| {
            let Some(KeysConfiguration { keys }) = keys else { return };
            if keys.is_empty() {
                mistakes.push(format!("{path}.{name}.keys: Required value: at least one key is required"));
            }
            for (index, key) in keys.iter().enumerate() {
                match key.transformer(lengths, make) {
                    Ok(transformer) => {
                        let prefix = format!("k8s:enc:{name}:v1:{}:", key.name);
                        readers.push(PrefixTransformer { prefix, transformer });
                    }
                    Err(mistake) => mistakes.push(format!("{path}.{name}.keys[{index}].{mistake}")),
                }
            }
        };
        add("aesgcm", aesgcm, &KEY_LENGTHS, |key| Some(Arc::new(Gcm::new(key)?)));
        add("aescbc", aescbc, &KEY_LENGTHS, |key| Some(Arc::new(Cbc::new(key)?)));
        add("secretbox", secretbox, &[KEY_LENGTH], |key| Some(Arc::new(Secretbox::new(key)?)));
    }
}

/// Makes a transformer of a key.
type Make = fn(&[u8]) -> Option<Arc<dyn Transformer>>;

impl Key {
    fn transformer(&self, lengths: &[usize], make: Make) -> Result<Arc<dyn Transformer>, String> {
        if self.name.is_empty() {
            return Err("name: Required value: a key must have a name".to_owned());
        }
        if self.name.contains(':') {
            return Err("name: Invalid value: a name must not contain a colon".to_owned());
        }
        let secret = STANDARD.decode(&self.secret).map_err(|_| "secret: Invalid value: must be base64 encoded")?;
        let length = secret.len();
        make(&secret).ok_or_else(|| {
            format!("secret: Invalid value: not of the expected length, got {length}, expected one of {lengths:?}")
        })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::*;
    use crate::value::FromStorage;

    const CONTEXT: &str = "/registry/secrets/shop/password";

    fn parse(value: serde_json::Value) -> EncryptionConfiguration {
        serde_json::from_value(value).expect("configuration")
    }

    fn config(resources: &[&str], providers: serde_json::Value) -> EncryptionConfiguration {
        parse(json!({
            "apiVersion": "apiserver.config.k8s.io/v1", "kind": "EncryptionConfiguration",
            "resources": [{"resources": resources, "providers": providers}],
        }))
    }

    fn keys(names: &[&str], length: usize) -> serde_json::Value {
        let key = |name: &&str| json!({"name": name, "secret": STANDARD.encode(name.repeat(length))});
        json!({"keys": names.iter().map(key).collect::<Vec<_>>()})
    }

    fn secrets(providers: serde_json::Value) -> Arc<dyn Transformer> {
        Transformers::new(&config(&["secrets"], providers)).expect("valid").of(&GroupResource::new("", "secrets"))
    }

    #[tokio::test]
    async fn each_provider_reads_what_it_wrote_and_no_other() {
        let plain = Bytes::from_static(b"{\"kind\":\"Secret\"}");
        for (name, length) in [("aesgcm", 16), ("aesgcm", 24), ("aesgcm", 32), ("aescbc", 32), ("secretbox", 32)] {
            let one = secrets(json!([{name: keys(&["a"], length)}]));
            let stored = one.transform_to_storage(plain.clone(), CONTEXT).await.expect("written");
            assert!(stored.starts_with(format!("k8s:enc:{name}:v1:a:").as_bytes()));
            assert!(!stored.windows(6).any(|part| part == b"Secret"));
            let again = one.transform_to_storage(plain.clone(), CONTEXT).await.expect("written");
            assert_ne!(stored, again, "never twice the same");
            let read = one.transform_from_storage(stored.clone(), CONTEXT).await.expect("read");
            assert_eq!(read, FromStorage { data: plain.clone(), stale: false });
            // The key is changed: what the old one wrote is read, and said to be stale.
            let two = secrets(json!([{name: keys(&["b", "a"], length)}, {"identity": {}}]));
            assert!(two.transform_from_storage(stored.clone(), CONTEXT).await.expect("read").stale);
            assert!(two.transform_from_storage(plain.clone(), CONTEXT).await.expect("read").stale);
            // The key is gone.
            let other = secrets(json!([{name: keys(&["b"], length)}]));
            let error = other.transform_from_storage(stored.clone(), CONTEXT).await.expect_err("no key");
            assert_eq!(error, "no matching prefix found");
            let identity = secrets(json!([{"identity": {}}]));
            let error = identity.transform_from_storage(stored.clone(), CONTEXT).await.expect_err("encrypted");
            assert_eq!(error, "identity transformer tried to read encrypted data");
            // Cut off, or changed.
            assert!(one.transform_from_storage(stored.slice(..stored.len() - 1), CONTEXT).await.is_err());
            assert!(one.transform_from_storage(stored.slice(..22), CONTEXT).await.is_err());
        }
        let gcm = secrets(json!([{"aesgcm": keys(&["a"], 32)}]));
        let stored = gcm.transform_to_storage(plain, CONTEXT).await.expect("written");
        assert!(gcm.transform_from_storage(stored, "/registry/secrets/shop/other").await.is_err(), "moved");
    }

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().map(|digit| char::from(digit).to_digit(16).expect("hex") as u8).collect();
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }

    /// Published test vectors, so that others' values can be read: NIST's for AES, NaCl's for secretbox.
    #[tokio::test]
    async fn what_others_wrote_is_read() {
        let gcm = Gcm::new(&[0; 16]).expect("key");
        let stored = hex("0000000000000000000000000388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf");
        assert_eq!(gcm.transform_from_storage(stored.into(), "").await.expect("read").data, vec![0; 16]);
        let cbc = Cbc::new(&hex("2b7e151628aed2a6abf7158809cf4f3c")).expect("key");
        let stored =
            hex("000102030405060708090a0b0c0d0e0f7649abac8119b246cee98e9b12e9197d8964e0b149c10b7b682e6e39aaeb731c");
        let plain = hex("6bc1bee22e409f96e93d7e117393172a");
        assert_eq!(cbc.transform_from_storage(stored.into(), "").await.expect("read").data, plain);
        let key = hex("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389");
        let stored = hex(
            "69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc\
             76ce48332ea7164d96a4476fb8c531a1186ac0dfc17c98dce87b4da7f011ec48c97271d2c20f9b928fe2270d6fb863d51738b48eeee314\
             a7cc8ab932164548e526ae90224368517acfeabd6bb3732bc0e9da99832b61ca01b6de56244a9e88d5f9b37973f622a43d14a6599b1f65\
             4cb45a74e355a5",
        );
        let opened = Secretbox::new(&key).expect("key").transform_from_storage(stored.into(), "").await;
        assert!(opened.expect("read").data.starts_with(&hex("be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd4")));
    }

    #[test]
    fn the_first_rule_that_names_a_resource_holds() {
        let providers = json!([{"aesgcm": keys(&["a"], 32)}]);
        let covered = |names: &[&str], group, resource| {
            let transformers = Transformers::new(&config(names, providers.clone())).expect("valid");
            let transformer = transformers.of(&GroupResource::new(group, resource));
            let written = futures_util::FutureExt::now_or_never(transformer.transform_to_storage("x".into(), ""));
            written.expect("at once").expect("written").starts_with(b"k8s:enc:")
        };
        assert!(covered(&["secrets"], "", "secrets"));
        assert!(!covered(&["secrets"], "", "pods") && !covered(&["secrets"], "example.com", "secrets"));
        assert!(covered(&["*."], "", "pods") && !covered(&["*."], "apps", "deployments"));
        assert!(covered(&["*.apps"], "apps", "deployments") && covered(&["*.*"], "", "pods"));
    }

    #[test]
    fn all_mistakes_are_named_and_no_key_is_shown() {
        let providers = json!([
            {"aesgcm": {"keys": [{"name": "short", "secret": STANDARD.encode("short")}, {"secret": "x"}]}},
            {"kms": {}}, {"aescbc": {"keys": []}}, {},
        ]);
        let Err(mistakes) = Transformers::new(&config(&[], providers)) else { panic!("refused") };
        for mistake in [
            "resources[0].resources: Required value",
            "providers[0].aesgcm.keys[0].secret: Invalid value: not of the expected length, got 5, expected one of [16, 24, 32]",
            "providers[0].aesgcm.keys[1].name: Required value",
            "providers[1].kms: Forbidden",
            "providers[2].aescbc.keys: Required value",
            "providers[3]: Invalid value: exactly one",
        ] {
            assert!(mistakes.iter().any(|found| found.contains(mistake)), "{mistake}: {mistakes:#?}");
        }
        let config = config(&["secrets"], json!([{"aesgcm": keys(&["a"], 16)}]));
        assert!(!format!("{config:?}").contains(&STANDARD.encode("a".repeat(16))));
    }
}
