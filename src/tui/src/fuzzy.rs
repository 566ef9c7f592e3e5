//! Finds what was meant from a few letters.

/// Returns how well a pattern fits a text (higher is better), or `None` if its letters do not occur in order.
///
/// Letters at the beginning of words and letters side by side count more, so that `rth` finds "run to here" first.
pub fn score(pattern: &str, text: &str) -> Option<i32> {
    let letters: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
    let mut at = 0;
    let mut total = 0;
    let mut last: Option<usize> = None;
    for wanted in pattern.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase) {
        let next = |from: usize| letters[from..].iter().position(|c| *c == wanted).map(|offset| from + offset);
        let begins = |place: usize| place == 0 || !letters[place - 1].is_alphanumeric();
        let first = next(at)?;
        // A later letter that begins a word, or follows the last one, is what was meant.
        let better = (first..letters.len()).find(|place| letters[*place] == wanted && begins(*place));
        let beside = last.is_some_and(|last| first == last + 1);
        let place = if beside { first } else { better.unwrap_or(first) };
        total += match (beside, begins(place)) {
            (true, _) => 8,
            (false, true) => 10,
            (false, false) => 1,
        };
        total -= i32::from(place - at > 12);
        last = Some(place);
        at = place + 1;
    }
    // Of two that fit alike the shorter was meant.
    Some(total * 16 - letters.len() as i32)
}

/// Returns the indices of the texts that fit, best first.
pub fn rank<'a>(pattern: &str, texts: impl Iterator<Item = &'a str>) -> Vec<usize> {
    let mut found: Vec<(i32, usize)> =
        texts.enumerate().filter_map(|(index, text)| Some((-score(pattern, text)?, index))).collect();
    if pattern.trim().is_empty() {
        return found.into_iter().map(|(_, index)| index).collect();
    }
    found.sort_unstable();
    found.into_iter().map(|(_, index)| index).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_meant_one_comes_first() {
        let texts = ["resume all", "run to here", "replay the request", "theme: light"];
        let best = |pattern: &str| rank(pattern, texts.into_iter()).first().map(|index| texts[*index]);
        assert_eq!(best("rth"), Some("run to here"));
        assert_eq!(best("ra"), Some("resume all"));
        assert_eq!(best("light"), Some("theme: light"));
        assert_eq!(best("zzz"), None);
        assert_eq!(rank("", texts.into_iter()), [0, 1, 2, 3]);
    }
}
