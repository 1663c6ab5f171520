use super::*;
use crate::config::{Advertise, Span, SpanOrOff, Workers, markdown};

fn load_text(text: &str, environment: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    parse(Path::new("switch.toml"), text, environment)
}

fn good(text: &str) -> Loaded {
    load_text(text, &[]).unwrap()
}

fn wrong(text: &str, environment: &[(&str, &str)]) -> Vec<String> {
    match load_text(text, environment).unwrap_err() {
        ConfigError::Wrong(problems) => problems.iter().map(ToString::to_string).collect(),
        other => panic!("{other}"),
    }
}

#[test]
fn nothing_written_is_the_default_everywhere() {
    let loaded = good("");
    assert_eq!(loaded.config.sip.listen[0].to_string(), "udp:*:5060");
    assert_eq!(loaded.config.sip.listen[1].to_string(), "tcp:*:5060");
    assert_eq!(loaded.config.rtp.ports.to_string(), "16384-32767");
    assert_eq!(loaded.config.http.listen.to_string(), "127.0.0.1:9282");
    assert_eq!(loaded.config.drain.deadline, Span::seconds(8));
    assert!(loaded.config.builtin.numbers);
    assert!(loaded.config.route.is_empty());
    assert_eq!(loaded.origin("sip.listen"), &Origin::Default);
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
}

