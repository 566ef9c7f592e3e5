//! All backends: the same suite, random operations side by side, and what happens when things break.

mod etcd;
mod kill;
mod mirror;
mod power;
mod suite;
mod support;
