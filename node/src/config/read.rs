//! Reads tables from a file and the environment, key by key, and keeps every error with its place.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::problem::{Origin, Problem, did_you_mean};
use super::schema::{Key, Kind, keys};

/// What each environment variable of ours begins with. Two underscores, because Kubernetes writes
/// `SWITCH_PORT=udp://…` into every pod beside a Service named switch.
pub(super) const PREFIX: &str = "SWITCH__";

/// The variable that overrides a key.
pub(super) fn variable(table: &str, key: &str) -> String {
    format!("{PREFIX}{}__{}", table.to_uppercase(), key.to_uppercase())
}

/// One reading of file and environment.
pub(super) struct Reader<'a> {
    file: Arc<Path>,
    text: &'a str,
    /// What no one has asked for yet.
    tables: DeTable<'a>,
    /// Variables of ours that no one has asked for yet.
    environment: BTreeMap<String, String>,
    known_tables: Vec<&'static str>,
    known_variables: Vec<String>,
    problems: Vec<Problem>,
    origins: BTreeMap<String, Origin>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        file: &Path,
        text: &'a str,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Self {
        let (tables, errors) = DeTable::parse_recoverable(text);
        let mut reader = Self {
            file: file.into(),
            text,
            tables: tables.into_inner(),
            environment: environment.filter(|(name, _)| name.starts_with(PREFIX)).collect(),
            known_tables: Vec::new(),
            known_variables: Vec::new(),
            problems: Vec::new(),
            origins: BTreeMap::new(),
        };
        for error in errors {
            reader.refuse(error.span().unwrap_or_default(), String::new(), error.message());
        }
        reader
    }

    /// Reads `[name]`: its defaults, over them the file, over that the environment.
    pub(super) fn table<T: DeserializeOwned + JsonSchema + Default>(&mut self, name: &'static str) -> T {
        self.known_tables.push(name);
        let keys = keys::<T>();
        let overrides = self.overrides(name, &keys);
        let mut good = DeTable::new();
        for (key, value) in self.take_table(name) {
            let path = format!("{name}.{}", key.get_ref());
            if !self.knows(&keys, name, &key) {
                continue;
            }
            match deserialize::<T>(single(key.clone(), value.clone())) {
                Ok(_) => {
                    self.origins.insert(path, self.place(key.span()));
                    good.insert(key, value);
                }
                Err(error) => self.refuse(error.span().unwrap_or(value.span()), path, error.message()),
            }
        }
        for Override { key, variable, text } in &overrides {
            let (path, at) = (format!("{name}.{}", key.name), Origin::Environment(variable.clone()));
            let taken = value(key.kind, text).and_then(|value| {
                let key = Spanned::new(0..0, Cow::Borrowed(key.name.as_str()));
                let alone = single(key.clone(), value.clone());
                deserialize::<T>(alone).map(|_| (key, value)).map_err(|error| error.message().to_owned())
            });
            match taken {
                Ok((key, value)) => {
                    self.origins.insert(path, at);
                    good.insert(key, value);
                }
                Err(message) => self.problems.push(Problem { at, key: path, message }),
            }
        }
        // Each key went in alone, and keys that exclude one another are told apart later: so together they do.
        deserialize(good).unwrap_or_default()
    }

    /// Reads every `[[name]]`, from the file alone.
    pub(super) fn tables<T: DeserializeOwned + JsonSchema>(&mut self, name: &'static str) -> Vec<T> {
        self.known_tables.push(name);
        let Some((_, list)) = self.tables.remove_entry(name) else { return Vec::new() };
        let span = list.span();
        let DeValue::Array(list) = list.into_inner() else {
            self.refuse(span, name.to_owned(), &format!("is a list of tables: write [[{name}]]"));
            return Vec::new();
        };
        let keys = keys::<T>();
        let mut tables = Vec::new();
        for (index, entry) in list.into_iter().enumerate() {
            let (path, span) = (format!("{name}[{index}]"), entry.span());
            let DeValue::Table(entry) = entry.into_inner() else {
                self.refuse(span, path, &format!("is a table: write [[{name}]]"));
                continue;
            };
            let mut complete = true;
            for key in keys.iter().filter(|key| key.required && !entry.contains_key(key.name.as_str())) {
                self.refuse(span.clone(), path.clone(), &format!("the key `{}` is missing", key.name));
                complete = false;
            }
            self.origins.insert(path.clone(), self.place(span.clone()));
            for key in entry.keys() {
                self.origins.insert(format!("{path}.{}", key.get_ref()), self.place(key.span()));
            }
            let entry: DeTable<'_> =
                entry.into_iter().filter(|(key, _)| self.knows(&keys, &path, key)).collect();
            if !complete {
                continue;
            }
            let values: Vec<_> =
                entry.iter().map(|(key, value)| (value.span(), key.get_ref().to_string())).collect();
            match deserialize(Spanned::new(span.clone(), entry)) {
                Ok(table) => tables.push(table),
                Err(error) => {
                    let span = error.span().unwrap_or(span);
                    let key = values.iter().find(|(value, _)| value.contains(&span.start));
                    let path = key.map_or(path.clone(), |(_, key)| format!("{path}.{key}"));
                    self.refuse(span, path, error.message());
                }
            }
        }
        tables
    }

    /// Whatever is left was meant to be something else. Gives all that is wrong, in the order of the file, and
    /// where each value that somebody wrote comes from.
    pub(super) fn finish(mut self) -> (Vec<Problem>, BTreeMap<String, Origin>) {
        for (key, _) in std::mem::take(&mut self.tables) {
            let name = key.get_ref();
            let hint = did_you_mean(name, self.known_tables.iter().copied());
            self.refuse(key.span(), name.to_string(), &format!("there is no such table{hint}"));
        }
        for name in std::mem::take(&mut self.environment).into_keys() {
            let hint = did_you_mean(&name, self.known_variables.iter().map(String::as_str));
            let message = format!("no key has this variable{hint}");
            self.problems.push(Problem { at: Origin::Environment(name), key: String::new(), message });
        }
        self.problems.sort_by_key(|problem| match problem.at {
            Origin::File { line, column, .. } => (line, column),
            _ => (usize::MAX, 0),
        });
        (self.problems, self.origins)
    }

    fn overrides(&mut self, table: &str, keys: &[Key]) -> Vec<Override> {
        let mut overrides = Vec::new();
        for key in keys {
            let variable = variable(table, &key.name);
            self.known_variables.push(variable.clone());
            if let Some(text) = self.environment.remove(&variable) {
                overrides.push(Override { key: key.clone(), variable, text });
            }
        }
        overrides
    }

    fn take_table(&mut self, name: &'static str) -> DeTable<'a> {
        let Some((key, table)) = self.tables.remove_entry(name) else { return DeTable::new() };
        match table.into_inner() {
            DeValue::Table(table) => table,
            _ => {
                self.refuse(key.span(), name.to_owned(), &format!("is a table: write [{name}]"));
                DeTable::new()
            }
        }
    }

    fn knows(&mut self, keys: &[Key], table: &str, key: &Spanned<Cow<'_, str>>) -> bool {
        let name = key.get_ref();
        if keys.iter().any(|key| key.name == *name) {
            return true;
        }
        let hint = did_you_mean(name, keys.iter().map(|key| key.name.as_str()));
        self.refuse(key.span(), format!("{table}.{name}"), &format!("there is no such key{hint}"));
        false
    }

    fn refuse(&mut self, span: Range<usize>, key: String, message: &str) {
        let at = self.place(span);
        self.problems.push(Problem { at, key, message: message.to_owned() });
    }

    fn place(&self, span: Range<usize>) -> Origin {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        Origin::File { file: Arc::clone(&self.file), line, column }
    }
}

