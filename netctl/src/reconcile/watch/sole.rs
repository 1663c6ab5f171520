//! One `watch` a state directory: a second one waits until the first has ended, so that one can take another's place
//! without a gap, and nothing is said twice.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::process;

use rustix::fs::{FlockOperation, flock};

/// Held as long as the value is; the kernel gives it back when a process is killed.
#[derive(Debug)]
pub(super) struct Sole {
    _file: File,
}

impl Sole {
    /// Waits for it, and says so if it has to.
    pub(super) async fn wait(state: &Path, log: &mut impl FnMut(&str)) -> io::Result<Self> {
        fs::create_dir_all(state)?;
        let path = state.join("watch");
        let file = File::options().create(true).truncate(false).read(true).write(true).open(&path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Self::marked(file),
            Err(rustix::io::Errno::WOULDBLOCK) => {}
            Err(errno) => return Err(errno.into()),
        }
        let pid = fs::read_to_string(&path).unwrap_or_default();
        log(&format!(
            "netctl watch is at work already (process {}); this one waits until it ends",
            pid.trim()
        ));
        let taken = tokio::task::spawn_blocking(move || {
            flock(&file, FlockOperation::LockExclusive)?;
            Self::marked(file)
        });
        taken.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }

    /// Says whose it is.
    fn marked(mut file: File) -> io::Result<Self> {
        file.set_len(0)?;
        writeln!(file, "{}", process::id())?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn the_second_waits_and_says_for_whom() {
        let state = tempfile::tempdir().unwrap();
        let mut said = Vec::new();
        let first = Sole::wait(state.path(), &mut |text| said.push(text.to_owned())).await.unwrap();
        assert!(said.is_empty());
        let (said, told) = std::sync::mpsc::sync_channel(2);
        let mut log = |text: &str| said.send(text.to_owned()).unwrap();
        let mut second = std::pin::pin!(Sole::wait(state.path(), &mut log));
        assert!(timeout(Duration::from_millis(50), &mut second).await.is_err());
        drop(first);
        timeout(Duration::from_secs(60), second).await.unwrap().unwrap();
        let text = told.try_recv().unwrap();
        assert!(text.contains(&format!("process {}", process::id())), "{text}");
        assert!(told.try_recv().is_err());
    }
}
