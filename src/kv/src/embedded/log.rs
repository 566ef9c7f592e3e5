//! The format on disk.
//!
//! One table holds a row for every change of every key, by revision and key; opening reads it from
//! front to back. What lies before the horizon (the newest revision whose changes have been
//! forgotten) is the state at the horizon: rows that a later row had replaced by then are removed.
//!
//! ```text
//!   log     (revision, key) -> kind, create revision, version, lease, value
//!   leases  id              -> time to live in milliseconds
//!   meta    name            -> format, horizon, and as of the last time it moved: revision, compacted
//! ```

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use crate::{
    backend::{Event, EventKind, KeyValue, LeaseId, Revision},
    embedded::medium::Medium,
    mvcc::{
        state::tombstone,
        working::{Changes, Working},
    },
};

/// The version of the format. Another version is refused, never guessed at.
const FORMAT: u64 = 1;

const LOG: TableDefinition<'_, (u64, &str), &[u8]> = TableDefinition::new("log");
const LEASES: TableDefinition<'_, i64, u64> = TableDefinition::new("leases");
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("{0} is in use by another process: stop it, or choose another data directory")]
    InUse(String),
    /// It was written by another version of this program.
    #[error("{name} has format {found}, but this program reads format {FORMAT}: use the program that wrote it")]
    Format {
        /// Where.
        name: String,
        /// The format it has.
        found: u64,
    },
    /// What it holds makes no sense.
    #[error("{name} is damaged: {what}")]
    Corrupt {
        /// Where.
        name: String,
        /// What is wrong.
        what: String,
    },
    /// It cannot be read or written.
    #[error("cannot open {name}: {error}")]
    Io {
        /// Where.
        name: String,
        /// Why not.
        error: redb::Error,
    },
    /// There is no thread for it.
    #[error("cannot start the store's writer: {0}")]
    Thread(std::io::Error),
}

/// An open log. Owned by the writer.
pub(crate) struct Log {
    database: Database,
}

/// What a log says about the time before.
#[derive(Debug)]
pub(crate) struct Contents {
    /// All changes, oldest first. Those up to the horizon make up the state at the horizon.
    pub(crate) rows: Vec<(EventKind, Arc<KeyValue>)>,
    /// The leases that run.
    pub(crate) leases: Vec<(LeaseId, Duration)>,
    /// The newest revision.
    pub(crate) revision: Revision,
    /// The oldest revision that clients may read.
    pub(crate) compacted: Revision,
    /// The newest revision whose changes have been forgotten.
    pub(crate) horizon: Revision,
}

/// What the bound on the past makes removable.
#[derive(Debug, Default)]
pub(crate) struct Trim {
    /// Rows that a later one had replaced by the horizon.
    rows: Vec<(Revision, Arc<str>)>,
    /// The new horizon.
    pub(crate) horizon: Revision,
}

impl Trim {
    /// Adds what forgetting these changes makes removable.
    pub(crate) fn add(&mut self, forgotten: &[Event]) {
        for event in forgotten {
            self.horizon = self.horizon.max(event.kv.mod_revision);
            if let Some(prev) = &event.prev {
                self.rows.push((prev.mod_revision, prev.key.clone()));
            }
            if event.kind == EventKind::Delete {
                self.rows.push((event.kv.mod_revision, event.kv.key.clone()));
            }
        }
    }
}

impl Log {
    /// Opens a log, or makes an empty one, and reads it.
    pub(crate) fn open(medium: &dyn Medium) -> Result<(Self, Contents), OpenError> {
        let io = |error: redb::Error| OpenError::Io { name: medium.name(), error };
        let database = medium.open().map_err(|error| match error {
            redb::DatabaseError::DatabaseAlreadyOpen => OpenError::InUse(medium.name()),
            error => io(error.into()),
        })?;
        let log = Self { database };
        match log.format().map_err(io)? {
            FORMAT => {}
            found => return Err(OpenError::Format { name: medium.name(), found }),
        }
        let contents = log.read().map_err(io)?;
        contents.check().map_err(|what| OpenError::Corrupt { name: medium.name(), what })?;
        Ok((log, contents))
    }

    /// Returns the format; an empty database is given ours, with all its tables.
    fn format(&self) -> Result<u64, redb::Error> {
        let transaction = self.database.begin_write()?;
        let found = {
            let mut meta = transaction.open_table(META)?;
            let found = meta.get("format")?.map(|format| format.value());
            if found.is_none() {
                meta.insert("format", FORMAT)?;
                transaction.open_table(LOG)?;
                transaction.open_table(LEASES)?;
            }
            found
        };
        if found.is_none() {
            transaction.commit()?;
        }
        Ok(found.unwrap_or(FORMAT))
    }

