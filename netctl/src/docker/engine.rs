//! What the image verbs need of Docker, and no more: the narrow trait they are tested behind.

use std::collections::HashMap;
use std::future::Future;
use std::io;

use bytes::Bytes;
use futures_util::stream::BoxStream;

use super::error::DockerError;

/// Bytes on their way to the daemon.
pub type Chunks = BoxStream<'static, io::Result<Bytes>>;

/// The daemon, as far as images go. [`super::Client`] is the real one.
pub trait Engine {
    /// What the daemon runs on.
    fn platform(&self) -> impl Future<Output = Result<Platform, DockerError>>;
    /// Builds; the context is a tar archive. A step that fails is an error at the stream's end.
    fn build(&self, order: BuildOrder, context: Chunks) -> BoxStream<'_, Result<BuildEvent, DockerError>>;
    /// Gives an image a further name.
    fn tag(&self, image: &str, name: &str) -> impl Future<Output = Result<(), DockerError>>;
    /// The images as one archive.
    fn save(&self, names: &[String]) -> BoxStream<'_, Result<Bytes, DockerError>>;
    /// Loads an archive and returns the lines in which the daemon tells what it loaded.
    fn load(&self, archive: Chunks) -> impl Future<Output = Result<Vec<String>, DockerError>>;
    /// One image, by its name or id.
    fn image(&self, name: &str) -> impl Future<Output = Result<Image, DockerError>>;
    /// All images that are not mere layers of others.
    fn images(&self) -> impl Future<Output = Result<Vec<Image>, DockerError>>;
}

/// What the daemon runs on, in Go's words: linux, amd64.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Platform {
    /// For instance linux.
    pub os: String,
    /// For instance amd64.
    pub architecture: String,
}

/// What is to be built, besides the context.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct BuildOrder {
    /// The Dockerfile's path within the context.
    pub dockerfile: String,
    /// A name for the result.
    pub tag: Option<String>,
    /// Values for ARG.
    pub arguments: HashMap<String, String>,
    /// Labels of the result.
    pub labels: HashMap<String, String>,
    /// The stage to stop at; the last if empty.
    pub target: String,
    /// Build every step anew.
    pub no_cache: bool,
    /// Ask the registry for newer base images.
    pub pull: bool,
}

/// What the daemon tells while it builds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum BuildEvent {
    /// Text: its own lines and the output of the steps.
    Output(String),
    /// The id of what was built.
    Built(String),
}

/// An image the daemon has.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Image {
    /// sha256:…, the digest of its configuration.
    pub id: String,
    /// Its names; none if a newer image took the last one.
    pub tags: Vec<String>,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// Bytes of all its layers.
    pub size: u64,
}
