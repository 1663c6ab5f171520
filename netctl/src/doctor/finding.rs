//! What was looked at: how it is, how it should be, why, and what mends it.

use std::fmt::{self, Display, Formatter};

use serde::Serialize;
use serde_json::{Value, json};

/// One thing that was looked at.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Finding {
    /// Its name, the same in every run.
    pub topic: &'static str,
    /// How bad it is.
    pub level: Level,
    /// How it is.
    pub is: String,
    /// How it should be.
    pub should: String,
    /// What comes of it otherwise.
    pub why: &'static str,
    /// The command that mends it; none if all is well, or if no single command does.
    pub mend: Option<String>,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Ok,
    /// It works, with a limit that is named.
    Warn,
    /// Something of a switch does not work.
    Bad,
}

impl Finding {
    /// As it should be, whatever it is; [`Self::unless`] judges.
    pub fn new(
        topic: &'static str,
        is: impl Into<String>,
        should: impl Into<String>,
        why: &'static str,
    ) -> Self {
        Self { topic, level: Level::Ok, is: is.into(), should: should.into(), why, mend: None }
    }

    /// So bad, unless it is as it should be.
    pub fn unless(mut self, fine: bool, level: Level) -> Self {
        if !fine {
            self.level = level;
        }
        self
    }

    /// The command against it, where there is something against it.
    pub fn mend(mut self, command: impl Into<String>) -> Self {
        self.mend = (self.level != Level::Ok).then(|| command.into());
        self
    }
}

/// All that was looked at.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Findings(pub Vec<Finding>);

impl Findings {
    /// The worst of them.
    pub fn worst(&self) -> Level {
        self.0.iter().map(|finding| finding.level).max().unwrap_or(Level::Ok)
    }

    /// How many are so bad.
    pub fn count(&self, level: Level) -> usize {
        self.0.iter().filter(|finding| finding.level == level).count()
    }

    /// One object.
    pub fn json(&self) -> Value {
        json!({ "worst": self.worst(), "findings": self.0 })
    }
}

impl Display for Level {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Bad => "BAD",
        })
    }
}

impl Display for Findings {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let width = self.0.iter().map(|finding| finding.topic.len()).max().unwrap_or(0);
        for Finding { topic, level, is, should, why, mend } in &self.0 {
            writeln!(f, "{:4}  {topic:width$}  {is}", level.to_string())?;
            if *level == Level::Ok {
                continue;
            }
            let indent = format!("{:width$}", "", width = width + 8);
            writeln!(f, "{indent}should be: {should}")?;
            writeln!(f, "{indent}because: {why}")?;
            if let Some(mend) = mend {
                writeln!(f, "{indent}mend: {mend}")?;
            }
        }
        let [ok, warn, bad] = [Level::Ok, Level::Warn, Level::Bad].map(|level| self.count(level));
        writeln!(f, "{ok} ok, {warn} to be known, {bad} bad")
    }
}
