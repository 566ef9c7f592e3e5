//! How things look. A theme gives every role a style; nothing else in the interface names a colour.
//!
//! Colours are of the 256 that every terminal of today has. State is never carried by colour alone:
//! whatever is green, red or yellow also has a sign or a word, so that the theme without colours (for
//! `NO_COLOR`, and for eyes that need it) only loses beauty.

use ratatui::{
    style::{Color, Modifier, Style},
    widgets::BorderType,
};

/// Which theme.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// For dark backgrounds.
    #[default]
    Dark,
    /// For light backgrounds.
    Light,
    /// Contrast of at least 7:1.
    HighContrast,
    /// The terminal's own colours, and modifiers only.
    NoColour,
}

impl Theme {
    /// All themes, in the order in which a key goes through them.
    pub const ALL: [Theme; 4] = [Theme::Dark, Theme::Light, Theme::HighContrast, Theme::NoColour];

    /// Returns the name, as options and the palette write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::HighContrast => "high-contrast",
            Self::NoColour => "no-colour",
        }
    }

    /// Finds a theme by name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.name() == name || theme.name().replace("ou", "o") == name)
    }

    /// Returns the next one.
    #[must_use]
    pub fn next(self) -> Self {
        let at = Self::ALL.iter().position(|theme| *theme == self).unwrap_or(0);
        Self::ALL[(at + 1) % Self::ALL.len()]
    }
}

/// What a piece of the screen is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Ordinary text.
    Text,
    /// Text that matters less.
    Quiet,
    /// What is not there yet, rules between things.
    Faint,
    /// Headings and names.
    Strong,
    /// Where one is, what has the focus.
    Accent,
    /// A border of a pane without the focus.
    Border,
    /// The row or tab that is selected.
    Selected,
    /// A trace that waits for a person.
    Held,
    /// The same, as a badge.
    HeldBadge,
    /// Something ended well.
    Good,
    /// Something failed.
    Bad,
    /// Something to be careful with.
    Warn,
    /// What appeared.
    Added,
    /// What changed.
    Changed,
    /// What went.
    Removed,
    /// A key to press.
    Key,
    /// The same, as a cap.
    KeyCap,
    /// A key of code.
    Name,
    /// A string of code.
    Literal,
    /// A word of the language in code.
    Keyword,
    /// A comment in code.
    Comment,
}

impl Theme {
    /// Returns the style of a role.
    pub fn style(self, role: Role) -> Style {
        match self {
            Self::Dark => coloured(role, &DARK),
            Self::Light => coloured(role, &LIGHT),
            Self::HighContrast => coloured(role, &CONTRAST).add_modifier(emphasis(role)),
            Self::NoColour => Style::new().add_modifier(emphasis(role)),
        }
    }

    /// Returns the style of one letter of the waterfall.
    pub fn letter(self, letter: char) -> Style {
        let colours: &[(char, u8, u8)] = &[
            ('a', 75, 26),
            ('#', 139, 96),
            ('i', 173, 130),
            ('=', 179, 94),
            ('z', 109, 30),
            ('h', 145, 241),
            ('r', 141, 55),
            ('S', 114, 28),
            ('P', 214, 166),
            ('~', 73, 30),
            ('w', 110, 24),
        ];
        let found = colours.iter().find(|(known, ..)| *known == letter);
        match (self, found) {
            (Self::NoColour, _) => self.style(if letter == 'P' { Role::Held } else { Role::Text }),
            (Self::HighContrast, _) => self.style(if letter == 'P' { Role::Held } else { Role::Strong }),
            (Self::Dark, Some((_, dark, _))) => Style::new().fg(Color::Indexed(*dark)),
            (Self::Light, Some((_, _, light))) => Style::new().fg(Color::Indexed(*light)),
            (_, None) => self.style(Role::Faint),
        }
    }
}

