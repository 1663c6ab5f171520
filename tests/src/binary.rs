//! Finds the binary under test, and refuses a stale one.
//!
//! Cargo builds a package's binaries for its own tests only. Here they are built beforehand
//! (`cargo build -p switch-node`, as `tests/run` does) and looked for beside the test that runs.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The path of a binary of this workspace, of the same profile as the test that asks.
///
/// # Panics
/// When it has not been built, or one of its sources is newer than it is.
pub fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    // target/PROFILE/deps/TEST
    let profile = test.parent().and_then(Path::parent).expect("a test lies two folders deep");
    let binary = profile.join(name);
    let flag = if profile.ends_with("release") { " --release" } else { "" };
    let mend = format!("build it first: cargo build{flag} -p {name}");
    let built = changed(&binary).unwrap_or_else(|| panic!("{} is missing; {mend}", binary.display()));
    let listed = std::fs::read_to_string(binary.with_extension("d"));
    let listed = listed.unwrap_or_else(|error| panic!("{}.d: {error}; {mend}", binary.display()));
    let sources = listed.split_once(": ").expect("a dependency file names a target").1;
    for source in sources.split_whitespace() {
        let newer = changed(Path::new(source)).is_none_or(|changed| changed > built);
        assert!(!newer, "{source} is newer than {}; {mend}", binary.display());
    }
    binary
}

fn changed(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|metadata| metadata.modified()).ok()
}
