//! A kernel that notes what it is asked for, and keeps tables' names and comments as the real one would.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use super::*;

/// All namespaces of a fake machine write into one list.
#[derive(Clone, Default)]
pub(crate) struct Fake {
    /// "host" or "container".
    pub(crate) name: &'static str,
    /// What was done, in order.
    pub(crate) asked: Rc<RefCell<Vec<String>>>,
    /// Which of the transactions fails, counted from 1.
    pub(crate) fails: Rc<RefCell<Option<usize>>>,
    pub(crate) tables: Rc<RefCell<Vec<Table>>>,
    /// The rules of iptables' table filter, for IPv4.
    pub(crate) filter: Rc<RefCell<Vec<SeenRule>>>,
    pub(crate) chains: Rc<RefCell<Vec<SeenChain>>>,
}

impl Firewall for Fake {
    fn apply(&self, changes: &[Change]) -> Result<(), FirewallError> {
        if changes.is_empty() {
            return Ok(());
        }
        let words: Vec<String> = changes.iter().map(word).collect();
        self.asked.borrow_mut().push(format!("{}: {}", self.name, words.join(", ")));
        // Only that one: what is taken back behind it goes through.
        let left = self.fails.take().map(|left| left - 1);
        if left == Some(0) {
            let source = io::Error::from_raw_os_error(2);
            return Err(FirewallError::Refused { what: "do it".to_owned(), hint: None, source });
        }
        *self.fails.borrow_mut() = left;
        changes.iter().for_each(|change| self.change(change));
        Ok(())
    }

    fn tables(&self) -> Result<Vec<SeenTable>, FirewallError> {
        let tables = self.tables.borrow();
        let seen = |table: &Table| SeenTable {
            place: Place::Inet,
            name: table.name.clone(),
            comment: Some(table.comment.clone()),
        };
        Ok(tables.iter().map(seen).collect())
    }

    fn chains(&self) -> Result<Vec<SeenChain>, FirewallError> {
        Ok(self.chains.borrow().clone())
    }

    fn rules(&self, place: Place, table: &str) -> Result<Vec<SeenRule>, FirewallError> {
        if place == Place::Inet {
            let tables = self.tables.borrow();
            let found = tables.iter().find(|found| found.name == table);
            return Ok(vec![SeenRule::default(); found.map_or(0, Table::rules)]);
        }
        Ok(if place == Place::Ip && table == "filter" { self.filter.borrow().clone() } else { Vec::new() })
    }
}

impl Fake {
    fn change(&self, change: &Change) {
        let mut tables = self.tables.borrow_mut();
        let mut filter = self.filter.borrow_mut();
        match change {
            Change::Add(table) => tables.push(table.clone()),
            Change::Remove(name) => tables.retain(|table| table.name != *name),
            Change::Accept { rule, chain, before } => {
                let at = filter.iter().position(|seen| Some(seen.handle) == *before);
                let handle = filter.iter().map(|seen| seen.handle).max().unwrap_or(0) + 1;
                let comment = Some(rule.comment.clone());
                let seen = SeenRule {
                    chain: (*chain).to_owned(),
                    handle,
                    comment,
                    asks: true,
                    ..SeenRule::default()
                };
                let at = at.unwrap_or(filter.len());
                filter.insert(at, seen);
            }
            Change::Withdraw { handle, .. } => filter.retain(|seen| seen.handle != *handle),
        }
    }
}

fn word(change: &Change) -> String {
    match change {
        Change::Add(table) => format!("add {}", table.name),
        Change::Remove(name) => format!("remove {name}"),
        Change::Accept { rule, chain, .. } => format!("accept {:?} in {chain}", rule.way),
        Change::Withdraw { chain, .. } => format!("withdraw from {chain}"),
    }
}
