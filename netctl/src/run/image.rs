//! The image verbs.

use std::collections::HashMap;

use crate::cli::{BuildArgs, Format, ImageVerb};
use crate::docker::Engine;
use crate::error::Failure;
use crate::image::{self, Build};
use crate::output;

pub(super) async fn run(engine: &impl Engine, verb: ImageVerb, format: Format) -> Result<(), Failure> {
    match verb {
        ImageVerb::Build(args) => {
            let built = image::build(engine, order(args)).await?;
            output::write(format, &built, built.json())?;
        }
        ImageVerb::Save { to, names } => {
            // To a stream, standard output is the archive.
            if let Some(saved) = image::save(engine, &names, &to).await? {
                output::write(format, &saved, saved.json())?;
            }
        }
        ImageVerb::Load { from } => {
            let loaded = image::load(engine, &from).await?;
            output::write(format, &loaded, loaded.json())?;
        }
        ImageVerb::Ls => {
            let images = image::list(engine).await?;
            output::write(format, &images, images.json())?;
        }
    }
    Ok(())
}

fn order(args: BuildArgs) -> Build {
    Build {
        directory: args.context,
        dockerfile: args.file,
        tags: args.tag,
        // A name alone takes its value from the environment, and is left out where that has none.
        arguments: pairs(args.build_arg, |name| std::env::var(name).ok()),
        labels: pairs(args.label, |_| Some(String::new())),
        target: args.target,
        no_cache: args.no_cache,
        pull: args.pull,
    }
}

fn pairs(list: Vec<String>, alone: impl Fn(&str) -> Option<String>) -> HashMap<String, String> {
    let pair = |text: String| match text.split_once('=') {
        Some((name, value)) => Some((name.to_owned(), value.to_owned())),
        None => alone(&text).map(|value| (text, value)),
    };
    list.into_iter().filter_map(pair).collect()
}
