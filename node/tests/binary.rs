//! The real binary, started as people start it.

// An unwrap here is an assertion: the helpers stand outside the tests clippy lets through.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

fn switch() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_switch-node"));
    command.env_clear().stdin(Stdio::null());
    command
}

fn text(output: &[u8]) -> String {
    String::from_utf8_lossy(output).into_owned()
}

/// A file that is gone with the test.
struct File(std::path::PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("switch-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A switch that runs; killed with the test, whatever happened.
struct Running {
    child: Child,
    log: BufReader<ChildStderr>,
    http: SocketAddr,
}

impl Running {
    fn start(environment: &[(&str, &str)]) -> Self {
        let mut command = switch();
        command.args(["--log-format", "json"]).envs(environment.iter().copied());
        command
            .env("SWITCH__HTTP__LISTEN", "127.0.0.1:0")
            .env("SWITCH__SIP__LISTEN", "udp:127.0.0.1:0,tcp:127.0.0.1:0");
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let mut running = Self { child, log, http: SocketAddr::from(([0, 0, 0, 0], 0)) };
        let served = running.until_logged("HTTP is served");
        running.http = served["http"].as_str().unwrap().parse().unwrap();
        running.until_logged("ready: calls are taken");
        running
    }

    fn until_logged(&mut self, message: &str) -> Value {
        let mut seen = String::new();
        loop {
            let mut line = String::new();
            assert!(self.log.read_line(&mut line).unwrap() > 0, "no line {message:?} in\n{seen}");
            let value: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON: {line}"));
            if value["message"] == message {
                return value;
            }
            seen += &line;
        }
    }

    fn ask(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.http).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        write!(stream, "{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    fn health(&self) -> Output {
        switch().arg("health").env("SWITCH__HTTP__LISTEN", self.http.to_string()).output().unwrap()
    }

    fn status(&self, key: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        line.trim_start_matches(':').split_whitespace().next().unwrap().parse().unwrap()
    }

    /// User and system time in clock ticks.
    fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_starts_answers_and_ends_at_a_signal() {
    let mut running = Running::start(&[]);
    assert!(running.ask("GET /livez").starts_with("HTTP/1.1 200"));
    assert!(running.ask("GET /readyz").starts_with("HTTP/1.1 200"));
    assert!(running.ask("GET /calls").ends_with(r#"{"calls":[]}"#));
    let metrics = running.ask("GET /metrics");
    assert!(metrics.contains("\nswitch_ready 1\n") && metrics.contains("\nswitch_calls 0\n"), "{metrics}");
    assert!(metrics.contains("\nswitch_http_responses_total{class=\"2xx\"} 3\n"), "{metrics}");
    assert!(running.ask("DELETE /calls/nothing").starts_with("HTTP/1.1 404"));
    let began = Instant::now();
    running.signal("TERM");
    assert_eq!(running.child.wait().unwrap().code(), Some(0));
    // No call is up, so that nothing is waited for.
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let mut rest = String::new();
    running.log.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("draining") && rest.contains("the switch ends"), "{rest}");
    let mut greeting = String::new();
    running.child.stdout.take().unwrap().read_to_string(&mut greeting).unwrap();
    assert_eq!(greeting, "", "the banner is for a terminal");
}

#[test]
fn an_interrupt_ends_it_too() {
    let mut running = Running::start(&[]);
    running.signal("INT");
    assert_eq!(running.child.wait().unwrap().code(), Some(0));
}

#[test]
fn health_tells_a_switch_from_none() {
    let mut running = Running::start(&[]);
    assert_eq!(running.health().status.code(), Some(0));
    running.signal("TERM");
    running.child.wait().unwrap();
    let gone = running.health();
    assert_eq!(gone.status.code(), Some(1));
    assert!(text(&gone.stderr).contains("does not answer at 127.0.0.1:"), "{}", text(&gone.stderr));
}

#[test]
fn at_rest_it_is_small_and_still() {
    let running = Running::start(&[]);
    let before = running.ticks();
    std::thread::sleep(Duration::from_secs(2));
    assert!(running.ticks() - before <= 1, "{} ticks in two seconds", running.ticks() - before);
    assert!(running.status("VmRSS") < 16 * 1024, "{} KiB", running.status("VmRSS"));
}

#[test]
fn the_open_file_limit_is_raised_and_weighed() {
    let binary = env!("CARGO_BIN_EXE_switch-node");
    let limited = format!("set -e; ulimit -Sn 500; ulimit -Hn 1000; exec {binary} --log-format json");
    let mut child = Command::new("sh")
        .args(["-c", &limited])
        .env("SWITCH__HTTP__LISTEN", "127.0.0.1:0")
        .env("SWITCH__SIP__LISTEN", "udp:127.0.0.1:0")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let log = BufReader::new(child.stderr.take().unwrap());
    let mut running = Running { child, log, http: SocketAddr::from(([0, 0, 0, 0], 0)) };
    let warning = loop {
        let mut line = String::new();
        assert!(running.log.read_line(&mut line).unwrap() > 0, "no warning");
        if line.contains("open-file limit") {
            break serde_json::from_str::<Value>(&line).unwrap();
        }
        assert!(!line.contains("calls are taken"), "no warning before the end of the start");
    };
    assert_eq!(
        (&warning["level"], &warning["files"], &warning["calls"]),
        (&"WARN".into(), &1000.into(), &186.into())
    );
}

#[test]
fn a_wrong_configuration_is_refused_with_everything_that_is_wrong() {
    let file = File::new("wrong.toml", "[sip]\nlisen = []\n[rtp]\nports = \"9-1\"\n");
    for command in [&["check"][..], &[][..]] {
        let output = switch().args(command).arg("--config").arg(&file.0).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let error = text(&output.stderr);
        assert!(
            error.contains("wrong.toml:2:1: sip.lisen: there is no such key; did you mean `listen`?"),
            "{error}"
        );
        assert!(
            error.contains("wrong.toml:4:9: rtp.ports: port range \"9-1\" ends before it begins"),
            "{error}"
        );
    }
    let output = switch().args(["check", "--config", "/nowhere/switch.toml"]).output().unwrap();
    assert!(
        text(&output.stderr)
            .contains("cannot read the configuration file /nowhere/switch.toml: No such file")
    );
}

#[test]
fn check_says_what_would_be_used_and_warns() {
    let file = File::new("good.toml", "[rtp]\nports = \"20000-20999\"\n[http]\ntoken = \"hunter2\"\n");
    let output = switch()
        .arg("check")
        .arg("--config")
        .arg(&file.0)
        .env("SWITCH__DRAIN__DEADLINE", "3s")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    let report = text(&output.stdout);
    assert!(report.contains("good.toml:2:1"), "{report}");
    assert!(report.contains("# environment variable SWITCH__DRAIN__DEADLINE"), "{report}");
    assert!(!report.contains("hunter2"), "{report}");
    assert!(text(&output.stderr).contains("warning: "), "{}", text(&output.stderr));
}

#[test]
fn a_taken_port_ends_the_start_with_the_step_and_the_cause() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap().to_string();
    let mut command = switch();
    command.env("SWITCH__HTTP__LISTEN", &at).env("SWITCH__SIP__LISTEN", "udp:127.0.0.1:0");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = text(&output.stderr);
    assert!(
        error.contains(&format!("http failed: cannot listen for HTTP on {at}: Address already in use")),
        "{error}"
    );
}

#[test]
fn probe_of_nobody_fails_and_says_why() {
    // A port that was free is somebody's a moment later; this one nobody has.
    let nobody = "127.0.0.1:1";
    let output = switch().args(["probe", "--options", &format!("sip:{nobody}")]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).starts_with("switch-node: "), "{}", text(&output.stderr));
    let output = switch().args(["probe", "9196@127.0.0.1"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("a target begins with sip:"), "{}", text(&output.stderr));
}

#[test]
fn help_shows_examples() {
    let output = switch().arg("--help").output().unwrap();
    let help = text(&output.stdout);
    for word in ["check", "probe", "health", "Examples:", "--config", "--log-format"] {
        assert!(help.contains(word), "{word} is not in\n{help}");
    }
    assert!(!help.contains("reference"), "{help}");
}
