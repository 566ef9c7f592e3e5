//! Records, stepping, breakpoints, holds, edits.
