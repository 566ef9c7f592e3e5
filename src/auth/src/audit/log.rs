//! Events into a file, one JSON object a line, with a new file when one is full.
//!
//! Go: apiserver/plugin/pkg/audit/log/backend.go, gopkg.in/natefinch/lumberjack.v2

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;
use phase::clock::Clock;
use serde_json::Value;

use crate::audit::Sink;

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The event in JSON.
    Json,
    /// A line for people.
    Legacy,
}

/// Where the log lies and how long it is kept.
#[derive(Clone, Debug)]
pub struct Options {
    /// The file; `-` for standard output.
    pub path: String,
    /// How lines look.
    pub format: Format,
    /// Bytes before a new file begins; 0: never.
    pub max_size: u64,
    /// Old files that are kept; 0: all.
    pub max_backups: usize,
    /// Whether a request must fail whose arrival cannot be written down.
    pub strict: bool,
}

/// The log backend.
///
/// Go: apiserver/plugin/pkg/audit/log/backend.go backend
pub struct LogBackend {
    options: Options,
    clock: Arc<dyn Clock>,
    out: Mutex<Out>,
}

enum Out {
    Stdout(io::Stdout),
    /// The file and how much is in it.
    File(File, u64),
}

impl LogBackend {
    /// Opens the file, making its folder.
    pub fn open(options: Options, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let out = if options.path == "-" { Out::Stdout(io::stdout()) } else { open(Path::new(&options.path))? };
        Ok(Self { options, clock, out: Mutex::new(out) })
    }

    /// Renames the full file by the time, begins a new one, and removes those that are too many.
    ///
    /// Simplified: Kubernetes also compresses old files and removes them by age.
    fn rotate(&self) -> io::Result<Out> {
        let path = PathBuf::from(&self.options.path);
        let millis = self.clock.wall().as_millis();
        fs::rename(&path, backup_name(&path, &format!("{millis:015}")))?;
        if self.options.max_backups > 0 {
            let mut backups = backups(&path)?;
            let too_many = backups.len().saturating_sub(self.options.max_backups);
            for old in backups.drain(..too_many) {
                fs::remove_file(old)?;
            }
        }
        open(&path)
    }
}

fn open(path: &Path) -> io::Result<Out> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    let size = file.metadata()?.len();
    Ok(Out::File(file, size))
}

/// `audit.log` becomes `audit-TIME.log`.
fn backup_name(path: &Path, time: &str) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension = path.extension().map(|extension| format!(".{}", extension.to_string_lossy())).unwrap_or_default();
    path.with_file_name(format!("{stem}-{time}{extension}"))
}

/// The old files, oldest first: their names bear the time.
fn backups(path: &Path) -> io::Result<Vec<PathBuf>> {
    let prefix = format!("{}-", path.file_stem().unwrap_or_default().to_string_lossy());
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// Go: apiserver/pkg/audit/format.go EventString
fn legacy(event: &Value) -> String {
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or("<none>").to_owned();
    let code = event.pointer("/responseStatus/code").map_or("<deferred>".to_owned(), ToString::to_string);
    format!(
        "{} AUDIT: id={:?} stage={:?} ip={:?} method={:?} user={:?} groups={} as={:?} namespace={:?} uri={:?} response={code:?}",
        text("/requestReceivedTimestamp"),
        text("/auditID"),
        text("/stage"),
        text("/sourceIPs/0"),
        text("/verb"),
        text("/user/username"),
        event.pointer("/user/groups").unwrap_or(&Value::Null),
        event.pointer("/impersonatedUser/username").and_then(Value::as_str).unwrap_or("<self>"),
        text("/objectRef/namespace"),
        text("/requestURI"),
    )
}

impl Sink for LogBackend {
    fn process_event(&self, event: &Value) -> Result<(), String> {
        let mut line = match self.options.format {
            Format::Json => event.to_string(),
            Format::Legacy => legacy(event),
        };
        line.push('\n');
        let mut out = self.out.lock();
        if let Out::File(_, size) = &*out
            && self.options.max_size > 0
            && *size > 0
            && size + line.len() as u64 > self.options.max_size
        {
            *out = self.rotate().map_err(|error| error.to_string())?;
        }
        let written = match &mut *out {
            Out::Stdout(stdout) => stdout.write_all(line.as_bytes()),
            Out::File(file, size) => {
                *size += line.len() as u64;
                file.write_all(line.as_bytes())
            }
        };
        written.map_err(|error| error.to_string())
    }

    fn is_strict(&self) -> bool {
        self.options.strict
    }
}

#[cfg(test)]
mod tests {
    use phase::clock::VirtualClock;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_full_file_is_put_aside_and_old_ones_go() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("logs/audit.log");
        let clock = Arc::new(VirtualClock::default());
        let options = Options {
            path: path.display().to_string(),
            format: Format::Json,
            max_size: 30,
            max_backups: 2,
            strict: false,
        };
        let log = LogBackend::open(options, clock.clone()).expect("opened");
        for round in 0..5 {
            clock.advance(std::time::Duration::from_secs(1));
            log.process_event(&json!({"auditID": round, "stage": "Panic"})).expect("written");
        }
        assert_eq!(fs::read_to_string(&path).expect("file"), "{\"auditID\":4,\"stage\":\"Panic\"}\n");
        assert_eq!(backups(&path).expect("files").len(), 2);
    }

    #[test]
    fn the_older_format_is_for_people() {
        let line = legacy(&json!({"auditID": "x", "verb": "get", "user": {"username": "bob", "groups": ["g"]}}));
        assert!(line.contains("method=\"get\" user=\"bob\" groups=[\"g\"] as=\"<self>\""), "{line}");
    }
}
