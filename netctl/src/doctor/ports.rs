//! Who else has the ports.

use super::facts::{Facts, Question};
use super::finding::{Finding, Level};
use crate::firewall::PortRange;
use crate::network::Holder;
use crate::ports::{Ports, Protocol};

pub(super) fn check(facts: &impl Facts, question: &Question) -> Vec<Finding> {
    let media = Ports { first: question.media.first, last: question.media.last, protocol: Protocol::Udp };
    let wanted: Vec<Ports> = [vec![media], question.sip.clone()].concat();
    let is_host = question.patient.as_ref().is_some_and(|patient| patient.is_host);
    let mut found = sockets(facts, &wanted, is_host);
    found.extend(dockers(question, &wanted));
    let own = question.patient.as_ref().map(|patient| patient.name.as_str());
    let why = "a port of an address can be published for one container only";
    for (name, ports) in facts.published() {
        let shared = ports.iter().any(|ports| wanted.iter().any(|wanted| wanted.meet(*ports)));
        if Some(name.as_str()) != own && own.is_some() && shared {
            let is = format!("netctl has published some of the ports for {name}");
            let finding = Finding::new("published", is, "they are free, or at another address", why);
            found.push(
                finding
                    .unless(false, Level::Warn)
                    .mend(format!("netctl port{} unpublish {name}", question.options)),
            );
        }
    }
    if found.is_empty() {
        let ranges: Vec<String> = wanted.iter().map(ToString::to_string).collect();
        found.push(Finding::new("ports", format!("nobody else has {}", ranges.join(" ")), "free", why));
    }
    found
}

/// A socket keeps what comes to its port from published ports, and from a switch with the host's network.
fn sockets(facts: &impl Facts, wanted: &[Ports], is_host: bool) -> Vec<Finding> {
    let why = "a process of the host keeps what comes to its port: a published port gets nothing, and a switch with \
               --net host cannot listen there";
    let holders = facts.sockets().into_iter().filter(|socket| {
        let port = Ports::one(socket.local.port(), socket.protocol);
        let own = socket.holder.as_ref().is_some_and(|holder| holder.name == "switch-node");
        // Docker's proxies are told of with what they are for.
        let proxy = socket.holder.as_ref().is_some_and(|holder| holder.name == "docker-proxy");
        wanted.iter().any(|wanted| wanted.meet(port)) && !proxy && !(is_host && own)
    });
    // A switch that carries calls has hundreds of them: each process is told of once.
    let mut held: Vec<(Option<Holder>, String, usize)> = Vec::new();
    for socket in holders {
        match held.iter_mut().find(|(holder, ..)| *holder == socket.holder) {
            Some((_, _, further)) => *further += 1,
            None => held.push((socket.holder, format!("{} {}", socket.local, socket.protocol), 0)),
        }
    }
    let one = |(holder, first, further): (Option<Holder>, String, usize)| {
        let who = holder.as_ref().map_or_else(|| "a process without a name".to_owned(), ToString::to_string);
        let is = match further {
            0 => format!("{first} is held by {who}"),
            more => format!("{first} and {more} more are held by {who}"),
        };
        let finding = Finding::new("ports", is, "free", why).unless(false, Level::Bad);
        match holder {
            Some(holder) => finding.mend(format!("kill {}", holder.pid)),
            None => finding,
        }
    };
    held.into_iter().map(one).collect()
}

fn dockers(question: &Question, wanted: &[Ports]) -> Vec<Finding> {
    let Ok(daemon) = &question.daemon else { return Vec::new() };
    let why =
        "Docker's -p makes a rule and a process for each port, and its own translation comes in the way";
    let mut names: Vec<(&str, PortRange, usize)> = Vec::new();
    for (name, ports) in &daemon.published {
        if !wanted.iter().any(|wanted| wanted.meet(*ports)) {
            continue;
        }
        match names.iter_mut().find(|(its, ..)| its == name) {
            Some((_, range, count)) => {
                *range = PortRange { first: range.first.min(ports.first), last: range.last.max(ports.last) };
                *count += 1;
            }
            None => names.push((name, PortRange { first: ports.first, last: ports.last }, 1)),
        }
    }
    let one = |(name, range, count): (&str, PortRange, usize)| {
        let is = format!("Docker itself publishes {count} of the ports ({range}) for {name}");
        Finding::new("docker_publish", is, "netctl run -p, or netctl port publish", why)
            .unless(false, Level::Bad)
            .mend(format!("docker rm -f {name}"))
    };
    names.into_iter().map(one).collect()
}
