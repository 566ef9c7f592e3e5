//! Lessons: format, lint, replay.
