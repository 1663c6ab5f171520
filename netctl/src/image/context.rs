//! A build's context: what the directory has, less what .dockerignore leaves out, as a tar archive.

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _, Write};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use tar::{Builder, EntryType, Header};
use tokio::sync::mpsc;

use super::error::ImageError;
use super::ignore::Ignore;
use crate::docker::Chunks;

/// Where a build takes its files from.
#[derive(Debug)]
pub(super) struct Context {
    directory: PathBuf,
    /// The Dockerfile within the archive.
    dockerfile: String,
    /// A Dockerfile that lies outside of the directory and is sent along.
    outside: Option<PathBuf>,
    ignore: Ignore,
}

/// The name a Dockerfile from outside gets; Docker's client does the same with a random one.
const SENT_ALONG: &str = ".dockerfile.netctl";
/// Chunks under way from the disk to the daemon; the disk waits when they are all full.
const UNDER_WAY: usize = 8;
/// Bytes.
const CHUNK: usize = 64 * 1024;

impl Context {
    /// Looks at the directory and reads .dockerignore. Without a Dockerfile's path it is the directory's own.
    pub(super) fn open(directory: &Path, dockerfile: Option<&Path>) -> Result<Self, ImageError> {
        let unreadable = |path: &Path| {
            let path = path.to_owned();
            move |source| ImageError::Unreadable { path, source }
        };
        let directory = directory.canonicalize().map_err(unreadable(directory))?;
        fs::read_dir(&directory).map_err(unreadable(&directory))?;
        let wanted = dockerfile.map_or_else(|| directory.join("Dockerfile"), Path::to_owned);
        let path = wanted.canonicalize().map_err(unreadable(&wanted))?;
        if !path.is_file() {
            return Err(unreadable(&wanted)(io::Error::from(io::ErrorKind::IsADirectory)));
        }
        let (dockerfile, outside) = match path.strip_prefix(&directory) {
            Ok(inside) => (inside.to_string_lossy().into_owned(), None),
            Err(_) => (SENT_ALONG.to_owned(), Some(path)),
        };
        let ignore_file = directory.join(".dockerignore");
        let patterns = match fs::read_to_string(&ignore_file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(unreadable(&ignore_file)(error)),
        };
        Ok(Self { directory, dockerfile, outside, ignore: Ignore::parse(&patterns)? })
    }

    pub(super) fn dockerfile(&self) -> &str {
        &self.dockerfile
    }

    /// The archive, read while it is sent. What keeps it from being read comes by the second, for the daemon's answer
    /// to a context that breaks off says nothing of it.
    pub(super) fn send(self) -> (Chunks, Receiver<io::Error>) {
        let (sender, receiver) = mpsc::channel(UNDER_WAY);
        let (failed, failure) = sync_channel(1);
        tokio::task::spawn_blocking(move || {
            let chunks = io::BufWriter::with_capacity(CHUNK, Chunked(sender.clone()));
            if let Err(error) = self.write(chunks) {
                let broken = io::Error::new(error.kind(), "the build context breaks off");
                // Nobody listens where the daemon gave up first; its own error tells why.
                if error.kind() != io::ErrorKind::BrokenPipe && failed.try_send(error).is_ok() {
                    let _ = sender.blocking_send(Err(broken));
                }
            }
        });
        let chunks = stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)));
        (chunks.boxed(), failure)
    }

    fn write(&self, to: impl Write) -> io::Result<()> {
        let mut tar = Builder::new(to);
        if let Some(path) = &self.outside {
            append(&mut tar, path, SENT_ALONG, &fs::metadata(path)?)?;
        }
        self.directory(&mut tar, "")?;
        tar.into_inner()?.flush()
    }

    fn directory(&self, tar: &mut Builder<impl Write>, within: &str) -> io::Result<()> {
        let mut names: Vec<String> = Vec::new();
        for entry in fs::read_dir(self.directory.join(within))? {
            names.push(entry?.file_name().into_string().map_err(|name| {
                io::Error::other(format!("the name {name:?} in the build context is not UTF-8"))
            })?);
        }
        // The same directory gives the same archive.
        names.sort();
        for name in names {
            let name = if within.is_empty() { name } else { format!("{within}/{name}") };
            let path = self.directory.join(&name);
            let metadata = fs::symlink_metadata(&path)?;
            let excluded = self.ignore.excludes(&name) && !self.always_sent(&name);
            if !excluded {
                append(tar, &path, &name, &metadata)?;
            }
            if metadata.is_dir() && (!excluded || self.looks_below(&name)) {
                self.directory(tar, &name)?;
            }
        }
        Ok(())
    }

    /// The daemon needs both, and itself keeps them from COPY where they are excluded.
    fn always_sent(&self, name: &str) -> bool {
        name == ".dockerignore" || name == self.dockerfile
    }

    fn looks_below(&self, directory: &str) -> bool {
        self.ignore.may_take_back_below(directory) || self.dockerfile.starts_with(&format!("{directory}/"))
    }
}

