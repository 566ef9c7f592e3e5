//! The names of what happens, the seam to watch it, clock and identities.
