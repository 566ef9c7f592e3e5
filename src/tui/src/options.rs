//! What whoever starts the interface decides: looks, language, the embedded source.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use control::texts::Language;

use crate::theme::Theme;

/// Our own source, by path as the phases name it (`src/apiserver/src/endpoints/handlers/create.rs`).
pub type Sources = Arc<BTreeMap<String, Cow<'static, str>>>;

/// How the interface looks and behaves.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// In which language.
    pub language: Language,
    /// With which colours.
    pub theme: Theme,
    /// With which lines.
    pub borders: Borders,
    /// Whether anything moves by itself.
    pub motion: Motion,
    /// Which arrangement of panes comes first.
    pub layout: Layout,
    /// Our own source, for the Source tab.
    pub sources: Sources,
    /// The program that edits text; empty: none.
    pub editor: String,
    /// Whether leaving stops the server: then it is asked for twice.
    pub leaving: Leaving,
}

/// Lines of boxes or letters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Borders {
    /// Box-drawing characters.
    #[default]
    Lines,
    /// Letters only.
    Ascii,
}

/// Whether anything moves by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Motion {
    /// The held badge blinks slowly, and running requests move.
    #[default]
    On,
    /// Nothing moves that nobody moved.
    Off,
}

/// The arrangements of panes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// Everything, for one person.
    #[default]
    Debugger,
    /// One large picture, for a room.
    Present,
    /// With the task of a lesson.
    Lab,
}

impl Layout {
    /// Returns the next one.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Debugger => Self::Present,
            Self::Present => Self::Lab,
            Self::Lab => Self::Debugger,
        }
    }
}

/// What leaving does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Leaving {
    /// The server goes too: ask.
    #[default]
    StopsServer,
    /// Nothing else happens: leave at once.
    Detaches,
}

impl Options {
    /// Completes options from the environment, which is asked for through `get`: what the terminal can draw, and the
    /// language, unless they were chosen already.
    pub fn from_environment(get: impl Fn(&str) -> Option<String>) -> Self {
        let value = |name: &str| get(name).filter(|value| !value.is_empty());
        let locale = value("LC_ALL").or_else(|| value("LC_MESSAGES")).or_else(|| value("LANG")).unwrap_or_default();
        let charset = value("LC_ALL").or_else(|| value("LC_CTYPE")).or_else(|| value("LANG")).unwrap_or_default();
        let utf8 = charset.to_ascii_lowercase().replace('-', "").contains("utf8") || charset.is_empty();
        let plain_terminal = matches!(value("TERM").as_deref(), Some("linux" | "vt100" | "vt220" | "dumb"));
        // `NO_COLOR` is found out here and not left to crossterm, which would also take bold and underline away.
        let theme = if value("NO_COLOR").is_some() || value("TERM").as_deref() == Some("vt100") {
            Theme::NoColour
        } else if value("COLORFGBG").is_some_and(|colours| is_light(&colours)) {
            Theme::Light
        } else {
            Theme::Dark
        };
        Self {
            language: Language::of(&locale),
            theme,
            borders: if utf8 && !plain_terminal { Borders::Lines } else { Borders::Ascii },
            editor: value("VISUAL").or_else(|| value("EDITOR")).unwrap_or_default(),
            ..Self::default()
        }
    }
}

/// `COLORFGBG` is `foreground;background`, as numbers of the 16 colours.
fn is_light(colours: &str) -> bool {
    colours
        .rsplit(';')
        .next()
        .and_then(|background| background.parse::<u8>().ok())
        .is_some_and(|background| background == 7 || background >= 9)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Options {
        Options::from_environment(|name| {
            pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_environment_decides_what_was_not_chosen() {
        assert_eq!(of(&[("LANG", "zh_CN.UTF-8")]).language, Language::Zh);
        assert_eq!(of(&[("NO_COLOR", "1")]).theme, Theme::NoColour);
        assert_eq!(of(&[("NO_COLOR", "")]).theme, Theme::Dark, "an empty NO_COLOR is none");
        assert_eq!(of(&[("COLORFGBG", "0;15")]).theme, Theme::Light);
        assert_eq!(of(&[("LANG", "C")]).borders, Borders::Ascii);
        assert_eq!(of(&[("TERM", "linux"), ("LANG", "en_US.UTF-8")]).borders, Borders::Ascii);
    }
}
