//! One table for words that come again and again: labels and source lines.

use std::collections::HashMap;

use phase::record::Label;

/// Words by number. Number 0 is the empty word.
#[derive(Debug, Default)]
pub struct Names {
    words: Vec<Label>,
    numbers: HashMap<Label, u32>,
}

impl Names {
    /// Returns the number of a word, a new one if it is new.
    pub fn number(&mut self, word: &Label) -> u32 {
        if word.is_empty() {
            return 0;
        }
        if let Some(number) = self.numbers.get(word) {
            return *number;
        }
        self.words.push(word.clone());
        let number = self.words.len() as u32;
        self.numbers.insert(word.clone(), number);
        number
    }

    /// Returns the word of a number.
    pub fn name(&self, number: u32) -> &str {
        number.checked_sub(1).and_then(|at| self.words.get(at as usize)).map_or("", |word| word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_keeps_its_number() {
        let mut names = Names::default();
        let first = names.number(&Label::from("RBAC"));
        assert_eq!(names.number(&Label::from("Node".to_owned())), first + 1);
        assert_eq!(names.number(&Label::from("RBAC".to_owned())), first);
        assert_eq!((names.name(first), names.name(0), names.name(99)), ("RBAC", "", ""));
    }
}
