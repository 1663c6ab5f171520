//! Whose turn it is: who makes or takes away switches, and `watch`, which must not lend a hand while they do.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::output;

/// Held as long as the value is; the kernel gives it back when a process is killed.
#[derive(Debug)]
pub struct Turn {
    _file: Option<File>,
}

/// How it is held.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Share {
    /// With others that care for other switches: `run` and `rm`.
    Shared,
    /// Alone: `up`, `down`, and `watch` while it mends.
    Alone,
}

impl Turn {
    /// Waits for it. Who may not write the directory has no part in what it guards: rules and interfaces need root, too.
    /// Where that takes longer than a moment, it is said.
    pub async fn wait(state: &Path, share: Share) -> Self {
        let state = state.to_owned();
        let operation = match share {
            Share::Shared => FlockOperation::LockShared,
            Share::Alone => FlockOperation::LockExclusive,
        };
        // Another one may have it; a signal need not wait for that.
        let taken = tokio::task::spawn_blocking(move || {
            let file = open(&state)?;
            flock(&file, operation)?;
            Ok::<_, io::Error>(file)
        });
        let words = "another netctl changes switches; this one waits until it is done";
        Self { _file: output::patiently(words, taken).await.ok().and_then(Result::ok) }
    }

    /// Takes it alone, unless somebody has it.
    ///
    /// # Errors
    /// If the directory cannot be used.
    pub fn try_alone(state: &Path) -> io::Result<Option<Self>> {
        let file = open(state)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self { _file: Some(file) })),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }
}

fn open(state: &Path) -> io::Result<File> {
    fs::create_dir_all(state)?;
    let path: PathBuf = state.join("turn");
    File::options().create(true).truncate(false).write(true).open(path)
}
