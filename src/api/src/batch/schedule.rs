//! Cron schedules and the names of time zones.
//!
//! Go: github.com/robfig/cron/parser.go ParseStandard

use std::{collections::BTreeSet, sync::LazyLock};

use apimachinery::util::strconv::quote;

const ZONES: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../assets/api/timezones.txt"));

/// One field of a schedule: its least and greatest value, and names for values from the least on.
struct Field {
    min: i64,
    max: i64,
    names: &'static [&'static str],
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const FIELDS: [Field; 5] = [
    Field { min: 0, max: 59, names: &[] },
    Field { min: 0, max: 23, names: &[] },
    Field { min: 1, max: 31, names: &[] },
    Field { min: 1, max: 12, names: &MONTHS },
    Field { min: 0, max: 6, names: &DAYS },
];

/// Checks a schedule; the error is the parser's sentence.
pub fn parse(text: &str) -> Result<(), String> {
    if text.starts_with('@') {
        return descriptor(text);
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    if words.len() != FIELDS.len() {
        return Err(format!("expected exactly 5 fields, found {}: [{}]", words.len(), words.join(" ")));
    }
    words.iter().zip(FIELDS).try_for_each(|(word, field)| word.split(',').try_for_each(|part| range(part, &field)))
}

fn descriptor(text: &str) -> Result<(), String> {
    if let Some(duration) = text.strip_prefix("@every ") {
        if is_duration(duration) {
            return Ok(());
        }
        return Err(format!("failed to parse duration {text}: time: invalid duration {}", quote(duration)));
    }
    match text {
        "@yearly" | "@annually" | "@monthly" | "@weekly" | "@daily" | "@midnight" | "@hourly" => Ok(()),
        _ => Err(format!("unrecognized descriptor: {text}")),
    }
}

/// `1h30m`
fn is_duration(text: &str) -> bool {
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return true;
    }
    let mut parts = 0;
    while !rest.is_empty() {
        let digits = rest.find(|char: char| !char.is_ascii_digit() && char != '.').unwrap_or(rest.len());
        let unit_end =
            rest[digits..].find(|char: char| char.is_ascii_digit() || char == '.').map_or(rest.len(), |at| at + digits);
        let (number, unit) = (&rest[..digits], &rest[digits..unit_end]);
        if number.parse::<f64>().is_err() || !matches!(unit, "ns" | "us" | "µs" | "ms" | "s" | "m" | "h") {
            return false;
        }
        parts += 1;
        rest = &rest[unit_end..];
    }
    parts > 0
}

/// `5`, `1-5`, `*/15`. Go: getRange
fn range(text: &str, field: &Field) -> Result<(), String> {
    let slashes: Vec<&str> = text.split('/').collect();
    let hyphens: Vec<&str> = slashes[0].split('-').collect();
    let (start, mut end) = if matches!(hyphens[0], "*" | "?") {
        (field.min, field.max)
    } else {
        let start = number_or_name(hyphens[0], field.names, field.min)?;
        match hyphens[..] {
            [_] => (start, start),
            [_, end] => (start, number_or_name(end, field.names, field.min)?),
            _ => return Err(format!("too many hyphens: {text}")),
        }
    };
    let step = match slashes[..] {
        [_] => 1,
        [_, step] => {
            let step = number(step)?;
            if hyphens.len() == 1 {
                end = field.max;
            }
            step
        }
        _ => return Err(format!("too many slashes: {text}")),
    };
    let (min, max) = (field.min, field.max);
    if start < min {
        return Err(format!("beginning of range ({start}) below minimum ({min}): {text}"));
    }
    if end > max {
        return Err(format!("end of range ({end}) above maximum ({max}): {text}"));
    }
    if start > end {
        return Err(format!("beginning of range ({start}) beyond end of range ({end}): {text}"));
    }
    if step == 0 {
        return Err(format!("step of range should be a positive number: {text}"));
    }
    Ok(())
}

fn number_or_name(text: &str, names: &[&str], least: i64) -> Result<i64, String> {
    let lower = text.to_ascii_lowercase();
    match names.iter().position(|name| *name == lower) {
        Some(index) => Ok(least + index as i64),
        None => number(text),
    }
}

fn number(text: &str) -> Result<i64, String> {
    let number: i64 = text.parse().map_err(|_| {
        format!("failed to parse int from {text}: strconv.Atoi: parsing {}: invalid syntax", quote(text))
    })?;
    if number < 0 { Err(format!("negative number ({number}) not allowed: {text}")) } else { Ok(number) }
}

/// Says whether this names a time zone.
pub fn is_time_zone(name: &str) -> bool {
    static NAMES: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
        let mut names = BTreeSet::new();
        let mut area = "";
        for word in ZONES.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace) {
            match word.strip_suffix(':') {
                Some(name) => area = name,
                None if area.is_empty() => drop(names.insert(word.to_owned())),
                None => drop(names.insert(format!("{area}/{word}"))),
            }
        }
        names
    });
    NAMES.contains(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_parsed_as_in_go() {
        for good in ["* * * * *", "*/15 0-6,22 1 jan-MAR mon", "@hourly", "@every 1h30m", "5/10 * ? * *"] {
            assert_eq!(parse(good), Ok(()), "{good}");
        }
        let bad = [
            ("*/0 * * * *", "step of range should be a positive number: */0"),
            ("0 25 * * *", "end of range (25) above maximum (23): 25"),
            ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
            ("a * * * *", "failed to parse int from a: strconv.Atoi: parsing \"a\": invalid syntax"),
            ("@never", "unrecognized descriptor: @never"),
        ];
        for (text, error) in bad {
            assert_eq!(parse(text), Err(error.to_owned()));
        }
    }

    #[test]
    fn zones_have_areas_or_none() {
        assert!(is_time_zone("UTC") && is_time_zone("Europe/Paris") && is_time_zone("America/Argentina/Ushuaia"));
        assert!(!is_time_zone("Mars/Base") && !is_time_zone("Paris"));
    }
}
