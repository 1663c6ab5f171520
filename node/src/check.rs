//! What `switch-node check` prints: the configuration as it would be used, as a configuration file, with where
//! each value was written behind it.

use std::fmt::Write as _;

use toml::Value;

use crate::load::Loaded;

/// The text for standard output.
pub fn report(loaded: &Loaded) -> String {
    let mut out = String::new();
    let Ok(Value::Table(tables)) = Value::try_from(&loaded.config) else {
        unreachable!("a configuration is a table of tables")
    };
    for name in crate::config::table_names() {
        match tables.get(&name) {
            Some(Value::Table(table)) => {
                let _ = writeln!(out, "[{name}]");
                keys(&mut out, loaded, &name, table);
            }
            Some(Value::Array(list)) => {
                for (index, table) in list.iter().enumerate() {
                    let _ = writeln!(out, "[[{name}]]");
                    if let Value::Table(table) = table {
                        keys(&mut out, loaded, &format!("{name}[{index}]"), table);
                    }
                }
            }
            _ => {}
        }
    }
    out
}

fn keys(out: &mut String, loaded: &Loaded, path: &str, table: &toml::Table) {
    let secret = loaded.config.http.token.reveal().is_some();
    let lines: Vec<(String, String)> = table
        .iter()
        .map(|(key, value)| {
            let path = format!("{path}.{key}");
            let origin = loaded.origin(&path).to_string();
            match path.as_str() {
                // Shown, it would be taken for the token itself.
                "http.token" if secret => ("# token is set and not shown".to_owned(), origin),
                "http.token" => ("# token is not set".to_owned(), origin),
                _ => (format!("{key} = {value}"), origin),
            }
        })
        .collect();
    let width = lines.iter().map(|(line, _)| line.chars().count()).max().unwrap_or(0).min(48);
    for (line, origin) in lines {
        let _ = writeln!(out, "{line:width$}  # {origin}");
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::load::parse;

    #[test]
    fn says_each_value_and_where_it_was_written_and_no_secret() {
        let text = "[rtp]\nports = '20000-20999'\n[http]\ntoken = 'hunter2'\n[[route]]\nmatch = '^2(.*)$'\n\
                    bridge = 'sip:$1@192.0.2.1'\n";
        let environment = [("SWITCH__SIP__TRACE".to_owned(), "true".to_owned())];
        let loaded = parse(Path::new("switch.toml"), text, environment.into_iter()).unwrap();
        let report = report(&loaded);
        let line = |key: &str| report.lines().find(|line| line.starts_with(key)).unwrap().to_owned();
        assert!(line("ports =").ends_with("# switch.toml:2:1"), "{report}");
        assert!(line("ports =").starts_with("ports = \"20000-20999\""), "{report}");
        assert!(line("trace =").ends_with("# environment variable SWITCH__SIP__TRACE"), "{report}");
        assert!(line("deadline =").ends_with("# default"), "{report}");
        assert!(line("bridge =").ends_with("# switch.toml:7:1"), "{report}");
        assert!(line("timeout =").ends_with("# default"), "{report}");
        assert!(line("# token is set").ends_with("# switch.toml:4:1"), "{report}");
        assert!(!report.contains("hunter2"), "{report}");
        // Taken as a configuration it says the same, the secret apart.
        let again = parse(Path::new("again.toml"), &report, std::iter::empty()).unwrap();
        let values = |report: &str| {
            report
                .lines()
                .map(|line| line.split("  # ").next().unwrap().trim().to_owned())
                .collect::<Vec<_>>()
        };
        let without_token =
            |lines: Vec<String>| lines.into_iter().filter(|line| !line.contains("token")).collect::<Vec<_>>();
        assert_eq!(without_token(values(&report)), without_token(values(&super::report(&again))));
    }
}
