//! Text.
//!
//! Go: cel-go/ext/strings.go, apiserver/pkg/cel/library/regex.go

use super::Found;
use crate::{Error, budget::Meter, value::Value};

/// Methods of strings.
pub(super) fn method(name: &str, args: &[Value]) -> Found {
    let [Value::String(text), rest @ ..] = args else { return None };
    pair(name, text, rest).or_else(|| plain(name, text, rest))
}

/// Methods with one string argument that answer by comparison.
fn pair(name: &str, text: &str, rest: &[Value]) -> Found {
    let [Value::String(other)] = rest else { return None };
    Some(Ok(match name {
        "startsWith" => Value::Bool(text.starts_with(&**other)),
        "endsWith" => Value::Bool(text.ends_with(&**other)),
        "contains" => Value::Bool(text.contains(&**other)),
        "indexOf" => Value::Int(text.find(&**other).map_or(-1, |at| text[..at].chars().count() as i64)),
        "lastIndexOf" => Value::Int(text.rfind(&**other).map_or(-1, |at| text[..at].chars().count() as i64)),
        "split" => Value::list(text.split(&**other).map(Value::from).collect()),
        _ => return None,
    }))
}

fn plain(name: &str, text: &str, rest: &[Value]) -> Found {
    Some(Ok(match (name, rest) {
        ("lowerAscii", []) => Value::from(text.to_ascii_lowercase()),
        ("upperAscii", []) => Value::from(text.to_ascii_uppercase()),
        ("trim", []) => Value::from(text.trim()),
        ("reverse", []) => Value::from(text.chars().rev().collect::<String>()),
        ("charAt", [Value::Int(at)]) => return Some(substring(text, *at, Some(at + 1))),
        ("substring", [Value::Int(from)]) => return Some(substring(text, *from, None)),
        ("substring", [Value::Int(from), Value::Int(to)]) => return Some(substring(text, *from, Some(*to))),
        ("replace", [Value::String(from), Value::String(to)]) => Value::from(text.replace(&**from, to)),
        ("replace", [Value::String(from), Value::String(to), Value::Int(count)]) => match usize::try_from(*count) {
            Ok(count) => Value::from(text.replacen(&**from, to, count)),
            Err(_) => Value::from(text.replace(&**from, to)),
        },
        ("split", [Value::String(separator), Value::Int(limit)]) => match usize::try_from(*limit) {
            Ok(limit) => Value::list(text.splitn(limit, &**separator).map(Value::from).collect()),
            Err(_) => Value::list(text.split(&**separator).map(Value::from).collect()),
        },
        ("format", [Value::List(args)]) => return Some(format(text, args)),
        _ => return None,
    }))
}

fn substring(text: &str, from: i64, to: Option<i64>) -> Result<Value, Error> {
    let chars: Vec<char> = text.chars().collect();
    let to = to.unwrap_or(chars.len() as i64);
    let range = usize::try_from(from).ok().zip(usize::try_from(to).ok());
    let part = range.and_then(|(from, to)| chars.get(from..to));
    part.map(|part| Value::from(part.iter().collect::<String>())).ok_or_else(|| {
        Error::new(format!("index out of range: {}", if from < 0 || from > chars.len() as i64 { from } else { to }))
    })
}

/// Regular expressions of RE2's syntax.
pub(super) fn regular(name: &str, args: &[Value], meter: &mut Meter) -> Found {
    let [Value::String(text), Value::String(pattern), more @ ..] = args else { return None };
    let regex = match meter.pattern(pattern) {
        Ok(regex) => regex,
        Err(error) => return Some(Err(error)),
    };
    if name == "findAll"
        && let Err(error) = meter.make_items(regex.find_iter(text).count() as u64)
    {
        return Some(Err(error));
    }
    let found = || regex.find_iter(text).map(|found| Value::from(found.as_str()));
    Some(Ok(match (name, more) {
        ("matches", []) => Value::Bool(regex.is_match(text)),
        ("find", []) => found().next().unwrap_or_else(|| Value::from("")),
        ("findAll", []) => Value::list(found().collect()),
        ("findAll", [Value::Int(limit)]) => {
            Value::list(found().take(usize::try_from(*limit).unwrap_or(usize::MAX)).collect())
        }
        _ => return None,
    }))
}

/// `'%s is %d'.format([a, b])`
fn format(template: &str, args: &[Value]) -> Result<Value, Error> {
    let (mut out, mut args, mut rest) = (String::new(), args.iter(), template);
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let verb = rest[at + 1..].chars().next().ok_or_else(|| Error::new("unexpected end of format string"))?;
        rest = &rest[at + 1 + verb.len_utf8()..];
        if verb == '%' {
            out.push('%');
            continue;
        }
        let arg = args.next().ok_or_else(|| Error::new("index out of range in format arguments"))?;
        match (verb, arg) {
            ('s', value) => out.push_str(&value.to_string()),
            ('d', Value::Int(_) | Value::Uint(_)) => out.push_str(&arg.to_string()),
            ('x', Value::Int(value)) => out.push_str(&format!("{value:x}")),
            ('f', Value::Double(value)) => out.push_str(&format!("{value:.6}")),
            _ => return Err(Error::new(format!("unrecognized formatting clause \"{verb}\""))),
        }
    }
    out.push_str(rest);
    Ok(Value::from(out))
}
