//! What a look came to, for people and for programs.

use std::fmt::{self, Display, Formatter};

use serde_json::{Value, json};

use super::asked::{Asked, Options};
use super::call::Caller;
use super::conclusion::Conclusion;
use super::counts::Counts;
use super::hop::{Hop, Stream};
use super::look::Seen;
use super::mend;
use super::subject::{Reach, Subject};
use crate::columns;
use crate::firewall::Family;

/// The answer.
#[derive(Debug)]
pub struct Report {
    name: String,
    reach: &'static str,
    /// What was looked at; at least one.
    pub passages: Vec<Passage>,
    notes: Vec<String>,
}

/// One family's packets, and what it comes to.
#[derive(Debug)]
pub struct Passage {
    pub(super) family: Family,
    /// Whether its stations are in the host's own namespace.
    pub(super) on_host: bool,
    pub(super) counts: Counts,
    /// What it comes to.
    pub conclusion: Conclusion,
}

impl Passage {
    fn hops(&self) -> impl Iterator<Item = (Hop, [Option<u64>; 2])> {
        Hop::ALL.into_iter().filter_map(|hop| {
            let counts = Stream::ALL.map(|stream| self.counts.get(&(hop, stream)).copied());
            counts.iter().any(Option::is_some).then_some((hop, counts))
        })
    }

    fn verdict(&self, hop: Hop) -> &'static str {
        match (&self.conclusion, self.conclusion.place()) {
            (Conclusion::Lossy(..), Some((at, _))) if at == hop => "lossy",
            (Conclusion::Broken(..), Some((at, _))) if at == hop => "BROKEN",
            (Conclusion::Broken(..), Some((at, _))) if hop > at => "-",
            (Conclusion::Nothing(_) | Conclusion::Stopped(_), _) => "-",
            _ => "ok",
        }
    }

    /// In a sentence; what is so by both families names none.
    fn sentence(&self) -> String {
        match self.conclusion {
            Conclusion::Nothing(_) | Conclusion::Stopped(_) => self.conclusion.to_string(),
            _ => format!("by {} {}", self.family.word(), self.place(self.conclusion.to_string())),
        }
    }

    /// In host mode what is the container's otherwise is the host's.
    fn place(&self, text: String) -> String {
        if self.on_host { text.replace("the container", "the host") } else { text }
    }

    fn json(&self) -> Value {
        let place = self.conclusion.place();
        let cause = self.conclusion.cause();
        json!({
            "family": self.family.word().to_lowercase(),
            "state": self.conclusion.word(),
            "hop": place.map(|(hop, _)| hop),
            "stream": place.map(|(_, stream)| stream),
            "conclusion": self.place(self.conclusion.to_string()),
            "cause": cause.map(|cause| json!({ "kind": cause.kind, "text": cause.text, "mend": cause.mend })),
        })
    }

    fn json_hops(&self) -> impl Iterator<Item = Value> {
        let hop = |(hop, [signalling, media]): (Hop, [Option<u64>; 2])| {
            let (family, verdict) = (self.family.word().to_lowercase(), self.verdict(hop).to_lowercase());
            json!({ "family": family, "hop": hop, "signalling": signalling, "media": media, "verdict": verdict })
        };
        self.hops().map(hop)
    }
}

