//! The embedded store on a disk that loses power, or has no room left.
//!
//! The disk is simulated: what is written after the last `sync_data` is lost in part when the power
//! goes, block by block, in any order. That is more than `kill -9` can show, since the page cache of
//! the operating system survives that.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use kv::{
    backend::{Backend, Put},
    embedded::{
        medium::Medium,
        store::{Embedded, Options},
    },
    error::Error,
};
use parking_lot::Mutex;
use phase::{
    clock::VirtualClock,
    ids::{IdSource, Ids},
    trace::Trace,
};
use redb::{Database, DatabaseError, StorageBackend};

const TRACE: Trace = Trace::unwatched();

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

#[derive(Debug, Default)]
struct Disk(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// What is there for good.
    durable: Vec<u8>,
    /// What a reader sees: with what has not been synced.
    seen: Vec<u8>,
    /// What has been written since the last sync, in sectors.
    pending: Vec<(usize, Vec<u8>)>,
    /// Writes fail from now on.
    dead: bool,
    /// The largest size; 0: no limit.
    room: u64,
}

impl Disk {
    fn holding(image: Vec<u8>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State { durable: image.clone(), seen: image, ..State::default() })))
    }

    /// Cuts the power. Returns what is found when it is back: of what was not synced, anything may be there.
    fn cut(&self, ids: &Ids) -> Vec<u8> {
        let mut state = self.0.lock();
        state.dead = true;
        let mut image = state.durable.clone();
        // The size may have reached the disk or not, but not less than what was synced.
        if ids.next_u64().is_multiple_of(2) && state.seen.len() > image.len() {
            image.resize(state.seen.len(), 0);
        }
        for (offset, data) in &state.pending {
            if ids.next_u64().is_multiple_of(2) && offset + data.len() <= image.len() {
                image[*offset..offset + data.len()].copy_from_slice(data);
            }
        }
        image
    }
}

/// One opening of the disk.
#[derive(Debug)]
struct Handle(Arc<Disk>);

fn dead() -> io::Error {
    io::Error::other("no power")
}

impl StorageBackend for Handle {
    fn len(&self) -> Result<u64, io::Error> {
        Ok(self.0.0.lock().seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        let state = self.0.0.lock();
        let offset = offset as usize;
        let data = state.seen.get(offset..offset + out.len()).ok_or_else(|| io::Error::other("beyond the end"))?;
        out.copy_from_slice(data);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        let mut state = self.0.0.lock();
        if state.dead {
            return Err(dead());
        }
        if state.room > 0 && len > state.room {
            return Err(io::ErrorKind::StorageFull.into());
        }
        state.seen.resize(len as usize, 0);
        Ok(())
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        let mut state = self.0.0.lock();
        if state.dead {
            return Err(dead());
        }
        let seen = state.seen.clone();
        state.durable = seen;
        state.pending.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        let mut state = self.0.0.lock();
        if state.dead {
            return Err(dead());
        }
        let offset = offset as usize;
        state.seen[offset..offset + data.len()].copy_from_slice(data);
        let sectors = data.chunks(SECTOR).enumerate();
        state.pending.extend(sectors.map(|(index, sector)| (offset + index * SECTOR, sector.to_vec())));
        Ok(())
    }
}

/// A disk that can be opened.
struct Shared(Arc<Disk>);

impl Medium for Shared {
    fn open(&self) -> Result<Database, DatabaseError> {
        Database::builder().set_cache_size(1 << 20).create_with_backend(Handle(self.0.clone()))
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.0.0.lock().durable.len() as u64)
    }

    fn name(&self) -> String {
        "the simulated disk".to_owned()
    }
}

fn open(disk: &Arc<Disk>) -> Embedded {
    let clock = Arc::new(VirtualClock::default());
    let options = Options { history_bytes: 200_000, ..Options::default() };
    Embedded::on(Arc::new(Shared(disk.clone())), clock, options).expect("what was synced can be opened")
}

/// What was acknowledged: key, value, revision.
type Acknowledged = Vec<(String, Bytes, u64)>;

