//! Identity, given to the code instead of taken by it: uids, suffixes of generated names.
//!
//! Not for secrets: keys and tokens come from the cryptographic library.

use std::{
    collections::hash_map::RandomState,
    fmt,
    hash::{BuildHasher, Hasher},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// Letters and digits of generated names: no vowels, nothing that looks like another.
///
/// Go: apimachinery/pkg/util/rand/rand.go alphanums
const ALPHANUMS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// Where identities come from.
pub trait IdSource: Send + Sync + fmt::Debug {
    /// Returns the next 64 unpredictable (or, seeded: reproducible) bits.
    fn next_u64(&self) -> u64;

    /// Returns a random (version 4) UUID in its usual spelling.
    fn uuid(&self) -> String {
        let high = (self.next_u64() & !0xf000) | 0x4000;
        let low = (self.next_u64() & !(0b11 << 62)) | (0b10 << 62);
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xffff,
            low >> 48,
            low & 0xffff_ffff_ffff
        )
    }

    /// Returns `length` characters for the end of a generated name.
    ///
    /// Go: apimachinery/pkg/util/rand/rand.go String
    fn suffix(&self, length: usize) -> String {
        let letters = ALPHANUMS.len() as u64;
        (0..length).map(|_| char::from(ALPHANUMS[(self.next_u64() % letters) as usize])).collect()
    }
}

/// A SplitMix64 sequence: the same seed gives the same identities in the same order.
#[derive(Debug)]
pub struct Ids {
    state: AtomicU64,
}

impl Ids {
    /// Starts the sequence of a seed.
    pub fn seeded(seed: u64) -> Self {
        Self { state: AtomicU64::new(seed) }
    }

    /// Starts a sequence that the operating system's entropy seeds.
    pub fn random() -> Self {
        Self::seeded(RandomState::new().build_hasher().finish())
    }

    /// Returns the same, ready to be shared.
    pub fn shared() -> Arc<dyn IdSource> {
        Arc::new(Self::random())
    }
}

impl IdSource for Ids {
    fn next_u64(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.state.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_uuids_are_version_4() {
        let (a, b) = (Ids::seeded(42), Ids::seeded(42));
        let uuid = a.uuid();
        assert_eq!(uuid, b.uuid());
        assert_eq!((uuid.len(), &uuid[14..15]), (36, "4"));
        assert!("89ab".contains(&uuid[19..20]));
        assert_eq!(a.suffix(5), b.suffix(5));
    }
}
