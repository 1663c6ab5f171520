//! `switch-node probe`: one call or one ping by switch-probe, told to people or machines.

use serde::Serialize;
use switch_probe::{ProbeError, ProbeOptions};
use thiserror::Error;

use crate::cli::Probe;

/// What to print, and whether all is well.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    /// For standard output; ends with a line break.
    pub text: String,
    /// Whether audio came back intact both ways, or the ping was answered with success.
    pub ok: bool,
}

/// Why there is nothing to tell.
#[derive(Debug, Error)]
pub enum Failed {
    /// There was no call, or no answer.
    #[error(transparent)]
    Probe(#[from] ProbeError),
    /// The runtime could not be had.
    #[error("cannot start")]
    Runtime(#[source] std::io::Error),
    /// The report cannot be written as JSON.
    #[error("cannot write the report as JSON")]
    Json(#[from] serde_json::Error),
}

/// Places the call, or only asks.
///
/// # Errors
/// [`Failed`] where there was no call to measure and no answer to tell of.
pub fn run(probe: &Probe) -> Result<Told, Failed> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failed::Runtime)?;
    let options = ProbeOptions { duration: probe.duration, ..ProbeOptions::default() };
    if probe.options {
        let report = runtime.block_on(switch_probe::ping(&probe.target, options))?;
        told(probe, report.ok, &report, report.table())
    } else {
        let report = runtime.block_on(switch_probe::call(&probe.target, options))?;
        told(probe, report.ok, &report, report.table())
    }
}

fn told(
    probe: &Probe,
    ok: bool,
    report: &impl Serialize,
    table: impl std::fmt::Display,
) -> Result<Told, Failed> {
    let text = if probe.json { serde_json::to_string(report)? + "\n" } else { format!("{table}\n") };
    Ok(Told { text, ok })
}
