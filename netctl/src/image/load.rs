//! `image load`: the sum beside the file, then all of the archive, then the machine it is for; only then the daemon.

use std::fs::File;
use std::io::{self, Read, Seek as _};
use std::path::Path;

use bytes::Bytes;
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use super::archive::{self, ArchiveError, Held};
use super::checksum;
use super::error::ImageError;
use super::progress::{Progress, say};
use crate::docker::{Chunks, Engine, Platform};

/// What was loaded.
#[derive(Debug)]
pub struct Loaded(Vec<Held>);

/// Bytes that go to the daemon at once.
const CHUNK: usize = 256 * 1024;

/// Loads the images of a file, or of standard input for `-`.
///
/// # Errors
/// A file that is not whole, not what its sum says or not for this machine is refused before the daemon gets any.
pub async fn load(engine: &impl Engine, from: &Path) -> Result<Loaded, ImageError> {
    // Apart from the runtime, so that Ctrl-C is heard while a large file is read.
    let path = from.to_owned();
    let looked = tokio::task::spawn_blocking(move || look_through(&path)).await;
    let Whole { mut file, name, total, images } = looked.map_err(|error| ImageError::Unreadable {
        path: from.to_owned(),
        source: io::Error::other(error),
    })??;
    fits(&images, &engine.platform().await?)?;
    file.rewind().map_err(|source| ImageError::Unreadable { path: from.to_owned(), source })?;
    engine.load(send(file, format!("load {name}"), total)).await?;
    Ok(Loaded(images))
}

/// An archive that was found whole.
struct Whole {
    file: File,
    name: String,
    /// Bytes of the file.
    total: u64,
    images: Vec<Held>,
}

fn look_through(from: &Path) -> Result<Whole, ImageError> {
    let stream = from == Path::new("-");
    let name = if stream { "standard input".to_owned() } else { from.display().to_string() };
    let unreadable = |source| ImageError::Unreadable { path: from.to_owned(), source };
    let mut file = if stream { spool()? } else { File::open(from).map_err(unreadable)? };
    let metadata = file.metadata().map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(unreadable(io::Error::from(io::ErrorKind::IsADirectory)));
    }
    let total = metadata.len();
    if !stream {
        let mut progress = Progress::new(format!("compare {name} with its sum"), Some(total));
        if checksum::verify(from, &file, |bytes| progress.add(bytes))? {
            progress.finish();
        } else {
            say(&format!("there is no {name}.sha256; only the archive's own digests are checked\n"));
        }
        file.rewind().map_err(unreadable)?;
    }
    let refused = |source: ArchiveError| ImageError::Archive { name: name.clone(), source };
    let mut progress = Progress::new(format!("check {name}"), Some(total));
    let counted = Counted { inner: &file, seen: |bytes| progress.add(bytes) };
    let images = archive::plain(counted).and_then(archive::check).map_err(refused)?;
    progress.finish();
    Ok(Whole { file, name, total, images })
}

fn fits(images: &[Held], host: &Platform) -> Result<(), ImageError> {
    let other = |image: &&Held| image.os != host.os || image.architecture != host.architecture;
    match images.iter().find(other) {
        None => Ok(()),
        Some(image) => Err(ImageError::Architecture {
            image: image.tags.first().unwrap_or(&image.id).clone(),
            made_for: format!("{}/{}", image.os, image.architecture),
            host: format!("{}/{}", host.os, host.architecture),
        }),
    }
}

/// A stream can be read only once, so it is kept in a file without a name.
fn spool() -> Result<File, ImageError> {
    let full = |source| ImageError::Spool { directory: std::env::temp_dir(), source };
    let mut file = tempfile::tempfile().map_err(full)?;
    let mut progress = Progress::new("receive", None);
    let mut counted = Counted { inner: io::stdin().lock(), seen: |bytes| progress.add(bytes) };
    io::copy(&mut counted, &mut file).map_err(full)?;
    progress.finish();
    file.rewind().map_err(full)?;
    Ok(file)
}

/// The plain archive, read on while the daemon takes it. Progress counts what is read of the file.
fn send(file: File, what: String, total: u64) -> Chunks {
    let (sender, receiver) = tokio::sync::mpsc::channel::<io::Result<Bytes>>(8);
    tokio::task::spawn_blocking(move || {
        let mut progress = Progress::new(what, Some(total));
        let sent = archive::plain(Counted { inner: file, seen: |bytes| progress.add(bytes) })
            .map_err(io::Error::other)
            .and_then(|mut plain| {
                loop {
                    let mut chunk = vec![0; CHUNK];
                    let count = plain.read(&mut chunk)?;
                    chunk.truncate(count);
                    if count == 0 || sender.blocking_send(Ok(chunk.into())).is_err() {
                        return Ok(());
                    }
                }
            });
        match sent {
            Ok(()) => progress.finish(),
            // Nobody listens where the daemon gave up first.
            Err(error) => drop(sender.blocking_send(Err(error))),
        }
    });
    futures_util::stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)))
        .boxed()
}

/// Tells how much was read through it.
struct Counted<R, F> {
    inner: R,
    seen: F,
}

impl<R: Read, F: FnMut(u64)> Read for Counted<R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        (self.seen)(count as u64);
        Ok(count)
    }
}

impl std::fmt::Display for Loaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for image in &self.0 {
            writeln!(f, "loaded {}", image.id)?;
            image.tags.iter().try_for_each(|tag| writeln!(f, "named {tag}"))?;
        }
        Ok(())
    }
}

impl Loaded {
    /// An array, one object an image.
    pub fn json(&self) -> Value {
        self.0.iter().map(|image| json!({ "id": image.id, "tags": image.tags })).collect()
    }
}
