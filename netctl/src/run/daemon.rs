//! From what was typed to a daemon that has answered.

use crate::cli::DaemonArgs;
use crate::docker::{Client, DockerEndpoint, DockerError, Found, Process};
use crate::error::Explain as _;
use crate::output;

/// Said where its answer takes longer than a moment.
pub(super) const WAITED_FOR: &str = "Docker has not answered yet; it is waited for";

/// Which daemon is meant. What was passed over on the way is said.
pub(super) fn find(args: &DaemonArgs) -> Result<DockerEndpoint, DockerError> {
    let Found { endpoint, passed_over } = DockerEndpoint::find(&args.flags(), &Process)?;
    if let Some(error) = passed_over {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        let text =
            format!("{error}{cause}; what it says of contexts is passed over, the daemon is {endpoint}");
        output::warning(&text, &error.next_step().unwrap_or_default());
    }
    Ok(endpoint)
}

pub(super) async fn connect(args: &DaemonArgs) -> Result<Client, DockerError> {
    greet(Client::connect(&find(args)?)).await
}

/// A daemon that starts answers only when it has looked at all of its containers.
pub(super) async fn greet<T>(connecting: impl Future<Output = T>) -> T {
    output::patiently(WAITED_FOR, connecting).await
}
