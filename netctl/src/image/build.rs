//! `image build`: sends the context, shows the steps, names the result.

use std::collections::HashMap;
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::time::Instant;

use futures_util::StreamExt as _;
use serde_json::{Value, json};

use super::context::Context;
use super::error::ImageError;
use super::progress::say;
use super::steps::{Shown, Steps};
use crate::docker::{BuildEvent, BuildOrder, Engine};

/// What is to be built.
#[derive(Clone, Debug, Default)]
pub struct Build {
    /// The context.
    pub directory: PathBuf,
    /// The Dockerfile, from the working directory; by default the context's own.
    pub dockerfile: Option<PathBuf>,
    /// Names for the result.
    pub tags: Vec<String>,
    /// Values for ARG.
    pub arguments: HashMap<String, String>,
    /// Labels of the result.
    pub labels: HashMap<String, String>,
    /// The stage to stop at.
    pub target: Option<String>,
    /// Build every step anew.
    pub no_cache: bool,
    /// Ask the registry for newer base images.
    pub pull: bool,
}

/// What was built.
#[derive(Debug)]
pub struct Built {
    id: String,
    tags: Vec<String>,
}

/// Builds.
///
/// # Errors
/// [`ImageError::Step`] with the step, whose output was shown before.
pub async fn build(engine: &impl Engine, build: Build) -> Result<Built, ImageError> {
    let context = Context::open(&build.directory, build.dockerfile.as_deref())?;
    let mut tags = build.tags.iter().cloned();
    let order = BuildOrder {
        dockerfile: context.dockerfile().to_owned(),
        tag: tags.next(),
        arguments: build.arguments,
        labels: build.labels,
        target: build.target.unwrap_or_default(),
        no_cache: build.no_cache,
        pull: build.pull,
    };
    let (context, unreadable) = context.send();
    let mut events = engine.build(order, context);
    let (mut steps, mut id) = (Steps::default(), None);
    while let Some(event) = events.next().await {
        match event {
            Ok(BuildEvent::Output(text)) => steps.take(&text, Instant::now()).iter().for_each(show),
            Ok(BuildEvent::Built(built)) => id = Some(built),
            Err(error) => {
                steps.finish(false, Instant::now()).iter().for_each(show);
                if let Ok(error) = unreadable.try_recv() {
                    return Err(ImageError::Context(error));
                }
                return Err(match steps.current() {
                    Some(step) => ImageError::Step {
                        step: step.to_owned(),
                        why: error.to_string(),
                        spoke: steps.spoke(),
                    },
                    None => error.into(),
                });
            }
        }
    }
    steps.finish(true, Instant::now()).iter().for_each(show);
    let id = id.ok_or(ImageError::NotBuilt)?;
    for tag in tags {
        engine.tag(&id, &tag).await?;
    }
    Ok(Built { id, tags: build.tags })
}

fn show(shown: &Shown) {
    let bold = |text: &str| {
        if io::stderr().is_terminal() { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
    };
    match shown {
        Shown::Begin(name) => say(&format!("{}\n", bold(&format!("step {name}")))),
        Shown::Output(line) => say(&format!("  {line}\n")),
        Shown::End { cached: true, .. } => say("  cached\n"),
        Shown::End { took, .. } => say(&format!("  done in {:.1}s\n", took.as_secs_f64())),
    }
}

impl std::fmt::Display for Built {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "built {}", self.id)?;
        self.tags.iter().try_for_each(|tag| writeln!(f, "named {tag}"))
    }
}

impl Built {
    /// One object.
    pub fn json(&self) -> Value {
        json!({ "id": self.id, "tags": self.tags })
    }
}
