//! Docker's archive of images, looked through from end to end before any of it is loaded.
//!
//! Both forms are known: the one Docker wrote until 24 (`<config>.json`, `<id>/layer.tar`) and the OCI layout since
//! 25 (`blobs/sha256/…`); each with the `manifest.json` that `docker load` reads. Every configuration has to have the
//! digest it is named by, every layer the one its configuration says.

use std::cell::Cell;
use std::collections::HashMap;
use std::io::{self, Read};
use std::path::{Component, Path};
use std::rc::Rc;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tar::EntryType;

/// One image that an archive holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Held {
    /// sha256:…, the digest of its configuration; the id it has once loaded.
    pub(super) id: String,
    pub(super) tags: Vec<String>,
    pub(super) os: String,
    pub(super) architecture: String,
}

/// Why an archive is refused.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says it")]
pub enum ArchiveError {
    #[error("it is truncated")]
    Truncated,
    #[error("it is no archive of docker save: neither tar nor zstd")]
    NoArchive,
    #[error("it is damaged")]
    Damaged(#[source] io::Error),
    #[error("it is compressed with gzip; only plain and zstd are read")]
    Gzip,
    #[error("it has no manifest.json, so it is no archive of docker save, or a part of one")]
    NoManifest,
    #[error("its {file} cannot be understood")]
    Json { file: String, source: serde_json::Error },
    #[error("it holds no image")]
    Empty,
    #[error("it lacks {0}, which its manifest names")]
    Lacks(String),
    #[error("{0} is damaged: its content is not what its digest says")]
    Digest(String),
    #[error("{0} has no digest to check it by")]
    NoDigest(String),
    #[error("the image {0} has {1} layers and its configuration tells of {2}")]
    Layers(String, usize, usize),
    #[error("{0} is larger than anything Docker writes there")]
    TooLarge(String),
}

/// What one file of the archive is.
struct File {
    digest: String,
    /// Whether it is compressed by itself: then its digest is not the one of the uncompressed layer.
    compressed: bool,
    /// Kept where it may be a manifest or a configuration.
    json: Option<Vec<u8>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Manifest {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

#[derive(Deserialize)]
struct Configuration {
    architecture: String,
    os: String,
    rootfs: RootFs,
}

#[derive(Deserialize)]
struct RootFs {
    #[serde(default)]
    diff_ids: Vec<String>,
}

/// Bytes of one JSON file, and of all that are kept: far more than any real one, and bounded.
const LARGEST_JSON: u64 = 4 << 20;
const ALL_JSON: usize = 64 << 20;
/// Bytes of headers before one file, and files of one archive: the same.
const LARGEST_HEADER: u64 = 1 << 20;
const MOST_ENTRIES: usize = 100_000;
const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// The archive as plain tar, whatever it is compressed with.
pub(super) fn plain<'a>(mut file: impl Read + 'a) -> Result<Box<dyn Read + 'a>, ArchiveError> {
    let mut first = Vec::new();
    file.by_ref().take(4).read_to_end(&mut first).map_err(ArchiveError::Damaged)?;
    if first.starts_with(GZIP) {
        return Err(ArchiveError::Gzip);
    }
    let compressed = first == ZSTD;
    let whole = io::Cursor::new(first).chain(file);
    if compressed {
        Ok(Box::new(zstd::Decoder::new(whole).map_err(ArchiveError::Damaged)?))
    } else {
        Ok(Box::new(whole))
    }
}

/// Reads all of it and returns what it holds, if every part is there and whole.
pub(super) fn check(archive: impl Read) -> Result<Vec<Held>, ArchiveError> {
    let files = read(archive)?;
    let manifest = files.get("manifest.json").ok_or(ArchiveError::NoManifest)?;
    let images: Vec<Manifest> = json("manifest.json", manifest)?;
    if images.is_empty() {
        return Err(ArchiveError::Empty);
    }
    // In the OCI layout everything is named by its digest, what no manifest names included.
    for (name, file) in &files {
        if name.strip_prefix("blobs/sha256/").is_some_and(|digest| digest != file.digest) {
            return Err(ArchiveError::Digest(name.clone()));
        }
    }
    images.into_iter().map(|image| one(image, &files)).collect()
}

fn one(image: Manifest, files: &HashMap<String, File>) -> Result<Held, ArchiveError> {
    let find = |name: &String| files.get(name).ok_or_else(|| ArchiveError::Lacks(name.clone()));
    let config = find(&image.config)?;
    let named = image.config.rsplit('/').next().unwrap_or_default().trim_end_matches(".json");
    if named.len() != 64 {
        return Err(ArchiveError::NoDigest(image.config));
    }
    if named != config.digest {
        return Err(ArchiveError::Digest(image.config));
    }
    let configuration: Configuration = json(&image.config, config)?;
    let expected = &configuration.rootfs.diff_ids;
    if expected.len() != image.layers.len() {
        return Err(ArchiveError::Layers(image.config, image.layers.len(), expected.len()));
    }
    for (layer, digest) in image.layers.iter().zip(expected) {
        let file = find(layer)?;
        // A compressed blob was checked by its own name.
        if file.compressed && layer.starts_with("blobs/sha256/") {
            continue;
        }
        if file.compressed {
            return Err(ArchiveError::NoDigest(layer.clone()));
        }
        if digest.strip_prefix("sha256:") != Some(&file.digest) {
            return Err(ArchiveError::Digest(layer.clone()));
        }
    }
    Ok(Held {
        id: format!("sha256:{named}"),
        tags: image.repo_tags.unwrap_or_default(),
        os: configuration.os,
        architecture: configuration.architecture,
    })
}

fn json<'a, T: Deserialize<'a>>(name: &str, file: &'a File) -> Result<T, ArchiveError> {
    let content = file.json.as_deref().ok_or_else(|| ArchiveError::TooLarge(name.to_owned()))?;
    serde_json::from_slice(content).map_err(|source| ArchiveError::Json { file: name.to_owned(), source })
}

/// Every file's digest, by its path. Docker's older form stores a layer that two images share once, and links to it.
fn read(archive: impl Read) -> Result<HashMap<String, File>, ArchiveError> {
    let mut source = Watched { inner: archive, ended: false, budget: Rc::new(Cell::new(u64::MAX)) };
    let mut files = HashMap::new();
    let mut links = Vec::new();
    let mut kept = 0;
    let budget = Rc::clone(&source.budget);
    let mut tar = tar::Archive::new(&mut source);
    let mut entries = tar.entries().map_err(ArchiveError::Damaged)?;
    let mut seen = 0;
    loop {
        // The name of a file can be an entry of its own, which is read into memory whole.
        budget.set(LARGEST_HEADER);
        let Some(entry) = entries.next() else { break };
        budget.set(u64::MAX);
        let mut entry = entry.map_err(|error| if seen == 0 { unreadable(error) } else { broken(error) })?;
        seen += 1;
        if seen > MOST_ENTRIES {
            return Err(ArchiveError::TooLarge("the number of its files".to_owned()));
        }
        let path = entry.path().map_err(ArchiveError::Damaged)?.into_owned();
        let name = normal(&path, Path::new(""));
        match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous => {
                let file = digest(&mut entry, &name, &mut kept)?;
                files.insert(name, file);
            }
            EntryType::Symlink | EntryType::Link => {
                let hard = entry.header().entry_type() == EntryType::Link;
                let target = entry.link_name().map_err(ArchiveError::Damaged)?.unwrap_or_default();
                let from = if hard { Path::new("") } else { path.parent().unwrap_or(Path::new("")) };
                links.push((name, normal(&target, from)));
            }
            _ => {}
        }
    }
    // A whole archive ends with empty blocks; tar itself takes a missing end for the end.
    if source.ended {
        return Err(ArchiveError::Truncated);
    }
    // What follows is padding; zstd checks its own sum there.
    budget.set(u64::MAX);
    io::copy(&mut source, &mut io::sink()).map_err(broken)?;
    for (name, target) in links {
        if let Some(file) = files.get(&target) {
            let copy = File { digest: file.digest.clone(), compressed: file.compressed, json: None };
            files.insert(name, copy);
        }
    }
    Ok(files)
}