#[test]
fn the_fixed_example_is_taken() {
    let loaded = good(
        r#"
[sip]
listen = ["udp:127.0.0.1:5080", "tcp:127.0.0.1:5080"]
advertise = [{ network = "10.0.0.0/8", address = "10.1.2.3" }]
[rtp]
ports = "16384-32767"
[http]
listen = "127.0.0.1:9282"
[limits]
[drain]
deadline = "8s"
[[route]]
match = "^2(\\d{3})$"
bridge = "sip:$1@127.0.0.1:5090"
from = ["127.0.0.0/8"]
"#,
    );
    assert_eq!(loaded.config.sip.listen.len(), 2);
    let Advertise::Networks(networks) = &loaded.config.sip.advertise else { panic!() };
    assert_eq!(networks[0].address.to_string(), "10.1.2.3");
    let route = &loaded.config.route[0];
    assert!(route.r#match.regex().is_match("2001"));
    assert_eq!(route.timeout, Span::seconds(60));
    assert_eq!(loaded.origin("sip.listen").to_string(), "switch.toml:3:1");
    assert_eq!(loaded.origin("route[0].bridge").to_string(), "switch.toml:14:1");
    assert_eq!(loaded.origin("limits.calls"), &Origin::Default);
}

#[test]
fn a_route_is_open_to_the_machine_itself_unless_written() {
    let loaded = good("[[route]]\nmatch = '^1$'\nbridge = 'sip:1@192.0.2.1'\n");
    let from: Vec<String> = loaded.config.route[0].from.iter().map(ToString::to_string).collect();
    assert_eq!(from, ["127.0.0.0/8", "::1/128"]);
}

#[test]
fn every_error_comes_with_its_place_key_and_guess_and_all_at_once() {
    let text = r#"[sip]
lisen = ["udp:*:5060"]
trace = "yes"
[rtp]
ports = "20000-10000"
grid = 1
[htttp]
listen = "127.0.0.1:1"
[[route]]
match = '('
bridge = "sip:1@h"
[[route]]
match = '^1$'
bridge = "sip:1@h"
form = ["10.0.0.0/8"]
[[route]]
match = '^1$'
"#;
    let problems = wrong(text, &[("SWITCH__RTP__PORT", "1-2"), ("SWITCH__LIMITS__CALLS", "many")]);
    let starts = [
        "switch.toml:2:1: sip.lisen: there is no such key; did you mean `listen`?",
        "switch.toml:3:9: sip.trace: invalid type: string \"yes\", expected a boolean",
        "switch.toml:5:9: rtp.ports: port range \"20000-10000\" ends before it begins",
        "switch.toml:6:8: rtp.grid: invalid type: integer `1`, expected a string",
        "switch.toml:7:2: htttp: there is no such table; did you mean `http`?",
        "switch.toml:10:9: route[0].match: regex parse error:",
        "switch.toml:15:1: route[1].form: there is no such key; did you mean `from`?",
        "switch.toml:16:1: route[2]: the key `bridge` is missing",
        "environment variable SWITCH__LIMITS__CALLS: limits.calls: \"many\" is no whole number",
        "environment variable SWITCH__RTP__PORT: no key has this variable; did you mean `SWITCH__RTP__PORTS`?",
    ];
    assert_eq!(problems.len(), starts.len(), "{problems:#?}");
    for (problem, start) in problems.iter().zip(starts) {
        assert!(problem.starts_with(start), "{problem}\nis not\n{start}");
    }
}

#[test]
fn what_is_no_toml_is_refused_with_its_place() {
    let problems = wrong("[sip]\ntrace = tru\n[rtp\n", &[]);
    assert!(problems[0].starts_with("switch.toml:2:"), "{problems:?}");
    assert!(problems.iter().any(|problem| problem.starts_with("switch.toml:3:")), "{problems:?}");
    let problems = wrong("sip = 3\nroute = 4\n", &[]);
    assert_eq!(problems[0], "switch.toml:1:1: sip: is a table: write [sip]");
    assert_eq!(problems[1], "switch.toml:2:9: route: is a list of tables: write [[route]]");
}

#[test]
fn the_environment_wins_over_the_file() {
    let text = "[sip]\ntrace = false\nlisten = [\"udp:127.0.0.1:1\"]\n[rtp]\nworkers = 3\n";
    let environment = [
        ("SWITCH__SIP__TRACE", "true"),
        ("SWITCH__SIP__LISTEN", "udp:127.0.0.1:5080, tcp:[::1]:5081"),
        ("SWITCH__SIP__ADVERTISE", "10.0.0.0/8=10.1.2.3,0.0.0.0/0=203.0.113.1"),
        ("SWITCH__RTP__WORKERS", "2"),
        ("SWITCH__RTP__GRID", "off"),
        ("SWITCH__LIMITS__CALLS", "7"),
        ("SWITCH__LOG__FORMAT", "json"),
        ("SWITCH__MODULES__OPTIONAL", ""),
        ("SWITCH_PORT", "udp://10.0.0.1:5060"),
        ("SWITCH_SERVICE_HOST", "10.0.0.1"),
    ];
    let loaded = load_text(text, &environment).unwrap();
    let config = &loaded.config;
    assert!(config.sip.trace);
    assert_eq!(config.sip.listen[1].to_string(), "tcp:[::1]:5081");
    assert!(matches!(&config.sip.advertise, Advertise::Networks(list) if list.len() == 2));
    assert_eq!(config.rtp.workers, Workers::Count(2));
    assert_eq!(config.rtp.grid, SpanOrOff::OFF);
    assert_eq!(config.limits.calls, 7);
    assert_eq!(config.log.format, LogFormat::Json);
    assert!(config.modules.optional.is_empty());
    assert_eq!(loaded.origin("sip.trace"), &Origin::Environment("SWITCH__SIP__TRACE".into()));
}

#[test]
fn every_key_of_every_plain_table_has_its_variable() {
    // Taken from the defaults as they are written, not from the schema the reader uses.
    let defaults = toml::Value::try_from(Config::default()).unwrap();
    let mut seen = 0;
    for (table, keys) in defaults.as_table().unwrap() {
        let Some(keys) = keys.as_table() else { continue };
        for key in keys.keys() {
            let name = format!("SWITCH__{}__{}", table.to_uppercase(), key.to_uppercase());
            let problems = match load_text("", &[(&name, "\u{1}")]) {
                Ok(_) => Vec::new(),
                Err(ConfigError::Wrong(problems)) => problems,
                Err(other) => panic!("{other}"),
            };
            assert!(
                !problems.iter().any(|problem| problem.message.contains("no key has")),
                "{name}: {problems:?}"
            );
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn what_contradicts_itself_is_refused() {
    let cases = [
        ("[sip]\nlisten = []", "sip.listen: names no listener"),
        (
            "[sip]\nlisten = ['udp:*:5060', 'udp:127.0.0.1:5060']",
            "udp:*:5060 and udp:127.0.0.1:5060 would bind",
        ),
        ("[sip]\nlisten = ['tcp:127.0.0.1:9282']", "http.listen: 127.0.0.1:9282 is taken"),
        ("[sip]\nuser_agent = \"a\\r\\nb\"", "sip.user_agent: has to be"),
        ("[sip]\ntimer_t1 = '1ms'", "sip.timer_t1: 1ms is not between"),
        ("[sip]\ntcp_idle = '500ms'", "sip.tcp_idle: 500ms is not between"),
        ("[sip]\nmin_session_expires = '1ms'", "sip.min_session_expires: 1ms is shorter"),
        ("[sip]\nsession_expires = '1m'", "sip.session_expires: 1m is shorter"),
        ("[rtp]\ngrid = '0s'", "rtp.grid: is no length"),
        ("[rtp]\ngrid = '1s'", "rtp.grid: is longer than 20ms"),
        ("[rtp]\nsilence_timeout = '20ms'", "rtp.silence_timeout: is below 1s"),
        ("[limits]\ncalls = 0", "limits.calls: is 0"),
        ("[limits]\ncalls = -1", "limits.calls: invalid value: integer `-1`"),
        ("[log]\nlevel = 'loud'", "log.level: `loud` is no level"),
        (
            "[modules]\nrequired = ['mod_dptools']\noptional = ['mod_dptools']",
            "\"mod_dptools\" is required as well",
        ),
        ("[modules]\nrequired = ['mod_dptool']", "no module \"mod_dptool\"; did you mean `mod_dptools`?"),
        (
            "[[route]]\nmatch = '^1'\nbridge = 'sip:$1@h'",
            "route[0].bridge: \"sip:$1@h\" names group 1, the pattern has 0",
        ),
        ("[[route]]\nmatch = '^(1)'\nbridge = 'sip:$2@h'", "names group 2, the pattern has 1"),
        ("[[route]]\nmatch = '^1'\nbridge = 'sip:1@h'\nfrom = []", "route[0].from: is empty"),
        ("[[route]]\nmatch = '^1'\nbridge = 'sip:1@h'\nfrom = ['1.2.3.4']", "route[0].from: invalid"),
    ];
    for (text, expected) in cases {
        let problems = wrong(text, &[]);
        assert_eq!(problems.len(), 1, "{text}: {problems:?}");
        assert!(problems[0].contains(expected), "{text}: {problems:?}");
        assert!(problems[0].starts_with("switch.toml:") || expected.starts_with("http"), "{problems:?}");
    }
}

#[test]
fn what_is_doubtful_is_said_and_taken() {
    let text = "[sip]\nlisten = ['udp:*:20000']\n[rtp]\nports = '20000-20009'\n[drain]\ndeadline = '30s'\n\
                [[route]]\nmatch = '1'\nbridge = 'sip:1@h'\nfrom = ['0.0.0.0/0']\n";
    let keys: Vec<String> = good(text).warnings.into_iter().map(|warning| warning.key).collect();
    assert_eq!(keys, ["rtp.ports", "limits.calls", "drain.deadline", "route[0].from"]);
}

#[test]
fn a_token_comes_from_key_file_or_variable_and_is_never_shown() {
    let path = std::env::temp_dir().join(format!("switch-token-{}", std::process::id()));
    std::fs::write(&path, "hunter2\n").unwrap();
    let from_file = load_text("", &[("SWITCH__HTTP__TOKEN_FILE", path.to_str().unwrap())]).unwrap();
    assert_eq!(from_file.config.http.token.reveal(), Some("hunter2"));
    assert!(!format!("{from_file:?}").contains("hunter2"));
    let both = format!("[http]\ntoken = 'hunter2'\ntoken_file = '{}'\n", path.display());
    assert!(wrong(&both, &[])[0].contains("one of the two"));
    std::fs::write(&path, "\n").unwrap();
    assert!(wrong(&format!("[http]\ntoken_file = '{}'", path.display()), &[])[0].contains("is empty"));
    std::fs::remove_file(&path).unwrap();
    assert!(wrong(&format!("[http]\ntoken_file = '{}'", path.display()), &[])[0].contains("No such file"));
    for text in ["[http]\ntoken = 7331", "[http]\ntoken = [7331]", "[http]\ntoken = { a = 7331 }"] {
        assert!(wrong(text, &[]).iter().all(|problem| !problem.contains("7331")), "{text}");
    }
}

#[test]
fn the_reference_names_every_key_and_its_example_is_the_default() {
    let reference = markdown();
    let (_, example) = reference.split_once("```toml\n").unwrap();
    let example = example.strip_suffix("```\n").unwrap();
    // As written it differs by the route alone; uncommented it says what the defaults are.
    let plain = good(example).config;
    let uncommented = good(&example.replace("\n# ", "\n")).config;
    let text = |config: &Config| toml::to_string(config).unwrap();
    assert_eq!(text(&plain), text(&uncommented));
    assert_eq!(plain.route.len(), 1);
    assert!(!reference.contains("\n\n\n"), "a key without documentation");
}

#[test]
fn the_committed_reference_is_the_generated_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == markdown(), "run: cargo run -- config-reference > docs/configuration.md");
}
