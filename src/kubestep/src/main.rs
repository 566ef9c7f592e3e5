//! The binary: flags in, servers wired, interface attached, exit code out.
//!
//! ```text
//! cli              what was asked for
//! setup            flags -> options, data directory, keys
//! kube_apiserver   options -> the running chain of servers
//! controllers      what runs beside it
//! serve, ...       one file per command
//! ```

mod cli;
mod controllers;
mod data_dir;
mod kube_apiserver;
mod kubeconfig;
mod pki;
mod serve;
mod setup;

use std::{env, io::IsTerminal, process::ExitCode};

use cli::invocation::{self, Invocation};

fn main() -> ExitCode {
    rustls::crypto::aws_lc_rs::default_provider().install_default().unwrap_or_default();
    let sets = setup::flag_sets();
    let invocation = match invocation::parse(env::args_os().collect(), &sets) {
        Ok(invocation) => invocation,
        Err(error) => {
            // `--help` and `--version` are errors to clap, and none to a person.
            let code = if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
            error.print().unwrap_or_default();
            return code;
        }
    };
    match run(invocation) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(invocation: Invocation) -> anyhow::Result<()> {
    match invocation {
        Invocation::Serve { personality, given } => {
            log_to_stderr();
            serve::run(personality, given)
        }
        other => anyhow::bail!("{other:?}: not wired"),
    }
}

/// Lines for a person at a terminal, without colours elsewhere; `RUST_LOG` chooses which.
fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    let color = std::io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(color).init();
}
