//! The verbs for images.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::daemon::DaemonArgs;

pub(super) const HELP: &str = "\
Examples:
  netctl image build -f Dockerfile.switch -t switch:v1.0.3 .
  netctl image build --build-arg VERSION=2 --label io.example=yes --target runtime --no-cache .
  netctl image save -o switch.tar.zst switch:v1.0.3       writes switch.tar.zst.sha256, too
  netctl image load -i switch.tar.zst
  netctl image save -o - switch:v1.0.3 | ssh HOST netctl image load -i -
  netctl image ls --output json
  netctl image --host unix:///tmp/docker.sock ls
  netctl image --host ssh://admin@switch1 load -i switch.tar.zst
  netctl image --tlsverify --host tcp://switch1:2376 ls
  netctl image --context switch1 ls                       of docker context create";

/// Images, and the daemon that has them.
#[derive(Debug, Args)]
pub struct ImageArgs {
    /// The daemon.
    #[command(flatten)]
    pub daemon: DaemonArgs,
    /// What to do.
    #[command(subcommand)]
    pub verb: ImageVerb,
}

/// What to do with images.
#[derive(Debug, Subcommand)]
pub enum ImageVerb {
    /// Build an image from a Dockerfile
    Build(BuildArgs),
    /// Save images to an archive
    ///
    /// The file has its name only once it is whole; its SHA-256 sum is written to FILE.sha256.
    Save {
        /// Where to; compressed with zstd if it is named *.zst; - is standard output
        #[arg(long = "to", short = 'o', value_name = "FILE")]
        to: PathBuf,
        /// Which images
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
    /// Load the images of an archive
    ///
    /// Nothing is loaded before the sum in FILE.sha256 (where there is one), every digest within the archive and the
    /// architecture were found right.
    Load {
        /// Where from, plain or compressed with zstd; - is standard input
        #[arg(long = "from", short = 'i', visible_alias = "input", value_name = "FILE")]
        from: PathBuf,
    },
    /// List images
    Ls,
}

/// How to build.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// The Dockerfile; by default Dockerfile in CONTEXT
    #[arg(long, short, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// A name for the image; may be given again for more
    #[arg(long, short, value_name = "NAME[:TAG]")]
    pub tag: Vec<String>,
    /// A value for an ARG; without =VALUE it is taken from the environment
    #[arg(long, value_name = "NAME[=VALUE]")]
    pub build_arg: Vec<String>,
    /// A label
    #[arg(long, value_name = "NAME[=VALUE]")]
    pub label: Vec<String>,
    /// The stage to stop at
    #[arg(long, value_name = "STAGE")]
    pub target: Option<String>,
    /// Build every step anew
    #[arg(long)]
    pub no_cache: bool,
    /// Ask the registry for newer base images
    #[arg(long)]
    pub pull: bool,
    /// The directory whose files COPY sees, less what its .dockerignore leaves out
    pub context: PathBuf,
}
