//! What a phase is for, in words: a question, an answer, in English and Chinese.
//!
//! The texts are data (`assets/phases/{en,zh}`), keyed by the phase's variant; a test sees to it that
//! none is missing.

use std::{collections::BTreeMap, sync::OnceLock};

use phase::catalog::{CATALOG, Phase};
use serde::{Deserialize, Serialize};

/// The languages there are texts in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Chinese, as written in mainland China.
    Zh,
}

impl Language {
    /// Returns the code that scenario files and settings use.
    pub fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh",
        }
    }

    /// Returns the language of a code or of a `LANG` value (`zh_CN.UTF-8`); English where there are no texts.
    pub fn of(code: &str) -> Self {
        if code.to_ascii_lowercase().starts_with("zh") { Self::Zh } else { Self::En }
    }

    /// Returns the other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::En => Self::Zh,
            Self::Zh => Self::En,
        }
    }
}

/// What is said of a phase.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// A short name for a person.
    pub title: String,
    /// What it answers.
    pub question: String,
    /// Two to six sentences.
    pub explanation: String,
    /// What was different in the version that the classic walk-through describes.
    #[serde(default)]
    pub classic: String,
}

/// Files of each language, in the order of the catalogue.
const FILES: [(Language, &[&str]); 2] = [
    (
        Language::En,
        &[
            include_str!("../../../assets/phases/en/startup.yaml"),
            include_str!("../../../assets/phases/en/servers.yaml"),
            include_str!("../../../assets/phases/en/filters.yaml"),
            include_str!("../../../assets/phases/en/handlers.yaml"),
        ],
    ),
    (
        Language::Zh,
        &[
            include_str!("../../../assets/phases/zh/startup.yaml"),
            include_str!("../../../assets/phases/zh/servers.yaml"),
            include_str!("../../../assets/phases/zh/filters.yaml"),
            include_str!("../../../assets/phases/zh/handlers.yaml"),
        ],
    ),
];

type Texts = BTreeMap<String, Text>;

fn read(language: Language) -> Texts {
    let files = FILES.iter().find(|(known, _)| *known == language).map_or(&[][..], |(_, files)| files);
    let read = |file: &&str| serde_saphyr::from_str::<Texts>(file).expect("the texts are valid: a test reads them");
    files.iter().flat_map(read).collect()
}

/// Returns what is said of a phase.
pub fn of(phase: Phase, language: Language) -> &'static Text {
    static EN: OnceLock<Vec<Text>> = OnceLock::new();
    static ZH: OnceLock<Vec<Text>> = OnceLock::new();
    let texts = match language {
        Language::En => &EN,
        Language::Zh => &ZH,
    };
    let texts = texts.get_or_init(|| {
        let mut texts = read(language);
        CATALOG.iter().map(|info| texts.remove(&format!("{:?}", info.phase)).unwrap_or_default()).collect()
    });
    &texts[phase as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phase_has_its_texts_in_both_languages() {
        for language in [Language::En, Language::Zh] {
            for info in CATALOG {
                let text = of(info.phase, language);
                let of = format!("{:?} in {}", info.phase, language.code());
                assert!(!text.title.is_empty() && !text.question.is_empty(), "{of} has no title or question");
                assert!(text.question.ends_with(['?', '\u{ff1f}']), "{of}: not a question: {}", text.question);
                let ends = text.explanation.matches(['.', '\u{3002}', '?', ':']).count();
                assert!((2..=14).contains(&ends), "{of}: {ends} ends of sentences");
                let han = text.explanation.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
                assert_eq!(han, language == Language::Zh, "{of}: the wrong language");
            }
            let known: Vec<String> = CATALOG.iter().map(|info| format!("{:?}", info.phase)).collect();
            let strangers: Vec<String> = read(language).into_keys().filter(|key| !known.contains(key)).collect();
            assert!(strangers.is_empty(), "texts of phases that do not exist: {strangers:?}");
        }
    }

    #[test]
    fn a_phase_that_the_classic_walk_through_knows_says_what_became_of_it() {
        for phase in [Phase::ConfigureAdmission, Phase::BuildGenericConfig, Phase::CreateServerChain] {
            for language in [Language::En, Language::Zh] {
                assert!(!of(phase, language).classic.is_empty(), "{phase:?}");
            }
        }
    }

    #[test]
    fn a_locale_is_a_language() {
        assert_eq!(Language::of("zh_CN.UTF-8"), Language::Zh);
        assert_eq!(Language::of("de_DE"), Language::En);
    }
}
