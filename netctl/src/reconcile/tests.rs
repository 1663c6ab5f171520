//! Up and down against fakes: what is asked for, that nothing is left wherever it fails, and that what was killed at any
//! step is set right by the next.

use std::future::{pending, ready};
use std::path::Path;

use super::*;
use crate::error::{Exit, Explain as _};
use crate::network::fake::{Done as Does, Fake};

const ALL: &str = "
version: 1
switches:
  edge: {image: 'switch:v1', network: bridge, ports: [16384-32767/udp, 5060/udp], environment: {TZ: UTC}}
  lan: {image: 'switch:v1', network: none, bridge: br0, addresses: [10.1.0.9/24], gateways: [10.1.0.1]}
  side: {image: 'switch:v1', network: 'container:lan', ports: [40000-40999/udp, 5070/udp], environment: {SWITCH__HTTP__LISTEN: '127.0.0.1:9283'}}
  stack: {image: 'switch:v1', network: host, ports: [41000-41999/udp, 5080/udp]}
";

fn wait<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

/// Whether it ended before it was killed.
fn killed<F: Future>(fake: &Fake, at: (usize, Does), work: F) -> bool {
    fake.0.killed.set(Some(at));
    let ended = wait(async {
        tokio::select! {
            _ = work => true,
            () = fake.0.died.notified() => false,
        }
    });
    fake.0.killed.set(None);
    ended
}

fn file(text: &str) -> File {
    File::parse(text, Path::new("/etc/switch.yaml")).unwrap()
}

/// The same with other keys: of the switches above, edge and lan are made anew, and side with lan; stack goes; more comes.
fn other() -> File {
    let text = ALL.replace("TZ: UTC", "TZ: CET").replace("10.1.0.9/24", "10.1.0.10/24");
    file(&text.replace(
        "  stack: {image: 'switch:v1', network: host, ports: [41000-41999/udp, 5080/udp]}",
        "  more: {image: 'switch:v1', network: host, ports: [41000-41999/udp, 5080/udp]}",
    ))
}

fn fresh() -> Fake {
    Fake::new()
}

fn bring(fake: &Fake, file: &File) -> Result<Done, Vec<UpError>> {
    wait(up(&fake.world(), file, pending(), &mut |_| {}))
}

fn take(fake: &Fake, file: &File) -> Result<Downed, Vec<UpError>> {
    wait(down(&fake.world(), file, pending(), &mut |_| {}))
}

fn told(fake: &Fake, file: &File) -> Vec<String> {
    let comparison = wait(compare(&fake.world(), file)).unwrap();
    comparison.to_string().lines().map(|line| line.trim().to_owned()).collect()
}

/// What lasts: the runs' own marks and the numbers of processes, interfaces and rules are others each time.
fn state(fake: &Fake) -> Vec<String> {
    let mut state = Vec::new();
    for container in fake.0.containers.borrow().iter() {
        let mut container = container.clone();
        container.labels.remove(crate::network::labels::RUN);
        let pid = container.pid.take();
        let inside = pid.and_then(|pid| fake.0.inside.borrow().get(&pid).cloned());
        let inside = inside.map(|inner| format!("{:?}", inner.addresses()));
        state.push(format!("{container:?} {} {inside:?}", pid.is_some()));
    }
    state.extend(fake.0.networks.borrow().iter().map(|it| it.name.clone()));
    state.extend(fake.0.interfaces.borrow().iter().map(|it| it.name.clone()));
    state.extend(fake.0.published.borrow().iter().map(|it| format!("{it:?}")));
    state.sort();
    state
}

#[test]
fn up_brings_it_about_and_a_second_one_changes_nothing() {
    let fake = fresh();
    let before = fake.snapshot();
    assert_eq!(
        told(&fake, &file(ALL)),
        ["+ edge: create", "+ lan: create", "+ side: create", "+ stack: create", "4 of 4 to change"]
    );
    assert_eq!(fake.snapshot(), before, "plan touches nothing");
    bring(&fake, &file(ALL)).unwrap();
    assert_eq!(
        *fake.0.asked.borrow(),
        [
            "create network netctl",
            "create edge on netctl",
            "start edge",
            "publish edge",
            "create lan on none",
            "start lan",
            "pair sw-lan on 3 into 101",
            "addresses of eth0 in 101: [10.1.0.9/24]",
            "gateway in 101: 10.1.0.1",
            "create side on container:lan-id",
            "start side",
            "create stack on host",
            "start stack",
        ]
    );
    assert_eq!(told(&fake, &file(ALL)).last().unwrap(), "nothing to do: all of 4 is as declared");
    let made = fake.snapshot();
    fake.0.asked.borrow_mut().clear();
    let said = bring(&fake, &file(ALL)).unwrap().to_string();
    assert!(said.contains("nothing was changed"), "{said}");
    assert_eq!((fake.0.asked.take(), fake.snapshot()), (Vec::<String>::new(), made));
    take(&fake, &file(ALL)).unwrap();
    assert_eq!(fake.snapshot(), before);
    assert_eq!(take(&fake, &file(ALL)).unwrap().to_string(), "there was nothing to take back\n");
}

