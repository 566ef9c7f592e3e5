//! The fields of a type by their numbers.

use std::cmp::Ordering;

use crate::schema::model::{Field, ObjectType, Text};

/// The fields of an object type in the order of their numbers. Made once per type, kept by it.
#[derive(Clone, Debug, Default)]
pub struct Layout(Vec<Entry>);

/// One field, or one that stands in the message of an embedded struct.
#[derive(Clone, Debug)]
struct Entry {
    /// The field's number; before it those of the messages it stands in.
    path: Vec<u32>,
    name: Text,
}

/// What a number means.
#[derive(Clone, Copy, Debug)]
pub enum Slot<'a> {
    /// A field of its own.
    Field(&'a str, &'a Field),
    /// The message of an embedded struct, whose fields stand beside the others in JSON.
    Embedded(Slots<'a>),
}

/// A message of an object type: the whole of it, or that of an embedded struct.
#[derive(Clone, Copy, Debug)]
pub struct Slots<'a> {
    object: &'a ObjectType,
    /// The entries of this message.
    entries: &'a [Entry],
    /// How many numbers lead here.
    depth: usize,
}

impl<'a> Slots<'a> {
    /// Returns the message of an object type.
    pub fn of(object: &'a ObjectType) -> Self {
        let layout = object.layout.get_or_init(|| Layout::new(object));
        Self { object, entries: &layout.0, depth: 0 }
    }

    /// Returns what a number means; `None` if nothing.
    pub fn get(self, number: u32) -> Option<Slot<'a>> {
        let of_number = |entry: &Entry| entry.path[self.depth].cmp(&number);
        let start = self.entries.partition_point(|entry| of_number(entry) == Ordering::Less);
        let length = self.entries[start..].partition_point(|entry| of_number(entry) == Ordering::Equal);
        self.slot(&self.entries[start..start + length])
    }

    /// Returns every number and what it means, in order.
    pub fn iter(self) -> impl Iterator<Item = (u32, Slot<'a>)> {
        let same = move |a: &Entry, b: &Entry| a.path[self.depth] == b.path[self.depth];
        self.entries.chunk_by(same).filter_map(move |group| Some((group[0].path[self.depth], self.slot(group)?)))
    }

    fn slot(self, group: &'a [Entry]) -> Option<Slot<'a>> {
        let first = group.first()?;
        if first.path.len() == self.depth + 1 {
            let (name, field) = self.object.properties.get_key_value(&first.name)?;
            return Some(Slot::Field(name, field));
        }
        Some(Slot::Embedded(Self { entries: group, depth: self.depth + 1, ..self }))
    }
}

impl Layout {
    fn new(object: &ObjectType) -> Self {
        let numbered = object.properties.iter().filter(|(_, field)| !field.proto.is_empty());
        let entry = |(name, field): (&Text, &Field)| Entry { path: field.proto.to_vec(), name: name.clone() };
        let mut entries: Vec<Entry> = numbered.map(entry).collect();
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Self(entries)
    }
}
