//! What a learner reads, in each language it exists in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The languages every text must exist in.
pub const LANGUAGES: [&str; 2] = ["en", "zh"];

/// A text by language: `{en: ..., zh: ...}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text(pub BTreeMap<String, String>);

impl Text {
    /// Returns the text in a language; English, then anything, where it is missing.
    pub fn get(&self, language: &str) -> &str {
        let found = self.0.get(language).or_else(|| self.0.get("en")).or_else(|| self.0.values().next());
        found.map(String::as_str).unwrap_or_default().trim_end()
    }

    /// Returns a text in both languages.
    pub fn both(en: &str, zh: &str) -> Self {
        Self(BTreeMap::from([("en".to_owned(), en.to_owned()), ("zh".to_owned(), zh.to_owned())]))
    }

    /// Returns the languages that are missing.
    pub fn missing(&self) -> Vec<&'static str> {
        LANGUAGES
            .into_iter()
            .filter(|language| self.0.get(*language).is_none_or(|text| text.trim().is_empty()))
            .collect()
    }
}
