//! Writes results to standard output, as a table or as JSON.

use std::fmt::Display;
use std::io::{self, Write as _};

use serde_json::Value;

use crate::cli::Format;
use crate::error::{Exit, Explain};

/// Standard output does not take the result.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output")]
pub(crate) struct OutputError(#[from] io::Error);

impl Explain for OutputError {
    fn next_step(&self) -> Option<String> {
        None
    }

    fn exit(&self) -> Exit {
        Exit::Failed
    }
}

/// Writes what is a text for people and a value for programs.
pub(crate) fn write(format: Format, table: &impl Display, json: Value) -> Result<(), OutputError> {
    match format {
        Format::Table => text(&table.to_string()),
        Format::Json => text(&format!("{json:#}\n")),
    }
}

/// Writes a text. That the reader had enough and closed the pipe (`| head`) is no failure.
pub(crate) fn text(text: &str) -> Result<(), OutputError> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => Ok(done?),
    }
}

/// Says on standard error what did not go as might be wished, and what to do about it.
pub(crate) fn warning(text: &str, next: &str) {
    // Nobody can be told that standard error is closed.
    let _ = io::stderr().write_all(format!("netctl: warning: {text}\n  next: {next}\n").as_bytes());
}
