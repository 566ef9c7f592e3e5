//! What a learner reads, in each language it exists in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The languages every text must exist in.
pub const LANGUAGES: [&str; 2] = ["en", "zh"];

/// A text by language: `{en: ..., zh: ...}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<String, String>")]
pub struct Text(pub BTreeMap<String, String>);

impl From<BTreeMap<String, String>> for Text {
    fn from(texts: BTreeMap<String, String>) -> Self {
        Self(texts.into_iter().map(|(language, text)| (language, without_gaps(&text))).collect())
    }
}

/// Takes away the spaces that YAML puts between folded lines where Chinese has none.
fn without_gaps(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let is_gap = |at: usize| {
        let (Some(before), Some(after)) = (at.checked_sub(1).map(|at| letters[at]), letters.get(at + 1)) else {
            return false;
        };
        let wide = |letter: char| letter >= '\u{2e80}';
        // Full-width marks bring their own space.
        let mark = |letter: char| matches!(letter, '\u{3000}'..='\u{303f}' | '\u{ff00}'..='\u{ff65}');
        letters[at] == ' ' && (wide(before) && wide(*after) || mark(before) || mark(*after))
    };
    (0..letters.len()).filter(|at| !is_gap(*at)).map(|at| letters[at]).collect()
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_lines_of_chinese_are_joined_without_a_space() {
        let text: Text = serde_json::from_str(r#"{"en": "one two", "zh": "停在这里； 往下走 Pod 看看。 `kubectl`"}"#)
            .expect("a text");
        assert_eq!((text.get("en"), text.get("zh")), ("one two", "停在这里；往下走 Pod 看看。`kubectl`"));
        assert_eq!(serde_json::to_value(&text).expect("JSON")["en"], "one two");
    }
}
