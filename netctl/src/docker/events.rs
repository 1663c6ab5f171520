//! What happens at the daemon, told as it happens.

use futures_util::stream::BoxStream;

use super::error::DockerError;

/// The daemon, as far as it tells of changes. [`super::Client`] is the real one.
pub trait Events {
    /// One item for each container that begins, ends, goes, or gets another name or network, from a moment ago on. It
    /// ends, with an error or without, when the daemon does.
    fn events(&self) -> BoxStream<'_, Result<(), DockerError>>;
}
