//! `image save`: into a file that has its name only once it is whole, with its sum beside it; or to a stream.

use std::fs;
use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::checksum::{self, Hashing};
use super::error::ImageError;
use super::progress::Progress;
use crate::docker::Engine;

/// What was saved.
#[derive(Debug)]
pub struct Saved {
    file: PathBuf,
    bytes: u64,
    sum: String,
}

/// Saves images to a file, compressed if it is named *.zst, or to standard output for `-`.
///
/// # Errors
/// Names that the daemon doesn't know are an error before anything is written.
pub async fn save(engine: &impl Engine, names: &[String], to: &Path) -> Result<Option<Saved>, ImageError> {
    let stream = to == Path::new("-");
    if stream && io::stdout().is_terminal() {
        return Err(ImageError::Terminal);
    }
    let mut estimate = 0;
    for name in names {
        estimate += engine.image(name).await?.size;
    }
    let progress = Progress::new(format!("save {}", names.join(" ")), Some(estimate));
    if stream {
        let unwritable = |source| ImageError::Unwritable { path: to.to_owned(), source };
        let mut out = io::stdout().lock();
        copy(engine, names, &mut out, progress, &unwritable).await?;
        out.flush().map_err(unwritable)?;
        return Ok(None);
    }
    file(engine, names, to, progress).await.map(Some)
}

async fn file(
    engine: &impl Engine,
    names: &[String],
    to: &Path,
    progress: Progress,
) -> Result<Saved, ImageError> {
    let unwritable = |source| ImageError::Unwritable { path: to.to_owned(), source };
    // In the same directory, so that the rename is one step; taken away by itself if anything fails.
    let directory = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::metadata(directory).map_err(unwritable)?;
    let mut archive = NamedTempFile::new_in(directory).map_err(|error| unwritable(plain(error)))?;
    let mut hashing = Hashing::new(archive.as_file_mut());
    if to.extension().is_some_and(|extension| extension == "zst") {
        // With a sum of its own, which tells a flipped bit even where FILE.sha256 was lost.
        let mut encoder =
            zstd::Encoder::new(&mut hashing, zstd::DEFAULT_COMPRESSION_LEVEL).map_err(unwritable)?;
        encoder.include_checksum(true).map_err(unwritable)?;
        copy(engine, names, &mut encoder, progress, &unwritable).await?;
        encoder.finish().map_err(unwritable)?;
    } else {
        copy(engine, names, &mut hashing, progress, &unwritable).await?;
    }
    let (bytes, sum) = (hashing.bytes(), hashing.sum());
    archive.as_file().sync_all().map_err(unwritable)?;
    let mut beside = NamedTempFile::new_in(directory).map_err(|error| unwritable(plain(error)))?;
    beside.write_all(checksum::line(&sum, to).as_bytes()).map_err(unwritable)?;
    archive.persist(to).map_err(|error| unwritable(error.error))?;
    beside.persist(checksum::path(to)).map_err(|error| unwritable(error.error))?;
    Ok(Saved { file: to.to_owned(), bytes, sum })
}

/// Without the name of a file that nobody asked for.
fn plain(error: io::Error) -> io::Error {
    if error.get_ref().is_some() { error.kind().into() } else { error }
}

async fn copy(
    engine: &impl Engine,
    names: &[String],
    to: &mut impl Write,
    mut progress: Progress,
    unwritable: &impl Fn(io::Error) -> ImageError,
) -> Result<(), ImageError> {
    let mut chunks = engine.save(names);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk?;
        to.write_all(&chunk).map_err(unwritable)?;
        progress.add(chunk.len() as u64);
    }
    progress.finish();
    Ok(())
}

impl std::fmt::Display for Saved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let size = super::progress::size(self.bytes);
        writeln!(f, "saved {} ({size}), sha256 {}", self.file.display(), self.sum)
    }
}

impl Saved {
    /// One object.
    pub fn json(&self) -> Value {
        json!({ "file": self.file, "bytes": self.bytes, "sha256": self.sum })
    }
}
