//! Which daemon is asked: Docker's own flags, for every verb that asks one.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use crate::docker::Flags;

/// The daemon that is asked.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Docker's daemon")]
pub struct DaemonArgs {
    /// Where it is.
    // Apart, for its brackets are no links.
    #[arg(
        long,
        short = 'H',
        global = true,
        value_name = "ADDRESS",
        help = "Where it is: unix://PATH, tcp://HOST[:PORT] or ssh://[USER@]HOST[:PORT][/SOCKET]; else DOCKER_HOST \
                says it, then a context"
    )]
    pub host: Option<String>,
    /// The context of Docker's client that says where it is; else DOCKER_CONTEXT, then docker context use
    // Apart from the directory that is built from.
    #[arg(id = "docker-context", long = "context", short = 'c', global = true, value_name = "NAME")]
    pub context: Option<String>,
    /// Speak TLS, without a look at who answers; else any DOCKER_TLS says so. --tlsverify implies it
    #[arg(long, global = true, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub tls: Option<bool>,
    /// Speak TLS, and only with whom the authority vouches for; else any DOCKER_TLS_VERIFY says so
    #[arg(long, global = true, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub tlsverify: Option<bool>,
    /// The authority; by default ca.pem in DOCKER_CERT_PATH, or in ~/.docker. An empty word stands for the system's
    #[arg(long, global = true, value_name = "FILE")]
    pub tlscacert: Option<OsString>,
    /// The certificate that is shown; by default cert.pem there, if it is
    #[arg(long, global = true, value_name = "FILE")]
    pub tlscert: Option<OsString>,
    /// Its key; by default key.pem there, if it is
    #[arg(long, global = true, value_name = "FILE")]
    pub tlskey: Option<OsString>,
}

impl DaemonArgs {
    /// As the search for the daemon takes them.
    pub fn flags(&self) -> Flags {
        Flags {
            host: self.host.clone(),
            context: self.context.clone(),
            tls: self.tls,
            verify: self.tlsverify,
            ca: self.tlscacert.clone().map(PathBuf::from),
            cert: self.tlscert.clone().map(PathBuf::from),
            key: self.tlskey.clone().map(PathBuf::from),
        }
    }
}
