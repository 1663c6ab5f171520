//! What is published.

use std::fmt;

use serde::Serialize;
use serde_json::{Value, json};

use super::error::{PublishError, cannot};
use super::journal::{Journal, Phase, Record};
use super::machine::Machine;
use super::steps::stands;

/// All that is published.
#[derive(Debug)]
pub struct Listed {
    /// One a container, by name.
    pub rows: Vec<Row>,
}

/// One container.
#[derive(Debug)]
pub struct Row {
    /// What is known of it.
    pub record: Record,
    /// How it stands.
    pub state: State,
}

/// Whether the rules are there.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// All of them.
    Published,
    /// Some are missing, or the container has been started anew.
    Damaged,
    /// netctl was killed while it changed them.
    Unfinished,
}

/// Looks at every record and at what the kernel has of it.
///
/// # Errors
/// If the records or the rules cannot be read.
pub fn list<M: Machine>(machine: &M, journal: &impl Journal) -> Result<Listed, PublishError> {
    let host = machine.firewall().map_err(cannot("open the host's rules"))?;
    let rows = journal.all()?.into_iter().map(|record| {
        let state = match record.phase {
            Phase::Changing => State::Unfinished,
            Phase::Published if stands(&host, machine, &record)? => State::Published,
            Phase::Published => State::Damaged,
        };
        Ok(Row { record, state })
    });
    Ok(Listed { rows: rows.collect::<Result<_, PublishError>>()? })
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Published => "published",
            Self::Damaged => "damaged",
            Self::Unfinished => "unfinished",
        })
    }
}

impl Listed {
    /// For programs.
    pub fn json(&self) -> Value {
        let row =
            |row: &Row| json!({ "state": row.state.to_string(), "publication": row.record.publication });
        self.rows.iter().map(row).collect()
    }
}

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const HEAD: [&str; 6] = ["NAME", "HOST", "CONTAINER", "VIA", "PORTS", "STATE"];
        let mut lines = vec![HEAD.map(str::to_owned)];
        for Row { record, state } in &self.rows {
            let publication = &record.publication;
            let ports: Vec<String> = publication.ports.iter().map(ToString::to_string).collect();
            for path in &publication.paths {
                for host in path.hosts() {
                    let via = if path.stateless == Some(host) { "stateless" } else { "conntrack" };
                    lines.push([
                        publication.name.clone(),
                        host.to_string(),
                        path.container.to_string(),
                        via.to_owned(),
                        ports.join(","),
                        state.to_string(),
                    ]);
                }
            }
        }
        let width = |column: usize| lines.iter().map(|line| line[column].len()).max().unwrap_or(0);
        let widths: [usize; 6] = std::array::from_fn(width);
        for line in &lines {
            let cells = line.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
            writeln!(f, "{}", cells.collect::<Vec<_>>().join("   ").trim_end())?;
        }
        Ok(())
    }
}
