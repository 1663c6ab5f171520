//! From what was typed to a daemon that has answered.

use crate::cli::DaemonArgs;
use crate::docker::{Client, DockerEndpoint, DockerError, Found, Process};
use crate::error::Explain as _;
use crate::output;

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
    Client::connect(&find(args)?).await
}
