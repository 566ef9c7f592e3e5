//! Which numbers of a range are taken, as storage keeps it: a bit for each number.
//!
//! ```text
//!   RangeAllocation {range: "30000-32767", data: base64}     the last bit of the last byte is 30000
//! ```
//!
//! Go: pkg/registry/core/service/allocator/bitmap.go, pkg/registry/core/service/portallocator/allocator.go

use apimachinery::runtime::object::Object;
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Why a number cannot be had that somebody has.
///
/// Go: ErrAllocated
pub const ALLOCATED: &str = "provided port is already allocated";

/// A range, and who of it is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// The first and the last number.
    bounds: (i64, i64),
    /// A bit for each number, the lowest first.
    taken: Vec<u8>,
}

impl PortRange {
    /// Returns a range of which nothing is taken.
    pub fn new(bounds: (u16, u16)) -> Self {
        Self { bounds: (bounds.0.into(), bounds.1.into()), taken: Vec::new() }
    }

    /// Reads what storage keeps; `None` where it is of another range.
    ///
    /// Go: Restore
    pub fn restore(&self, stored: &Object) -> Option<Self> {
        (stored.str(&["range"]) == self.spec()).then(|| {
            let mut taken = STANDARD.decode(stored.str(&["data"])).unwrap_or_default();
            taken.reverse();
            Self { bounds: self.bounds, taken }
        })
    }

    /// Writes it as storage keeps it.
    ///
    /// Go: Snapshot
    pub fn snapshot(&self, stored: &mut Object) {
        let bytes: Vec<u8> = self.taken.iter().copied().rev().skip_while(|byte| *byte == 0).collect();
        stored.set(&["range"], self.spec());
        stored.set(&["data"], STANDARD.encode(bytes));
    }

    fn spec(&self) -> String {
        format!("{}-{}", self.bounds.0, self.bounds.1)
    }

    /// The byte and the bit of a number; `None` if it lies outside.
    fn place(&self, port: i64) -> Option<(usize, u8)> {
        let (first, last) = self.bounds;
        let offset = usize::try_from(port - first).ok().filter(|_| port <= last)?;
        Some((offset / 8, 1 << (offset % 8)))
    }

    /// Says whether a number is taken.
    pub fn has(&self, port: i64) -> bool {
        self.place(port).is_some_and(|(byte, bit)| self.taken.get(byte).is_some_and(|bits| bits & bit != 0))
    }

    /// Takes a number.
    pub fn take(&mut self, port: i64) -> Result<(), String> {
        let Some((byte, bit)) = self.place(port) else {
            return Err(format!(
                "provided port is not in the valid range. The range of valid ports is {}",
                self.spec()
            ));
        };
        if self.has(port) {
            return Err(ALLOCATED.to_owned());
        }
        self.taken.resize(self.taken.len().max(byte + 1), 0);
        self.taken[byte] |= bit;
        Ok(())
    }

    /// Gives a number back; says whether it was taken.
    pub fn release(&mut self, port: i64) -> bool {
        let taken = self.has(port);
        if let Some((byte, bit)) = self.place(port).filter(|_| taken) {
            self.taken[byte] &= !bit;
        }
        taken
    }

    /// Takes any number, from one by chance on. The lower part of the range is for those who ask by number.
    pub fn take_any(&mut self, chance: u64) -> Result<i64, String> {
        let (first, last) = self.bounds;
        let size = last - first + 1;
        let reserved = if size <= 16 { 0 } else { (size / 32).clamp(16, 128) };
        for (first, size) in [(first + reserved, size - reserved), (first, reserved)] {
            let start = i64::try_from(chance.checked_rem(size.unsigned_abs()).unwrap_or_default()).unwrap_or_default();
            let found = (0..size).map(|step| first + (start + step) % size).find(|port| !self.has(*port));
            if let Some(port) = found {
                return self.take(port).map(|()| port);
            }
        }
        Err("range is full".to_owned())
    }

    /// The numbers that are taken.
    pub fn ports(&self) -> impl Iterator<Item = i64> {
        (self.bounds.0..=self.bounds.1).filter(|port| self.has(*port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_kept_as_one_large_number() {
        let mut range = PortRange::new((30000, 32767));
        for port in [30000, 30001, 30009] {
            range.take(port).expect("free");
        }
        assert_eq!(range.take(30009), Err(ALLOCATED.to_owned()));
        let mut stored = Object::default();
        range.snapshot(&mut stored);
        assert_eq!((stored.str(&["range"]), stored.str(&["data"])), ("30000-32767", STANDARD.encode([2, 3]).as_str()));
        let restored = PortRange::new((30000, 32767)).restore(&stored).expect("the same range");
        assert_eq!(restored.ports().collect::<Vec<_>>(), [30000, 30001, 30009]);
        assert_eq!(PortRange::new((30000, 32766)).restore(&stored), None);
    }

    #[test]
    fn chance_takes_the_upper_part_first() {
        let mut range = PortRange::new((30000, 30031));
        for chance in 0..16 {
            assert!(range.take_any(chance).expect("free") >= 30016);
        }
        for _ in 0..16 {
            assert!(range.take_any(7).expect("free") < 30016);
        }
        assert_eq!(range.take_any(0), Err("range is full".to_owned()));
        assert!(range.release(30005) && !range.release(30005) && !range.release(1));
        assert_eq!(range.take_any(0), Ok(30005));
    }
}