impl Report {
    pub(super) fn new(
        subject: &Subject,
        looks: Vec<(Seen, Vec<Passage>)>,
        asked: &Asked,
        options: &Options,
    ) -> Self {
        let mut notes: Vec<String> = asked.callers.iter().map(called).collect();
        notes.extend(asked.not_called.clone());
        if asked.callers.is_empty() {
            notes.push(format!("what passed within {} s; no call was placed", options.seconds.as_secs()));
        }
        if let Some(peer) = options.peer {
            notes.push(format!(
                "only packets from and to {peer}; 'taken' and 'sent' are the switch's for all peers"
            ));
        }
        if let Reach::Published { publication, stands: false, owner } = &subject.reach
            && looks.iter().flat_map(|(_, passages)| passages).all(|its| its.conclusion.passes())
        {
            let again = mend::publish_again(publication, owner, &options.publish);
            notes.push(format!("some of netctl's rules are missing all the same; {again} makes them whole"));
        }
        let seen = || looks.iter().map(|(seen, _)| seen);
        if seen().any(|seen| seen.metrics.is_none()) && subject.status != "paused" {
            let at = subject.http.map_or_else(String::new, |at| format!(" at {at}"));
            notes.push(format!("the switch did not tell its metrics{at}: 'taken' and 'sent' are not known"));
        }
        if seen().any(|seen| seen.busy().len() > 1) {
            notes.push(
                "both families pass at the same time: who reached the socket, and what the switch took and sent, is \
                 not told apart; --peer IP looks at one"
                    .to_owned(),
            );
        }
        let damaged: u64 = seen().map(|seen| seen.lost.damaged).sum();
        if damaged > 0 {
            notes.push(format!("UDP dropped {damaged} packets with a wrong checksum"));
        }
        let passages = looks.into_iter().flat_map(|(_, passages)| passages).collect();
        Self { name: subject.name.clone(), reach: reach(subject), passages, notes }
    }

    /// Without a look.
    pub(super) fn at_once(subject: &Subject, conclusion: Conclusion) -> Self {
        let families = subject.families();
        let family = families.first().copied().unwrap_or(Family::V4);
        let on_host = matches!(subject.reach, Reach::Host);
        let passage = Passage { family, on_host, counts: Counts::new(), conclusion };
        Self { name: subject.name.clone(), reach: reach(subject), passages: vec![passage], notes: Vec::new() }
    }

    /// Whether audio passes, by each family that was looked at.
    pub fn passes(&self) -> bool {
        self.passages.iter().all(|passage| passage.conclusion.passes())
    }

    /// What decides: the first that does not pass, if there is one.
    fn worst(&self) -> Option<&Passage> {
        let bad = self.passages.iter().find(|passage| !passage.conclusion.passes());
        bad.or(self.passages.first())
    }

    /// The same in a sentence.
    pub fn sentence(&self) -> String {
        format!("{}: {}", self.name, self.worst().map(Passage::sentence).unwrap_or_default())
    }

    /// One object.
    pub fn json(&self) -> Value {
        let mut json = self.worst().map(Passage::json).unwrap_or_default();
        json["name"] = json!(self.name);
        json["reach"] = json!(self.reach);
        json["hops"] = self.passages.iter().flat_map(Passage::json_hops).collect();
        json["families"] = self.passages.iter().map(Passage::json).collect();
        json["notes"] = json!(self.notes);
        json
    }
}

fn called(caller: &Caller) -> String {
    format!("a call from {} to {}", caller.words, caller.target)
}

fn reach(subject: &Subject) -> &'static str {
    match subject.reach {
        Reach::Host => "host",
        Reach::Own => "own_address",
        Reach::Published { .. } => "published",
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let count = |count: Option<u64>| count.map_or_else(|| "-".to_owned(), |count| count.to_string());
        for passage in &self.passages {
            let rows = passage.hops().map(|(hop, [signalling, media])| {
                let verdict = passage.verdict(hop).to_owned();
                [passage.place(hop.sentence().to_owned()), count(signalling), count(media), verdict]
            });
            let head = [&format!("HOP BY {}", passage.family.word()), "SIGNALLING", "MEDIA", "VERDICT"];
            let rows: Vec<_> = std::iter::once(head.map(str::to_owned)).chain(rows).collect();
            if rows.len() > 1 {
                columns::write(f, "   ", &rows)?;
                writeln!(f)?;
            }
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        for passage in &self.passages {
            writeln!(f, "{}: {}", self.name, passage.sentence())?;
            if let Some(cause) = passage.conclusion.cause() {
                writeln!(f, "cause: {}", cause.text)?;
                if let Some(mend) = &cause.mend {
                    writeln!(f, "mend: {mend}")?;
                }
            }
        }
        Ok(())
    }
}
