//! Names of properties that are no names in the language, and back: `a-b` is `a__dash__b`.
//!
//! Go: apiserver/pkg/cel/escaping.go

use crate::parser::RESERVED;

/// Words that are values and operators. A property of such a name, or of a reserved one, is written between double
/// underscores.
const WORDS: [&str; 4] = ["true", "false", "null", "in"];

fn is_kept(word: &str) -> bool {
    WORDS.contains(&word) || RESERVED.contains(&word)
}

/// What stands for characters that a name cannot have. The underscores come first, for they are in all others.
const SEQUENCES: [(&str, &str); 4] =
    [("__", "__underscores__"), (".", "__dot__"), ("-", "__dash__"), ("/", "__slash__")];

/// Returns the name under which an expression sees a property; `None` if it cannot see it.
pub fn escape(property: &str) -> Option<String> {
    if property.is_empty() || property.starts_with(|char: char| char.is_ascii_digit()) {
        return None;
    }
    if is_kept(property) {
        return Some(format!("__{property}__"));
    }
    let mut escaped = String::with_capacity(property.len());
    let mut rest = property;
    while let Some(char) = rest.chars().next() {
        if let Some((plain, sequence)) = SEQUENCES.iter().find(|(plain, _)| rest.starts_with(plain)) {
            escaped.push_str(sequence);
            rest = &rest[plain.len()..];
        } else if char.is_ascii_alphanumeric() || char == '_' {
            escaped.push(char);
            rest = &rest[1..];
        } else {
            return None;
        }
    }
    Some(escaped)
}

/// Returns the property that an expression means by a name; `None` if the name has a sequence that means nothing.
pub fn unescape(name: &str) -> Option<String> {
    if let Some(word) = name.strip_prefix("__").and_then(|rest| rest.strip_suffix("__"))
        && is_kept(word)
    {
        return Some(word.to_owned());
    }
    let (mut plain, mut rest) = (String::with_capacity(name.len()), name);
    while let Some(at) = rest.find("__") {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let (found, sequence) = SEQUENCES.iter().find(|(_, sequence)| rest.starts_with(sequence))?;
        plain.push_str(found);
        rest = &rest[sequence.len()..];
    }
    plain.push_str(rest);
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_are_written_as_names() {
        for (property, name) in [
            ("a", "a"),
            ("a-b.c/d", "a__dash__b__dot__c__slash__d"),
            ("namespace", "__namespace__"),
            ("while", "__while__"),
            ("true", "__true__"),
            ("a__b", "a__underscores__b"),
        ] {
            assert_eq!(escape(property).as_deref(), Some(name));
            assert_eq!(unescape(name).as_deref(), Some(property));
        }
        assert_eq!((escape("1a"), escape("a b"), escape("")), (None, None, None));
        assert_eq!(unescape("a__none__b"), None);
    }
}
