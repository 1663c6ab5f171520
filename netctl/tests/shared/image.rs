//! The switch's image, of what images/prepare laid out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Lays out a context: the prepared files with the Dockerfile of the root and nothing else. The Dockerfile's path.
pub(crate) fn context(directory: &Path) -> PathBuf {
    prepared();
    fs::create_dir_all(directory.join("images")).expect("a directory in it");
    must(Command::new("cp").arg("-a").arg(root("images/root")).arg(directory.join("images")));
    must(Command::new("cp").arg(root("Dockerfile.switch")).arg(directory));
    directory.join("Dockerfile.switch")
}

/// The switch's program, which places calls, too.
pub(crate) fn node() -> PathBuf {
    prepared();
    root("images/root/usr/bin/switch-node")
}

/// Once a checkout: the release binary and its libraries.
fn prepared() {
    if !root("images/root/usr/bin/switch-node").exists() {
        // One at a time; the one that comes second finds it done.
        let script = "[ -e images/root/usr/bin/switch-node ] || images/prepare";
        must(Command::new("flock").arg("images/prepare").args(["bash", "-c", script]).current_dir(root("")));
    }
}

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn must(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
