//! What a look came to, for people and for programs.

use std::fmt::{self, Display, Formatter};

use serde_json::{Value, json};

use super::Options;
use super::call::Caller;
use super::cause::Cause;
use super::hop::{Hop, Stream};
use super::look::Seen;
use super::subject::{Reach, Subject};
use super::watch::Counts;
use crate::columns;

/// The answer.
#[derive(Debug)]
pub struct Report {
    name: String,
    reach: &'static str,
    counts: Counts,
    /// What it comes to.
    pub conclusion: Conclusion,
    notes: Vec<String>,
}

/// What a look comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum Conclusion {
    /// Audio passes.
    Passes,
    /// Packets end before a station.
    Broken(Hop, Stream, Cause),
    /// Some do.
    Lossy(Hop, Stream, Cause),
    /// The switch takes no calls.
    Refused(Cause),
    /// All stations pass what came, and yet there was no call.
    NoCall(String),
    /// There was a call, and what was heard is not what was said.
    BadAudio(String),
    /// Nobody called.
    Nothing,
    /// The container does not run.
    Stopped(Cause),
}

impl Conclusion {
    /// Whether audio passes.
    pub fn passes(&self) -> bool {
        matches!(self, Self::Passes)
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Passes => "passes",
            Self::Broken(..) => "broken",
            Self::Lossy(..) => "lossy",
            Self::Refused(_) => "refused",
            Self::NoCall(_) => "no_call",
            Self::BadAudio(_) => "bad_audio",
            Self::Nothing => "nothing_seen",
            Self::Stopped(_) => "stopped",
        }
    }

    fn place(&self) -> Option<(Hop, Stream)> {
        match self {
            Self::Broken(hop, stream, _) | Self::Lossy(hop, stream, _) => Some((*hop, *stream)),
            _ => None,
        }
    }

    fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Broken(_, _, cause)
            | Self::Lossy(_, _, cause)
            | Self::Refused(cause)
            | Self::Stopped(cause) => Some(cause),
            _ => None,
        }
    }
}

impl Display for Conclusion {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passes => f.write_str("audio passes"),
            Self::Broken(hop, stream, _) => {
                write!(f, "{} ends before '{}'", stream.word(), hop.sentence())
            }
            Self::Lossy(hop, stream, _) => {
                write!(f, "some of {} is lost before '{}'", stream.word(), hop.sentence())
            }
            Self::Refused(_) => f.write_str("the switch takes no calls"),
            Self::NoCall(why) => write!(f, "the network passes what came, and yet there was no call: {why}"),
            Self::BadAudio(why) => write!(f, "the network passes what came, and yet the call was not good: {why}"),
            Self::Nothing => f.write_str(
                "no media came in that time: nobody called, or what stops it is in front of this host; look longer \
                 (--seconds) while somebody calls",
            ),
            Self::Stopped(_) => f.write_str("the container does not run"),
        }
    }
}

impl Report {
    pub(super) fn new(
        subject: &Subject,
        seen: &Seen,
        conclusion: Conclusion,
        caller: Option<&Caller>,
        options: &Options,
    ) -> Self {
        let mut notes = vec![match caller {
            Some(caller) => format!("a call from {} to {}", caller.words, caller.target),
            None => format!("what passed within {} s; no call was placed", options.seconds.as_secs()),
        }];
        if let Some(peer) = options.peer {
            notes.push(format!(
                "only packets from and to {peer}; 'taken' and 'sent' are the switch's for all peers"
            ));
        }
        if let Reach::Published { publication, stands: false, owner } = &subject.reach
            && conclusion.passes()
        {
            let mend = super::mend::publish_again(publication, owner, &options.publish);
            notes.push(format!("some of netctl's rules are missing all the same; {mend} makes them whole"));
        }
        if seen.metrics.is_none() && subject.status != "paused" {
            let at = subject.http.map_or_else(String::new, |at| format!(" at {at}"));
            notes.push(format!("the switch did not tell its metrics{at}: 'taken' and 'sent' are not known"));
        }
        if seen.lost.damaged > 0 {
            notes.push(format!("UDP dropped {} packets with a wrong checksum", seen.lost.damaged));
        }
        Self {
            name: subject.name.clone(),
            reach: reach(subject),
            counts: seen.counts.clone(),
            conclusion,
            notes,
        }
    }

    pub(super) fn stopped(subject: &Subject) -> Self {
        let name = &subject.name;
        let cause = Cause {
            kind: "stopped",
            text: format!("Docker says that {name} is {}", subject.status),
            mend: Some(format!("docker start {name}")),
        };
        let conclusion = Conclusion::Stopped(cause);
        Self {
            name: name.clone(),
            reach: reach(subject),
            counts: Counts::new(),
            conclusion,
            notes: Vec::new(),
        }
    }

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
            (Conclusion::Nothing | Conclusion::Stopped(_), _) => "-",
            _ => "ok",
        }
    }

    /// One object.
    pub fn json(&self) -> Value {
        let hop = |(hop, [signalling, media]): (Hop, [Option<u64>; 2])| json!({ "hop": hop, "signalling": signalling, "media": media, "verdict": self.verdict(hop).to_lowercase() });
        let place = self.conclusion.place();
        let cause = self.conclusion.cause();
        json!({
            "name": self.name,
            "reach": self.reach,
            "hops": self.hops().map(hop).collect::<Vec<_>>(),
            "state": self.conclusion.word(),
            "hop": place.map(|(hop, _)| hop),
            "stream": place.map(|(_, stream)| stream),
            "conclusion": self.conclusion.to_string(),
            "cause": cause.map(|cause| json!({ "kind": cause.kind, "text": cause.text, "mend": cause.mend })),
            "notes": self.notes,
        })
    }
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
        let rows = self.hops().map(|(hop, [signalling, media])| {
            [hop.sentence().to_owned(), count(signalling), count(media), self.verdict(hop).to_owned()]
        });
        let head = ["HOP", "SIGNALLING", "MEDIA", "VERDICT"].map(str::to_owned);
        let rows: Vec<_> = std::iter::once(head).chain(rows).collect();
        if rows.len() > 1 {
            columns::write(f, "   ", &rows)?;
            writeln!(f)?;
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        writeln!(f, "{}: {}", self.name, self.conclusion)?;
        if let Some(cause) = self.conclusion.cause() {
            writeln!(f, "cause: {}", cause.text)?;
            if let Some(mend) = &cause.mend {
                writeln!(f, "mend: {mend}")?;
            }
        }
        Ok(())
    }
}