/// A variable that sets a key.
struct Override {
    key: Key,
    variable: String,
    text: String,
}

fn single<'a>(key: Spanned<Cow<'a, str>>, value: Spanned<DeValue<'a>>) -> DeTable<'a> {
    let mut table = DeTable::new();
    table.insert(key, value);
    table
}

fn deserialize<'a, T: DeserializeOwned>(table: impl Into<Whole<'a>>) -> Result<T, toml::de::Error> {
    T::deserialize(ValueDeserializer::from(table.into().0))
}

/// A table as a value of its own.
struct Whole<'a>(Spanned<DeValue<'a>>);

impl<'a> From<DeTable<'a>> for Whole<'a> {
    fn from(table: DeTable<'a>) -> Self {
        Self(Spanned::new(0..0, DeValue::Table(table)))
    }
}

impl<'a> From<Spanned<DeTable<'a>>> for Whole<'a> {
    fn from(table: Spanned<DeTable<'a>>) -> Self {
        Self(Spanned::new(table.span(), DeValue::Table(table.into_inner())))
    }
}

/// A variable's text as the kind of value its key takes. Lists are separated by commas.
fn value(kind: Kind, text: &str) -> Result<Spanned<DeValue<'_>>, String> {
    let string = |text| DeValue::String(Cow::Borrowed(text));
    let value = match kind {
        Kind::Text => string(text),
        Kind::List => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            DeValue::Array(items.map(|item| Spanned::new(0..0, string(item))).collect())
        }
        Kind::Boolean => match text.trim() {
            "true" => DeValue::Boolean(true),
            "false" => DeValue::Boolean(false),
            _ => return Err(format!("\"{text}\" is neither true nor false")),
        },
        Kind::Integer => match DeValue::parse(text.trim()) {
            Ok(value) if value.get_ref().is_integer() => value.into_inner(),
            _ => return Err(format!("\"{text}\" is no whole number")),
        },
    };
    Ok(Spanned::new(0..0, value))
}
