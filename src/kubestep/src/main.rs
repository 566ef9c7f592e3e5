//! The binary: flags in, servers wired, interface attached, exit code out.

mod cli;
mod controllers;
mod data_dir;
mod kubeconfig;
mod pki;

fn main() {}
