//! Applications: what a dialplan can name.

use std::sync::Arc;

use switch_core::Application;
use switch_core::application::{Call, Failure, Outcome, Running};
use switch_core::cause::Cause;

pub mod dptools;

/// An application that is one `async fn`.
struct Plain<F> {
    name: &'static str,
    run: F,
}

impl<F, R> Application for Plain<F>
where
    F: Fn(Call, String) -> R + Send + Sync,
    R: Future<Output = Outcome> + Send + 'static,
{
    fn name(&self) -> &str {
        self.name
    }

    fn run(&self, call: Call, data: String) -> Running {
        Box::pin((self.run)(call, data))
    }
}

fn plain<F, R>(name: &'static str, run: F) -> Arc<dyn Application>
where
    F: Fn(Call, String) -> R + Send + Sync + 'static,
    R: Future<Output = Outcome> + Send + 'static,
{
    Arc::new(Plain { name, run })
}

/// The dialplan wrote something the application cannot read. The call ends as it does where the dialplan
/// names an application that does not exist.
fn unreadable(application: &str, data: &str, why: impl std::fmt::Display) -> Failure {
    let data: String = data.chars().take(256).collect();
    Failure::HangUp {
        cause: Cause::DestinationOutOfOrder,
        status: None,
        why: format!("{application} cannot read {data:?}: {why}"),
    }
}
