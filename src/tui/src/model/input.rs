//! What lies over the panes and takes the keys: prompts, palette, help, the editor.

use control::timeline::Marker;
use phase::{catalog::Phase, record::TraceId};
use ratatui_textarea::TextArea;

/// What lies over the panes.
#[derive(Debug)]
pub enum Overlay {
    /// All keys, with a search.
    Help {
        /// What is searched for.
        query: Input,
        /// How far it is scrolled.
        scroll: usize,
    },
    /// Any command.
    Palette {
        /// What was typed.
        input: Input,
        /// Which of what fits is selected.
        selected: usize,
    },
    /// One line to be typed.
    Prompt {
        /// What for.
        kind: Prompt,
        /// What was typed.
        input: Input,
        /// What is wrong with it.
        error: Option<String>,
    },
    /// A state to be edited.
    Editor {
        /// Of which trace.
        trace: TraceId,
        /// Before which phase.
        phase: Phase,
        /// The text.
        area: Box<TextArea<'static>>,
        /// What is wrong with it.
        error: Option<String>,
    },
    /// A letter to mark with.
    Mark,
    /// The letter of a mark to jump to.
    Jump(Vec<Marker>),
    /// Lines to copy.
    Copy(Vec<String>),
    /// Whether to leave.
    Quit,
}

/// What a line is typed for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prompt {
    /// Which requests to walk.
    Intercept,
    /// Which requests to show.
    Filter,
    /// What to search for.
    Search,
    /// When to stop at a phase.
    Break(Phase),
    /// An expression to watch.
    Watch,
}

/// A line that is being typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input {
    text: String,
    /// In bytes, at a boundary between characters.
    cursor: usize,
    /// Whether all of it is selected: what is typed next takes its place.
    selected: bool,
}

impl Input {
    /// Returns a line that begins with a text, the cursor at its end.
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned(), cursor: text.len(), selected: false }
    }

    /// Returns a line with a text that is proposed: it is taken as it is, moved about in, or replaced by what is typed.
    pub fn proposed(text: &str) -> Self {
        Self { selected: !text.is_empty(), ..Self::new(text) }
    }

    /// Says whether all of it is selected.
    pub fn is_selected(&self) -> bool {
        self.selected
    }

    /// Removes everything if it is selected. Says whether it was.
    fn remove_selected(&mut self) -> bool {
        let removed = std::mem::take(&mut self.selected);
        if removed {
            self.text.clear();
            self.cursor = 0;
        }
        removed
    }

    /// Returns the text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the text before the cursor.
    pub fn before(&self) -> &str {
        &self.text[..self.cursor]
    }

    /// Puts text in at the cursor. Line breaks become spaces.
    pub fn insert(&mut self, text: &str) {
        self.remove_selected();
        let text = text.replace(['\n', '\r'], " ");
        self.text.insert_str(self.cursor, &text);
        self.cursor += text.len();
    }

    /// Removes the character before the cursor.
    pub fn backspace(&mut self) {
        if self.remove_selected() {
            return;
        }
        if let Some(c) = self.before().chars().next_back() {
            self.cursor -= c.len_utf8();
            self.text.remove(self.cursor);
        }
    }

    /// Removes the character after the cursor.
    pub fn delete(&mut self) {
        if self.remove_selected() {
            return;
        }
        if self.cursor < self.text.len() {
            self.text.remove(self.cursor);
        }
    }

    /// Removes the word before the cursor.
    pub fn delete_word(&mut self) {
        self.selected = false;
        let kept = self.before().trim_end();
        let start = kept.rfind(char::is_whitespace).map_or(0, |at| at + 1);
        self.text.replace_range(start..self.cursor, "");
        self.cursor = start;
    }

    /// Removes everything before the cursor.
    pub fn clear(&mut self) {
        self.selected = false;
        self.text.replace_range(..self.cursor, "");
        self.cursor = 0;
    }

    /// Moves the cursor by one character.
    pub fn left(&mut self) {
        self.selected = false;
        self.cursor -= self.before().chars().next_back().map_or(0, char::len_utf8);
    }

    /// Moves the cursor by one character.
    pub fn right(&mut self) {
        self.selected = false;
        self.cursor += self.text[self.cursor..].chars().next().map_or(0, char::len_utf8);
    }

    /// Moves the cursor to the beginning.
    pub fn home(&mut self) {
        self.selected = false;
        self.cursor = 0;
    }

    /// Moves the cursor to the end.
    pub fn end(&mut self) {
        self.selected = false;
        self.cursor = self.text.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_typed_also_in_chinese() {
        let mut input = Input::new("user == ");
        input.insert("'小明'");
        assert_eq!(input.text(), "user == '小明'");
        input.left();
        input.backspace();
        assert_eq!(input.text(), "user == '小'");
        input.end();
        input.delete_word();
        assert_eq!(input.text(), "user == ");
        input.home();
        input.delete();
        input.right();
        assert_eq!((input.text(), input.before()), ("ser == ", "s"));
        input.clear();
        assert_eq!(input.text(), "er == ");
    }

    #[test]
    fn a_proposed_line_is_replaced_by_what_is_typed_and_kept_by_moving_about() {
        let typed = |act: fn(&mut Input)| {
            let mut input = Input::proposed("verb == 'create'");
            act(&mut input);
            input.text().to_owned()
        };
        assert_eq!(typed(|input| input.insert("x")), "x");
        assert_eq!(typed(Input::backspace), "");
        assert_eq!(typed(|_| {}), "verb == 'create'");
        assert_eq!(typed(|input| [Input::end, Input::backspace].iter().for_each(|act| act(input))), "verb == 'create");
        assert_eq!(typed(Input::delete_word), "verb == ");
    }
}
