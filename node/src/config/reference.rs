//! Writes docs/configuration.md from the types.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;
use toml::Value;

use super::changes::RESTART;
use super::read::variable;
use super::schema::{Key, keys};
use super::tables::{Builtin, Config, Drain, Http, Limits, Log, Modules, Route, Rtp, Sip};

const HEAD: &str = r#"<!-- Made from node/src/config/tables.rs by `switch-node config-reference`. Change it there. -->
# Configuration

No file is needed: without one, every key has the default below. `switch-node --config switch.toml` reads one;
`switch-node check --config switch.toml` says what is wrong with it, with file, line and column, or else what will
be used and where each value was written. Unknown keys are refused.

Every key of a plain table can be set by an environment variable, which wins over the file:
`SWITCH__<TABLE>__<KEY>`, with two underscores. Lists are separated by commas. A variable that begins with
`SWITCH__` and belongs to no key is refused; `SWITCH_PORT` and the like, which Kubernetes writes beside a Service
named switch, are left alone.

SIGHUP and `POST /reload` read file and environment anew: all of it is valid, or nothing changes and the log says what
is wrong. A key below that changes with a restart only is named there and left as it was. See
[upgrading](upgrading.md).

| form | means |
|---|---|
| duration | a number and its unit: `500ms`, `8s`, `3h`, `1h30m`, `2d`; to the millisecond |
| listener | `udp:ADDRESS:PORT` or `tcp:ADDRESS:PORT` |
| DSCP | a code point for IP packets (RFC 2474): a number from 0 to 63, or a name: `ef`, `cs3`, `af41` |
| network | an address with its prefix: `10.0.0.0/8`, `2001:db8::/32` |
| regular expression | as the Rust crate regex has it, without look-around; in TOML best in single quotes |
| secret | a text that no log, error or listing ever shows |
"#;

/// The reference, as it stands in docs/configuration.md.
pub fn markdown() -> String {
    let mut out = HEAD.to_owned();
    let texts = keys::<Config>();
    let text = |name: &str| {
        texts.iter().find(|key| key.name == name).map(|key| key.text.clone()).unwrap_or_default()
    };
    let mut example = String::new();
    table::<Sip>(&mut out, &mut example, "sip", &text("sip"));
    table::<Rtp>(&mut out, &mut example, "rtp", &text("rtp"));
    table::<Http>(&mut out, &mut example, "http", &text("http"));
    table::<Limits>(&mut out, &mut example, "limits", &text("limits"));
    table::<Drain>(&mut out, &mut example, "drain", &text("drain"));
    table::<Log>(&mut out, &mut example, "log", &text("log"));
    table::<Builtin>(&mut out, &mut example, "builtin", &text("builtin"));
    table::<Modules>(&mut out, &mut example, "modules", &text("modules"));
    section(&mut out, "[[route]]", &text("route"));
    for key in keys::<Route>() {
        let fallback = match key.name.as_str() {
            "from" => "`[\"127.0.0.0/8\", \"::1/128\"]`",
            "timeout" => "`\"1m\"`",
            _ => "has to be written",
        };
        entry(&mut out, &key, fallback, None);
    }
    out.push_str(
        "\n## Example\n\nEverything that is not commented out differs from the default.\n\n```toml\n",
    );
    out.push_str(&example);
    out.push_str(ROUTE);
    out.push_str("```\n");
    out
}

/// The example's last lines.
pub(super) const ROUTE: &str = r#"[[route]]
match = '^2(\d{3})$'
bridge = "sip:$1@127.0.0.1:5090"
from = ["127.0.0.0/8"]
timeout = "30s"
"#;

fn table<T: JsonSchema + Serialize + Default>(
    out: &mut String,
    example: &mut String,
    name: &str,
    text: &str,
) {
    section(out, &format!("[{name}]"), text);
    let defaults = Value::try_from(T::default()).unwrap_or(Value::Boolean(false));
    let _ = writeln!(example, "[{name}]");
    for key in keys::<T>() {
        let default = match defaults.get(&key.name) {
            Some(Value::String(text)) if text.is_empty() => None,
            default => default,
        };
        if let Some(default) = default {
            let _ = writeln!(example, "# {} = {default}", key.name);
        }
        let fallback = default.map_or("not set".to_owned(), |value| format!("`{value}`"));
        entry(out, &key, &fallback, Some(variable(name, &key.name)));
        if waits(name, &key.name) {
            out.push_str("- changes with a restart only\n");
        }
    }
    example.push('\n');
}

fn section(out: &mut String, head: &str, text: &str) {
    let _ = write!(out, "\n## `{head}`\n\n{}\n", flow(text));
}

fn entry(out: &mut String, key: &Key, fallback: &str, variable: Option<String>) {
    let _ = write!(
        out,
        "\n### `{}`\n\n{}\n\n- form: {}\n- default: {fallback}\n",
        key.name,
        flow(&key.text),
        key.form
    );
    if let Some(variable) = variable {
        let _ = writeln!(out, "- environment: `{variable}`");
    }
}

/// Whether a reload leaves the key as it is.
fn waits(table: &str, key: &str) -> bool {
    RESTART.iter().any(|waits| *waits == table || *waits == format!("{table}.{key}"))
}

/// The line breaks of a doc comment are the source's, not the reader's.
fn flow(text: &str) -> String {
    text.split("\n\n").map(|part| part.replace('\n', " ")).collect::<Vec<_>>().join("\n\n")
}
