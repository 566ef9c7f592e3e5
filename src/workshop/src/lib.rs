//! Lessons taught to a room.