#[test]
fn what_has_changed_is_named_and_made_anew() {
    let fake = fresh();
    let before = fake.snapshot();
    bring(&fake, &file(ALL)).unwrap();
    assert_eq!(
        told(&fake, &other()),
        [
            "~ edge: recreate",
            "environment.TZ changes from UTC to CET",
            "~ lan: recreate",
            "addresses changes from 10.1.0.9/24 to 10.1.0.10/24",
            "~ side: recreate",
            "the network of lan, which it shares, is or will be another one",
            "+ more: create",
            "- stack: remove: it is not declared any more",
            "5 of 5 to change",
        ]
    );
    fake.0.asked.borrow_mut().clear();
    bring(&fake, &other()).unwrap();
    assert_eq!(
        *fake.0.asked.borrow(),
        [
            "stop stack-id",
            "rename stack-id to stack.netctl-before",
            "stop edge-id",
            "unpublish edge",
            "rename edge-id to edge.netctl-before",
            "create edge on netctl",
            "start edge",
            "publish edge",
            "stop side-id",
            "rename side-id to side.netctl-before",
            "stop lan-id",
            "rename lan-id to lan.netctl-before",
            "create lan on none",
            "start lan",
            "pair sw-lan on 3 into 105",
            "addresses of eth0 in 105: [10.1.0.10/24]",
            "gateway in 105: 10.1.0.1",
            "create side on container:lan-id2",
            "start side",
            "create more on host",
            "start more",
            "remove stack-id",
            "remove side-id",
            "remove lan-id",
            "remove edge-id",
        ]
    );
    // The address was pinned by the one before, too.
    assert_eq!(told(&fake, &other()).last().unwrap(), "nothing to do: all of 4 is as declared");
    *fake.0.image.borrow_mut() = "sha256:2".to_owned();
    assert!(told(&fake, &other()).contains(&"the image changes from 1 to 2".to_owned()));
    take(&fake, &other()).unwrap();
    assert_eq!(fake.snapshot(), before);
}

/// Every change fails once before it is done and once after; and a signal comes before every change.
#[test]
fn whatever_fails_all_is_as_it_was() {
    for (first, second) in [(None, file(ALL)), (Some(file(ALL)), other())] {
        for does in [Does::No, Does::Yes] {
            for number in 0.. {
                let fake = fresh();
                if let Some(first) = &first {
                    bring(&fake, first).unwrap();
                }
                let before = state(&fake);
                let begun = fake.0.asked.borrow().len();
                fake.0.fail.set(Some((begun + number, does)));
                let Err(failures) = bring(&fake, &second) else {
                    assert!(number > 10, "no change failed");
                    break;
                };
                let removing = fake.0.asked.borrow()[begun + number].starts_with("remove");
                if removing && matches!(failures[0], UpError::Leftover { .. }) {
                    // All that is declared runs; what is left is seen by the next.
                    fake.0.fail.set(None);
                    bring(&fake, &second).unwrap();
                    assert_eq!(
                        told(&fake, &second).last().unwrap(),
                        "nothing to do: all of 4 is as declared"
                    );
                    continue;
                }
                assert_eq!(failures.len(), 1, "{number} {does:?} {failures:?}");
                assert_eq!(state(&fake), before, "{number} {does:?}");
            }
        }
        let fake = fresh();
        first.iter().for_each(|first| drop(bring(&fake, first).unwrap()));
        let before = state(&fake);
        let failures = wait(up(&fake.world(), &second, ready(()), &mut |_| {})).unwrap_err();
        assert!(matches!(failures[..], [UpError::Interrupted]), "{failures:?}");
        assert_eq!(state(&fake), before);
    }
}