/// Writes for ever, several keys side by side, until the disk is dead.
async fn write(store: &Embedded, writer: usize, written: &AtomicU64, acknowledged: &Mutex<Acknowledged>) {
    let key = format!("/power/{writer}");
    loop {
        let last = store.get(&TRACE, &key, None).await.expect("in memory").kv;
        let number = written.fetch_add(1, Ordering::Relaxed);
        let value = Bytes::from(number.to_string().repeat(1 + number as usize % 400));
        let expected = last.map_or(0, |kv| kv.mod_revision);
        let put = Put { key: &key, value: value.clone(), expected, lease: None };
        match store.optimistic_put(&TRACE, put).await {
            Ok(outcome) => {
                assert!(outcome.succeeded);
                acknowledged.lock().push((key.clone(), value, outcome.revision));
            }
            Err(Error::Unavailable(_)) => return,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Everything that was acknowledged is there: as it was, or with something newer in its place.
async fn verify(store: &Embedded, acknowledged: &Acknowledged) {
    for (key, value, revision) in acknowledged {
        let now = store.get(&TRACE, key, None).await.expect("readable").kv;
        let now = now.unwrap_or_else(|| panic!("{key} at {revision} is lost"));
        assert!(now.mod_revision >= *revision, "{key}: {} is there, {revision} is lost", now.mod_revision);
        match store.get(&TRACE, key, Some(*revision)).await {
            Ok(then) => assert_eq!(&then.kv.expect("there").value, value),
            Err(Error::Compacted { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_power_cut() {
    let ids = Ids::seeded(crate::support::seed());
    let mut image = Vec::new();
    let mut acknowledged = Acknowledged::new();
    for _ in 0..25 {
        let disk = Disk::holding(std::mem::take(&mut image));
        let store = open(&disk);
        verify(&store, &acknowledged).await;
        let (written, new) = (AtomicU64::new(0), Mutex::new(Acknowledged::new()));
        let writers = futures_util::future::join_all((0..8).map(|writer| write(&store, writer, &written, &new)));
        let cut = async {
            let enough = ids.next_u64() % 200;
            while written.load(Ordering::Relaxed) < enough {
                tokio::task::yield_now().await;
            }
            // In the midst of things: the writer's thread does not know.
            std::thread::sleep(std::time::Duration::from_micros(ids.next_u64() % 500));
            disk.cut(&ids)
        };
        let (after, _) = tokio::join!(cut, writers);
        image = after;
        acknowledged.extend(new.into_inner());
    }
    verify(&open(&Disk::holding(image)), &acknowledged).await;
    assert!(acknowledged.len() > 200, "{} acknowledged", acknowledged.len());
}

fn filler(key: &str) -> Put<'_> {
    Put { key, value: Bytes::from(vec![b'x'; 100_000]), expected: 0, lease: None }
}

#[tokio::test]
async fn a_full_disk_refuses_and_loses_nothing() {
    let disk = Disk::holding(Vec::new());
    let store = open(&disk);
    let mut watch = store.watch("/full/", None).await.expect("watch");
    {
        let mut state = disk.0.lock();
        state.room = state.durable.len() as u64 + (4 << 20);
    }
    let mut revisions = Vec::new();
    let refused = loop {
        let key = format!("/full/{}", revisions.len());
        match store.optimistic_put(&TRACE, filler(&key)).await {
            Ok(outcome) => revisions.push(outcome.revision),
            Err(error) => break error,
        }
        assert!(revisions.len() < 1000, "the disk never fills up");
    };
    assert!(matches!(&refused, Error::Unavailable(message) if message.contains("cannot write")), "{refused}");
    assert!(store.optimistic_put(&TRACE, filler("/full/again")).await.is_err(), "still full");
    // Reads go on, and show what was acknowledged.
    let listed = store.count(&TRACE, "/full/").await.expect("count");
    assert_eq!(listed, revisions.len() as u64);
    // There is room again.
    disk.0.lock().room = 0;
    let after = store.optimistic_put(&TRACE, filler("/full/after")).await.expect("room").revision;
    revisions.push(after);
    let mut seen = Vec::new();
    while seen.len() < revisions.len() {
        let response = futures_util::StreamExt::next(&mut watch).await.expect("goes on").expect("no error");
        seen.extend(response.events.iter().map(|event| event.kv.mod_revision));
    }
    assert_eq!(seen, revisions, "watchers see each write once, and nothing that was refused");
    drop(store);
    assert_eq!(open(&disk).count(&TRACE, "/full/").await.expect("count"), revisions.len() as u64);
}