/// One entry. Owner and group are root, as from Docker's client: whose the files are here means nothing there.
fn append(tar: &mut Builder<impl Write>, path: &Path, name: &str, metadata: &Metadata) -> io::Result<()> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let kind = metadata.file_type();
    if kind.is_socket() || kind.is_block_device() || kind.is_char_device() || kind.is_fifo() {
        // Nothing that an image could hold.
        return Ok(());
    }
    let mut header = Header::new_gnu();
    header.set_mode(metadata.mode() & 0o7777);
    header.set_mtime(u64::try_from(metadata.mtime()).unwrap_or(0));
    header.set_size(0);
    if kind.is_symlink() {
        header.set_entry_type(EntryType::Symlink);
        return tar.append_link(&mut header, name, fs::read_link(path).map_err(named)?).map_err(named);
    }
    if kind.is_dir() {
        header.set_entry_type(EntryType::Directory);
        return tar.append_data(&mut header, format!("{name}/"), io::empty()).map_err(named);
    }
    header.set_entry_type(EntryType::Regular);
    header.set_size(metadata.len());
    // A file that grows meanwhile is sent as long as it was, one that shrinks would shift all that follows.
    let mut file = File::open(path).map_err(named)?.take(metadata.len());
    tar.append_data(&mut header, name, &mut file).map_err(named)?;
    match file.limit() {
        0 => Ok(()),
        _ => Err(named(io::Error::other("it became shorter while it was read"))),
    }
}

/// Hands what is written over as chunks.
struct Chunked(mpsc::Sender<io::Result<Bytes>>);

impl Write for Chunked {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let chunk = Ok(Bytes::copy_from_slice(bytes));
        self.0.blocking_send(chunk).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(context: &Context) -> Vec<String> {
        let mut archive = Vec::new();
        context.write(&mut archive).unwrap();
        let mut archive = tar::Archive::new(archive.as_slice());
        let name =
            |entry: io::Result<tar::Entry<'_, _>>| entry.unwrap().path().unwrap().display().to_string();
        archive.entries().unwrap().map(|entry: io::Result<tar::Entry<'_, &[u8]>>| name(entry)).collect()
    }

    #[test]
    fn what_is_sent() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        fs::create_dir_all(root.join("a/b")).unwrap();
        for file in ["Dockerfile", "keep", "a/b/keep", "a/b/drop", "a/drop"] {
            fs::write(root.join(file), file).unwrap();
        }
        std::os::unix::fs::symlink("nowhere", root.join("link")).unwrap();
        assert_eq!(
            names(&Context::open(root, None).unwrap()),
            ["Dockerfile", "a/", "a/b/", "a/b/drop", "a/b/keep", "a/drop", "keep", "link"]
        );
        // What is excluded with everything is sent nevertheless where the daemon needs it.
        fs::write(root.join(".dockerignore"), "*\n!**/keep").unwrap();
        let context = Context::open(root, Some(&root.join("a/drop"))).unwrap();
        assert_eq!(names(&context), [".dockerignore", "a/b/keep", "a/drop", "keep"]);
        let outside = tempfile::NamedTempFile::new().unwrap();
        let context = Context::open(root, Some(outside.path())).unwrap();
        assert_eq!(names(&context), [SENT_ALONG, ".dockerignore", "a/b/keep", "keep"]);
        assert!(Context::open(&root.join("nope"), None).is_err());
        assert!(Context::open(&root.join("a"), None).is_err(), "it has no Dockerfile");
    }
}
