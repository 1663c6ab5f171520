//! Writes results to standard output, as a table or as JSON.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::pin::pin;
use std::time::Duration;

use serde_json::Value;

use crate::cli::Format;
use crate::error::{Exit, Explain};
use crate::visible::visible;

/// How long nobody minds to wait without a word.
const MOMENT: Duration = Duration::from_millis(500);

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
        Format::Table => text(&visible(&table.to_string())),
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

/// Does a thing, and says what is at hand where it takes longer than a moment.
pub(crate) async fn patiently<T>(words: &str, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    match tokio::time::timeout(MOMENT, &mut work).await {
        Ok(done) => done,
        Err(_) => {
            progress(words);
            work.await
        }
    }
}

/// Says on standard error what is at hand.
pub(crate) fn progress(text: &str) {
    // Nobody can be told that standard error is closed.
    let _ = io::stderr().write_all(format!("{}\n", visible(text)).as_bytes());
}

/// Says on standard error what did not go as might be wished, and what to do about it.
pub(crate) fn warning(text: &str, next: &str) {
    // Nobody can be told that standard error is closed.
    let _ = io::stderr().write_all(visible(&format!("netctl: warning: {text}\n  next: {next}\n")).as_bytes());
}
