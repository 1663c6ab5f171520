//! FILE.sha256 beside FILE, in the form of sha256sum(1).

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::error::ImageError;

/// The path of the sum that belongs to a file.
pub(super) fn path(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".sha256");
    PathBuf::from(name)
}

/// The line that sha256sum writes and reads.
pub(super) fn line(sum: &str, file: &Path) -> String {
    let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy();
    match name.contains(['\\', '\n', '\r']) {
        // Its sign for a name in which these are written so.
        true => {
            let name = name.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
            format!("\\{sum}  {name}\n")
        }
        false => format!("{sum}  {name}\n"),
    }
}

/// Compares a file with the sum beside it; false where there is none.
pub(super) fn verify(
    path_of_file: &Path,
    file: &File,
    mut seen: impl FnMut(u64),
) -> Result<bool, ImageError> {
    let beside = path(path_of_file);
    let name = || path_of_file.display().to_string();
    let text = match fs::read_to_string(&beside) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(source) if source.kind() == io::ErrorKind::InvalidData => {
            return Err(ImageError::NoChecksum { name: name() });
        }
        Err(source) => return Err(ImageError::Unreadable { path: beside, source }),
    };
    let first = text.split_whitespace().next().unwrap_or_default();
    let wanted = first.strip_prefix('\\').unwrap_or(first).to_ascii_lowercase();
    if wanted.len() != 64 || !wanted.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(ImageError::NoChecksum { name: name() });
    }
    let mut hashing = Hashing::new(io::sink());
    let mut buffer = vec![0; 64 * 1024];
    let mut file = file;
    loop {
        let count = file
            .read(&mut buffer)
            .map_err(|source| ImageError::Unreadable { path: path_of_file.to_owned(), source })?;
        if count == 0 {
            break;
        }
        hashing.update(&buffer[..count]);
        seen(count as u64);
    }
    if hashing.sum() == wanted { Ok(true) } else { Err(ImageError::Checksum { name: name() }) }
}

/// Sums up what is written through it.
pub(super) struct Hashing<W> {
    inner: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Hashing<W> {
    pub(super) fn new(inner: W) -> Self {
        Self { inner, hash: Sha256::new(), bytes: 0 }
    }

    fn update(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// In hexadecimal digits.
    pub(super) fn sum(self) -> String {
        format!("{:x}", self.hash.finalize())
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
