//! The binary: flags in, servers wired, interface attached, exit code out.

mod cli;
mod data_dir;
mod kubeconfig;
mod pki;

fn main() {}
