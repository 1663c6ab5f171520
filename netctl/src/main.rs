//! The binary: what was typed, done by the library's parts.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use netctl::cli::Cli;
use netctl::{error, run};

fn main() -> ExitCode {
    match run::run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failures) => {
            for failure in &failures {
                // Nobody can be told that standard error is closed.
                let _ = std::io::stderr().write_all(error::report(failure.as_ref()).as_bytes());
            }
            failures.first().map_or(ExitCode::FAILURE, |failure| failure.exit().into())
        }
    }
}