/// Killed at each change, before it is done and after: the next up brings it about, the next down takes all of it back.
#[test]
fn whatever_it_is_killed_at_the_next_sets_it_right() {
    for (first, second) in [(None, file(ALL)), (Some(file(ALL)), other())] {
        for does in [Does::No, Does::Yes] {
            for number in 0.. {
                let run = || {
                    let fake = fresh();
                    let clean = fake.snapshot();
                    first.iter().for_each(|first| drop(bring(&fake, first).unwrap()));
                    let begun = fake.0.asked.borrow().len();
                    let (world, mut say) = (fake.world(), |_: &str| {});
                    let ended =
                        killed(&fake, (begun + number, does), up(&world, &second, pending(), &mut say));
                    (fake, clean, ended)
                };
                let (fake, clean, ended) = run();
                if ended {
                    assert!(number > 10, "it was not killed");
                    break;
                }
                let what = || format!("{number} {does:?} {:?}", fake.0.asked.borrow().last());
                bring(&fake, &second).unwrap_or_else(|failures| panic!("{} {failures:?}", what()));
                let after = told(&fake, &second);
                assert_eq!(after.last().unwrap(), "nothing to do: all of 4 is as declared", "{}", what());
                let asides =
                    fake.0.containers.borrow().iter().filter(|it| it.name.contains("netctl-before")).count();
                assert_eq!(asides, 0, "{}", what());
                take(&fake, &second).unwrap();
                assert_eq!(fake.snapshot(), clean, "{}", what());
                let (fake, clean, _) = run();
                take(&fake, &second).unwrap();
                assert_eq!(fake.snapshot(), clean, "{}", what());
            }
        }
    }
}

/// What had been put aside is still there: who goes back to the former file gets the former containers.
#[test]
fn what_was_put_aside_comes_back_by_the_former_file() {
    for does in [Does::No, Does::Yes] {
        for number in 0.. {
            let fake = fresh();
            bring(&fake, &file(ALL)).unwrap();
            let ids = || {
                let containers = fake.0.containers.borrow();
                let mut ids: Vec<_> = containers.iter().map(|it| (it.name.clone(), it.id.clone())).collect();
                ids.sort();
                ids
            };
            let (before, begun) = (ids(), fake.0.asked.borrow().len());
            let (world, second, mut say) = (fake.world(), other(), |_: &str| {});
            killed(&fake, (begun + number, does), up(&world, &second, pending(), &mut say));
            let last = fake.0.asked.borrow().last().unwrap().clone();
            if last.starts_with("remove") {
                assert!(number > 10, "it was not killed");
                break;
            }
            bring(&fake, &file(ALL)).unwrap();
            assert_eq!(ids(), before, "{number} {does:?} {last}");
            assert_eq!(told(&fake, &file(ALL)).last().unwrap(), "nothing to do: all of 4 is as declared");
        }
    }
}

/// And so is a down that is killed.
#[test]
fn a_down_that_is_killed_goes_on_with_the_next() {
    for does in [Does::No, Does::Yes] {
        for number in 0.. {
            let fake = fresh();
            let clean = fake.snapshot();
            bring(&fake, &file(ALL)).unwrap();
            let begun = fake.0.asked.borrow().len();
            let (world, declared, mut say) = (fake.world(), file(ALL), |_: &str| {});
            let ended = killed(&fake, (begun + number, does), down(&world, &declared, pending(), &mut say));
            take(&fake, &declared).unwrap();
            assert_eq!(fake.snapshot(), clean, "{number} {does:?}");
            if ended {
                assert!(number > 5, "it was not killed");
                break;
            }
        }
    }
}

#[test]
fn what_it_lacks_is_given_back() {
    let fake = fresh();
    bring(&fake, &file(ALL)).unwrap();
    fake.0.published.borrow_mut().clear();
    // Docker has restarted it: its namespace is new and empty.
    fake.0.ends("lan-id");
    fake.0.begins("lan-id");
    fake.0.ends("stack-id");
    assert_eq!(
        told(&fake, &file(ALL)),
        [
            "> edge: mend",
            "its ports are not published as declared",
            "> lan: mend",
            "its interface, addresses or routes are missing",
            "> side: mend",
            "it is in a network that its owner has left",
            "> stack: mend",
            "it does not run",
            "4 of 4 to change",
        ]
    );
    fake.0.asked.borrow_mut().clear();
    bring(&fake, &file(ALL)).unwrap();
    assert_eq!(
        *fake.0.asked.borrow(),
        [
            "publish edge",
            "pair sw-lan on 3 into 104",
            "addresses of eth0 in 104: [10.1.0.9/24]",
            "gateway in 104: 10.1.0.1",
            "restart side",
            "start stack",
        ]
    );
    assert_eq!(told(&fake, &file(ALL)).last().unwrap(), "nothing to do: all of 4 is as declared");
}