/// Colours of a theme by what they say.
struct Palette {
    text: Color,
    quiet: Color,
    faint: Color,
    accent: Color,
    border: Color,
    selected: Color,
    held: Color,
    on_held: Color,
    good: Color,
    bad: Color,
    warn: Color,
    name: Color,
    keyword: Color,
}

const DARK: Palette = Palette {
    text: Color::Reset,
    quiet: Color::Indexed(247),
    faint: Color::Indexed(241),
    accent: Color::Indexed(80),
    border: Color::Indexed(239),
    selected: Color::Indexed(237),
    held: Color::Indexed(214),
    on_held: Color::Indexed(16),
    good: Color::Indexed(114),
    bad: Color::Indexed(203),
    warn: Color::Indexed(221),
    name: Color::Indexed(110),
    keyword: Color::Indexed(176),
};

const LIGHT: Palette = Palette {
    text: Color::Reset,
    quiet: Color::Indexed(240),
    faint: Color::Indexed(246),
    accent: Color::Indexed(24),
    border: Color::Indexed(250),
    selected: Color::Indexed(254),
    held: Color::Indexed(130),
    on_held: Color::Indexed(231),
    good: Color::Indexed(28),
    bad: Color::Indexed(160),
    warn: Color::Indexed(94),
    name: Color::Indexed(25),
    keyword: Color::Indexed(90),
};

const CONTRAST: Palette = Palette {
    text: Color::Indexed(231),
    quiet: Color::Indexed(231),
    faint: Color::Indexed(252),
    accent: Color::Indexed(51),
    border: Color::Indexed(252),
    selected: Color::Indexed(19),
    held: Color::Indexed(226),
    on_held: Color::Indexed(16),
    good: Color::Indexed(120),
    bad: Color::Indexed(217),
    warn: Color::Indexed(226),
    name: Color::Indexed(159),
    keyword: Color::Indexed(225),
};

fn coloured(role: Role, palette: &Palette) -> Style {
    let fg = |colour| Style::new().fg(colour);
    match role {
        Role::Text => fg(palette.text),
        Role::Quiet => fg(palette.quiet),
        Role::Faint | Role::Comment => fg(palette.faint),
        Role::Strong => fg(palette.text).add_modifier(Modifier::BOLD),
        Role::Accent => fg(palette.accent).add_modifier(Modifier::BOLD),
        Role::Border => fg(palette.border),
        Role::Selected => Style::new().bg(palette.selected).add_modifier(Modifier::BOLD),
        Role::Held => fg(palette.held).add_modifier(Modifier::BOLD),
        Role::HeldBadge => fg(palette.on_held).bg(palette.held).add_modifier(Modifier::BOLD),
        Role::Good | Role::Added | Role::Literal => fg(palette.good),
        Role::Bad | Role::Removed => fg(palette.bad),
        Role::Warn | Role::Changed => fg(palette.warn),
        Role::Key => fg(palette.accent).add_modifier(Modifier::BOLD),
        Role::KeyCap => fg(palette.accent).bg(palette.selected).add_modifier(Modifier::BOLD),
        Role::Name => fg(palette.name),
        Role::Keyword => fg(palette.keyword),
    }
}

/// What a role is without colours.
fn emphasis(role: Role) -> Modifier {
    match role {
        Role::Strong | Role::Accent | Role::Key | Role::Held | Role::Bad | Role::Warn | Role::Added | Role::Changed => {
            Modifier::BOLD
        }
        Role::Quiet | Role::Faint | Role::Border | Role::Comment => Modifier::DIM,
        Role::Selected | Role::HeldBadge | Role::KeyCap => Modifier::REVERSED,
        Role::Removed => Modifier::CROSSED_OUT,
        Role::Text | Role::Good | Role::Name | Role::Literal | Role::Keyword => Modifier::empty(),
    }
}

