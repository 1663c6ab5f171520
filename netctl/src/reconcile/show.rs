//! What there is to do, and what was done, for people and for programs.

use std::fmt::{self, Display, Formatter};

use serde_json::{Value, json};

use super::apply::Done;
use super::compare::{Action, Comparison, Item, Reason};
use super::down::Downed;

impl Display for Comparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for change in &self.unfinished {
            let way = if change.is_whole { "end" } else { "take back" };
            writeln!(f, "! {}: {way} what was begun and not ended", change.name)?;
        }
        self.items.iter().try_for_each(|item| write_item(f, item, false))?;
        match self.differing() {
            0 => writeln!(f, "nothing to do: all of {} is as declared", self.items.len()),
            count => writeln!(f, "{count} of {} to change", self.items.len()),
        }
    }
}

impl Display for Done {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.items.iter().try_for_each(|item| write_item(f, item, true))?;
        if self.items.iter().all(|item| item.action == Action::Nothing) && self.finished.is_empty() {
            writeln!(f, "nothing was changed")?;
        }
        self.notes.iter().try_for_each(|note| writeln!(f, "note: {note}"))
    }
}

impl Display for Downed {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.taken.is_empty() {
            return writeln!(f, "there was nothing to take back");
        }
        self.taken.iter().try_for_each(|step| writeln!(f, "done: {step}"))
    }
}

/// One line, and one more a reason.
fn write_item(f: &mut Formatter<'_>, item: &Item, done: bool) -> fmt::Result {
    let (sign, to_do, was_done) = words(&item.action);
    writeln!(f, "{sign} {}: {}", item.name, if done { was_done } else { to_do })?;
    match &item.action {
        Action::Recreate(reasons) => reasons.iter().try_for_each(|reason| writeln!(f, "    {reason}")),
        Action::Mend(lacks) => lacks.iter().try_for_each(|lack| writeln!(f, "    {lack}")),
        Action::Create | Action::Nothing | Action::Remove => Ok(()),
    }
}

fn words(action: &Action) -> (char, &'static str, &'static str) {
    match action {
        Action::Create => ('+', "create", "created"),
        Action::Recreate(_) => ('~', "recreate", "recreated"),
        Action::Mend(_) => ('>', "mend", "mended"),
        Action::Nothing => ('=', "nothing to do", "unchanged"),
        Action::Remove => ('-', "remove: it is not declared any more", "removed"),
    }
}

impl Display for Reason {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed(change) => match (&change.from, &change.to) {
                (Some(from), Some(to)) => write!(f, "{} changes from {from} to {to}", change.key),
                (None, Some(to)) => write!(f, "{} comes, {to}", change.key),
                (Some(from), None) => write!(f, "{} goes, it was {from}", change.key),
                (None, None) => f.write_str(&change.key),
            },
            Self::Image { from, to } => write!(f, "the image changes from {} to {}", short(from), short(to)),
            Self::Owner(owner) => {
                write!(f, "the network of {owner}, which it shares, is or will be another one")
            }
        }
    }
}

/// As `docker images` shows it.
fn short(id: &str) -> &str {
    let digits = id.strip_prefix("sha256:").unwrap_or(id);
    digits.get(..12).unwrap_or(digits)
}

fn item(item: &Item) -> Value {
    let action = match item.action {
        Action::Create => "create",
        Action::Recreate(_) => "recreate",
        Action::Mend(_) => "mend",
        Action::Nothing => "nothing",
        Action::Remove => "remove",
    };
    let because: Vec<Value> = match &item.action {
        Action::Recreate(reasons) => reasons.iter().map(reason).collect(),
        Action::Mend(lacks) => lacks.iter().map(|lack| json!({ "lacks": lack.to_string() })).collect(),
        _ => Vec::new(),
    };
    json!({ "name": item.name, "action": action, "because": because })
}

fn reason(reason: &Reason) -> Value {
    match reason {
        Reason::Changed(change) => json!({ "key": change.key, "from": change.from, "to": change.to }),
        Reason::Image { from, to } => json!({ "image": { "from": from, "to": to } }),
        Reason::Owner(owner) => json!({ "network_of": owner }),
    }
}

impl Comparison {
    /// One object.
    pub fn json(&self) -> Value {
        let unfinished = self.unfinished.iter().map(|it| json!({ "name": it.name, "is_whole": it.is_whole }));
        json!({
            "unfinished": unfinished.collect::<Vec<_>>(),
            "switches": self.items.iter().map(item).collect::<Vec<_>>(),
            "differing": self.differing(),
        })
    }
}

impl Done {
    /// One object.
    pub fn json(&self) -> Value {
        json!({
            "finished": self.finished,
            "switches": self.items.iter().map(item).collect::<Vec<_>>(),
            "notes": self.notes,
        })
    }
}

impl Downed {
    /// One object.
    pub fn json(&self) -> Value {
        json!({ "done": self.taken })
    }
}