/// Who shares a namespace joins the one that its owner gets, whether he runs still or has ended, too.
#[test]
fn an_owner_that_is_started_takes_its_guests_along() {
    for (ended, asked) in [(&["lan"][..], "restart side"), (&["lan", "side"], "start side")] {
        let fake = fresh();
        bring(&fake, &file(ALL)).unwrap();
        ended.iter().for_each(|name| fake.0.ends(name));
        let planned = told(&fake, &file(ALL));
        assert!(
            planned.contains(&"> lan: mend".to_owned()) && planned.contains(&"> side: mend".to_owned()),
            "{planned:?}"
        );
        fake.0.asked.borrow_mut().clear();
        bring(&fake, &file(ALL)).unwrap();
        let done = fake.0.asked.take();
        assert_eq!((done[0].as_str(), done.last().unwrap().as_str()), ("start lan", asked));
        assert_eq!(told(&fake, &file(ALL)).last().unwrap(), "nothing to do: all of 4 is as declared");
    }
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_done() {
    let two = |one: &str, two: &str| {
        format!(
            "version: 1\nswitches:\n  aa: {{image: 'switch:v1', {one}}}\n  bb: {{image: 'switch:v1', {two}}}\n"
        )
    };
    let host = "network: host";
    let lan = "network: none, bridge: br0, addresses: [10.1.0.9/24]";
    for (text, exit, words) in [
        (two(host, host), Exit::Usage, "bb and aa cannot both have SIP 5060/udp"),
        (two(lan, lan), Exit::Usage, "bb and aa cannot both have the address 10.1.0.9"),
        (
            two("network: bridge, ports: [5060/udp]", "network: bridge, ports: [5000-6000/udp]"),
            Exit::Usage,
            "bb and aa cannot both have the published port 5000-6000/udp",
        ),
        (two(lan, "network: 'container:aa'"), Exit::Usage, "bb and aa cannot both have SIP 5060/udp"),
        (two("network: 'container:bb'", "network: 'container:aa'"), Exit::Usage, "and that of aa in the end"),
        (two(host, "network: 'container:aa', ports: [5070/udp]"), Exit::Usage, "cannot both have"),
        (
            two(host, "network: voice, ports: [5060/udp]"),
            Exit::Usage,
            "bb and aa cannot both have SIP 5060/udp, which is the published port 5060/udp",
        ),
        (
            two("network: voice, ports: [16000-17000/udp]", "network: host, ports: [5070/udp]"),
            Exit::Usage,
            "media 16384-32767/udp, which is the published port 16000-17000/udp",
        ),
        (two(host, "network: gone"), Exit::Missing, "/etc/switch.yaml:4:7: bb: no such network: gone"),
        (two(host, "network: bridge, bridge: br0"), Exit::Usage, "--bridge has no meaning with --net bridge"),
        (two(lan, "network: 'container:aa', gateways: [10.1.0.1]"), Exit::Usage, "--gateway has no meaning"),
    ] {
        let fake = fresh();
        let before = fake.snapshot();
        let failures = bring(&fake, &file(&text)).unwrap_err();
        let said = failures.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        assert!(said.contains(words), "{words} in {said}");
        assert_eq!(failures[0].exit(), exit, "{failures:?}");
        assert!(fake.0.asked.borrow().is_empty());
        assert_eq!(fake.snapshot(), before);
    }
    // Each for itself would find an address.
    let many: String =
        (0..127).map(|number| format!("  s{number:03}: {{image: 'switch:v1', network: bridge}}\n")).collect();
    let refusal = |text: &str| bring(&fresh(), &file(text)).unwrap_err().remove(0).to_string();
    let text = format!("version: 1\nswitches:\n{many}");
    assert!(refusal(&text).contains("s126: the network netctl has no address left"), "{}", refusal(&text));
    bring(&fresh(), &file(&text.replace("  s126: {image: 'switch:v1', network: bridge}\n", ""))).unwrap();
    // A container of that name that is somebody else's stays.
    let fake = fresh();
    let text = "version: 1\nswitches: {other: {image: 'switch:v1', network: host}}";
    let failures = bring(&fake, &file(text)).unwrap_err();
    assert!(failures[0].to_string().ends_with("there is a container other already, made by somebody else"));
    take(&fake, &file(text)).unwrap();
    assert!(fake.0.asked.borrow().is_empty());
    // One that shares the namespace of what is to be made anew, and is not of this file.
    bring(&fake, &file(ALL)).unwrap();
    fake.0.containers.borrow_mut()[0].network_mode = "container:edge-id".to_owned();
    let failures = bring(&fake, &other()).unwrap_err();
    assert!(
        failures[0].to_string().contains("the container other, which this file does not declare"),
        "{failures:?}"
    );
}
