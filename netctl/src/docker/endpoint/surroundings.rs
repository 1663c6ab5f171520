//! What the search may look at: variables and files.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Variables and files. [`Process`] is the real one.
pub trait Surroundings {
    /// A variable's value; an empty one is as good as none.
    fn variable(&self, name: &str) -> Option<String>;
    /// A file's content.
    ///
    /// # Errors
    /// As the kernel says.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// Whether there is such a file, or it cannot be told.
    fn exists(&self, path: &Path) -> bool;
    /// What a directory has; nothing if it cannot be read.
    fn entries(&self, directory: &Path) -> Vec<PathBuf>;

    /// Where Docker's client keeps its configuration: DOCKER_CONFIG, or .docker in the home of whoever runs it.
    fn directory(&self) -> Option<PathBuf> {
        let own = || Some(Path::new(&self.variable("HOME")?).join(".docker"));
        self.variable("DOCKER_CONFIG").map(PathBuf::from).or_else(own)
    }
}

/// Those of this process.
#[derive(Clone, Copy, Debug)]
pub struct Process;

impl Surroundings for Process {
    fn variable(&self, name: &str) -> Option<String> {
        env::var(name).ok().filter(|value| !value.is_empty())
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn exists(&self, path: &Path) -> bool {
        fs::metadata(path).map_or_else(|error| error.kind() != io::ErrorKind::NotFound, |_| true)
    }

    fn entries(&self, directory: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(directory).into_iter().flatten();
        entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
    }
}
