//! The binary: flags in, servers wired, interface attached, exit code out.
//!
//! ```text
//! cli              what was asked for
//! setup            flags -> options, data directory, keys
//! kube_apiserver   options -> the running chain of servers
//! controllers      what runs beside it
//! serve, ...       one file per command
//! ```

mod beside;
mod cli;
mod controllers;
mod data_dir;
mod explain;
mod extension;
mod kube_apiserver;
mod kubeconfig;
mod laboratory;
mod launch;
mod lesson_clock;
mod logs;
mod pki;
mod ports;
mod progress;
mod runtime;
mod scenarios;
mod serve;
mod setup;
#[cfg(test)]
mod spans_test;
mod tls_server;
mod walk;
mod webhook;

use std::{env, process::ExitCode};

use cli::invocation::{self, Invocation};

/// Requests make and drop many small values, on every thread.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
        Invocation::Walk(walk) => walk::run(walk),
        Invocation::Serve { personality, given } => {
            logs::to_stderr();
            serve::run(personality, given)
        }
        Invocation::Replay(replay) => scenarios::replay(&replay),
        Invocation::ScenarioList => scenarios::list(),
        Invocation::ScenarioLint(files) => scenarios::lint(&files),
        Invocation::ScenarioNew(file) => scenarios::new(&file),
        Invocation::ScenarioSchema => scenarios::schema(),
        Invocation::Explain { phase, language } => explain::run(phase.as_deref(), &language),
        Invocation::Completion(shell) => {
            let mut command = invocation::command(&setup::flag_sets());
            clap_complete::generate(shell, &mut command, "kubestep", &mut std::io::stdout());
            Ok(())
        }
        Invocation::Reset(dir) => {
            let dir = dir.map_or_else(data_dir::DataDir::default_path, Ok)?;
            let locked = data_dir::DataDir::open(&dir)?;
            locked.reset()?;
            eprintln!("cleared {}", dir.display());
            Ok(())
        }
    }
}