fn digest(entry: &mut impl EntryLike, name: &str, kept: &mut usize) -> Result<File, ArchiveError> {
    let size = entry.length();
    let mut hash = Sha256::new();
    let mut json = Vec::new();
    let mut first: Option<Vec<u8>> = None;
    let (mut seen, mut keep) = (0, false);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = entry.read(&mut buffer).map_err(broken)?;
        if count == 0 {
            break;
        }
        let chunk = &buffer[..count];
        if first.is_none() {
            first = Some(chunk[..count.min(4)].to_vec());
            keep = matches!(chunk.first(), Some(b'{' | b'[')) && size <= LARGEST_JSON;
        }
        if keep {
            *kept += count;
            if *kept > ALL_JSON {
                return Err(ArchiveError::TooLarge(name.to_owned()));
            }
            json.extend_from_slice(chunk);
        }
        hash.update(chunk);
        seen += count as u64;
    }
    if seen != size {
        return Err(ArchiveError::Truncated);
    }
    let first = first.unwrap_or_default();
    Ok(File {
        digest: format!("{:x}", hash.finalize()),
        compressed: first.starts_with(GZIP) || first.starts_with(ZSTD),
        json: keep.then_some(json),
    })
}

/// A file within the archive.
trait EntryLike: Read {
    fn length(&self) -> u64;
}

impl<R: Read> EntryLike for tar::Entry<'_, R> {
    fn length(&self) -> u64 {
        self.size()
    }
}

/// A path from the archive's root, with slashes, `..` resolved.
fn normal(path: &Path, from: &Path) -> String {
    let mut parts: Vec<String> = Vec::new();
    for component in from.components().chain(path.components()) {
        match component {
            Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
            Component::ParentDir => drop(parts.pop()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    parts.join("/")
}

fn broken(error: io::Error) -> ArchiveError {
    // What zstd and tar say where the end is missing.
    let truncated = error.kind() == io::ErrorKind::UnexpectedEof
        || error.to_string().contains("failed to read entire block");
    if truncated { ArchiveError::Truncated } else { ArchiveError::Damaged(error) }
}

/// The first entry tells whether it is an archive at all; what stands there instead is nobody's business.
fn unreadable(error: io::Error) -> ArchiveError {
    match broken(error) {
        ArchiveError::Damaged(error) if error.get_ref().is_none_or(|inner| !inner.is::<HeaderTooLarge>()) => {
            ArchiveError::NoArchive
        }
        other => other,
    }
}

/// Notes whether the end was reached, and gives no more than there is a budget for.
struct Watched<R> {
    inner: R,
    ended: bool,
    budget: Rc<Cell<u64>>,
}

/// Between two files there is more than their headers.
#[derive(Debug, thiserror::Error)]
#[error("a header is larger than anything Docker writes")]
struct HeaderTooLarge;

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.ended |= count == 0 && !buffer.is_empty();
        let left = self.budget.get().checked_sub(count as u64);
        self.budget.set(left.ok_or_else(|| io::Error::other(HeaderTooLarge))?);
        Ok(count)
    }
}