/// The signs the interface draws with.
///
/// None of the Unicode ones is of ambiguous width: in a Chinese terminal those would take two cells and break every line
/// they stand in. Lines and corners are, hence the choice of [`Signs::ASCII`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signs {
    /// A phase that went well.
    pub done: &'static str,
    /// A phase that failed.
    pub failed: &'static str,
    /// A phase that was cancelled.
    pub cancelled: &'static str,
    /// A phase that is open.
    pub open: &'static str,
    /// Where one is.
    pub current: &'static str,
    /// A node that is closed.
    pub closed: &'static str,
    /// A node that is open.
    pub opened: &'static str,
    /// A breakpoint.
    pub breakpoint: &'static str,
    /// To the right.
    pub right: &'static str,
    /// To the left.
    pub left: &'static str,
    /// A full and an empty cell of a bar.
    pub full: &'static str,
    /// See `full`.
    pub empty: &'static str,
    /// Between two values.
    pub becomes: &'static str,
    /// A line, for arrows.
    pub line: &'static str,
    /// Lines of boxes: horizontal, vertical, and the corners clockwise from the top left.
    pub frame: [&'static str; 6],
    /// Border of a pane with the focus.
    pub focused: BorderType,
    /// Border of other panes.
    pub unfocused: BorderType,
}

impl Signs {
    /// For terminals that can draw lines.
    pub const UNICODE: Signs = Signs {
        done: "\u{2713}",
        failed: "\u{2717}",
        cancelled: "\u{2298}",
        open: "\u{2219}",
        current: "\u{25ba}",
        closed: "\u{25b8}",
        opened: "\u{25be}",
        breakpoint: "\u{25c9}",
        right: "\u{25b8}",
        left: "\u{25c2}",
        full: "\u{25b0}",
        empty: "\u{25b1}",
        becomes: "\u{25b8}",
        line: "\u{2500}",
        frame: ["\u{2500}", "\u{2502}", "\u{256d}", "\u{256e}", "\u{256f}", "\u{2570}"],
        focused: BorderType::Double,
        unfocused: BorderType::Rounded,
    };

    /// For all others.
    pub const ASCII: Signs = Signs {
        done: "+",
        failed: "x",
        cancelled: "/",
        open: ".",
        current: ">",
        closed: ">",
        opened: "v",
        breakpoint: "B",
        right: ">",
        left: "<",
        full: "#",
        empty: ".",
        becomes: "->",
        line: "-",
        frame: ["-", "|", "+", "+", "+", "+"],
        // Drawn with a set of its own, see `view::paint`.
        focused: BorderType::Plain,
        unfocused: BorderType::Plain,
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_width::UnicodeWidthStr;

    #[test]
    fn without_colour_nothing_is_coloured_and_states_still_differ() {
        let style = |role| Theme::NoColour.style(role);
        for role in [Role::Held, Role::Good, Role::Bad, Role::Selected, Role::Changed, Role::HeldBadge, Role::Border] {
            assert_eq!((style(role).fg, style(role).bg), (None, None), "{role:?}");
        }
        assert_ne!(style(Role::Held), style(Role::Text));
        assert_ne!(style(Role::Selected), style(Role::Text));
    }

    #[test]
    fn signs_are_one_cell_wide_in_every_terminal() {
        let signs = Signs::UNICODE;
        for sign in [
            signs.done,
            signs.failed,
            signs.cancelled,
            signs.open,
            signs.current,
            signs.closed,
            signs.opened,
            signs.breakpoint,
            signs.right,
            signs.left,
            signs.full,
            signs.empty,
            signs.becomes,
        ] {
            assert_eq!((sign.width(), sign.width_cjk()), (1, 1), "{sign}");
        }
    }

    #[test]
    fn themes_are_found_by_name() {
        assert_eq!(Theme::find("light"), Some(Theme::Light));
        assert_eq!(Theme::find("no-color"), Some(Theme::NoColour));
        assert_eq!(Theme::NoColour.next(), Theme::Dark);
    }
}