    fn read(&self) -> Result<Contents, redb::Error> {
        let transaction = self.database.begin_read()?;
        let meta = transaction.open_table(META)?;
        let number = |name, absent| Ok::<_, redb::Error>(meta.get(name)?.map_or(absent, |value| value.value()));
        let mut rows = Vec::new();
        for row in transaction.open_table(LOG)?.iter()? {
            let (key, value) = row?;
            let (revision, key) = key.value();
            rows.extend(decode(revision, key, value.value()));
        }
        let mut leases = Vec::new();
        for row in transaction.open_table(LEASES)?.iter()? {
            let (id, ttl) = row?;
            leases.push((id.value(), Duration::from_millis(ttl.value())));
        }
        let newest = rows.last().map_or(1, |(_, kv): &(_, Arc<KeyValue>)| kv.mod_revision);
        Ok(Contents {
            rows,
            leases,
            revision: number("revision", 1)?.max(newest),
            compacted: number("compacted", 0)?,
            horizon: number("horizon", 1)?,
        })
    }

    /// Writes changes down and waits for the disk.
    pub(crate) fn write(&self, changes: &Changes, working: &Working, trim: &Trim) -> Result<(), redb::Error> {
        let transaction = self.database.begin_write()?;
        {
            let mut log = transaction.open_table(LOG)?;
            for event in &changes.events {
                log.insert((event.kv.mod_revision, &*event.kv.key), encode(event).as_slice())?;
            }
            for (revision, key) in &trim.rows {
                log.remove((*revision, &**key))?;
            }
            if !changes.granted.is_empty() || !changes.ended.is_empty() {
                let mut leases = transaction.open_table(LEASES)?;
                for (id, ttl) in &changes.granted {
                    leases.insert(*id, ttl.as_millis() as u64)?;
                }
                for id in &changes.ended {
                    leases.remove(*id)?;
                }
            }
            // The newest row tells the newest revision, unless it was a deletion that is removed here.
            if changes.compacted.is_some() || !trim.rows.is_empty() {
                let mut meta = transaction.open_table(META)?;
                meta.insert("revision", working.state.revision)?;
                meta.insert("compacted", working.compacted)?;
                if trim.horizon > 0 {
                    meta.insert("horizon", trim.horizon)?;
                }
            }
        }
        Ok(transaction.commit()?)
    }
}

impl Contents {
    /// Says what makes no sense, if anything does: after the horizon, no revision may be missing.
    fn check(&self) -> Result<(), String> {
        let mut last = self.horizon;
        for (_, kv) in self.rows.iter().filter(|(_, kv)| kv.mod_revision > self.horizon) {
            if kv.mod_revision > last + 1 {
                return Err(format!("revision {} is missing", last + 1));
            }
            last = kv.mod_revision;
        }
        if last < self.revision {
            return Err(format!("it should end at revision {} but ends at {last}", self.revision));
        }
        Ok(())
    }
}

const PUT: u8 = 0;
const DELETE: u8 = 1;
/// Kind, create revision, version, lease.
const HEADER: usize = 1 + 8 + 8 + 8;

fn encode(event: &Event) -> Vec<u8> {
    let kv = &event.kv;
    match event.kind {
        EventKind::Delete => vec![DELETE],
        EventKind::Put => {
            let mut row = Vec::with_capacity(HEADER + kv.value.len());
            row.push(PUT);
            row.extend(kv.create_revision.to_le_bytes());
            row.extend(kv.version.to_le_bytes());
            // Leases count from 1.
            row.extend(kv.lease.unwrap_or_default().to_le_bytes());
            row.extend_from_slice(&kv.value);
            row
        }
    }
}

/// Reads a row back; `None` if it is none that this program writes (the database's checksums have passed it).
fn decode(revision: Revision, key: &str, row: &[u8]) -> Option<(EventKind, Arc<KeyValue>)> {
    let (kind, rest) = row.split_first()?;
    match *kind {
        DELETE => Some((EventKind::Delete, tombstone(key.into(), revision))),
        PUT => {
            let (create_revision, rest) = rest.split_first_chunk()?;
            let (version, rest) = rest.split_first_chunk()?;
            let (lease, value) = rest.split_first_chunk()?;
            let kv = KeyValue {
                key: key.into(),
                value: Bytes::copy_from_slice(value),
                create_revision: u64::from_le_bytes(*create_revision),
                mod_revision: revision,
                version: u64::from_le_bytes(*version),
                lease: Some(i64::from_le_bytes(*lease)).filter(|lease| *lease != 0),
            };
            Some((EventKind::Put, Arc::new(kv)))
        }
        _ => None,
    }
}
