//! Numbers as people read them.

use phase::clock::Nanos;

/// Returns a duration in at most six cells: `38us`, `1.2ms`, `412ms`, `3.4s`, `2m10s`.
pub fn duration(nanos: Nanos) -> String {
    let (micros, millis, seconds) = (nanos / 1_000, nanos / 1_000_000, nanos / 1_000_000_000);
    match nanos {
        0..1_000 => format!("{nanos}ns"),
        1_000..1_000_000 => format!("{micros}us"),
        1_000_000..10_000_000 => format!("{millis}.{}ms", nanos % 1_000_000 / 100_000),
        10_000_000..1_000_000_000 => format!("{millis}ms"),
        1_000_000_000..60_000_000_000 => format!("{seconds}.{}s", nanos % 1_000_000_000 / 100_000_000),
        _ => format!("{}m{:02}s", seconds / 60, seconds % 60),
    }
}

/// Returns a time that is waited: `0:21`, `12:05`, `1:02:03`.
pub fn clock(nanos: Nanos) -> String {
    let seconds = nanos / 1_000_000_000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// Returns a size: `812 B`, `2.7 KB`.
pub fn size(bytes: usize) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{}.{} KB", bytes / 1_000, bytes % 1_000 / 100),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}

/// Returns a path without what every path has: `pods/web` in `shop`.
pub fn short_path(path: &str) -> String {
    let bare = path.split('?').next().unwrap_or(path);
    readable(bare).replacen("/namespaces/", "/ns/", 1)
}

/// Returns a path with the letters that stand in it as `%E5%90%8D`; as it is if they are none.
fn readable(path: &str) -> String {
    if !path.contains('%') {
        return path.to_owned();
    }
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let escaped = hex.and_then(|two| u8::from_str_radix(two, 16).ok()).filter(|_| *first == b'%');
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains(char::is_control)).unwrap_or_else(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        let shown = [0, 999, 38_000, 1_250_000, 412_000_000, 3_450_000_000, 130_000_000_000].map(duration);
        assert_eq!(shown, ["0ns", "999ns", "38us", "1.2ms", "412ms", "3.4s", "2m10s"]);
        assert_eq!([21_000_000_000, 725_000_000_000, 3_723_000_000_000].map(clock), ["0:21", "12:05", "1:02:03"]);
        assert_eq!(short_path("/api/v1/namespaces/a/pods/%E5%90%8D?watch=1"), "/api/v1/ns/a/pods/名");
        assert_eq!(["/a%1b%zz", "/%ff", "/%"].map(short_path), ["/a%1b%zz", "/%ff", "/%"]);
        assert_eq!([812, 2_750, 3_200_000].map(size), ["812 B", "2.7 KB", "3.2 MB"]);
    }
}
