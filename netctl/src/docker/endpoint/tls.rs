//! What flags and variables say of TLS.

use std::path::{Path, PathBuf};

use super::surroundings::Surroundings;
use super::{Flags, Tls};

/// None, unless it is asked for. `--tlsverify` asks for it whatever its value is, and the variables with any value
/// but an empty one: so does Docker's client.
pub(super) fn asked(flags: &Flags, surroundings: &impl Surroundings) -> Option<Tls> {
    let verify = flags.verify.unwrap_or_else(|| surroundings.variable("DOCKER_TLS_VERIFY").is_some());
    let tls = flags.tls.unwrap_or_else(|| surroundings.variable("DOCKER_TLS").is_some());
    (tls || verify || flags.verify.is_some()).then(|| files(flags, surroundings, verify, true))
}

/// For an address that asks for it by itself. Nobody said that there is an authority of one's own.
pub(super) fn implied(flags: &Flags, surroundings: &impl Surroundings) -> Tls {
    files(flags, surroundings, true, false)
}

fn files(flags: &Flags, surroundings: &impl Surroundings, verify: bool, needs_ca: bool) -> Tls {
    let directory = surroundings.variable("DOCKER_CERT_PATH").map(PathBuf::from);
    let directory = directory.or_else(|| surroundings.directory()).unwrap_or_default();
    // One that is named has to be there; one by default need not.
    let file = |flag: &Option<PathBuf>, name: &str, needed: bool| match flag {
        Some(path) => Some(path.clone()).filter(|path| path != Path::new("")),
        None => Some(directory.join(name)).filter(|path| needed || surroundings.exists(path)),
    };
    Tls {
        verify,
        // Without a look at who answers nobody has to vouch for it.
        ca: verify.then(|| file(&flags.ca, "ca.pem", needs_ca)).flatten(),
        cert: file(&flags.cert, "cert.pem", false),
        key: file(&flags.key, "key.pem", false),
    }
}
