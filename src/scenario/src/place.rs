//! Where a field stands in a file: `steps[2].do` is a line.
//!
//! YAML is read by its indentation, block by block; what is written in one line (`{a: b}`) is found at that line.

/// Lines that belong together, from `start` up to `end`.
#[derive(Clone, Copy)]
struct Block {
    start: usize,
    end: usize,
}

/// Returns the line of a field, from 1; 0 if even its outermost part is not there.
pub fn line_of(source: &str, field: &str) -> usize {
    let lines: Vec<&str> = source.lines().collect();
    let mut block = Block { start: 0, end: lines.len() };
    let mut found = None;
    for part in field.split('.') {
        let (key, indices) = part.split_once('[').unwrap_or((part, ""));
        let Some(at) = key_in(&lines, block, key) else { break };
        block = at;
        found = Some(at.start);
        for index in indices.split('[').filter_map(|index| index.trim_end_matches(']').parse::<usize>().ok()) {
            let Some(item) = item_in(&lines, block, index) else { break };
            block = item;
            found = Some(item.start);
        }
    }
    found.map_or(0, |line| line + 1)
}

/// How far a line's content is from the margin; dashes of lists count as space. `None`: nothing or a comment.
fn depth(line: &str) -> Option<usize> {
    let content = line.trim_start_matches([' ', '-']);
    (!content.is_empty() && !content.starts_with('#')).then(|| line.len() - content.len())
}

fn key_in(lines: &[&str], block: Block, key: &str) -> Option<Block> {
    let depths = (block.start..block.end).filter_map(|at| Some((at, depth(lines[at])?)));
    let is_key = |at: usize| {
        let rest = lines[at].trim_start_matches([' ', '-']).strip_prefix(key);
        rest.is_some_and(|rest| rest.starts_with(':'))
    };
    let (start, own) = depths.filter(|(at, _)| is_key(*at)).min_by_key(|(at, depth)| (*depth, *at))?;
    let ends = |at: &usize| {
        depth(lines[*at])
            .is_some_and(|depth| depth < own || (depth == own && !lines[*at].trim_start().starts_with('-')))
            || (dash(lines[*at]).is_some_and(|dash| dash < own))
    };
    let end = (start + 1..block.end).find(ends).unwrap_or(block.end);
    Some(Block { start, end })
}

/// Where the dash of a list's item is.
fn dash(line: &str) -> Option<usize> {
    let content = line.trim_start();
    content.starts_with("- ").then(|| line.len() - content.len())
}

fn item_in(lines: &[&str], block: Block, index: usize) -> Option<Block> {
    let dashes: Vec<(usize, usize)> =
        (block.start + 1..block.end).filter_map(|at| Some((at, dash(lines[at])?))).collect();
    let own = dashes.iter().map(|(_, dash)| *dash).min()?;
    let items: Vec<usize> = dashes.iter().filter(|(_, dash)| *dash == own).map(|(at, _)| *at).collect();
    let start = *items.get(index)?;
    Some(Block { start, end: items.get(index + 1).copied().unwrap_or(block.end) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "metadata:
  id: a
start:
  webhooks:
    - name: gate
      answers:
        - {deny: no}
        - when: 'true'
          deny: no
steps:
- id: one
  say: {en: A}
- id: two
  check:
    - id: x
      that: a
    - id: y
      that: b
  solve:
    - {get: /x}
goal:
  within_requests: 0
";

    #[test]
    fn fields_are_found_in_blocks_and_in_lines() {
        for (field, line) in [
            ("metadata.id", 2),
            ("start.webhooks[0].answers[1].deny", 9),
            ("start.webhooks[0].answers[0].deny", 7),
            ("steps[0].say", 12),
            ("steps[1]", 13),
            ("steps[1].check[1].that", 18),
            ("steps[1].solve[0]", 20),
            ("goal.within_requests", 22),
            ("steps[1].do", 13),
            ("nothing", 0),
        ] {
            assert_eq!(line_of(FILE, field), line, "{field}");
        }
    }
}
