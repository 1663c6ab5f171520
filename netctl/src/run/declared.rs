//! The verbs for what a file declares.

use super::one;
use super::switch::{call, here, judge, world};
use crate::cli::{FileArgs, Format, PlanArgs, UpArgs, WatchArgs};
use crate::error::Failure;
use crate::netlink::KernelNews;
use crate::output;
use crate::reconcile::{self, File, Share, Turn, UpError, Watch};
use crate::visible::visible;

pub(super) async fn plan(args: PlanArgs, format: Format) -> Result<(), Vec<Failure>> {
    let file = File::read(&args.declared.file).map_err(one)?;
    let world = world(&args.declared.daemon, &args.declared.state).await?;
    let words = format!("{} switches are looked through", file.switches.len());
    let comparison = output::patiently(&words, reconcile::compare(&world, &file)).await.map_err(all)?;
    output::write(format, &comparison, comparison.json()).map_err(one)?;
    // What stands in the way is told here already, not only when it is to be done.
    output::patiently(&words, reconcile::validate(&world, &file, &comparison)).await.map_err(all)?;
    match comparison.differing() {
        count if args.check && count > 0 => Err(one(UpError::Differs { count, all: comparison.items.len() })),
        _ => Ok(()),
    }
}

/// Brings it about and calls each switch; a signal before the calls takes all back.
pub(super) async fn up(args: UpArgs, format: Format) -> Result<(), Vec<Failure>> {
    let file = File::read(&args.declared.file).map_err(one)?;
    let world = world(&args.declared.daemon, &args.declared.state).await?;
    let turn = Turn::wait(&args.declared.state.state_dir, Share::Alone).await;
    let done = reconcile::up(&world, &file, signal(), &mut output::progress).await.map_err(all)?;
    drop(turn);
    if format == Format::Table {
        output::text(&visible(&done.to_string())).map_err(one)?;
    }
    let (mut failures, mut json) = (Vec::new(), done.json());
    for name in file.switches.keys().filter(|_| !args.no_probe) {
        let heard = tokio::select! {
            heard = call(&world, name) => heard,
            interrupted = super::interrupted() => return Err(one(interrupted)),
        };
        match heard {
            Ok(heard) => {
                failures.extend(judge(name, &heard).err().unwrap_or_default());
                match format {
                    Format::Table => output::text(&visible(&format!("\n{name}:\n{heard}"))).map_err(one)?,
                    Format::Json => json["probes"][name] = heard.json(),
                }
            }
            Err(error) => failures.push(error.into()),
        }
    }
    if format == Format::Json {
        output::text(&format!("{json:#}\n")).map_err(one)?;
    }
    if failures.is_empty() { Ok(()) } else { Err(failures) }
}

pub(super) async fn down(args: FileArgs, format: Format) -> Result<(), Vec<Failure>> {
    let file = File::read(&args.file).map_err(one)?;
    let world = world(&args.daemon, &args.state).await?;
    let _turn = Turn::wait(&args.state.state_dir, Share::Alone).await;
    let downed = reconcile::down(&world, &file, signal(), &mut output::progress).await.map_err(all)?;
    output::write(format, &downed, downed.json()).map_err(one)
}

/// Until it is told to end, which is no failure.
pub(super) async fn watch(args: WatchArgs) -> Result<(), Vec<Failure>> {
    let what = Watch { files: args.file, state: args.state.state_dir.clone() };
    // Once: a context that is changed later does not carry what is watched to another daemon.
    let endpoint = super::daemon::find(&args.daemon).map_err(one)?;
    let connect = async || here(&endpoint, &args.state).await;
    let mut news = KernelNews::open().map_err(|error| one(UpError::Deaf(error)))?;
    reconcile::watch(&what, connect, &mut news, signal(), &mut output::progress).await.map_err(one)
}

async fn signal() {
    let _ = super::interrupted().await;
}

fn all(failures: Vec<UpError>) -> Vec<Failure> {
    failures.into_iter().map(Failure::from).collect()
}
