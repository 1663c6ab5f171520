//! What was published, and what was being done when netctl was killed: one file a container.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::error::{PublishError, UNDERSTAND};
use super::machine::Namespace;
use super::request::Publication;

/// What is known of a container.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// How far it is.
    pub phase: Phase,
    /// What is published, or is being published or taken back.
    pub publication: Publication,
    /// Where the container's own rules are.
    pub namespace: Namespace,
}

/// How far a change is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// A change began and has not ended: any of its steps may be done.
    Changing,
    /// All of it is done.
    Published,
}

/// Where the records are. [`StateDirectory`] is the real one.
pub trait Journal {
    /// The record of a container.
    ///
    /// # Errors
    /// If it is there and cannot be read.
    fn read(&self, name: &str) -> Result<Option<Record>, PublishError>;
    /// All records.
    ///
    /// # Errors
    /// If one cannot be read.
    fn all(&self) -> Result<Vec<Record>, PublishError>;
    /// Writes a record, which is on the disk when this returns.
    ///
    /// # Errors
    /// If it cannot be written; then the former one is there still.
    fn write(&self, record: &Record) -> Result<(), PublishError>;
    /// Removes a record; it need not be there.
    ///
    /// # Errors
    /// If it cannot be removed.
    fn remove(&self, name: &str) -> Result<(), PublishError>;
}

/// A directory with a file for each container. Who has it has it alone.
pub struct StateDirectory {
    directory: PathBuf,
    _lock: File,
}

impl StateDirectory {
    /// Makes it if it is missing, and waits until nobody else has it.
    ///
    /// # Errors
    /// [`PublishError::Journal`].
    pub fn open(path: &Path) -> Result<Self, PublishError> {
        let directory = directory(path);
        fs::create_dir_all(&directory).map_err(failed("make", &directory))?;
        let lock = directory.join("lock");
        let file = File::create(&lock).map_err(failed("open", &lock))?;
        flock(&file, FlockOperation::LockExclusive).map_err(|errno| failed("lock", &lock)(errno.into()))?;
        Ok(Self { directory, _lock: file })
    }

    /// A record, without waiting for whoever has the directory: it is there as a whole or not at all.
    ///
    /// # Errors
    /// [`PublishError::Journal`].
    pub fn look(path: &Path, name: &str) -> Result<Option<Record>, PublishError> {
        Self::load(&file(&directory(path), name))
    }

    /// All records, without waiting for whoever has the directory.
    ///
    /// # Errors
    /// If one cannot be read.
    pub fn look_all(path: &Path) -> Result<Vec<Record>, PublishError> {
        Self::load_all(&directory(path))
    }

    fn load_all(directory: &Path) -> Result<Vec<Record>, PublishError> {
        let entries = match fs::read_dir(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed("read", directory))?,
        };
        let mut records = Vec::new();
        for entry in entries {
            let path = entry.map_err(failed("read", directory))?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                records.extend(Self::load(&path)?);
            }
        }
        records.sort_by(|a: &Record, b| a.publication.name.cmp(&b.publication.name));
        Ok(records)
    }

    fn load(path: &Path) -> Result<Option<Record>, PublishError> {
        match fs::read(path) {
            Ok(bytes) => {
                let record = serde_json::from_slice(&bytes).map_err(io::Error::from);
                record.map(Some).map_err(failed(UNDERSTAND, path))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("read", path)(error)),
        }
    }
}

impl Journal for StateDirectory {
    fn read(&self, name: &str) -> Result<Option<Record>, PublishError> {
        Self::load(&file(&self.directory, name))
    }

    fn all(&self) -> Result<Vec<Record>, PublishError> {
        Self::load_all(&self.directory)
    }

    fn write(&self, record: &Record) -> Result<(), PublishError> {
        let path = file(&self.directory, &record.publication.name);
        let new = path.with_extension("new");
        let write = || {
            let mut file = File::create(&new)?;
            file.write_all(&serde_json::to_vec_pretty(record)?)?;
            file.sync_all()?;
            fs::rename(&new, &path)?;
            File::open(&self.directory)?.sync_all()
        };
        write().map_err(failed("write", &path))
    }

    fn remove(&self, name: &str) -> Result<(), PublishError> {
        let path = file(&self.directory, name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", &path)(error)),
            _ => Ok(()),
        }
    }
}

fn directory(path: &Path) -> PathBuf {
    path.join("ports")
}

fn file(directory: &Path, name: &str) -> PathBuf {
    // Docker's names have neither a slash nor a leading dot.
    directory.join(format!("{}.json", name.replace('/', "_")))
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> PublishError {
    let path = path.to_owned();
    move |source| PublishError::Journal { what, path, source }
}
